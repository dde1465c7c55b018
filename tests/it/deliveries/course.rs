//! Recordings on their way into a Penpal, step by step.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use penpal::mail::SendError;
use penpal::matrix::MatrixError;
use penpal::model::Clock as _;
use penpal::replay::homeserver::Failure;
use penpal::replay::recording::Recording;
use penpal::store::JobState;
use proptest::sample::Index;
use ruma::{RoomId, UserId};
use serde_json::{Value, json};

use super::stream::{Stream, events};
use crate::harness::{Database, World};

/// Events in a transaction at most, as Synapse has it.
const LARGEST: usize = 100;

/// Requests to the homeserver whose answers may get lost. Not those for files: words do not wait long for a file.
pub const REQUESTS: &[&str] = &[
    "register",
    "set_display_name",
    "join",
    "leave",
    "send",
    "members",
    "state",
    "history",
    "set_account_data",
    "account_data",
];

/// What happens next.
#[derive(Clone, Debug)]
pub enum Step {
    /// The next transactions of a recording come. The process dies while it accepts the first of them, after so many steps, and is started again.
    Deliver {
        whose: usize,
        many: usize,
        dies: Option<usize>,
    },
    /// An outage is over: what has happened comes at once, without what is ephemeral.
    Backlog { whose: usize, many: usize },
    /// A transaction comes again: it was not answered in time, or the homeserver's database was restored.
    Again { which: Index, renumbered: bool },
    /// The last events come again, in one transaction with the next ones of a recording.
    Overlap { back: usize, whose: usize },
    /// The worker does what is due.
    Work,
    /// Seconds pass, and the worker does what is due meanwhile.
    Wait(u64),
    /// Seconds pass, and nobody works.
    Pause(u64),
    /// Penpal is stopped and started.
    Restart,
    /// Penpal dies at work, after so many steps, and is started.
    Die(usize),
    /// The homeserver does the next request of this name, and its answer gets lost.
    AnswerLost(&'static str),
    /// The relay takes the next email, and its answer gets lost.
    MailAnswerLost,
}

/// A Penpal to which recordings are delivered.
pub struct Course<'a> {
    pub world: World,
    streams: Vec<Stream<'a>>,
    /// What was delivered.
    past: Vec<(String, Value)>,
    /// Requests whose answers got lost.
    lost: BTreeSet<&'static str>,
}

impl<'a> Course<'a> {
    /// Nothing is delivered yet.
    pub async fn begin(recordings: &[&'a Recording], database: Database) -> Self {
        let namespace = recordings[0].context.namespace.clone();
        let world = World::on(database, |settings| {
            settings.namespace = namespace;
        })
        .await;
        for recording in recordings {
            for user in &recording.context.users {
                world.homeserver.add_user(user, user.localpart());
            }
            for (uri, media) in &recording.context.media {
                world.homeserver.add_media(uri.clone(), media.clone());
            }
        }
        Self {
            world,
            streams: recordings.iter().copied().map(Stream::of).collect(),
            past: Vec::new(),
            lost: BTreeSet::new(),
        }
    }

    /// Takes the steps again and again until everything is delivered.
    pub async fn run(&mut self, steps: &[Step]) {
        while self.streams.iter().any(|stream| stream.waiting.len() > 0) {
            for step in steps {
                Box::pin(self.take(step)).await;
            }
        }
    }

    /// Lets happen what is left to happen; afterwards everything comes once more.
    pub async fn end(mut self) -> World {
        self.world.settle().await;
        for (number, (_, body)) in std::mem::take(&mut self.past).into_iter().enumerate() {
            self.accept(&format!("restored-{number}"), &body).await;
        }
        self.world.settle().await;
        self.world
    }

    async fn take(&mut self, step: &Step) {
        match step {
            Step::Deliver { whose, many, dies } => {
                for (txn_id, body) in self.next(*whose, *many).await {
                    if let Some(polls) = dies {
                        self.record(&body);
                        for_a_while(*polls, self.world.bridge.accept_transaction(&txn_id, &body)).await;
                        self.restart().await;
                    }
                    self.accept(&txn_id, &body).await;
                    self.past.push((txn_id, body));
                }
            }
            Step::Backlog { whose, many } => {
                let waiting = self.next(*whose, *many).await;
                let all: Vec<Value> = waiting
                    .iter()
                    .flat_map(|(_, body)| events(body))
                    .cloned()
                    .collect();
                self.deliver_events(&all).await;
            }
            Step::Again { which, renumbered } if !self.past.is_empty() => {
                let (txn_id, body) = which.get(&self.past).clone();
                let txn_id = if *renumbered {
                    format!("{txn_id}-again")
                } else {
                    txn_id
                };
                self.accept(&txn_id, &json!({"events": events(&body)})).await;
            }
            Step::Again { .. } => {}
            Step::Overlap { back, whose } => {
                let before = self.past.iter().skip(self.past.len().saturating_sub(*back));
                let mut all: Vec<Value> = before.flat_map(|(_, body)| events(body)).cloned().collect();
                for (_, body) in self.next(*whose, 1).await {
                    all.extend_from_slice(events(&body));
                }
                self.deliver_events(&all).await;
            }
            Step::Work => self.world.work().await,
            Step::Wait(seconds) => self.wait(Duration::from_secs(*seconds)).await,
            Step::Pause(seconds) => {
                if !self.is_in_haste() {
                    self.world
                        .clock
                        .advance_to(self.world.clock.now() + Duration::from_secs(*seconds));
                }
            }
            Step::Restart => self.restart().await,
            Step::Die(polls) => {
                for_a_while(*polls, Box::pin(self.world.worker.run_due())).await;
                self.restart().await;
            }
            Step::AnswerLost(request) => self.lose_answer(request),
            Step::MailAnswerLost => {
                let reply = "the connection broke".to_owned();
                self.world.relay.fail_next(SendError::Transient {
                    reply,
                    uncertain: true,
                });
            }
        }
    }

    /// Lets an answer of the homeserver get lost, once for each kind of request: after several attempts files are left out.
    fn lose_answer(&mut self, request: &'static str) {
        if self.lost.insert(request) {
            let reason = "the connection broke".to_owned();
            self.world.homeserver.fail(Failure {
                request,
                room: None,
                spared: 0,
                times: 1,
                error: MatrixError::Transient {
                    retry_after: None,
                    reason,
                },
                carried_out: true,
            });
        }
    }

    /// The next transactions of a recording; of the next one that has some left, if it has none.
    async fn next(&mut self, whose: usize, many: usize) -> Vec<(String, Value)> {
        let first = whose % self.streams.len();
        let (done, ahead) = self.streams.split_at_mut(first);
        let mut streams = ahead.iter_mut().chain(done);
        let Some(stream) = streams.find(|stream| stream.waiting.len() > 0) else {
            return Vec::new();
        };
        let next = stream.take(many);
        if stream.is_effect(&next[0].1) {
            self.reach(&next[0].1).await;
        }
        next
    }

    /// Penpal gets as far as it was when its puppets did something: homeservers push that afterwards. No time passes.
    async fn reach(&self, done: &Value) {
        // A puppet that has joined may not have gone further than that.
        let is_in = |event: &Value| {
            let [room, user] =
                ["room_id", "state_key"].map(|field| event[field].as_str().unwrap_or_default());
            let (room, user) = (<&RoomId>::try_from(room).unwrap(), UserId::parse(user));
            let now = user
                .ok()
                .and_then(|user| self.world.homeserver.membership(room, &user));
            event["content"]["membership"] == "join" && now.as_deref() == Some("join")
        };
        for _ in 0..50 {
            self.world.work().await;
            let mut left = self.world.jobs(JobState::Waiting).await;
            left.retain(|job| job.kind == "event");
            if left.is_empty() || events(done).iter().all(is_in) {
                return;
            }
            let now = self.world.clock.now();
            let mut tx = self.world.database.store.begin().await.unwrap();
            for job in left {
                tx.retry_job(job.id, now).await.unwrap();
            }
            tx.commit().await.unwrap();
        }
        panic!("Penpal does not get as far as it was when this came: {done}");
    }

    fn is_in_haste(&self) -> bool {
        self.streams.iter().any(Stream::is_in_haste)
    }

    async fn wait(&self, time: Duration) {
        if self.is_in_haste() {
            self.world.work().await;
        } else {
            self.world.wait(time).await;
        }
    }

    /// Delivers events in transactions of their own.
    async fn deliver_events(&mut self, events: &[Value]) {
        for events in events.chunks(LARGEST) {
            let txn_id = format!("whole-{}", self.past.len());
            let body = json!({"events": events});
            self.accept(&txn_id, &body).await;
            self.past.push((txn_id, body));
        }
    }

    /// A transaction comes and is answered.
    async fn accept(&self, txn_id: &str, body: &Value) {
        self.record(body);
        self.world.bridge.accept_transaction(txn_id, body).await.unwrap();
    }

    /// The homeserver knows what it sends.
    fn record(&self, body: &Value) {
        for event in events(body) {
            self.world.homeserver.record(event);
            for stream in &self.streams {
                for message in stream.recording.unpushed_after(event) {
                    self.world.homeserver.record(&message);
                }
            }
        }
    }

    /// Starts Penpal on the store that another one has left.
    async fn restart(&mut self) {
        self.world.restart().await;
        let mut tx = self.world.database.store.begin().await.unwrap();
        tx.end_all_leases().await.unwrap();
        tx.commit().await.unwrap();
    }
}

/// Lets something go on for so many steps, and drops it where it then is.
async fn for_a_while<T>(polls: usize, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        work.as_mut().poll(context).map(Some)
    })
    .await
}
