//! A recording happens again: each transaction at its own time on a virtual clock, and between them
//! everything that is due.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;

use super::homeserver::MemoryHomeserver;
use super::mail::MemoryMail;
use super::recording::{Exchange, Recording};
use super::render::{render_mail, render_request, render_time};
use crate::bridge::{Bridge, BridgeSettings, OpenError};
use crate::convert::address::{AddressBook, AddressScheme};
use crate::matrix::{Homeserver, MatrixError};
use crate::model::{AddressError, Clock, ManualClock, PuppetNamespace, SeededRandom, Timestamp};
use crate::store::{JobState, Store, StoreError};
use crate::worker::Worker;

/// The seed of reply tokens and jitter.
const SEED: u64 = 1;

/// Times at which work was due, at most: a replay ends, whatever the bridge plans.
const MOST_STEPS: usize = 1_000_000;

/// Failed jobs that are listed at the end.
const MOST_FAILED: i64 = 1_000;

/// Why a replay could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The temporary folder for the store can't be made.
    #[error("no temporary folder can be made: {0}")]
    Folder(#[from] std::io::Error),
    /// The body of a transaction is not JSON.
    #[error("transaction {txn_id}: the body is not JSON: {error}")]
    Body {
        /// Which transaction.
        txn_id: String,
        /// Where it is wrong.
        error: serde_json::Error,
    },
    /// The store is in trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bridge can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The bridge could not answer a question of the homeserver.
    #[error("{path}: {reason}")]
    Query {
        /// What was asked.
        path: String,
        /// Why there is no answer.
        reason: String,
    },
    /// The homeserver in memory refused what it must not.
    #[error(transparent)]
    Matrix(#[from] MatrixError),
    /// The server name makes no mail domain.
    #[error("the homeserver's name makes no mail domain: {0}")]
    Domain(#[from] AddressError),
    /// Work stays due and is never done.
    #[error("at {0} work is due that never ends: this is a defect of Penpal")]
    Stuck(String),
}

/// The bridge and everything around it.
struct Replay<'a> {
    recording: &'a Recording,
    bridge: Arc<Bridge>,
    worker: Worker,
    homeserver: Arc<MemoryHomeserver>,
    mail: Arc<MemoryMail>,
    clock: Arc<ManualClock>,
    outcome: Outcome,
    /// Holds the store's file.
    _folder: TempDir,
}

/// What came out so far.
#[derive(Default)]
struct Outcome {
    text: String,
    /// The time under whose heading we are.
    at: Option<Timestamp>,
}

impl Outcome {
    fn add(&mut self, at: Timestamp, text: &str) {
        if self.at != Some(at) {
            self.at = Some(at);
            let _written = write!(self.text, "\n== {}\n", render_time(at));
        }
        self.text.push('\n');
        self.text.push_str(text);
    }
}

/// Replays a recording and gives what came out: every homeserver request and every email, in order.
/// `progress` is called after each exchange.
pub async fn replay(recording: &Recording, progress: &mut dyn FnMut()) -> Result<String, ReplayError> {
    let mut replay = Replay::open(recording).await?;
    for exchange in &recording.exchanges {
        match exchange {
            Exchange::Transaction { txn_id, at, body } => replay.transaction(txn_id, *at, body).await?,
            Exchange::Query { method, path, .. } => replay.query(method, path).await?,
        }
        progress();
    }
    replay.work_until(None).await?;
    replay.finish().await
}

impl<'a> Replay<'a> {
    async fn open(recording: &'a Recording) -> Result<Self, ReplayError> {
        let context = &recording.context;
        let start = recording.exchanges.iter().find_map(|exchange| match exchange {
            Exchange::Transaction { at, body, .. } => {
                at.or_else(|| latest(&serde_json::from_str(body).ok()?))
            }
            Exchange::Query { .. } => None,
        });
        let clock = Arc::new(ManualClock::new(start.unwrap_or_default()));
        let homeserver = Arc::new(MemoryHomeserver::new(
            context.namespace.clone(),
            Arc::<ManualClock>::clone(&clock),
        ));
        for user in &context.users {
            homeserver.add_user(user, user.localpart());
        }
        for (uri, media) in &context.media {
            homeserver.add_media(uri.clone(), media.clone());
        }
        // As at every start.
        homeserver.register(context.namespace.bot()).await?;
        homeserver.take_requests();
        let mail = Arc::new(MemoryMail::new(Arc::<ManualClock>::clone(&clock)));
        let folder = tempfile::tempdir()?;
        let store = Store::connect(&format!("sqlite:{}", folder.path().join("replay.db").display())).await?;
        let bridge = Bridge::open(
            store,
            Arc::<MemoryHomeserver>::clone(&homeserver),
            Arc::<MemoryMail>::clone(&mail),
            Arc::<ManualClock>::clone(&clock),
            Arc::new(SeededRandom::new(SEED)),
            settings(&context.namespace)?,
        )
        .await?;
        let bridge = Arc::new(bridge);
        Ok(Self {
            recording,
            worker: Worker::new(Arc::clone(&bridge)),
            bridge,
            homeserver,
            mail,
            clock,
            outcome: Outcome {
                text: format!("# {}\n", recording.name),
                at: None,
            },
            _folder: folder,
        })
    }

    /// A transaction arrives, if it is not known when, at the time of its latest event.
    async fn transaction(
        &mut self,
        txn_id: &str,
        at: Option<Timestamp>,
        body: &str,
    ) -> Result<(), ReplayError> {
        let body: Value = serde_json::from_str(body).map_err(|error| ReplayError::Body {
            txn_id: txn_id.to_owned(),
            error,
        })?;
        if let Some(time) = at.or_else(|| latest(&body)) {
            self.work_until(Some(time)).await?;
            self.clock.advance_to(time);
        }
        for event in body.get("events").and_then(Value::as_array).into_iter().flatten() {
            self.homeserver.record(event);
            for message in self.recording.unpushed_after(event) {
                self.homeserver.record(&message);
            }
        }
        self.bridge.accept_transaction(txn_id, &body).await?;
        self.work().await?;
        Ok(())
    }

    /// Another request of the homeserver. Only whether a user exists is for the bridge to know.
    async fn query(&mut self, method: &str, path: &str) -> Result<(), ReplayError> {
        let Some(user) = path.strip_prefix("/_matrix/app/v1/users/") else {
            return Ok(());
        };
        let user = percent_decoded(user);
        let exists = self.bridge.query_user(&user).await;
        let exists = exists.map_err(|error| ReplayError::Query {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        let status = if exists { 200 } else { 404 };
        self.outcome.add(
            self.clock.now(),
            &format!("{method} {path}\n    answer: {status}\n"),
        );
        self.work().await?;
        Ok(())
    }

    /// Works everything that is due up to a time, or until nothing waits, each at its time.
    async fn work_until(&mut self, end: Option<Timestamp>) -> Result<(), ReplayError> {
        for _ in 0..MOST_STEPS {
            let due = match self.worker.next_due().await? {
                Some(due) if end.is_none_or(|end| due < end) => due,
                _ => return Ok(()),
            };
            let late = due <= self.clock.now();
            self.clock.advance_to(due);
            if self.work().await? == 0 && late {
                break;
            }
        }
        Err(ReplayError::Stuck(render_time(self.clock.now())))
    }

    /// Works what is due now and notes what came out.
    async fn work(&mut self) -> Result<usize, ReplayError> {
        let begun = self.worker.run_due().await?;
        let now = self.clock.now();
        for request in self.homeserver.take_requests() {
            self.outcome.add(now, &render_request(&request));
        }
        for mail in self.mail.take_sent() {
            self.outcome.add(now, &render_mail(&mail));
        }
        // The recording pushes; what this homeserver would push is not needed.
        self.homeserver.take_pushed();
        Ok(begun)
    }

    /// Adds what was given up, and ends.
    async fn finish(mut self) -> Result<String, ReplayError> {
        let store = self.bridge.store();
        let mut tx = store.read().await?;
        let failed = tx.list_jobs(JobState::Failed, 0, MOST_FAILED).await?;
        drop(tx);
        store.close().await;
        let now = self.clock.now();
        for job in failed {
            let error = job.error.unwrap_or_default();
            let text = format!("given up: {} in {}\n    {error}\n", job.kind, job.lane);
            self.outcome.add(now, &text);
        }
        Ok(self.outcome.text)
    }
}

/// Penpal's defaults, with a mail domain made from the homeserver's name.
fn settings(namespace: &PuppetNamespace) -> Result<BridgeSettings, AddressError> {
    let server_name = namespace.server_name();
    let domain = format!("mail.{}", server_name.host());
    let addresses = AddressBook::new(&domain, AddressScheme::Plus, server_name.to_owned())?;
    Ok(BridgeSettings::new(namespace.clone(), addresses))
}

/// When a transaction was sent: the time of its latest event or receipt. Nothing else in it has a time.
fn latest(body: &Value) -> Option<Timestamp> {
    let list = |field| body.get(field).and_then(Value::as_array).into_iter().flatten();
    let events = list("events").filter_map(|event| event.get("origin_server_ts")?.as_i64());
    let receipts = list("ephemeral")
        .filter(|event| event.get("type").is_some_and(|kind| kind == "m.receipt"))
        .flat_map(receipt_times);
    events.chain(receipts).max().map(Timestamp)
}

/// The times in a receipt's content: by event, type and user.
fn receipt_times(receipt: &Value) -> impl Iterator<Item = i64> {
    let values = |value: &Value| {
        value
            .as_object()
            .into_iter()
            .flatten()
            .map(|(_, value)| value.clone())
            .collect::<Vec<_>>()
    };
    let by_event = receipt.get("content").map(values).unwrap_or_default();
    by_event
        .into_iter()
        .flat_map(move |types| values(&types).into_iter().flat_map(move |users| values(&users)))
        .filter_map(|user| user.get("ts")?.as_i64())
}

/// A path segment decoded (RFC 3986, section 2.1); what is not UTF-8 then is no user ID, and is kept as it came.
pub(super) fn percent_decoded(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        let escaped = (byte == b'%').then(|| {
            let mut ahead = rest.clone();
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let value = digit(ahead.next())? * 16 + digit(ahead.next())?;
            rest = ahead;
            u8::try_from(value).ok()
        });
        bytes.push(escaped.flatten().unwrap_or(byte));
    }
    String::from_utf8(bytes).unwrap_or_else(|_| segment.to_owned())
}
