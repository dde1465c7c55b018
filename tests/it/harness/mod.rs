//! A whole Penpal in memory, but for its database: people who chat, people who mail, and a clock that they move.

mod database;
mod dns;
mod imap;
mod letter;
mod mail;
mod signature;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use penpal::bridge::{Bridge, BridgeSettings, Level, Permissions};
use penpal::convert::address::{AddressBook, AddressScheme};
use penpal::mail::Inbound;
use penpal::matrix::MatrixError;
use penpal::model::{
    Clock, IncomingMail, ManualClock, Peer, PuppetNamespace, Refusal, SeededRandom, Spool, Timestamp,
    UserPattern, Verdict,
};
use penpal::replay::homeserver::{MemoryHomeserver, RoomOptions};
use penpal::replay::mail::MemoryMail;
use penpal::store::{JobState, JobSummary, Strangers};
use penpal::worker::Worker;
use ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId, owned_user_id};
use serde_json::{Value, json};

pub use database::Database;
pub use dns::{Dns, Mood};
pub use imap::{ImapServer, PASSWORD, Trouble};
pub use letter::Letter;
pub use mail::ReceivedMail;
pub use signature::{SIGNED, Signer, crlf, sign_with_rsa};

/// Runs a story on SQLite and on PostgreSQL.
#[macro_export]
macro_rules! stories {
    ($($(#[$meta:meta])* async fn $name:ident($world:ident: World) $body:block)*) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn story($world: World) $body

            #[tokio::test]
            async fn sqlite() {
                story(World::on($crate::harness::Database::sqlite().await, |_| {}).await).await;
            }

            #[tokio::test]
            async fn postgres() {
                let test = concat!(module_path!(), stringify!($name));
                if let Some(database) = $crate::harness::Database::postgres(test).await {
                    story(World::on(database, |_| {}).await).await;
                }
            }
        }
    )*};
}

/// Everything that a story plays in. `lab.test` is the homeserver, `mail.lab.test` the mail domain.
pub struct World {
    pub homeserver: Arc<MemoryHomeserver>,
    pub relay: Arc<MemoryMail>,
    pub clock: Arc<ManualClock>,
    pub bridge: Arc<Bridge>,
    pub worker: Worker,
    pub database: Database,
    pub settings: BridgeSettings,
    transactions: AtomicU64,
}

/// How often Penpal was started: no two runs draw the same tokens.
static RUNS: AtomicU64 = AtomicU64::new(1);

/// 21 November 2026, 12:00 UTC.
const START: Timestamp = Timestamp(1_795_262_400_000);

impl World {
    /// A world with Bob and Carol, on this database, with settings changed by `change`.
    pub async fn on(database: Database, change: impl FnOnce(&mut BridgeSettings)) -> Self {
        let mut settings = settings();
        change(&mut settings);
        let clock = Arc::new(ManualClock::new(START));
        let homeserver = Arc::new(MemoryHomeserver::new(settings.namespace.clone(), clock.clone()));
        homeserver.add_user(&bob(), "Bob");
        homeserver.add_user(&carol(), "Carol");
        let relay = Arc::new(MemoryMail::new(clock.clone()));
        let bridge = open(&database, &homeserver, &relay, &clock, &settings).await;
        penpal::matrix::Homeserver::register(&*homeserver, settings.namespace.bot())
            .await
            .unwrap();
        homeserver.take_requests();
        let worker = Worker::new(Arc::clone(&bridge));
        Self {
            homeserver,
            relay,
            clock,
            bridge,
            worker,
            database,
            settings,
            transactions: AtomicU64::new(0),
        }
    }

    /// Penpal is stopped, its configuration changed, and started again on the same database.
    pub async fn reconfigured(mut self, change: impl FnOnce(&mut BridgeSettings)) -> Self {
        change(&mut self.settings);
        self.restart().await;
        self
    }

    /// Penpal is stopped and started again on the same database.
    pub async fn restart(&mut self) {
        self.bridge = open(
            &self.database,
            &self.homeserver,
            &self.relay,
            &self.clock,
            &self.settings,
        )
        .await;
        self.worker = Worker::new(Arc::clone(&self.bridge));
    }

    /// Another process on the same database, with a clock that is ahead of this one.
    pub async fn neighbour(&self, ahead: Duration) -> (Arc<Bridge>, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new(self.clock.now() + ahead));
        let bridge = open(
            &self.database,
            &self.homeserver,
            &self.relay,
            &clock,
            &self.settings,
        )
        .await;
        (bridge, clock)
    }

    /// The homeserver sends a transaction with these events.
    pub async fn push(&self, events: impl IntoIterator<Item = Value>) {
        let events: Vec<Value> = events.into_iter().collect();
        self.transaction(&json!({"events": events})).await;
    }

    /// The homeserver sends a transaction.
    pub async fn transaction(&self, body: &Value) {
        let txn_id = self.transactions.fetch_add(1, Ordering::SeqCst).to_string();
        self.bridge.accept_transaction(&txn_id, body).await.unwrap();
    }

    /// The homeserver tells who types in a room now.
    pub async fn types(&self, room: &RoomId, users: &[OwnedUserId]) {
        let typing = json!({"type": "m.typing", "room_id": room, "content": {"user_ids": users}});
        self.transaction(&json!({"events": [], "ephemeral": [typing]}))
            .await;
    }

    /// Everything that is due now happens, and what the homeserver pushes because of it; the clock stands still.
    pub async fn work(&self) {
        for _ in 0..100 {
            if let Some(body) = self.homeserver.take_transaction() {
                self.transaction(&body).await;
            }
            if self.worker.run_due().await.unwrap() == 0 {
                return;
            }
        }
        panic!("the bridge does not come to rest");
    }

    /// Time passes until nothing waits any more.
    pub async fn settle(&self) {
        for _ in 0..200 {
            self.work().await;
            match self.worker.next_due().await.unwrap() {
                Some(due) => self.clock.advance_to(due),
                None => return,
            }
        }
        panic!("there is always something waiting");
    }

    /// Time passes, and what is due meanwhile happens.
    pub async fn wait(&self, duration: Duration) {
        let until = self.clock.now() + duration;
        self.work().await;
        while let Some(due) = self.worker.next_due().await.unwrap().filter(|due| *due <= until) {
            self.clock.advance_to(due);
            self.work().await;
        }
        self.clock.advance_to(until);
        self.work().await;
    }

    /// Bob opens a direct chat with Alice, and all that follows from it has happened.
    pub async fn bob_opens_chat(&self) -> OwnedRoomId {
        self.opens_chat(&bob(), &alice(), &RoomOptions::default()).await
    }

    /// A user opens a chat with somebody, and all that follows from it has happened.
    pub async fn opens_chat(&self, user: &UserId, whom: &UserId, options: &RoomOptions<'_>) -> OwnedRoomId {
        let (room, _) = self.homeserver.user_creates_room(user, &[whom], options);
        self.settle().await;
        room
    }

    /// A user writes, and the homeserver pushes it. Gives the event's ID.
    pub async fn says(&self, user: &UserId, room: &RoomId, text: &str) -> String {
        self.sends(user, room, json!({"msgtype": "m.text", "body": text}))
            .await
    }

    /// A user sends a message with this content, and the homeserver pushes it. Gives the event's ID.
    pub async fn sends(&self, user: &UserId, room: &RoomId, content: Value) -> String {
        let event = self
            .homeserver
            .user_sends(room, user, content)
            .expect("the puppet is not in the room");
        self.work().await;
        event["event_id"].as_str().unwrap().to_owned()
    }

    /// A mail server in front delivers a mail. Gives the answer to each recipient.
    pub async fn receives(&self, sender: &str, recipients: &[&str], mail: &str) -> Vec<Result<(), Refusal>> {
        let mut allowed = Vec::new();
        let mut answers = Vec::new();
        for recipient in recipients {
            match self.bridge.check_recipient(sender, recipient).await {
                Ok(()) => allowed.push((*recipient).to_owned()),
                Err(refusal) => answers.push(Err(refusal)),
            }
        }
        if !allowed.is_empty() {
            let mail = mail.replace("\r\n", "\n").replace('\n', "\r\n");
            let mut spool = Spool::new(std::env::temp_dir().into());
            spool.write(mail.as_bytes()).unwrap();
            let bytes = spool.finish().unwrap();
            let mut mail = IncomingMail::new(Peer::default(), sender.to_owned(), allowed, bytes);
            mail.verdict = Verdict::Unchecked;
            answers.extend(self.bridge.accept(&mail).await);
        }
        answers
    }

    /// A mail that is taken, and all that follows from it has happened.
    pub async fn receives_gladly(&self, sender: &str, recipient: &str, mail: &str) {
        assert_eq!(self.receives(sender, &[recipient], mail).await, [Ok(())]);
        self.settle().await;
    }

    /// A letter by Alice that is taken, and all that follows from it has happened.
    pub async fn alice_mails(&self, recipient: &str, letter: &Letter) {
        self.receives_gladly("alice@example.org", recipient, &letter.to_string())
            .await;
    }

    /// A letter by Alice that is refused; gives the reply code and the enhanced code.
    pub async fn alice_is_refused(&self, recipient: &str, letter: &Letter) -> (u16, &'static str) {
        let answers = self
            .receives("alice@example.org", &[recipient], &letter.to_string())
            .await;
        let [Err(refusal)] = answers.as_slice() else {
            panic!("it was taken: {answers:?}")
        };
        (refusal.code, refusal.enhanced)
    }

    /// Bob opens a chat with Alice and writes; gives the room and the mail that reaches Alice.
    pub async fn bob_writes(&self, text: &str) -> (OwnedRoomId, ReceivedMail) {
        let room = self.bob_opens_chat().await;
        self.says(&bob(), &room, text).await;
        self.settle().await;
        (room, self.mail())
    }

    /// Whether a recipient is refused before the mail is even sent.
    pub async fn bridge_refuses(&self, sender: &str, recipient: &str) -> bool {
        self.bridge.check_recipient(sender, recipient).await.is_err()
    }

    /// The next requests with this name fail, as when the homeserver is away.
    pub fn homeserver_is_away(&self, request: &'static str, times: usize) {
        for _ in 0..times {
            let reason = "connection refused".into();
            self.homeserver.fail_next(
                request,
                MatrixError::Transient {
                    retry_after: None,
                    reason,
                },
            );
        }
    }

    /// The rooms that puppets have created, oldest first.
    pub fn created_rooms(&self) -> Vec<OwnedRoomId> {
        let requests = self.homeserver.requests_named("create_room");
        requests
            .iter()
            .filter_map(|request| request.detail("room_id").as_str()?.try_into().ok())
            .collect()
    }

    /// The files that the homeserver has got, each as often as it was made there, oldest first.
    pub fn uploaded(&self) -> Vec<String> {
        let requests = self.homeserver.requests_named("upload");
        let uris = requests
            .iter()
            .filter_map(|request| request.detail("uri").as_str());
        uris.map(str::to_owned).collect()
    }

    /// The one room that a puppet has created.
    pub fn created_room(&self) -> OwnedRoomId {
        let mut rooms = self.created_rooms();
        assert_eq!(rooms.len(), 1, "one room was expected: {rooms:?}");
        rooms.remove(0)
    }

    /// Anybody may write first, whatever the admin would rather have.
    pub async fn open_to_strangers(self) -> Self {
        self.reconfigured(|settings| settings.strangers = Strangers::Anyone)
            .await
    }

    /// Users of all homeservers may write to anybody.
    pub async fn open_to_the_federation(self) -> Self {
        let everybody = UserPattern::parse("*").unwrap();
        self.reconfigured(|settings| settings.permissions = Permissions::new([(everybody, Level::User)]))
            .await
    }

    /// What the relay has taken since the last call.
    pub fn mails(&self) -> Vec<ReceivedMail> {
        self.relay.take_sent().iter().map(ReceivedMail::read).collect()
    }

    /// The one mail that the relay has taken since the last call.
    pub fn mail(&self) -> ReceivedMail {
        let mut mails = self.mails();
        assert_eq!(mails.len(), 1, "one mail was expected: {mails:#?}");
        mails.remove(0)
    }

    /// The bodies of what a user has sent into a room, oldest first.
    pub fn said(&self, room: &RoomId, user: &UserId) -> Vec<String> {
        let contents = self.homeserver.messages(room, user);
        contents
            .iter()
            .map(|content| content["body"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// `m.direct` of a user.
    pub fn direct(&self, user: &UserId) -> Value {
        self.homeserver
            .account_data_of(user, "m.direct")
            .map_or(json!({}), Value::Object)
    }

    /// Jobs in a state.
    pub async fn jobs(&self, state: JobState) -> Vec<JobSummary> {
        self.database
            .store
            .read()
            .await
            .unwrap()
            .list_jobs(state, 0, 1000)
            .await
            .unwrap()
    }
}

async fn open(
    database: &Database,
    homeserver: &Arc<MemoryHomeserver>,
    relay: &Arc<MemoryMail>,
    clock: &Arc<ManualClock>,
    settings: &BridgeSettings,
) -> Arc<Bridge> {
    let bridge = Bridge::open(
        database.store.clone(),
        homeserver.clone(),
        relay.clone(),
        clock.clone(),
        Arc::new(SeededRandom::new(RUNS.fetch_add(1, Ordering::SeqCst))),
        settings.clone(),
    );
    Arc::new(bridge.await.unwrap())
}

fn settings() -> BridgeSettings {
    let server_name = ruma::OwnedServerName::try_from("lab.test").unwrap();
    let namespace = PuppetNamespace::new("_email_", server_name.clone(), "penpal").unwrap();
    let addresses = AddressBook::new("mail.lab.test", AddressScheme::Plus, server_name).unwrap();
    BridgeSettings::new(namespace, addresses)
}

/// `@bob:lab.test`.
pub fn bob() -> OwnedUserId {
    owned_user_id!("@bob:lab.test")
}

/// `@carol:lab.test`.
pub fn carol() -> OwnedUserId {
    owned_user_id!("@carol:lab.test")
}

/// The puppet of `alice@example.org`.
pub fn alice() -> OwnedUserId {
    owned_user_id!("@_email_alice=40example.org:lab.test")
}

/// The puppet of `erin@example.net`.
pub fn erin() -> OwnedUserId {
    owned_user_id!("@_email_erin=40example.net:lab.test")
}
