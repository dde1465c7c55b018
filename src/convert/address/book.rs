//! Addresses of Matrix users on the mail domains, and of the threads and messages that come back there.

use ruma::{OwnedServerName, OwnedUserId, UserId};

use super::escape::{escape, unescape};
use super::token::is_token;
use crate::model::{AddressError, EmailAddress, UserPattern};

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

/// What a recipient address on a mail domain stands for. Whether the token is known and the user exists
/// is for the caller to find out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

/// The addresses on the mail domains.
///
/// There is one mail domain for everybody, or several: then each user writes from one of them, and every address exists on each, so that
/// mail to an address which was handed out arrives after the admin has moved its user to another domain.
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
    /// Further domains, and who writes from them.
    others: Vec<(String, Vec<UserPattern>)>,
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
        Ok(Self {
            domain: normal(domain)?,
            others: Vec::new(),
            scheme,
            server_name,
        })
    }

    /// The same with a further domain, from which these users write.
    ///
    /// # Errors
    ///
    /// When `domain` is not a valid domain.
    pub fn with_domain(mut self, domain: &str, users: Vec<UserPattern>) -> Result<Self, AddressError> {
        self.others.push((normal(domain)?, users));
        Ok(self)
    }

    /// The main mail domain, in ASCII: of everybody who is not named for another one.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// All mail domains, in ASCII, the main one first.
    pub fn domains(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&*self.domain).chain(self.others.iter().map(|(domain, _)| &**domain))
    }

    /// The mail domain from which a user writes: the one whose patterns describe them most closely.
    pub fn domain_of(&self, user: &UserId) -> &str {
        let patterns = self
            .others
            .iter()
            .flat_map(|(domain, users)| users.iter().map(move |pattern| (domain, pattern)));
        patterns
            .filter(|(_, pattern)| pattern.fits(user))
            .max_by_key(|(_, pattern)| pattern.closeness())
            .map_or(&*self.domain, |(domain, _)| domain)
    }

    /// The mail domain of a thread: the one that it began with, as long as that is one of ours.
    pub fn domain_for(&self, user: &UserId, begun_with: Option<&str>) -> &str {
        self.domains()
            .find(|domain| begun_with == Some(*domain))
            .unwrap_or_else(|| self.domain_of(user))
    }

    /// The mail domain of a thread that a mail to this recipient begins: the one that was written to.
    pub fn domain_reached(&self, recipient: &str, user: &UserId) -> &str {
        let recipient = EmailAddress::parse(recipient).ok();
        self.domain_for(user, recipient.as_ref().map(EmailAddress::domain))
    }

    /// Whether mail to this address comes here, so that no email user can have it. With [`AddressScheme::Single`] that is
    /// the mailbox alone: the provider's other customers are people like all others.
    pub fn is_ours(&self, address: &EmailAddress) -> bool {
        match &self.scheme {
            AddressScheme::Plus | AddressScheme::CatchAll => {
                self.domains().any(|domain| domain == address.domain())
            }
            AddressScheme::Single { mailbox } => address == mailbox,
        }
    }

    /// How addresses are told apart.
    pub fn scheme(&self) -> &AddressScheme {
        &self.scheme
    }

    /// The stable address of a Matrix user on a mail domain, for `From`; `None` when the part before the `@` would be longer than 64
    /// bytes (RFC 5321, section 4.5.3.1.1). With [`AddressScheme::Single`] it is the mailbox for everybody.
    pub fn address(&self, user: &UserId, domain: &str) -> Option<EmailAddress> {
        match &self.scheme {
            AddressScheme::Plus | AddressScheme::CatchAll => at(&self.local_part(user)?, domain),
            AddressScheme::Single { mailbox } => Some(mailbox.clone()),
        }
    }

    /// The address that leads back to a thread, for `Reply-To`. With [`AddressScheme::Plus`] it names the user, unless that
    /// would make it too long: then it is `reply+TOKEN@domain`. `None` when `token` fits into no address.
    pub fn reply_address(&self, user: &UserId, token: &str, domain: &str) -> Option<EmailAddress> {
        match &self.scheme {
            AddressScheme::Plus => self
                .local_part(user)
                .and_then(|local| at(&format!("{local}+{token}"), domain))
                .or_else(|| at(&format!("{REPLY}+{token}"), domain)),
            AddressScheme::CatchAll => at(&format!("{REPLY}-{token}"), domain),
            AddressScheme::Single { mailbox } => Some(mailbox.clone()),
        }
    }

    /// The envelope sender of a message, so that a bounce is matched even when its body is unreadable. `None`
    /// when `token` fits into no address.
    pub fn bounce_address(&self, token: &str, domain: &str) -> Option<EmailAddress> {
        match &self.scheme {
            AddressScheme::Plus => at(&format!("{BOUNCE}+{token}"), domain),
            AddressScheme::CatchAll => at(&format!("{BOUNCE}-{token}"), domain),
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
        if !self.domains().any(|domain| domain == recipient.domain()) {
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

fn at(local: &str, domain: &str) -> Option<EmailAddress> {
    EmailAddress::parse(&format!("{local}@{domain}")).ok()
}

/// A domain as addresses have it.
fn normal(domain: &str) -> Result<String, AddressError> {
    let any = EmailAddress::parse(&format!("{POSTMASTER}@{domain}"))?;
    Ok(any.domain().to_owned())
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
