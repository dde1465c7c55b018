//! Who wrote this? What comes in by any door passes the [`Gate`], which asks before the mail goes on.
//!
//! | file | what it is |
//! | --- | --- |
//! | `body_hash.rs` | the hashes of a body that is too large for memory |
//! | `check.rs` | SPF, DKIM, DMARC and ARC by ourselves |
//! | `trust.rs` | what our own mail server says about it in `Authentication-Results` |
//! | `results.rs` | that field (RFC 8601) |
//! | `fields.rs` | the header as everybody must read it, and the one author |
//!
//! The gate finds out and does not decide: what becomes of a mail follows from its [`Verdict`] in the bridge.

mod body_hash;
mod check;
mod fields;
mod results;
mod trust;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use self::check::Checker;
use self::trust::Trusted;
use super::Inbound;
use crate::model::{IncomingMail, Refusal, Verdict};

/// How the author of a mail is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// Not at all: the mail server in front refuses forged mail.
    Off,
    /// By the word of our own mail server.
    Trust {
        /// The name by which it signs its `Authentication-Results`.
        authserv_id: String,
        /// How many `Received` fields our own servers put on top.
        own_hops: usize,
    },
    /// By Penpal.
    Check {
        /// The DNS servers to ask; none for those of the system.
        nameservers: Vec<SocketAddr>,
        /// How long the DNS may take for one mail.
        timeout: Duration,
        /// Domains whose word is taken for mail that they forward (ARC, RFC 8617), in lower case.
        sealers: Vec<String>,
    },
}

/// Why there is no gate.
#[derive(Debug, thiserror::Error)]
#[error(
    "the DNS can't be asked ({0}): name its servers in mail.authentication.dns, or have `Authentication-Results` of your mail \
     server trusted with `mode: trust`"
)]
pub struct GateError(String);

/// An inbound side that gets to know who wrote what it takes.
pub struct Gate {
    way: Way,
    inbound: Arc<dyn Inbound>,
}

enum Way {
    Off,
    Trust(Trusted),
    Check(Arc<Checker>),
}

impl Gate {
    /// Puts the gate before an inbound side.
    pub fn new(authentication: Authentication, inbound: Arc<dyn Inbound>) -> Result<Self, GateError> {
        let way = match authentication {
            Authentication::Off => Way::Off,
            Authentication::Trust {
                authserv_id,
                own_hops,
            } => Way::Trust(Trusted::new(&authserv_id, own_hops)),
            Authentication::Check {
                nameservers,
                timeout,
                sealers,
            } => Way::Check(Arc::new(Checker::new(&nameservers, timeout, sealers)?)),
        };
        Ok(Self { way, inbound })
    }

    async fn verdict(&self, mail: &IncomingMail) -> Verdict {
        match &self.way {
            Way::Off => Verdict::Unchecked,
            Way::Trust(trusted) => trusted.verdict(mail),
            Way::Check(checker) => checker.verdict(mail).await,
        }
    }
}

#[async_trait]
impl Inbound for Gate {
    async fn check_recipient(&self, sender: &str, recipient: &str) -> Result<(), Refusal> {
        self.inbound.check_recipient(sender, recipient).await
    }

    async fn accept(&self, mail: &IncomingMail) -> Vec<Result<(), Refusal>> {
        let verdict = self.verdict(mail).await;
        metrics::counter!("penpal_mails_judged_total", "verdict" => verdict.as_str()).increment(1);
        match &verdict {
            Verdict::Unauthenticated(reason)
            | Verdict::Forged { reason, .. }
            | Verdict::Undecided(reason) => {
                tracing::info!(verdict = verdict.as_str(), %reason, "the author of a mail could not be verified");
            }
            Verdict::Unchecked | Verdict::Authenticated(_) => {}
        }
        let judged = IncomingMail {
            verdict,
            ..mail.clone()
        };
        self.inbound.accept(&judged).await
    }
}
