//! The bridge: loads, converts, commits. Everything that happens to an event or an email is decided here.
//!
//! Imports: `model`, `convert`, `store`, and the ports of `matrix`, `mail` and `appservice`.
//!
//! | file | what happens there |
//! | --- | --- |
//! | `inbox` | a transaction of the homeserver is committed |
//! | `receive`, `admission`, `route` | an email is let in, routed to its thread and committed |
//! | `mailbox` | what is remembered of mailboxes from which mail is fetched |
//! | `loops`, `machines` | mail that goes round in circles, or that machines write too much of, is kept out |
//! | `events` | a committed event is worked: dispatch by type |
//! | `invites`, `adopt`, `membership`, `rooms` | direct chats begin, end, move and change |
//! | `messages` | chat messages are gathered into drafts; edits and redactions change them |
//! | `permissions`, `hindrance`, `limits` | who may use Penpal and how far; what keeps a message from being sent, or back for a while |
//! | `compose`, `freeze`, `submit` | a draft becomes an email, is committed as such, and is handed to the relay |
//! | `sender_rules` | whose mail a Matrix user blocks, and whose they let in |
//! | `stops` | an email user wants no more mail, or wants it again |
//! | `files`, `fetch` | what an email encloses, and what it offers for download |
//! | `email_bytes` | an email with large files is read piece by piece |
//! | `reports` | what comes back about an email: bounces, delays, read notifications |
//! | `deliver`, `label`, `answers`, `chat_room` | an email becomes events, labelled and related to earlier ones, in the portal's room |
//! | `aside`, `unreadable` | what takes a while is done on threads of its own; a mail that can't be converted is shown as it came |
//! | `contents` | large mails are stored in pieces |
//! | `service`, `way`, `recorder` | what the homeserver asks; whether it reaches us; who writes that down |
//! | `retries` | what was given up is tried again, as its user wants it |
//! | `questions` | what the user asks Penpal in the chat itself, which is never mailed |
//! | `puppets`, `direct`, `notices`, `commands`, `keys` | the puppet's account, `m.direct`, words of our own, the bot, secrets |

mod admission;
mod adopt;
mod answers;
mod aside;
mod chat_room;
mod commands;
mod compose;
mod contents;
mod deliver;
mod direct;
mod email_bytes;
mod events;
mod failure;
mod fetch;
mod files;
mod freeze;
mod hindrance;
mod inbox;
mod invites;
mod keys;
mod label;
mod limits;
mod loops;
mod machines;
mod mailbox;
mod membership;
mod messages;
mod notices;
mod permissions;
mod puppets;
mod questions;
mod receive;
mod recorder;
mod reports;
mod retries;
mod rooms;
mod route;
mod sender;
mod sender_rules;
mod service;
mod settings;
mod stops;
mod submit;
mod unreadable;
mod uploads;
mod way;

use std::sync::Arc;
use std::time::Duration;

use aside::Aside;
use files::Downloads;
use keys::kept_key;
use ruma::UserId;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};

pub(crate) use commands::COMMANDS;
pub use failure::Failure;
pub use files::DownloadSettings;
pub use hindrance::Addresses;
pub(crate) use limits::LONGEST as LONGEST_LIMIT;
pub use limits::Limits;
pub use machines::MachineLimits;
pub use permissions::{Level, Permissions};
pub use recorder::RecorderWatch;
pub use settings::{BridgeSettings, NewThread, Unauthenticated};
pub use way::{check_way_back, check_way_there};

use crate::convert::loop_mark::LoopKey;
use crate::convert::seal::SealKey;
use crate::convert::stop_link::StopKey;
use crate::mail::MailTransport;
use crate::matrix::Homeserver;
use crate::model::{Clock, Random, Timestamp};
use crate::store::{Job, JobKind, JobState, Store, StoreError, Tx};

/// How long a process may work on a lane without a sign of life. Renewed three times as often.
pub const LEASE: Duration = Duration::from_mins(1);

/// Emails with files, and large mails, that are in work at the same time. A download may take minutes, and a file fills
/// memory: most of the workers stay free for what people write.
const HEAVY_AT_ONCE: usize = 4;

/// From how many bytes on an email is large.
const HEAVY: usize = 1024 * 1024;

/// How long it steps back when enough of them are in work.
const HEAVY_PAUSE: Duration = Duration::from_secs(1);

/// The bridge between the ports.
pub struct Bridge {
    store: Store,
    homeserver: Arc<dyn Homeserver>,
    mail: Arc<dyn MailTransport>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    settings: BridgeSettings,
    /// Random and kept in the store: makes transaction IDs of this store differ from those of any other.
    instance: String,
    /// What marks our own mail, so that it is known when it comes back.
    loop_key: LoopKey,
    /// What makes links to stop emails, and opens them.
    stop_key: StopKey,
    /// Random: tells this process from others that work on the same store.
    owner: String,
    /// The right to make an email with files and to hand it over.
    heavy_emails: Semaphore,
    /// The right to convert a large mail and to upload its files.
    heavy_mails: Semaphore,
    /// Where what may take a while is computed.
    aside: Aside,
    /// Told when a transaction could not be committed, so that the homeserver waits longer and longer.
    refused_transactions: Notify,
    /// What makes and opens links to files, where there is a way for people to reach us.
    downloads: Option<Downloads>,
    /// Whether what the homeserver sends is recorded.
    recorder: recorder::Recorder,
}

/// Why a bridge could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Trouble with the store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store belongs to another homeserver.
    #[error(
        "the database holds the chats of {stored}, but homeserver.server_name is {configured}: \
         use another database for another homeserver"
    )]
    OtherServer {
        /// Whose chats it holds.
        stored: String,
        /// What the configuration says.
        configured: String,
    },
}

impl Bridge {
    /// Opens the bridge on a store, and claims the store for this homeserver.
    pub async fn open(
        store: Store,
        homeserver: Arc<dyn Homeserver>,
        mail: Arc<dyn MailTransport>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        settings: BridgeSettings,
    ) -> Result<Self, OpenError> {
        let configured = settings.namespace.server_name().to_string();
        let mut tx = store.begin().await?;
        let stored = tx.keep_setting("server_name", &configured).await?;
        if stored != configured {
            return Err(OpenError::OtherServer { stored, configured });
        }
        let instance = tx.keep_setting("instance", &random_word(&*random)).await?;
        let downloads = match settings.downloads.clone() {
            Some(downloads) => Some(Downloads::open(&mut tx, downloads, &*random).await?),
            None => None,
        };
        let loop_secret = kept_key(&mut tx, "loop_key", &*random).await?;
        tx.commit().await?;
        let owner = random_word(&*random);
        let refused_transactions = Notify::new();
        Ok(Self {
            store,
            homeserver,
            mail,
            clock,
            random,
            settings,
            instance,
            loop_key: LoopKey::new(loop_secret),
            stop_key: StopKey::derived(&SealKey::new(loop_secret)),
            owner,
            heavy_emails: Semaphore::new(HEAVY_AT_ONCE),
            heavy_mails: Semaphore::new(HEAVY_AT_ONCE),
            aside: Aside::default(),
            refused_transactions,
            downloads,
            recorder: recorder::Recorder::default(),
        })
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The homeserver.
    pub fn homeserver(&self) -> &dyn Homeserver {
        &*self.homeserver
    }

    /// What was configured.
    pub fn settings(&self) -> &BridgeSettings {
        &self.settings
    }

    /// What tells this process from others that work on the same store.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The present time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A number below `bound`, for spreading retries.
    pub fn jitter(&self, bound: u64) -> u64 {
        let mut bytes = [0; 8];
        self.random.fill(&mut bytes);
        u64::from_le_bytes(bytes) % bound.max(1)
    }

    /// Works one job. `Ok` means that its outcome is committed.
    pub async fn work(&self, job: &Job) -> Result<(), Failure> {
        // Events and emails wait for this where they reach the outside, not before: most of the way there is inside.
        if !matches!(job.kind, JobKind::Event | JobKind::Email) {
            self.store.settled().await?;
        }
        match job.kind {
            JobKind::Event => self.work_event(job).await,
            JobKind::Mail => self.work_mail(job).await,
            JobKind::Email => self.work_email(job).await,
            JobKind::Notice => self.work_notice(job).await,
            JobKind::Direct => self.work_direct(job).await,
        }?;
        if let Some(content) = job.content {
            self.remove_content(content).await;
        }
        Ok(())
    }

    /// Ends a job for which there is no hope, keeps it for the admin, and tells the user where that helps.
    pub async fn give_up(&self, job: &Job, reason: &str) -> Result<(), StoreError> {
        let mut tx = self.settle(job).await?;
        match job.kind {
            JobKind::Email => self.tell_undelivered(&mut tx, job, reason).await?,
            JobKind::Mail => self.tell_not_shown(&mut tx, job, reason).await?,
            JobKind::Event => self.tell_not_worked(&mut tx, job, reason).await?,
            JobKind::Notice | JobKind::Direct => {}
        }
        Self::end_failed(tx, job, reason, self.now()).await
    }

    /// The same without a word to anybody.
    pub async fn give_up_in_silence(&self, job: &Job, reason: &str) -> Result<(), StoreError> {
        let tx = self.settle(job).await?;
        Self::end_failed(tx, job, reason, self.now()).await
    }

    async fn end_failed(mut tx: Tx, job: &Job, reason: &str, now: Timestamp) -> Result<(), StoreError> {
        tx.finish_job(job.id, JobState::Failed, Some(reason), now).await?;
        tx.commit().await?;
        metrics::counter!("penpal_jobs_failed_total", "kind" => job.kind.as_str()).increment(1);
        Ok(())
    }

    /// A place among those that are heavy, kept until it is dropped. Not by waiting for one: that would keep a worker from
    /// those who only write.
    fn place<'a>(&self, places: &'a Semaphore) -> Result<SemaphorePermit<'a>, Failure> {
        places
            .try_acquire()
            .map_err(|_| Failure::Later(self.now() + HEAVY_PAUSE))
    }

    /// The transaction in which a job's outcome is written, refused when another process has taken the job over.
    async fn settle(&self, job: &Job) -> Result<Tx, StoreError> {
        let mut tx = self.store.begin_work().await?;
        tx.assert_lease(job, &self.owner).await?;
        Ok(tx)
    }

    /// Marks a job as done and commits.
    async fn finish(&self, tx: Tx, job: &Job) -> Result<(), Failure> {
        Ok(tx.commit_end(job, &self.owner, self.now()).await?)
    }

    /// The transaction ID under which a job sends its event number `part`: the same in every attempt, and never that
    /// of another store, because homeservers remember them.
    fn txn_id(&self, job: i64, part: usize) -> String {
        format!("{}-{job}-{part}", self.instance)
    }

    /// True when Penpal may act for a human: double puppeting, and a user of the own homeserver.
    fn acts_for(&self, user: &UserId) -> bool {
        self.settings.double_puppet
            && user.server_name() == self.settings.namespace.server_name()
            && !self.settings.namespace.is_ours(user)
    }
}

/// Eight random bytes in hexadecimal.
fn random_word(random: &dyn Random) -> String {
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    data_encoding::HEXLOWER.encode(&bytes)
}
