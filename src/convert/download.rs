//! Links to files that are too large for an email: signed, so that nobody makes one up, and good until a date.
//!
//! A link is `BASE/file/ID.UNTIL.MAC`. `ID` names the file in the store and is a hash, so that it tells nothing; `UNTIL` is
//! in seconds since the Unix epoch; `MAC` is HMAC-SHA-256 over both, cut to 128 bits (RFC 2104, section 5).

use url::Url;

use super::seal::{self, KEY_BYTES, SealKey};
use crate::model::Timestamp;

/// What a link's path begins with.
pub const PATH: &str = "file";

/// Bytes of the hash that names a file.
const ID_BYTES: usize = 10;

/// The secret with which links are signed.
#[derive(Clone, Debug)]
pub struct LinkKey(SealKey);

/// Which file a link leads to, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The file's name in the store.
    pub id: String,
    /// When the link ends; whole seconds.
    pub until: Timestamp,
}

impl Ticket {
    /// A ticket for the media `uri` of an event. `instance` keeps others from finding the name.
    pub fn new(instance: &str, event_id: &str, uri: &str, until: Timestamp) -> Self {
        Self {
            id: seal::name(&format!("{instance}\n{event_id}\n{uri}"), ID_BYTES),
            until: Timestamp(until.seconds().saturating_mul(1000)),
        }
    }
}

impl LinkKey {
    /// A key out of random bytes.
    pub fn new(secret: [u8; KEY_BYTES]) -> Self {
        Self(SealKey::new(secret))
    }

    /// The link below `base`.
    pub fn link(&self, base: &Url, ticket: &Ticket) -> String {
        let mac = self.0.seal(&words(ticket));
        let base = base.as_str().trim_end_matches('/');
        format!("{base}/{PATH}/{}.{}.{mac}", ticket.id, ticket.until.seconds())
    }

    /// The ticket behind the last segment of a link's path; `None` when this key did not sign it.
    pub fn open(&self, segment: &str) -> Option<Ticket> {
        let mut fields = segment.split('.');
        let (id, until, mac) = (fields.next()?, fields.next()?, fields.next()?);
        let ticket = Ticket {
            id: id.to_owned(),
            until: Timestamp(until.parse::<i64>().ok()?.checked_mul(1000)?),
        };
        let signed = self.0.holds(&words(&ticket), mac);
        (signed && fields.next().is_none()).then_some(ticket)
    }
}

/// What is sealed.
fn words(ticket: &Ticket) -> String {
    format!("{PATH}\n{}\n{}", ticket.id, ticket.until.seconds())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> (LinkKey, Ticket, String) {
        let key = LinkKey::new([7; KEY_BYTES]);
        let ticket = Ticket::new(
            "one",
            "$event",
            "mxc://hs.example/a",
            Timestamp(1_800_000_000_999),
        );
        let link = key.link(&Url::parse("https://penpal.example.org/").unwrap(), &ticket);
        (key, ticket, link)
    }

    #[test]
    fn a_link_opens_what_it_was_made_for() {
        let (key, ticket, link) = link();
        let segment = link.strip_prefix("https://penpal.example.org/file/").unwrap();
        assert_eq!(key.open(segment), Some(ticket.clone()));
        assert_eq!(
            key.open(&segment.to_uppercase()).map(|open| open.until),
            None,
            "the name is signed as it is"
        );
        assert_eq!(ticket.until, Timestamp(1_800_000_000_000));
        let prefixed = key.link(&Url::parse("https://example.org/penpal").unwrap(), &ticket);
        assert!(
            prefixed.starts_with("https://example.org/penpal/file/"),
            "{prefixed}"
        );
    }

    #[test]
    fn nobody_else_makes_one() {
        let (key, ticket, link) = link();
        let segment = link.rsplit('/').next().unwrap();
        let (rest, mac) = segment.rsplit_once('.').unwrap();
        for forged in [
            String::new(),
            "..".to_owned(),
            rest.to_owned(),
            format!("{rest}."),
            format!("{rest}.{}", mac.get(..24).unwrap()),
            format!("{rest}.{}", mac.chars().rev().collect::<String>()),
            format!("{segment}.x"),
            format!("{}.{}.{mac}", ticket.id, ticket.until.seconds() + 1),
            format!(
                "a{}.{}.{mac}",
                ticket.id.get(1..).unwrap(),
                ticket.until.seconds()
            ),
            format!("{}.99999999999999999999.{mac}", ticket.id),
        ] {
            assert_eq!(key.open(&forged), None, "{forged}");
        }
        assert_eq!(LinkKey::new([8; KEY_BYTES]).open(segment), None);
        let another = Ticket::new("two", "$event", "mxc://hs.example/a", ticket.until);
        assert_ne!(ticket.id, another.id, "each installation has names of its own");
    }
}
