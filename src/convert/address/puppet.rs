//! Puppets: the Matrix users that stand for email addresses.
//!
//! A puppet's localpart is the namespace's prefix and the address, in lower case and with an IDNA domain, in which every
//! byte other than `a-z 0-9 . _ - / +` is written as `=` and two lower-case hexadecimal digits: the mapping that the
//! specification recommends (Matrix appendices, "Mapping from other character sets").
//!
//! There is one puppet for an address, the one that [`puppet_of`] makes. Of all other spellings one is
//! understood: `+` and `/` escaped, because user IDs may hold `+` only since version 1.8 of the specification
//! and a client or an older bridge may escape it. Whoever invites such a puppet talks to the same address; the user
//! ID that was invited is the one that joins and speaks, so **keep the ID that a room has and never make it again from the
//! address**.

use ruma::{OwnedUserId, UserId};

use super::escape::{escape, unescape};
use crate::model::{EmailAddress, PuppetNamespace, stands_for_itself};

/// The longest user ID, in bytes, with sigil and server name (Matrix appendices, "User Identifiers").
const MAX_USER_ID: usize = 255;

/// The puppet of an address; `None` when its user ID would be longer than 255 bytes.
pub fn puppet_of(namespace: &PuppetNamespace, address: &EmailAddress) -> Option<OwnedUserId> {
    spell(namespace, address, Spelling::Canonical)
}

/// The address for which a puppet stands; `None` when `user` is no puppet: of another server, without the
/// prefix, or not one of the two spellings of a valid address (`=4`, `=zz`, upper case, two `@`, nothing at all).
pub fn address_of(namespace: &PuppetNamespace, user: &UserId) -> Option<EmailAddress> {
    if user.server_name() != namespace.server_name() {
        return None;
    }
    let text = unescape(user.localpart().strip_prefix(namespace.prefix())?, '=')?;
    let address = EmailAddress::parse(&text).ok()?;
    [Spelling::Canonical, Spelling::Older]
        .into_iter()
        .any(|spelling| spell(namespace, &address, spelling).as_deref() == Some(user))
        .then_some(address)
}

fn spell(namespace: &PuppetNamespace, address: &EmailAddress, spelling: Spelling) -> Option<OwnedUserId> {
    let escaped = escape(address.as_str(), '=', |_, byte, _| spelling.keeps(byte));
    let id = format!("@{}{escaped}:{}", namespace.prefix(), namespace.server_name());
    if id.len() > MAX_USER_ID {
        return None;
    }
    UserId::parse(id).ok()
}

/// Which bytes of an address stand for themselves in a puppet's localpart.
#[derive(Clone, Copy)]
enum Spelling {
    /// What Penpal writes.
    Canonical,
    /// `+` and `/` are escaped as well.
    Older,
}

impl Spelling {
    fn keeps(self, byte: u8) -> bool {
        match byte {
            b'/' | b'+' => matches!(self, Self::Canonical),
            byte => stands_for_itself(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ruma::server_name;

    use super::*;

    fn namespace() -> PuppetNamespace {
        PuppetNamespace::new("_email_", server_name!("hs.tld").to_owned(), "penpal").unwrap()
    }

    fn parse(id: &str) -> OwnedUserId {
        UserId::parse(id).unwrap()
    }

    #[test]
    fn addresses_and_puppets_map_both_ways() {
        let puppets = namespace();
        for (address, puppet) in [
            ("alice@example.org", "@_email_alice=40example.org:hs.tld"),
            ("john+tag@example.org", "@_email_john+tag=40example.org:hs.tld"),
            ("a/b@example.org", "@_email_a/b=40example.org:hs.tld"),
            ("o'brien@example.org", "@_email_o=27brien=40example.org:hs.tld"),
            ("a=b@example.org", "@_email_a=3db=40example.org:hs.tld"),
            (
                "jürgen@müller.de",
                "@_email_j=c3=bcrgen=40xn--mller-kva.de:hs.tld",
            ),
            ("Alice@Example.ORG", "@_email_alice=40example.org:hs.tld"),
        ] {
            let address = EmailAddress::parse(address).unwrap();
            assert_eq!(puppet_of(&puppets, &address).unwrap(), puppet);
            assert_eq!(address_of(&puppets, &parse(puppet)), Some(address));
        }
    }

    #[test]
    fn the_older_spelling_of_plus_and_slash_is_understood() {
        let puppets = namespace();
        for (id, address) in [
            (
                "@_email_john=2btag=40example.org:hs.tld",
                Some("john+tag@example.org"),
            ),
            (
                "@_email_a=2fb=2bc=40example.org:hs.tld",
                Some("a/b+c@example.org"),
            ),
            // One spelling or the other, so that there are two puppets of an address at most.
            ("@_email_a=2fb+c=40example.org:hs.tld", None),
        ] {
            let decoded = address_of(&puppets, &parse(id));
            assert_eq!(decoded.as_ref().map(EmailAddress::as_str), address, "{id}");
        }
    }

    #[test]
    fn what_decodes_to_nonsense_is_no_puppet() {
        let puppets = namespace();
        for id in [
            "@_email_:hs.tld",
            "@_email_noatsign:hs.tld",
            "@_email_=40:hs.tld",
            "@_email_=40example.org:hs.tld",
            "@_email_alice=40:hs.tld",
            "@_email_alice=4:hs.tld",
            "@_email_alice=:hs.tld",
            "@_email_bad=zzescape=40example.org:hs.tld",
            "@_email_a=40b=40example.org:hs.tld",
            "@_email_Upper=40Example.org:hs.tld",
            "@_email_=41lice=40example.org:hs.tld",
            "@_email_=61lice=40example.org:hs.tld",
            "@_email_o=27Brien=40example.org:hs.tld",
            "@_email_j=C3=BCrgen=40example.org:hs.tld",
            "@_email_j=c3rgen=40example.org:hs.tld",
            "@_email_alice=40m=c3=bcller.de:hs.tld",
            "@_email_=20alice=40example.org:hs.tld",
            "@_email_a=0db=40example.org:hs.tld",
            "@_email_alice=40example.org:other.tld",
            "@_EMAIL_alice=40example.org:hs.tld",
            "@alice=40example.org:hs.tld",
            "@penpal:hs.tld",
        ] {
            assert_eq!(address_of(&puppets, &parse(id)), None, "{id}");
        }
    }

    #[test]
    fn an_address_too_long_for_a_user_id_has_no_puppet() {
        let puppets = namespace();
        let label = "d".repeat(60);
        let fits = format!("{}@{label}.{label}.{label}", "a".repeat(55));
        let address = EmailAddress::parse(&fits).unwrap();
        let id = puppet_of(&puppets, &address).unwrap();
        assert_eq!(id.as_str().len(), 255);
        assert_eq!(address_of(&puppets, &id), Some(address));
        let longer = EmailAddress::parse(&format!("a{fits}")).unwrap();
        assert_eq!(puppet_of(&puppets, &longer), None);
    }

    proptest! {
        #[test]
        fn every_address_comes_back(local in "[^@\\s]{1,20}", domain in "[a-z]{1,10}\\.[a-z]{2,5}") {
            let puppets = namespace();
            if let Ok(address) = EmailAddress::parse(&format!("{local}@{domain}")) {
                let puppet = puppet_of(&puppets, &address).unwrap();
                prop_assert!(puppets.is_ours(&puppet));
                prop_assert_eq!(address_of(&puppets, &puppet), Some(address));
            }
        }

        #[test]
        fn every_user_id_that_decodes_is_one_of_two_spellings(rest in "[a-z0-9=@.+/A-F-]{0,30}|[a-z+/]{1,5}(=2b|=2f)?=40[a-z]{1,5}\\.org") {
            let puppets = namespace();
            if let Ok(user) = UserId::parse(format!("@_email_{rest}:hs.tld"))
                && let Some(address) = address_of(&puppets, &user)
            {
                let canonical = puppet_of(&puppets, &address).unwrap();
                let older = canonical.as_str().replace('+', "=2b").replace('/', "=2f");
                prop_assert!(canonical == user || older == user.as_str());
            }
        }
    }
}
