//! `penpal forget`: a person's data goes.

use std::io::{Write as _, stderr, stdout};

use clap::Args;
use ruma::OwnedUserId;

use super::database::with_store;
use super::{ConfigFile, Failure};
use crate::convert::address::puppet_of;
use crate::model::{Clock as _, EmailAddress, SystemClock};
use crate::store::{Forgotten, Person};

/// Removes all that is stored about a person: chats, emails, messages and settings.
#[derive(Debug, Args)]
#[command(after_help = "\
What the homeserver, the mail server and other people have is theirs and stays, and so do the rooms: the next message in one \
begins a new thread. What still waits to be delivered goes as well. Penpal may run meanwhile.

That ADDRESS wants no more emails of somebody stays: otherwise they would get them again. With USER their own settings go, and \
the wishes of others to get no emails of theirs.

In chats of other people all goes that the person wrote there. What others wrote that names them is theirs, and goes when it is \
delivered; what has failed stays until it is tried again or dropped (`penpal queue`).

In a SQLite file what was removed is overwritten. PostgreSQL does so in its own time, or by VACUUM FULL. Backups are not touched.

Examples:
  penpal forget alice@example.org
  penpal forget @bob:example.org")]
pub(super) struct Forget {
    #[command(flatten)]
    config: ConfigFile,
    /// An email address or a Matrix user ID.
    #[arg(value_name = "ADDRESS|USER", value_parser = whose)]
    whose: Whose,
}

/// Whose data.
#[derive(Clone, Debug)]
enum Whose {
    Address(EmailAddress),
    User(OwnedUserId),
}

fn whose(text: &str) -> Result<Whose, String> {
    if text.starts_with('@') {
        let user = text.parse().map(Whose::User);
        return user
            .map_err(|error: ruma::IdParseError| format!("no user ID such as @bob:example.org: {error}"));
    }
    let address = text.parse().map(Whose::Address);
    address.map_err(|error| format!("neither an email address nor a user ID: {error}"))
}

impl Forget {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = self.config.load_alone()?;
        if let Whose::User(user) = &self.whose
            && config.puppets.is_ours(user)
        {
            return Err(Failure::Usage(format!(
                "{user} is Penpal's own: to forget the person for whom a puppet stands, give the email address"
            )));
        }
        let puppet = match &self.whose {
            Whose::Address(address) => puppet_of(&config.puppets, address),
            Whose::User(_) => None,
        };
        let person = match &self.whose {
            Whose::Address(address) => Person::Address(address, puppet.as_deref()),
            Whose::User(user) => Person::User(user),
        };
        with_store(&config, async |store| {
            let Forgotten { chats, overwritten } = store.forget(&person, SystemClock.now()).await?;
            match chats {
                0 => writeln!(
                    stdout(),
                    "There was no chat with them; what else was stored about them is gone."
                )?,
                1 => writeln!(stdout(), "Forgotten, with 1 chat.")?,
                _ => writeln!(stdout(), "Forgotten, with {chats} chats.")?,
            }
            if !overwritten {
                writeln!(
                    stderr(),
                    "The database's log is in use, and holds some of it until it is written over: run this again when there is less \
                     to do, to have it overwritten."
                )?;
            }
            Ok(())
        })
    }
}
