//! Addresses of Matrix users on the mail domain, and of the threads and messages that come back there.

use ruma::{OwnedServerName, OwnedUserId, UserId};

use super::escape::{escape, unescape};
use super::token::is_token;
use crate::model::{AddressError, EmailAddress};

/// How the mail server tells apart what it hands over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressScheme {
    /// Sub-addresses (RFC 5233): `bob+TOKEN@domain`.
    Plus,
    /// Every address of the domain is Penpal's: `reply-TOKEN@domain`.
    CatchAll,
    /// One mailbox for all, at a provider without sub-addresses: threads are found by their headers alone.
    Single {
        /// The mailbox.
        mailbox: EmailAddress,
    },
}

/// What a recipient address of the mail domain stands for. Whether the token is known and the user exists
/// is for the caller to find out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// The reply address of a thread.
    Reply {
        /// The token, in lower case.
        token: String,
        /// The Matrix user before the `+`, where the address says so.
        user: Option<OwnedUserId>,
    },
    /// The envelope sender of a message that we sent: a bounce.
    Bounce {
        /// The token, in lower case.
        token: String,
    },
    /// A Matrix user's stable address.
    User(OwnedUserId),
    /// The one mailbox of [`AddressScheme::Single`].
    Mailbox,
    /// `postmaster`, which every mail domain must have (RFC 5321, section 4.5.1).
    Postmaster,
}

/// The addresses of the mail domain.
///
/// A Matrix user's stable address is `bob@domain` on the own homeserver and `bob=matrix.org@domain` on others. `a-z 0-9 _ -` and
/// single dots inside stand for themselves, every other byte is `~` and two lower-case hexadecimal digits; so no
/// user's address holds a `+`, and `=` stands once, before the server name. The first letter is escaped as well
/// where the address would mean something else (`~70ostmaster@domain`, see [`RESERVED`]).
///
/// [`classify`](Self::classify) reads the addresses of `plus` and `catch_all` whichever of them is configured now: an address that was
/// handed out works on after the admin changes the scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressBook {
    domain: String,
    scheme: AddressScheme,
    server_name: OwnedServerName,
}

/// Local parts that are not users': alone, or followed by `-`.
const RESERVED: [&str; 3] = [REPLY, BOUNCE, POSTMASTER];
const REPLY: &str = "reply";
const BOUNCE: &str = "bounce";
const POSTMASTER: &str = "postmaster";

impl AddressBook {
    /// The addresses on `domain` of users, those of the homeserver `server_name` being the short ones.
    ///
    /// # Errors
    ///
    /// When `domain` is not a valid domain.
    pub fn new(
        domain: &str,
        scheme: AddressScheme,
        server_name: OwnedServerName,
    ) -> Result<Self, AddressError> {
        let any = EmailAddress::parse(&format!("{POSTMASTER}@{domain}"))?;
        Ok(Self {
            domain: any.domain().to_owned(),
            scheme,
            server_name,
        })
    }

    /// The mail domain, in ASCII.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Whether mail to this address comes here, so that no email user can have it. With [`AddressScheme::Single`] that is
    /// the mailbox alone: the provider's other customers are people like all others.
    pub fn is_ours(&self, address: &EmailAddress) -> bool {
        match &self.scheme {
            AddressScheme::Plus | AddressScheme::CatchAll => address.domain() == self.domain,
            AddressScheme::Single { mailbox } => address == mailbox,
        }
    }

    /// How addresses are told apart.
    pub fn scheme(&self) -> &AddressScheme {
        &self.scheme
    }

    /// The stable address of a Matrix user, for `From`; `None` when the part before the `@` would be longer than 64
    /// bytes (RFC 5321, section 4.5.3.1.1). With [`AddressScheme::Single`] it is the mailbox for everybody.
    pub fn address(&self, user: &UserId) -> Option<EmailAddress> {
        match &self.scheme {
            AddressScheme::Plus | AddressScheme::CatchAll => self.at_domain(&self.local_part(user)?),
            AddressScheme::Single { mailbox } => Some(mailbox.clone()),
        }
    }

    /// The address that leads back to a thread, for `Reply-To`. With [`AddressScheme::Plus`] it names the user, unless that
    /// would make it too long: then it is `reply+TOKEN@domain`. `None` when `token` fits into no address.
    pub fn reply_address(&self, user: &UserId, token: &str) -> Option<EmailAddress> {
        match &self.scheme {
            AddressScheme::Plus => self
                .local_part(user)
                .and_then(|local| self.at_domain(&format!("{local}+{token}")))
                .or_else(|| self.at_domain(&format!("{REPLY}+{token}"))),
            AddressScheme::CatchAll => self.at_domain(&format!("{REPLY}-{token}")),
            AddressScheme::Single { mailbox } => Some(mailbox.clone()),
        }
    }

    /// The envelope sender of a message, so that a bounce is matched even when its body is unreadable. `None`
    /// when `token` fits into no address.
    pub fn bounce_address(&self, token: &str) -> Option<EmailAddress> {
        match &self.scheme {
            AddressScheme::Plus => self.at_domain(&format!("{BOUNCE}+{token}")),
            AddressScheme::CatchAll => self.at_domain(&format!("{BOUNCE}-{token}")),
            AddressScheme::Single { mailbox } => Some(mailbox.clone()),
        }
    }

    /// What a recipient, as given at `RCPT TO`, stands for; `None` when it is not ours. Case makes no difference.
    ///
    /// What follows a `+` and is not a token (`bob+news@domain`) is left to the user, as sub-addresses are everywhere.
    pub fn classify(&self, recipient: &str) -> Option<Recipient> {
        // The one address that needs no domain.
        if recipient.trim().eq_ignore_ascii_case(POSTMASTER) {
            return Some(Recipient::Postmaster);
        }
        let recipient = EmailAddress::parse(recipient).ok()?;
        if matches!(&self.scheme, AddressScheme::Single { mailbox } if *mailbox == recipient) {
            return Some(Recipient::Mailbox);
        }
        if recipient.domain() != self.domain {
            return None;
        }
        let local = recipient.local();
        if local == POSTMASTER {
            return Some(Recipient::Postmaster);
        }
        if let Some((name, token)) = local.split_once('+') {
            return match (name, is_token(token)) {
                (REPLY, true) => Some(reply(token, None)),
                (BOUNCE, true) => Some(bounce(token)),
                (_, true) => Some(reply(token, Some(self.user(name)?))),
                (_, false) => self.user(name).map(Recipient::User),
            };
        }
        match local.split_once('-') {
            Some((REPLY, token)) if is_token(token) => Some(reply(token, None)),
            Some((BOUNCE, token)) if is_token(token) => Some(bounce(token)),
            _ => self.user(local).map(Recipient::User),
        }
    }

    fn at_domain(&self, local: &str) -> Option<EmailAddress> {
        EmailAddress::parse(&format!("{local}@{}", self.domain)).ok()
    }

    /// The local part for a user; `None` when the localpart is empty.
    fn local_part(&self, user: &UserId) -> Option<String> {
        let mut local = escape(user.localpart(), '~', keeps);
        let first = user.localpart().bytes().next()?;
        if is_reserved(&local) {
            local.remove(0);
            local.insert_str(0, &format!("~{first:02x}"));
        }
        if user.server_name() != self.server_name {
            local.push('=');
            local.push_str(&escape(user.server_name().as_str(), '~', keeps));
        }
        Some(local)
    }

    /// The user for a local part, when it is spelt exactly as [`local_part`](Self::local_part) spells it.
    fn user(&self, local: &str) -> Option<OwnedUserId> {
        let (name, server) = match local.split_once('=') {
            Some((name, server)) => (name, unescape(server, '~')?),
            None => (local, self.server_name.to_string()),
        };
        let user = UserId::parse(format!("@{}:{server}", unescape(name, '~')?)).ok()?;
        (self.local_part(&user)? == local).then_some(user)
    }
}

fn reply(token: &str, user: Option<OwnedUserId>) -> Recipient {
    Recipient::Reply {
        token: token.to_owned(),
        user,
    }
}

fn bounce(token: &str) -> Recipient {
    Recipient::Bounce {
        token: token.to_owned(),
    }
}

/// Whether a byte of a user ID stands for itself in a local part: those that every mail server takes without
/// quoting (RFC 5322, section 3.2.3) and that we don't need as marks.
fn keeps(before: Option<u8>, byte: u8, after: Option<u8>) -> bool {
    match byte {
        b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => true,
        b'.' => after.is_some() && before.is_some_and(|before| before != b'.'),
        _ => false,
    }
}

fn is_reserved(local: &str) -> bool {
    RESERVED.iter().any(|name| {
        local
            .strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    })
}

#[cfg(test)]
#[path = "book_tests.rs"]
mod tests;
