//! Which Matrix users are Penpal's own.

use ruma::{OwnedServerName, OwnedUserId, ServerName, UserId};

/// The part of a homeserver's user IDs that belongs to Penpal: all puppets and the bot.
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
        if prefix.is_empty() || !prefix.bytes().all(stands_for_itself) {
            return Err(NamespaceError::Prefix);
        }
        if bot.is_empty() || !bot.bytes().all(|byte| byte == b'=' || stands_for_itself(byte)) {
            return Err(NamespaceError::Bot);
        }
        let bot = UserId::parse(format!("@{bot}:{server_name}")).map_err(|_| NamespaceError::Bot)?;
        Ok(Self {
            prefix: prefix.to_owned(),
            server_name,
            bot,
        })
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

/// Whether a byte may stand in a user ID and is no escape: `a-z 0-9 . _ - / +` (Matrix appendices, "User Identifiers",
/// without the `=` of "Mapping from other character sets").
pub(crate) fn stands_for_itself(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'/' | b'+')
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
    use ruma::{server_name, user_id};

    use super::*;

    fn namespace() -> PuppetNamespace {
        PuppetNamespace::new("_email_", server_name!("hs.tld").to_owned(), "penpal").unwrap()
    }

    #[test]
    fn ours_are_the_bot_and_the_whole_prefix() {
        for (user, ours) in [
            (user_id!("@penpal:hs.tld"), true),
            (user_id!("@_email_alice=40example.org:hs.tld"), true),
            (user_id!("@_email_nonsense:hs.tld"), true),
            (user_id!("@penpal2:hs.tld"), false),
            (user_id!("@bob:hs.tld"), false),
            (user_id!("@penpal:other.tld"), false),
            (user_id!("@penpal:hs.tld.other.tld"), false),
            (user_id!("@_email_alice=40example.org:other.tld"), false),
            (user_id!("@_email_alice=40example.org:hs.tld:8448"), false),
        ] {
            assert_eq!(namespace().is_ours(user), ours, "{user}");
        }
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
}
