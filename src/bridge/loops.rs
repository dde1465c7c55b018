//! Nothing goes round in circles: what we sent ourselves does not come in again, and what was handed on too often is refused.

use super::Bridge;
use super::receive::Refused;
use crate::convert::trace;
use crate::model::{IncomingMail, Refusal};
use crate::store::Email;

/// `Received` fields at the most: RFC 5321, section 6.3, wants no less.
const MAX_HOPS: usize = 100;

impl Bridge {
    /// Refuses mail that goes round in circles: what was handed on too often, or what we have sent, which bears our mark or the
    /// `Message-ID` of an email of ours. `known` are the emails with its `Message-ID`.
    pub(super) fn refuse_loops(&self, mail: &IncomingMail, known: &[Email]) -> Result<(), Refused> {
        let reason = if trace::hops(mail.bytes.head()) > MAX_HOPS {
            ("hops", "The message has been handed on too often")
        } else if self.loop_key.made(mail.bytes.head()) || known.iter().any(|email| email.outgoing) {
            ("own", "The message was sent from here")
        } else {
            return Ok(());
        };
        metrics::counter!("penpal_loops_refused_total", "reason" => reason.0).increment(1);
        tracing::warn!(reason = reason.0, "a mail that goes round in circles was refused");
        // RFC 3463, section 3.5: "Routing loop detected".
        Err(Refused::By(Refusal {
            code: 554,
            enhanced: "5.4.6",
            text: reason.1.into(),
        }))
    }
}
