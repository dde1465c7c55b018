//! `penpal threads`: who is in touch with whom.

use std::io::{Write as _, stdout};

use anyhow::anyhow;
use clap::{Args, Subcommand};
use ruma::OwnedUserId;

use super::database::with_store;
use super::listing::{Listing, write_line};
use super::{ConfigFile, Failure};
use crate::model::{EmailAddress, Timestamp};
use crate::store::{EmailSummary, Store, ThreadFilter, ThreadSummary};

/// Shows the threads: which room is whose chat with whom, and which emails belong to it.
#[derive(Debug, Args)]
#[command(after_help = "\
Neither text nor subjects are shown.

Examples:
  penpal threads list --with alice@example.org
  penpal threads show 17")]
pub(super) struct Threads {
    #[command(flatten)]
    config: ConfigFile,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Lists threads, the oldest first.
    List {
        /// Only those of this email user.
        #[arg(long, value_name = "ADDRESS")]
        with: Option<EmailAddress>,
        /// Only those of this Matrix user.
        #[arg(long, value_name = "USER_ID")]
        user: Option<OwnedUserId>,
        #[command(flatten)]
        listing: Listing,
    },
    /// Shows one thread and its latest emails, the newest first.
    Show {
        /// The thread's number.
        id: i64,
        /// How many emails at most.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..))]
        limit: i64,
        /// As JSON objects, one a line: the thread, then each email.
        #[arg(long)]
        json: bool,
    },
}

impl Threads {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = self.config.load_alone()?;
        with_store(&config, async |store| show(store, self.action).await)
    }
}

async fn show(store: &Store, action: Action) -> anyhow::Result<()> {
    match action {
        Action::List { with, user, listing } => {
            let Listing { limit, after, json } = listing;
            let filter = ThreadFilter {
                address: with.as_ref(),
                user: user.as_deref(),
                after,
            };
            let threads = store.read().await?.list_threads(filter, limit).await?;
            if threads.is_empty() && !json {
                writeln!(stdout(), "No threads.")?;
            }
            threads.iter().try_for_each(|thread| print_thread(thread, json))
        }
        Action::Show { id, limit, json } => {
            let mut tx = store.read().await?;
            let filter = ThreadFilter {
                after: id.saturating_sub(1),
                ..ThreadFilter::default()
            };
            let first = tx.list_threads(filter, 1).await?.into_iter().next();
            let thread = first.filter(|thread| thread.id == id).ok_or_else(|| {
                anyhow!("there is no thread {id}: `penpal threads list` names those there are")
            })?;
            print_thread(&thread, json)?;
            let emails = tx.list_emails(id, limit).await?;
            emails.iter().try_for_each(|email| print_email(email, json))
        }
    }
}

fn print_thread(thread: &ThreadSummary, json: bool) -> anyhow::Result<()> {
    write_line(thread, json, || {
        format!(
            "{:>8}  {:<7} {}  {:>5} emails  {}  {}  {}",
            thread.id,
            thread.state,
            date(thread.touched_at),
            thread.emails,
            thread.user,
            thread.address,
            thread.room.as_deref().unwrap_or("no room yet")
        )
    })
}

fn print_email(email: &EmailSummary, json: bool) -> anyhow::Result<()> {
    write_line(email, json, || {
        let way = if email.outgoing { "out" } else { "in" };
        format!(
            "          {way:<3} {}  <{}>",
            date(email.created_at),
            email.message_id
        )
    })
}

/// A time in UTC (RFC 3339).
fn date(time: Timestamp) -> String {
    mail_parser::DateTime::from_timestamp(time.seconds()).to_rfc3339()
}
