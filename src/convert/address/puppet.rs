//! Puppets: the Matrix users that stand for email addresses.

use ruma::{OwnedServerName, OwnedUserId, ServerName, UserId};

use super::escape::{escape, unescape};
use crate::model::EmailAddress;

/// The longest user ID, in bytes, with sigil and server name (Matrix appendices, "User Identifiers").
const MAX_USER_ID: usize = 255;

/// The part of a homeserver's user IDs that belongs to Penpal: all puppets and the bot.
///
/// A puppet's localpart is the prefix and the address, in lower case and with an IDNA domain, in which every
/// byte other than `a-z 0-9 . _ - / +` is written as `=` and two lower-case hexadecimal digits: the mapping that the
/// specification recommends (Matrix appendices, "Mapping from other character sets").
///
/// There is one puppet for an address, the one that [`puppet`](Self::puppet) makes. Of all other spellings one is
/// understood: `+` and `/` escaped, because user IDs may hold `+` only since version 1.8 of the specification
/// and a client or an older bridge may escape it. Whoever invites such a puppet talks to the same address; the user
/// ID that was invited is the one that joins and speaks, so **keep the ID that a room has and never make it again from the
/// address**.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PuppetNamespace {
    prefix: String,
    server_name: OwnedServerName,
    bot: OwnedUserId,
}

impl PuppetNamespace {
    /// The namespace of `prefix` (such as `_email_`) on `server_name`, with the localpart of the bot.
    ///
    /// # Errors
    ///
    /// When `bot` is not a localpart, or when the prefix holds anything but `a-z 0-9 . _ - / +` or is empty.
    pub fn new(prefix: &str, server_name: OwnedServerName, bot: &str) -> Result<Self, NamespaceError> {
        if prefix.is_empty() || !prefix.bytes().all(|byte| Spelling::Canonical.keeps(byte)) {
            return Err(NamespaceError::Prefix);
        }
        if bot.is_empty()
            || !bot
                .bytes()
                .all(|byte| byte == b'=' || Spelling::Canonical.keeps(byte))
        {
            return Err(NamespaceError::Bot);
        }
        let bot = UserId::parse(format!("@{bot}:{server_name}")).map_err(|_| NamespaceError::Bot)?;
        Ok(Self {
            prefix: prefix.to_owned(),
            server_name,
            bot,
        })
    }

    /// The puppet of an address; `None` when its user ID would be longer than 255 bytes.
    pub fn puppet(&self, address: &EmailAddress) -> Option<OwnedUserId> {
        self.spell(address, Spelling::Canonical)
    }

    /// The address for which a puppet stands; `None` when `user` is no puppet: of another server, without the
    /// prefix, or not one of the two spellings of a valid address (`=4`, `=zz`, upper case, two `@`, nothing at all).
    pub fn address(&self, user: &UserId) -> Option<EmailAddress> {
        if user.server_name() != self.server_name {
            return None;
        }
        let text = unescape(user.localpart().strip_prefix(&self.prefix)?, '=')?;
        let address = EmailAddress::parse(&text).ok()?;
        [Spelling::Canonical, Spelling::Older]
            .into_iter()
            .any(|spelling| self.spell(&address, spelling).as_deref() == Some(user))
            .then_some(address)
    }

    /// Whether a user is the bot or lies in the namespace, also when it stands for no address: events of
    /// such a user are our own echoes.
    pub fn is_ours(&self, user: &UserId) -> bool {
        self.bot == user
            || (user.server_name() == self.server_name && user.localpart().starts_with(&self.prefix))
    }

    /// The appservice's own user, `sender_localpart` of the registration.
    pub fn bot(&self) -> &UserId {
        &self.bot
    }

    /// The name of the homeserver on which the puppets live.
    pub fn server_name(&self) -> &ServerName {
        &self.server_name
    }

    /// What stands before the address in a puppet's localpart.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The regular expression of the registration's `users` namespace: escaped, and anchored at both ends,
    /// because homeservers differ in whether they anchor it themselves.
    pub fn users_regex(&self) -> String {
        format!(
            "^@{}.*:{}$",
            regex_escape(&self.prefix),
            regex_escape(self.server_name.as_str())
        )
    }

    /// The regular expression of all users of the homeserver, for a registration that covers people (double
    /// puppeting).
    pub fn homeserver_regex(&self) -> String {
        format!("^@.*:{}$", regex_escape(self.server_name.as_str()))
    }

    fn spell(&self, address: &EmailAddress, spelling: Spelling) -> Option<OwnedUserId> {
        let escaped = escape(address.as_str(), '=', |_, byte, _| spelling.keeps(byte));
        let id = format!("@{}{escaped}:{}", self.prefix, self.server_name);
        if id.len() > MAX_USER_ID {
            return None;
        }
        UserId::parse(id).ok()
    }
}

/// Why a namespace can't be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NamespaceError {
    /// The prefix can't stand in a user ID.
    #[error("the prefix of puppets needs one or more of the characters a-z 0-9 . _ - / +")]
    Prefix,
    /// The bot's localpart can't stand in a user ID.
    #[error("the name of the bot needs one or more of the characters a-z 0-9 . _ = - / +")]
    Bot,
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
            b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' => true,
            b'/' | b'+' => matches!(self, Self::Canonical),
            _ => false,
        }
    }
}

/// `text` as a regular expression that matches it alone, in the syntaxes of Python, Go and Rust.
///
/// Server names and localparts are the only texts that come here: of the special characters `. + [ ]` occur.
fn regex_escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if r".+*?()[]{}|^$\".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ruma::{server_name, user_id};

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
            assert_eq!(puppets.puppet(&address).unwrap(), puppet);
            assert_eq!(puppets.address(&parse(puppet)), Some(address));
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
            let decoded = puppets.address(&parse(id));
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
            assert_eq!(puppets.address(&parse(id)), None, "{id}");
        }
    }

    #[test]
    fn an_address_too_long_for_a_user_id_has_no_puppet() {
        let puppets = namespace();
        let label = "d".repeat(60);
        let fits = format!("{}@{label}.{label}.{label}", "a".repeat(55));
        let address = EmailAddress::parse(&fits).unwrap();
        let id = puppets.puppet(&address).unwrap();
        assert_eq!(id.as_str().len(), 255);
        assert_eq!(puppets.address(&id), Some(address));
        let longer = EmailAddress::parse(&format!("a{fits}")).unwrap();
        assert_eq!(puppets.puppet(&longer), None);
    }

    #[test]
    fn ours_are_the_bot_and_the_whole_prefix() {
        let puppets = namespace();
        assert!(puppets.is_ours(user_id!("@penpal:hs.tld")));
        assert!(puppets.is_ours(user_id!("@_email_alice=40example.org:hs.tld")));
        assert!(puppets.is_ours(user_id!("@_email_nonsense:hs.tld")));
        assert!(!puppets.is_ours(user_id!("@bob:hs.tld")));
        assert!(!puppets.is_ours(user_id!("@penpal:other.tld")));
        assert!(!puppets.is_ours(user_id!("@_email_alice=40example.org:other.tld")));
    }

    #[test]
    fn the_regex_is_escaped_and_anchored() {
        assert_eq!(namespace().users_regex(), r"^@_email_.*:hs\.tld$");
        assert_eq!(namespace().homeserver_regex(), r"^@.*:hs\.tld$");
        let odd = PuppetNamespace::new("mail+", server_name!("[::1]:8448").to_owned(), "penpal").unwrap();
        assert_eq!(odd.users_regex(), r"^@mail\+.*:\[::1\]:8448$");
    }

    #[test]
    fn names_that_no_user_id_may_hold_are_refused() {
        let server = server_name!("hs.tld");
        for (prefix, bot, error) in [
            ("", "penpal", NamespaceError::Prefix),
            ("Email_", "penpal", NamespaceError::Prefix),
            ("e=", "penpal", NamespaceError::Prefix),
            ("_email_", "", NamespaceError::Bot),
            ("_email_", "Pen Pal", NamespaceError::Bot),
            ("_email_", "pen:pal", NamespaceError::Bot),
        ] {
            assert_eq!(PuppetNamespace::new(prefix, server.to_owned(), bot), Err(error));
        }
    }

    proptest! {
        #[test]
        fn every_address_comes_back(local in "[^@\\s]{1,20}", domain in "[a-z]{1,10}\\.[a-z]{2,5}") {
            let puppets = namespace();
            if let Ok(address) = EmailAddress::parse(&format!("{local}@{domain}")) {
                let puppet = puppets.puppet(&address).unwrap();
                prop_assert!(puppets.is_ours(&puppet));
                prop_assert_eq!(puppets.address(&puppet), Some(address));
            }
        }

        #[test]
        fn every_user_id_that_decodes_is_one_of_two_spellings(rest in "[a-z0-9=@.+/A-F-]{0,30}|[a-z+/]{1,5}(=2b|=2f)?=40[a-z]{1,5}\\.org") {
            let puppets = namespace();
            if let Ok(user) = UserId::parse(format!("@_email_{rest}:hs.tld"))
                && let Some(address) = puppets.address(&user)
            {
                let canonical = puppets.puppet(&address).unwrap();
                let older = canonical.as_str().replace('+', "=2b").replace('/', "=2f");
                prop_assert!(canonical == user || older == user.as_str());
            }
        }
    }
}
