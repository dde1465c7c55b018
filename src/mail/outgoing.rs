//! The way out of each mail domain: its relay and its signatures.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;

use super::signing::{KeyFile, Signatures, Signing, SigningError};
use super::submit::{Relay, RelayError, RelaySettings};
use super::{Accepted, LargeMessage, Leave, MailTransport, SendError};
use crate::model::{EmailAddress, Envelope};

/// With several relays, how long a message waits for a connection to its own: it keeps a worker from those of the others, and a relay that
/// does not answer would have them all.
const PATIENCE: Duration = Duration::from_secs(30);

/// How the mail of one domain leaves.
#[derive(Clone, Debug)]
pub struct WayOut {
    /// The mail domain, in ASCII.
    pub domain: String,
    /// Its own relay; `None` for the common one.
    pub relay: Option<RelaySettings>,
    /// The keys that sign in its name; none when the mail server behind the relay does that.
    pub keys: Vec<KeyFile>,
}

/// All ways out.
#[derive(Debug)]
pub struct Outgoing {
    common: Relay,
    own: BTreeMap<String, Relay>,
    signatures: BTreeMap<String, Signatures>,
}

impl Outgoing {
    /// Prepares the ways; nothing is sent yet. `common` is the relay of the domains without one of their own.
    ///
    /// # Errors
    ///
    /// [`RelayError`] when certificates, [`SigningError`] when keys cannot be read.
    pub fn new(common: RelaySettings, ways: Vec<WayOut>) -> Result<Self, OutgoingError> {
        let several = ways.iter().any(|way| way.relay.is_some());
        let relay = |settings| {
            let relay = Relay::new(settings)?;
            Ok::<_, RelayError>(if several {
                relay.with_patience(PATIENCE)
            } else {
                relay
            })
        };
        let mut own = BTreeMap::new();
        let mut signatures = BTreeMap::new();
        for way in ways {
            signatures.insert(way.domain.clone(), Signatures::new(&way.domain, &way.keys)?);
            if let Some(settings) = way.relay {
                own.insert(way.domain, relay(settings)?);
            }
        }
        Ok(Self {
            common: relay(common)?,
            own,
            signatures,
        })
    }

    /// Begins no more messages: those that wait for a connection are turned away, those under way go on.
    pub fn close(&self) {
        self.common.close();
        self.own.values().for_each(Relay::close);
    }

    fn relay_of(&self, sender: Option<&EmailAddress>) -> &Relay {
        sender
            .and_then(|sender| self.own.get(sender.domain()))
            .unwrap_or(&self.common)
    }
}

/// Why there is no way out.
#[derive(Debug, thiserror::Error)]
pub enum OutgoingError {
    /// A relay can't be used.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// A key can't be used.
    #[error(transparent)]
    Signing(#[from] SigningError),
}

#[async_trait]
impl MailTransport for Outgoing {
    fn signing(&self, domain: &str) -> Signing<'_> {
        let signatures = self.signatures.get(domain);
        signatures.map(Signatures::begin).unwrap_or_default()
    }

    async fn send(
        &self,
        envelope: &Envelope,
        message: &[u8],
        leave: &dyn Leave,
    ) -> Result<Accepted, SendError> {
        self.relay_of(envelope.sender.as_ref())
            .send(envelope, message, leave)
            .await
    }

    async fn send_large(
        &self,
        envelope: &Envelope,
        message: LargeMessage<'_>,
        leave: &dyn Leave,
    ) -> Result<Accepted, SendError> {
        self.relay_of(envelope.sender.as_ref())
            .send_large(envelope, message, leave)
            .await
    }
}
