//! Who and what has a pseudonym: the same one wherever it occurs, numbered in the order in which they come.

use std::collections::{BTreeMap, BTreeSet};

use ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId, room_id};

use super::Removal;
use crate::convert::address::{AddressBook, AddressScheme, Recipient, address_of, puppet_of};
use crate::model::{EmailAddress, PuppetNamespace};

/// The homeserver and its mail domain.
const HOME: &str = "home.example";

/// Local parts that name a function and nobody: programs go by them.
const FUNCTIONS: &[&str] = &["abuse", "mailer-daemon", "no-reply", "noreply", "postmaster"];

pub(super) struct Names {
    removal: Removal,
    namespace: PuppetNamespace,
    book: AddressBook,
    renamed: PuppetNamespace,
    /// The addresses of the pseudonyms; `None` when the server keeps its name.
    renamed_book: Option<AddressBook>,
    /// Pseudonyms by kind and name.
    given: BTreeMap<(Kind, String), String>,
    numbers: BTreeMap<Kind, usize>,
    /// Display names by what they begin with (`first_word`).
    spoken: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    User,
    Server,
    Room,
    Event,
    Alias,
    Media,
    Person,
    Domain,
    Nobody,
    DisplayName,
    Token,
    Transaction,
}

impl Names {
    pub(super) fn new(removal: Removal, namespace: PuppetNamespace, book: AddressBook) -> Self {
        let home = ruma::OwnedServerName::try_from(HOME)
            .ok()
            .filter(|_| removal.names);
        let bot = namespace.bot().localpart();
        let renamed = home
            .clone()
            .and_then(|home| PuppetNamespace::new(namespace.prefix(), home, bot).ok());
        let renamed_book =
            home.and_then(|home| AddressBook::new(&format!("mail.{HOME}"), AddressScheme::Plus, home).ok());
        Self {
            removal,
            renamed: renamed.unwrap_or_else(|| namespace.clone()),
            renamed_book,
            namespace,
            book,
            given: BTreeMap::new(),
            numbers: BTreeMap::new(),
            spoken: BTreeMap::new(),
        }
    }

    /// The namespace of the puppets under their pseudonyms.
    pub(super) fn renamed(&self) -> &PuppetNamespace {
        &self.renamed
    }

    /// The pseudonym of a name, made of its number when it has none yet.
    fn given(&mut self, kind: Kind, name: &str, make: impl FnOnce(usize) -> String) -> String {
        if let Some(given) = self.given.get(&(kind, name.to_owned())) {
            return given.clone();
        }
        let number = self.numbers.entry(kind).or_default();
        *number += 1;
        let pseudonym = make(*number);
        self.given.insert((kind, name.to_owned()), pseudonym.clone());
        pseudonym
    }

    pub(super) fn server(&mut self, name: &str) -> String {
        if !self.removal.names {
            return name.to_owned();
        }
        if name == self.namespace.server_name().as_str() {
            return HOME.to_owned();
        }
        self.given(Kind::Server, name, |number| format!("server{number}.example"))
    }

    pub(super) fn user(&mut self, user: &UserId) -> OwnedUserId {
        if user == self.namespace.bot() {
            return self.renamed.bot().to_owned();
        }
        let made = if self.namespace.is_ours(user) {
            self.puppet(user)
        } else if self.removal.names {
            let server = self.server(user.server_name().as_str());
            // How long a name is decides whether it fits into an address.
            let length = user.localpart().len();
            self.given(Kind::User, user.as_str(), |number| {
                let name = format!("user{number}");
                let name = if length > 40 {
                    format!("{name:x<length$}")
                } else {
                    name
                };
                format!("@{name}:{server}")
            })
        } else {
            user.to_string()
        };
        OwnedUserId::try_from(made).unwrap_or_else(|_| self.renamed.bot().to_owned())
    }

    /// A puppet, spelt as it was; one that stands for no address stands for none.
    fn puppet(&mut self, user: &UserId) -> String {
        let server = self.renamed.server_name().to_owned();
        let prefix = self.namespace.prefix().to_owned();
        let Some(address) = address_of(&self.namespace, user) else {
            let rest = user
                .localpart()
                .strip_prefix(&*prefix)
                .unwrap_or_default()
                .to_owned();
            if rest.is_empty() || !self.removal.addresses {
                return format!("@{prefix}{rest}:{server}");
            }
            let made = self.given(Kind::Nobody, &rest, |number| format!("nobody{number}"));
            return format!("@{prefix}{made}:{server}");
        };
        let is_older = puppet_of(&self.namespace, &address).as_deref() != Some(user);
        let address = self.address(&address);
        let Some(puppet) = puppet_of(&self.renamed, &address) else {
            return format!("@{prefix}:{server}");
        };
        let local = puppet.localpart().strip_prefix(&*prefix).unwrap_or_default();
        if is_older {
            let local = local.replace('+', "=2b").replace('/', "=2f");
            return format!("@{prefix}{local}:{server}");
        }
        puppet.to_string()
    }

    pub(super) fn address(&mut self, address: &EmailAddress) -> EmailAddress {
        let made = if self.book.is_ours(address) {
            self.own_address(address)
        } else if self.removal.addresses {
            let domain = self.mail_domain(address.domain());
            let local = address.local().to_owned();
            // What decides how an address is written, and which programs take it.
            let more =
                [("+", "+tag"), ("/", "/x")].map(|(mark, more)| if local.contains(mark) { more } else { "" });
            let name = if local.is_ascii() { "person" } else { "persön" };
            let local = if FUNCTIONS.contains(&local.as_str()) {
                local
            } else {
                self.given(Kind::Person, address.as_str(), |number| {
                    format!("{name}{number}{}", more.concat())
                })
            };
            format!("{local}@{domain}")
        } else {
            return address.clone();
        };
        // With the name of its user in it, an address with a token can be too long for one.
        let made = EmailAddress::parse(&made).or_else(|_| EmailAddress::parse("nobody@nowhere.example"));
        made.unwrap_or_else(|_| address.clone())
    }

    /// An address on a mail domain of ours. Its token goes in any case.
    fn own_address(&mut self, address: &EmailAddress) -> String {
        let domain = match &self.renamed_book {
            Some(book) => book.domain().to_owned(),
            None => address.domain().to_owned(),
        };
        let user_address = |names: &mut Self, user: &UserId| {
            let user = names.user(user);
            let book = names.renamed_book.as_ref().unwrap_or(&names.book);
            let address = book.address(&user, &domain);
            address.map_or_else(|| "reply".to_owned(), |address| address.local().to_owned())
        };
        let local = match self.book.classify(address.as_str()) {
            Some(Recipient::User(user)) => user_address(self, &user),
            Some(Recipient::Reply { token, user }) => {
                let token = self.token(&token);
                let local = user.map_or_else(|| "reply".to_owned(), |user| user_address(self, &user));
                format!("{local}+{token}")
            }
            Some(Recipient::Bounce { token }) => format!("bounce+{}", self.token(&token)),
            Some(Recipient::Postmaster) => "postmaster".to_owned(),
            Some(Recipient::Mailbox) | None if !self.removal.names => address.local().to_owned(),
            Some(Recipient::Mailbox) => "mailbox".to_owned(),
            None => self.given(Kind::Person, address.as_str(), |number| format!("other{number}")),
        };
        format!("{local}@{domain}")
    }

    fn token(&mut self, token: &str) -> String {
        self.given(Kind::Token, token, |number| format!("token{number}"))
    }

    /// A domain of email users.
    pub(super) fn mail_domain(&mut self, domain: &str) -> String {
        if !self.removal.addresses || domain == "*" {
            return domain.to_owned();
        }
        self.given(Kind::Domain, domain, |number| format!("domain{number}.example"))
    }

    pub(super) fn room_id(&mut self, room: &RoomId) -> OwnedRoomId {
        OwnedRoomId::try_from(self.room(room.as_str())).unwrap_or_else(|_| room_id!("!nowhere").to_owned())
    }

    pub(super) fn room(&mut self, room: &str) -> String {
        self.with_server(Kind::Room, room, "!room")
    }

    pub(super) fn event(&mut self, event: &str) -> String {
        self.with_server(Kind::Event, event, "$event")
    }

    pub(super) fn alias(&mut self, alias: &str) -> String {
        self.with_server(Kind::Alias, alias, "#alias")
    }

    /// An identifier that names a server, or none, as room IDs and event IDs do by the version of their room.
    fn with_server(&mut self, kind: Kind, id: &str, name: &str) -> String {
        if !self.removal.names {
            return id.to_owned();
        }
        let server = id.split_once(':').map(|(_, server)| self.server(server));
        self.given(kind, id, |number| match server {
            Some(server) => format!("{name}{number}:{server}"),
            None => format!("{name}{number}"),
        })
    }

    /// The place of a file on a homeserver, `mxc://SERVER/ID`.
    pub(super) fn media(&mut self, uri: &str) -> String {
        if !self.removal.names {
            return uri.to_owned();
        }
        let rest = uri.strip_prefix("mxc://").unwrap_or_default();
        let server = self.server(rest.split_once('/').map_or(rest, |(server, _)| server));
        self.given(Kind::Media, uri, |number| format!("mxc://{server}/media{number}"))
    }

    /// A server or a domain that has a pseudonym already, named by itself.
    pub(super) fn host(&self, name: &str) -> Option<String> {
        if self.removal.names && name == self.namespace.server_name().as_str() {
            return Some(HOME.to_owned());
        }
        if let (Some(book), true) = (
            &self.renamed_book,
            self.book.domains().any(|domain| domain == name),
        ) {
            return Some(book.domain().to_owned());
        }
        let given = |kind| self.given.get(&(kind, name.to_owned())).cloned();
        given(Kind::Server).or_else(|| given(Kind::Domain))
    }

    /// Homeservers number their transactions, or make a hash of what is in them.
    pub(super) fn transaction(&mut self, txn_id: &str) -> String {
        if !self.removal.names || txn_id.bytes().all(|byte| byte.is_ascii_digit()) {
            return txn_id.to_owned();
        }
        self.given(Kind::Transaction, txn_id, |number| format!("txn{number}"))
    }

    /// How somebody is called.
    pub(super) fn display_name(&mut self, name: &str) -> String {
        let name = name.trim();
        if !self.removal.names || name.is_empty() {
            return name.to_owned();
        }
        let first = first_word(name).to_owned();
        self.spoken.entry(first).or_default().insert(name.to_owned());
        self.given(Kind::DisplayName, name, |number| format!("Name {number}"))
    }

    /// The display name with which a text begins: its length in bytes, and its pseudonym.
    pub(super) fn spoken(&mut self, text: &str) -> Option<(usize, String)> {
        let name = self
            .spoken
            .get(first_word(text))?
            .iter()
            .filter(|name| {
                let behind = text.strip_prefix(name.as_str());
                behind.is_some_and(|behind| !behind.starts_with(char::is_alphanumeric))
            })
            .max_by_key(|name| name.len())?
            .clone();
        Some((name.len(), self.display_name(&name)))
    }
}

/// The letters with which a text begins; else its first character.
fn first_word(text: &str) -> &str {
    let letters = text.find(|character: char| !character.is_alphanumeric());
    let first = text.chars().next().map_or(0, char::len_utf8);
    text.get(..letters.unwrap_or(text.len()).max(first))
        .unwrap_or_default()
}
