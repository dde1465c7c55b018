//! The configuration: one YAML file, over it the environment, all of it checked before anything starts.
//!
//! One file for each section, defaults beside the fields. `config.example.yaml` in the root documents every key.
//! Secrets never show: their fields are [`secrecy::SecretString`]s and no error holds their value.
//!
//! Imports: `model`, `convert`, and the settings of the edges and the bridge, which it fills.

mod appservice;
mod chats;
mod database;
mod double_puppet;
mod downloads;
mod error;
mod explain;
mod homeserver;
mod limits;
mod logging;
mod mail;
mod permissions;
mod queue;
mod registration;
mod settings;
mod source;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ruma::OwnedServerName;
use secrecy::ExposeSecret as _;
use serde::Deserialize;

pub use appservice::Appservice;
pub use chats::Chats;
pub use database::Database;
pub use double_puppet::DoublePuppet;
pub use downloads::Downloads;
pub use error::ConfigError;
pub use homeserver::Homeserver;
pub use limits::Limits;
pub use logging::{Format, Level, Logging};
pub(crate) use mail::parse_address;
pub use mail::{
    Addresses, Authentication, Automatic, Dkim, Domain, Imap, Listen, Mail, Rates, Relay, Scheme,
};
pub use permissions::Permissions;
pub use queue::Queue;
pub use registration::{Namespace, Namespaces, Registration, RegistrationError, fresh_token};
pub(crate) use value::{parse_duration, parse_size};

use crate::convert::address::AddressBook;
use crate::mail::signing::Signatures;
use crate::model::{NamespaceError, PuppetNamespace};
use error::Problem;
use source::Source;

/// A configuration that can be used.
#[derive(Clone, Debug)]
pub struct Config {
    /// The homeserver.
    pub homeserver: Homeserver,
    /// What the homeserver knows of us.
    pub appservice: Appservice,
    /// Acting for the homeserver's people, where that is allowed.
    pub double_puppet: Option<DoublePuppet>,
    /// Mail.
    pub mail: Mail,
    /// Who may use Penpal, and how far.
    pub permissions: Permissions,
    /// To whom and how much Matrix users may write.
    pub limits: Limits,
    /// Direct chats.
    pub chats: Chats,
    /// Files that are too large for an email.
    pub downloads: Downloads,
    /// The durable queue.
    pub queue: Queue,
    /// The database.
    pub database: Database,
    /// The log.
    pub logging: Logging,
    /// The puppets, made of `homeserver.server_name`, `appservice.bot` and `appservice.user_prefix`.
    pub puppets: PuppetNamespace,
    /// The addresses on the mail domains, made of `mail.domain`, `mail.domains` and `mail.addresses`.
    pub addresses: AddressBook,
}

/// The file as it stands, before sections are held against each other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sections {
    homeserver: Homeserver,
    appservice: Appservice,
    double_puppet: Option<DoublePuppet>,
    mail: Mail,
    #[serde(default)]
    permissions: Permissions,
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    chats: Chats,
    #[serde(default)]
    downloads: Downloads,
    #[serde(default)]
    queue: Queue,
    #[serde(default)]
    database: Database,
    #[serde(default)]
    logging: Logging,
}

impl Config {
    /// Reads and checks the configuration in `path`, with the variables of `environment` over it, and compares its tokens
    /// with those of the registration that it names. Reads the keys too.
    ///
    /// Relative paths in it refer to the folder of `path`.
    pub fn load(path: &Path, environment: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let source = Source::parse(path, &Source::text(path)?, environment)?;
        let config = Self::of(&source)?;
        config
            .compare_tokens()
            .and_then(|()| config.read_keys())
            .map_err(|problem| source.error(problem))?;
        Ok(config)
    }

    /// The same without a look at the registration: to write it, or to tell in what it differs.
    pub fn load_alone(path: &Path, environment: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        Self::parse(path, &Source::text(path)?, environment)
    }

    /// Checks `text`, which is to be the content of `path`, as [`load_alone`](Self::load_alone) does.
    pub fn parse(
        path: &Path,
        text: &str,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, ConfigError> {
        Self::of(&Source::parse(path, text, environment)?)
    }

    /// The secrets in it: what must not get into anything that is handed to others.
    pub fn secrets(&self) -> Vec<String> {
        let relays = std::iter::once(&self.mail.relay).chain(
            self.mail
                .domains
                .iter()
                .filter_map(|domain| domain.relay.as_ref()),
        );
        [
            &self.appservice.as_token,
            &self.appservice.hs_token,
            &self.database.url,
        ]
        .into_iter()
        .chain(self.double_puppet.as_ref().map(|puppet| &puppet.as_token))
        .chain(relays.filter_map(|relay| relay.password.as_ref()))
        .chain(
            self.mail
                .imap
                .iter()
                .filter_map(|mailbox| mailbox.password.as_ref()),
        )
        .map(|secret| secret.expose_secret().to_owned())
        .collect()
    }

    fn of(source: &Source) -> Result<Self, ConfigError> {
        let sections: Sections = serde_path_to_error::deserialize(&source.values)
            .map_err(|error| source.error(explain::explain(&error)))?;
        Self::settle(sections, &source.folder).map_err(|problem| source.error(problem))
    }

    /// Holds the sections against each other, and makes paths absolute.
    fn settle(mut sections: Sections, folder: &Path) -> Result<Self, Problem> {
        sections.appservice.check()?;
        sections.mail.relay.settle("mail.relay", folder)?;
        sections.mail.authentication.check()?;
        sections.mail.automatic.check()?;
        sections.permissions.check()?;
        sections.chats.check()?;
        sections.downloads.check()?;
        sections.queue.check()?;
        sections.database.settle(folder)?;
        for (index, key) in sections.mail.dkim.iter_mut().enumerate() {
            key.settle(&format!("mail.dkim[{index}]"), folder)?;
        }
        for (index, domain) in sections.mail.domains.iter_mut().enumerate() {
            domain.settle(index, folder)?;
        }
        for (index, listen) in sections.mail.listen.iter_mut().enumerate() {
            listen.settle(index, folder)?;
        }
        settle_mailboxes(&mut sections.mail.imap, folder)?;
        if let Some(registration) = &mut sections.appservice.registration {
            *registration = folder.join(&*registration);
        }
        let puppets = PuppetNamespace::new(
            &sections.appservice.user_prefix,
            sections.homeserver.server_name.clone(),
            &sections.appservice.bot,
        )
        .map_err(|error| {
            let (key, value) = match error {
                NamespaceError::Prefix => ("user_prefix", &sections.appservice.user_prefix),
                NamespaceError::Bot => ("bot", &sections.appservice.bot),
            };
            Problem::new(
                format!("appservice.{key}"),
                format!("`{value}` can't be used: {error}"),
            )
        })?;
        let addresses = addresses(&sections.mail, &sections.homeserver.server_name)?;
        Ok(Self {
            homeserver: sections.homeserver,
            appservice: sections.appservice,
            double_puppet: sections.double_puppet,
            mail: sections.mail,
            permissions: sections.permissions,
            limits: sections.limits,
            chats: sections.chats,
            downloads: sections.downloads,
            queue: sections.queue,
            database: sections.database,
            logging: sections.logging,
            puppets,
            addresses,
        })
    }

    /// Sees that the keys can be used.
    fn read_keys(&self) -> Result<(), Problem> {
        for (index, way) in self.ways_out().iter().enumerate() {
            let key = match index.checked_sub(1) {
                None => "mail.dkim".to_owned(),
                Some(index) => format!("mail.domains[{index}].dkim"),
            };
            Signatures::new(&way.domain, &way.keys).map_err(|error| Problem::new(key, error.to_string()))?;
        }
        Ok(())
    }

    /// Sees that the homeserver's copy of the registration holds the same tokens.
    fn compare_tokens(&self) -> Result<(), Problem> {
        let Some(path) = &self.appservice.registration else {
            return Ok(());
        };
        let theirs = Registration::read(path)
            .map_err(|error| Problem::new("appservice.registration", error.to_string()))?;
        for (key, same) in Registration::of(self).same_tokens(&theirs) {
            if !same {
                return Err(Problem::new(
                    format!("appservice.{key}"),
                    format!(
                        "is not the {key} of {}: copy the token from there, or write the registration anew with `penpal \
                         registration` and restart the homeserver",
                        path.display()
                    ),
                ));
            }
        }
        Ok(())
    }
}

/// Settles each mailbox, and sees that each is there once: two that work on the same one get in each other's way.
fn settle_mailboxes(mailboxes: &mut [Imap], folder: &Path) -> Result<(), Problem> {
    for (index, mailbox) in mailboxes.iter_mut().enumerate() {
        mailbox.settle(index, folder)?;
    }
    for (index, mailbox) in mailboxes.iter().enumerate() {
        let earlier = mailboxes
            .iter()
            .take(index)
            .position(|other| other.is_same(mailbox));
        if let Some(earlier) = earlier {
            return Err(Problem::new(
                format!("mail.imap[{index}]"),
                format!(
                    "is the mailbox of mail.imap[{earlier}] once more: remove one of the two, or name another folder"
                ),
            ));
        }
    }
    Ok(())
}

/// The addresses on all mail domains.
fn addresses(mail: &Mail, server_name: &OwnedServerName) -> Result<AddressBook, Problem> {
    let no_domain = |key: String, domain: &str| {
        Problem::new(
            key,
            format!("`{domain}` is not a domain: give one such as mail.example.org"),
        )
    };
    let mut addresses = AddressBook::new(&mail.domain, mail.addresses.scheme()?, server_name.clone())
        .map_err(|_| no_domain("mail.domain".into(), &mail.domain))?;
    for (index, other) in mail.domains.iter().enumerate() {
        let key = format!("mail.domains[{index}].domain");
        if mail.addresses.scheme == Scheme::Single {
            let text = "can't be used with `scheme: single`, where one mailbox serves everybody: remove it, or change the scheme";
            return Err(Problem::new(key, text));
        }
        let known: BTreeSet<String> = addresses.domains().map(str::to_owned).collect();
        addresses = addresses
            .with_domain(&other.domain, other.users())
            .map_err(|_| no_domain(key.clone(), &other.domain))?;
        if addresses.domains().all(|domain| known.contains(domain)) {
            let text = format!("`{}` is there already: name each mail domain once", other.domain);
            return Err(Problem::new(key, text));
        }
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests;
