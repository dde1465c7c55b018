//! What becomes of a mail because of what is known of its author.

use super::{Bridge, Unauthenticated};
use crate::convert::address::Recipient;
use crate::convert::to_matrix::{Auto, EmailHeaders};
use crate::model::{IncomingMail, Refusal, Verdict};

/// Whether a mail comes in.
pub(super) enum Admission {
    Taken,
    /// It is thrown away, because a refusal would hit the wrong one.
    Dropped,
    Refused(Refusal),
}

impl Bridge {
    /// Whether a mail comes in for a recipient.
    ///
    /// Reports are not held against their authors: mail servers seldom sign their bounces, and it is the address that the bounce
    /// comes to, or the message that it returns, which shows that we sent something. They are never shown as anybody's words.
    pub(super) fn admit(&self, mail: &IncomingMail, headers: &EmailHeaders, recipient: &str) -> Admission {
        let report = mail.sender.is_empty()
            && (matches!(headers.auto, Auto::Bounce | Auto::Mdn)
                || matches!(
                    self.settings.addresses.classify(recipient),
                    Some(Recipient::Bounce { .. })
                ));
        if report {
            return Admission::Taken;
        }
        match &mail.verdict {
            Verdict::Forged { refusable: true, .. } => Admission::Refused(Refusal::not_allowed(
                "The domain in From does not stand by this message and asks to refuse it (DMARC)",
            )),
            Verdict::Forged { reason, .. } => {
                metrics::counter!("penpal_mails_dropped_total", "reason" => "forged").increment(1);
                tracing::warn!(
                    %reason,
                    bytes = mail.bytes.len(),
                    "a forged mail was dropped: refusing it would make our mail server bounce it to whomever the forger named"
                );
                Admission::Dropped
            }
            Verdict::Undecided(_) => Admission::Refused(Refusal::no_dns(
                "The DNS does not say whether this message is from its author, please try again later",
            )),
            Verdict::Unauthenticated(_) if self.settings.unauthenticated == Unauthenticated::Refuse => {
                Admission::Refused(Refusal::not_allowed(
                    "It could not be verified that this message is from its author (SPF, DKIM, DMARC)",
                ))
            }
            Verdict::Unauthenticated(_) | Verdict::Authenticated(_) | Verdict::Unchecked => Admission::Taken,
        }
    }
}
