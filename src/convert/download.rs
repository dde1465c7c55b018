//! Links to files that are too large for an email: signed, so that nobody makes one up, and good until a date.
//!
//! A link is `BASE/file/ID.UNTIL.MAC`. `ID` names the file in the store and is a hash, so that it tells nothing; `UNTIL` is
//! in seconds since the Unix epoch; `MAC` is HMAC-SHA-256 over both, cut to 128 bits (RFC 2104, section 5).

use data_encoding::{BASE32_NOPAD, BASE32_NOPAD_NOCASE};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use url::Url;

use crate::model::Timestamp;

/// What a link's path begins with.
pub const PATH: &str = "file";

/// Bytes of the MAC that are written.
const MAC_BYTES: usize = 16;
/// Bytes of the hash that names a file.
const ID_BYTES: usize = 10;

/// Bytes of a key: one block of the hash, so that it is used as it is.
pub const KEY_BYTES: usize = 64;

/// The secret with which links are signed.
#[derive(Clone)]
pub struct LinkKey([u8; KEY_BYTES]);

impl std::fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkKey(…)")
    }
}

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
        let digest = Sha256::digest(format!("{instance}\n{event_id}\n{uri}"));
        let name = BASE32_NOPAD.encode(digest.get(..ID_BYTES).unwrap_or_default());
        Self {
            id: name.to_ascii_lowercase(),
            until: Timestamp(until.seconds().saturating_mul(1000)),
        }
    }
}

impl LinkKey {
    /// A key out of random bytes.
    pub fn new(secret: [u8; KEY_BYTES]) -> Self {
        Self(secret)
    }

    /// The link below `base`.
    pub fn link(&self, base: &Url, ticket: &Ticket) -> String {
        let mac = self.mac(ticket).finalize().into_bytes();
        let mac = BASE32_NOPAD.encode(mac.get(..MAC_BYTES).unwrap_or_default());
        let base = base.as_str().trim_end_matches('/');
        format!(
            "{base}/{PATH}/{}.{}.{}",
            ticket.id,
            ticket.until.seconds(),
            mac.to_ascii_lowercase()
        )
    }

    /// The ticket behind the last segment of a link's path; `None` when this key did not sign it.
    pub fn open(&self, segment: &str) -> Option<Ticket> {
        let mut fields = segment.split('.');
        let (id, until, mac) = (fields.next()?, fields.next()?, fields.next()?);
        let ticket = Ticket {
            id: id.to_owned(),
            until: Timestamp(until.parse::<i64>().ok()?.checked_mul(1000)?),
        };
        let mac = BASE32_NOPAD_NOCASE.decode(mac.as_bytes()).ok()?;
        let signed = mac.len() == MAC_BYTES && self.mac(&ticket).verify_truncated_left(&mac).is_ok();
        (signed && fields.next().is_none()).then_some(ticket)
    }

    fn mac(&self, ticket: &Ticket) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new(&self.0.into());
        mac.update(format!("{}\n{}\n{}", PATH, ticket.id, ticket.until.seconds()).as_bytes());
        mac
    }
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
