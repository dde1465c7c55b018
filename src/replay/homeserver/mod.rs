//! A homeserver in memory: deterministic, complete enough for everything that Penpal asks of one, and
//! able to fail by script. Replays and integration tests run the whole bridge against it.
//!
//! It keeps to what Synapse does where that surprises: a puppet that was never registered may do
//! nothing, nothing is pushed between an invite and the join, an event is pushed as it is at the time
//! of the push (so a redacted one comes empty), the same transaction ID sends once.
//!
//! - [`MemoryHomeserver`] itself answers the requests ([`crate::matrix::Homeserver`]) and remembers
//!   each as a [`HomeserverRequest`];
//! - the `user_…` functions are what people do: each changes the rooms and gives the event that is
//!   pushed for it, if one is.

mod people;
mod port;
mod room;
mod world;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ruma::{OwnedMxcUri, OwnedRoomId, OwnedUserId, RoomId, UserId};
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use crate::matrix::{MatrixError, Media};
use crate::model::{Clock, PuppetNamespace, RoomEvent, Timestamp};

pub use people::RoomOptions;
use room::Room;
use world::World;

/// A request that was made of the homeserver.
#[derive(Clone, Debug, PartialEq)]
pub struct HomeserverRequest {
    /// Which: the name of the function of [`crate::matrix::Homeserver`].
    pub name: &'static str,
    /// As whom.
    pub user: Option<OwnedUserId>,
    /// In which room.
    pub room: Option<OwnedRoomId>,
    /// When, by the clock.
    pub at: Timestamp,
    /// Everything else by name: the arguments, and what the homeserver made (`event_id`, `room_id`, `uri`).
    pub details: Map<String, Value>,
    /// How it ended, when it failed.
    pub error: Option<MatrixError>,
}

impl HomeserverRequest {
    /// An argument or result by its name; `null` when there is none.
    pub fn detail(&self, name: &str) -> &Value {
        self.details.get(name).unwrap_or(&Value::Null)
    }
}

/// Requests that are to fail.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// Which: the name of the function of [`crate::matrix::Homeserver`].
    pub request: &'static str,
    /// Only in this room.
    pub room: Option<OwnedRoomId>,
    /// How many of them go well before.
    pub spared: u32,
    /// How often.
    pub times: u32,
    /// What the bridge gets to see.
    pub error: MatrixError,
    /// True when the request is carried out all the same and only its answer is lost.
    pub carried_out: bool,
}

/// What another client does between two requests of the bridge.
struct Meanwhile {
    /// After the next request with this name, as this user.
    request: &'static str,
    user: OwnedUserId,
    /// Which account data it sets.
    kind: &'static str,
    content: Map<String, Value>,
}

/// A room that takes its time.
struct SlowRoom {
    asked_for: oneshot::Sender<()>,
    go_on: oneshot::Receiver<()>,
}

/// A homeserver in memory.
pub struct MemoryHomeserver {
    world: Mutex<World>,
    slow_room: Mutex<Option<SlowRoom>>,
}

impl MemoryHomeserver {
    /// An empty homeserver with one appservice, to which the users of `namespace` belong.
    pub fn new(namespace: PuppetNamespace, clock: Arc<dyn Clock>) -> Self {
        Self {
            world: Mutex::new(World::new(namespace, clock)),
            slow_room: Mutex::default(),
        }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All requests so far, in order.
    pub fn requests(&self) -> Vec<HomeserverRequest> {
        self.world().requests.clone()
    }

    /// All requests with this name, in order.
    pub fn requests_named(&self, name: &str) -> Vec<HomeserverRequest> {
        let world = self.world();
        world
            .requests
            .iter()
            .filter(|request| request.name == name)
            .cloned()
            .collect()
    }

    /// Takes the requests out, so that the next call gives only later ones.
    pub fn take_requests(&self) -> Vec<HomeserverRequest> {
        std::mem::take(&mut self.world().requests)
    }

    /// Lets the next request with this name fail, in whatever room.
    pub fn fail_next(&self, request: &'static str, error: MatrixError) {
        self.fail(Failure {
            request,
            room: None,
            spared: 0,
            times: 1,
            error,
            carried_out: false,
        });
    }

    /// Lets requests fail; failures are used up in the order in which they were given.
    pub fn fail(&self, failure: Failure) {
        self.world().failures.push(failure);
    }

    /// Lets Penpal meet a defect, a panic, whenever it uploads a file of one of these names.
    pub fn break_uploads(&self, names: &[&str]) {
        self.world().defects = names.iter().map(|name| (*name).to_owned()).collect();
    }

    /// Lets the next room take its time: says when it is asked for, and makes it when it is told to go on.
    pub fn slow_next_room(&self) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        let (asked_for, asking) = oneshot::channel();
        let (let_go_on, go_on) = oneshot::channel();
        *self.slow_room.lock().unwrap_or_else(PoisonError::into_inner) = Some(SlowRoom { asked_for, go_on });
        (asking, let_go_on)
    }

    async fn take_time_for_room(&self) {
        let slow = self
            .slow_room
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(slow) = slow {
            let _nobody_listens = slow.asked_for.send(());
            let _nobody_tells = slow.go_on.await;
        }
    }

    /// The events that the homeserver has to push since the last call, as they are now, in order: those of
    /// people, and the echoes of what puppets did.
    pub fn take_pushed(&self) -> Vec<Value> {
        let mut world = self.world();
        let pushed = std::mem::take(&mut world.pushed);
        pushed
            .iter()
            .filter_map(|(room, event)| world.rooms.get(room)?.event(event.as_str()).cloned())
            .collect()
    }

    /// The body of a transaction with [`MemoryHomeserver::take_pushed`]; `None` when there is nothing.
    pub fn take_transaction(&self) -> Option<Value> {
        let events = self.take_pushed();
        (!events.is_empty()).then(|| json!({"events": events}))
    }

    /// Takes over an event that another homeserver made: one of a recording, as it is delivered, or one
    /// that it did not push. Events that are known already, or are no events, change nothing.
    pub fn record(&self, event: &Value) {
        let Ok(parsed) = RoomEvent::from_json(event) else {
            return;
        };
        let mut world = self.world();
        for membership in parsed.invite_state.iter().chain([event]) {
            world.learn_name(membership);
        }
        let member = parsed
            .state_key
            .as_deref()
            .filter(|_| parsed.event_type == "m.room.member");
        let joins = parsed.text("membership") == Some("join");
        if let Some(user) = member.and_then(|user| <&UserId>::try_from(user).ok()) {
            let known = world
                .rooms
                .get(&parsed.room_id)
                .and_then(|room| room.membership(user));
            // The recording's own service joined everywhere; where the bridge under test has left or
            // declined, its puppets stay out.
            if joins && known == Some("leave") && world.namespace.is_ours(user) {
                return;
            }
        }
        world
            .rooms
            .entry(parsed.room_id.clone())
            .or_insert_with(|| Room::new(parsed.room_id.clone()))
            .add(event.clone());
    }

    /// The membership of a user in a room.
    pub fn membership(&self, room: &RoomId, user: &UserId) -> Option<String> {
        let world = self.world();
        Some(world.rooms.get(room)?.membership(user)?.to_owned())
    }

    /// The contents of the messages that a user has sent into a room, oldest first.
    pub fn messages(&self, room: &RoomId, user: &UserId) -> Vec<Value> {
        let world = self.world();
        let Some(room) = world.rooms.get(room) else {
            return Vec::new();
        };
        room.timeline()
            .iter()
            .filter(|event| event["type"] == "m.room.message" && event["sender"] == user.as_str())
            .map(|event| event["content"].clone())
            .collect()
    }

    /// The display name of a user.
    pub fn display_name(&self, user: &UserId) -> Option<String> {
        self.world().users.get(user)?.display_name.clone()
    }

    /// Account data of a user, which nobody is pushed.
    pub fn account_data_of(&self, user: &UserId, kind: &str) -> Option<Map<String, Value>> {
        self.world().users.get(user)?.account_data.get(kind).cloned()
    }

    /// Sets account data as another client of the user would.
    pub fn user_sets_account_data(&self, user: &UserId, kind: &str, content: Map<String, Value>) {
        let mut world = self.world();
        let data = &mut world.users.entry(user.to_owned()).or_default().account_data;
        data.insert(kind.to_owned(), content);
    }

    /// Lets another client of the user set account data right after the next request with this name, before the bridge
    /// makes its next one.
    pub fn user_sets_account_data_after(
        &self,
        request: &'static str,
        user: &UserId,
        kind: &'static str,
        content: Map<String, Value>,
    ) {
        self.world().meanwhile.push(Meanwhile {
            request,
            user: user.to_owned(),
            kind,
            content,
        });
    }

    /// Keeps media for downloads.
    pub fn add_media(&self, uri: OwnedMxcUri, media: Media) {
        self.world().media.insert(uri, media);
    }
}
