//! `penpal forget`: a person's data goes.

use std::io::{Write as _, stdout};

use clap::Args;
use ruma::OwnedUserId;

use super::database::with_store;
use super::{ConfigFile, Failure};
use crate::model::{Clock as _, EmailAddress, SystemClock};
use crate::store::{Person, Store};

/// Removes all that is stored about a person: chats, emails, messages and settings.
#[derive(Debug, Args)]
#[command(after_help = "\
What the homeserver, the mail server and other people have is theirs and stays, and so do the rooms: the next message in one \
begins a new thread. What still waits to be delivered goes as well. Penpal may run meanwhile.

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
        let person = match &self.whose {
            Whose::Address(address) => Person::Address(address),
            Whose::User(user) => Person::User(user),
        };
        with_store(&config, async |store| {
            let chats = forget(store, &person).await?;
            match chats {
                0 => writeln!(
                    stdout(),
                    "There was no chat with them; what else was stored about them is gone."
                )?,
                1 => writeln!(stdout(), "Forgotten, with 1 chat.")?,
                _ => writeln!(stdout(), "Forgotten, with {chats} chats.")?,
            }
            Ok(())
        })
    }
}

/// One chat after another, so that nobody waits for long.
async fn forget(store: &Store, person: &Person<'_>) -> anyhow::Result<usize> {
    let mut chats = 0;
    loop {
        let mut tx = store.begin().await?;
        let found = tx.forget_chats(person, 1).await?;
        if found == 0 {
            tx.forget_person(person).await?;
        }
        tx.commit().await?;
        if found == 0 {
            store.remove_unneeded_contents(SystemClock.now()).await?;
            return Ok(chats);
        }
        chats += found;
    }
}
