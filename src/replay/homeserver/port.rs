//! The requests of the bridge.

use std::time::Duration;

use async_trait::async_trait;
use ruma::{EventId, MxcUri, OwnedEventId, OwnedMxcUri, OwnedRoomId, RoomId, UserId};
use serde_json::{Map, Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;

use crate::matrix::{
    File, HistoryPage, Homeserver, MatrixError, Media, MediaStream, Member, NewRoom, Profile,
};
use crate::model::Timestamp;

use super::people::encryption;
use super::world::{Draft, World, refused};
use super::{HomeserverRequest, Meanwhile, MemoryHomeserver};

/// The arguments of a request, by name.
type Details = Map<String, Value>;

impl MemoryHomeserver {
    /// Carries out a request, unless a script wants it to fail, and remembers it.
    fn request<T>(
        &self,
        name: &'static str,
        user: Option<&UserId>,
        room: Option<&RoomId>,
        details: Value,
        work: impl FnOnce(&mut World, &mut Details) -> Result<T, MatrixError>,
    ) -> Result<T, MatrixError> {
        let mut world = self.world();
        let at = world.now();
        let mut details = match details {
            Value::Object(details) => details,
            _ => Details::new(),
        };
        let outcome = match world.scripted_failure(name, room) {
            Some((error, false)) => Err(error),
            Some((error, true)) => {
                // The request arrives, its answer does not.
                let _lost = work(&mut world, &mut details);
                Err(error)
            }
            None => world
                .may_act(name, user)
                .and_then(|()| work(&mut world, &mut details)),
        };
        world.let_others_act(name, user);
        world.requests.push(HomeserverRequest {
            name,
            user: user.map(ToOwned::to_owned),
            room: room.map(ToOwned::to_owned),
            at,
            details,
            error: outcome.as_ref().err().cloned(),
        });
        outcome
    }
}

impl World {
    /// Uses up a failure that fits, and says whether the request is carried out all the same.
    fn scripted_failure(&mut self, name: &str, room: Option<&RoomId>) -> Option<(MatrixError, bool)> {
        let failure = self.failures.iter_mut().find(|failure| {
            failure.times > 0
                && failure.request == name
                && (failure.room.is_none() || failure.room.as_deref() == room)
        })?;
        if let Some(left) = failure.spared.checked_sub(1) {
            failure.spared = left;
            return None;
        }
        failure.times -= 1;
        Some((failure.error.clone(), failure.carried_out))
    }

    fn media(&self, uri: &MxcUri) -> Result<Media, MatrixError> {
        let media = self.media.get(uri).cloned();
        media.ok_or_else(|| refused(404, "M_NOT_FOUND", "Media not found"))
    }

    /// What another client was to do after this request.
    fn let_others_act(&mut self, name: &str, user: Option<&UserId>) {
        let due = |other: &Meanwhile| other.request == name && Some(&*other.user) == user;
        if let Some(index) = self.meanwhile.iter().position(due) {
            let other = self.meanwhile.remove(index);
            let data = &mut self.users.entry(other.user).or_default().account_data;
            data.insert(other.kind.to_owned(), other.content);
        }
    }

    /// The appservice may act as its registered puppets, and as humans who allowed it.
    fn may_act(&self, name: &str, user: Option<&UserId>) -> Result<(), MatrixError> {
        let Some(user) = user else { return Ok(()) };
        let ours = self.namespace.is_ours(user);
        let allowed = match self.users.get(user) {
            Some(known) => ours || known.double_puppet,
            None => ours && name == "register",
        };
        if allowed {
            Ok(())
        } else {
            let message = format!("Application service has not registered this user ({user})");
            Err(refused(403, "M_FORBIDDEN", &message))
        }
    }
}

/// Media in one piece.
fn stream(media: Media) -> MediaStream {
    let (sender, chunks) = mpsc::channel(1);
    let length = u64::try_from(media.bytes.len()).ok();
    // The channel has room for the one piece, and its receiver is here.
    let _sent = sender.try_send(Ok(media.bytes.into()));
    MediaStream {
        content_type: media.content_type,
        length,
        chunks,
    }
}

#[async_trait]
impl Homeserver for MemoryHomeserver {
    async fn register(&self, user: &UserId) -> Result<(), MatrixError> {
        self.request("register", Some(user), None, json!({}), |world, _| {
            // Synapse gives a new user its local part as the display name.
            world
                .users
                .entry(user.to_owned())
                .or_insert_with(|| super::world::User {
                    display_name: Some(user.localpart().to_owned()),
                    ..Default::default()
                });
            Ok(())
        })
    }

    async fn set_display_name(&self, user: &UserId, name: &str) -> Result<(), MatrixError> {
        let details = json!({"display_name": name});
        self.request("set_display_name", Some(user), None, details, |world, _| {
            world.set_display_name(user, name);
            Ok(())
        })
    }

    async fn profile(&self, user: &UserId, of: &UserId) -> Result<Option<Profile>, MatrixError> {
        self.request("profile", Some(user), None, json!({"of": of}), |world, _| {
            Ok(world.users.get(of).map(|known| Profile {
                display_name: known.display_name.clone(),
            }))
        })
    }

    async fn join(&self, user: &UserId, room: &RoomId) -> Result<(), MatrixError> {
        self.request("join", Some(user), Some(room), json!({}), |world, _| {
            world.join(user, room)
        })
    }

    async fn leave(&self, user: &UserId, room: &RoomId, reason: Option<&str>) -> Result<(), MatrixError> {
        let details = json!({"reason": reason});
        self.request("leave", Some(user), Some(room), details, |world, _| {
            world.leave(user, room, reason)
        })
    }

    async fn create_room(&self, user: &UserId, room: &NewRoom) -> Result<OwnedRoomId, MatrixError> {
        self.take_time_for_room().await;
        let details = json!({"name": room.name, "invite": room.invite});
        self.request("create_room", Some(user), None, details, |world, details| {
            let creation = json!({"additional_creators": [room.invite]});
            let id = world.create_room(user, "12", creation);
            if let Some(name) = &room.name {
                world.post(&id, user, Draft::state("m.room.name", "", json!({"name": name})));
            }
            if world.encrypts_new_rooms {
                world.post(&id, user, Draft::state("m.room.encryption", "", encryption()));
            }
            let invite = json!({"membership": "invite", "is_direct": true});
            world.post_membership(&id, user, &room.invite, invite);
            details.insert("room_id".to_owned(), json!(id));
            Ok(id)
        })
    }

    async fn joined_rooms(&self, user: &UserId) -> Result<Vec<OwnedRoomId>, MatrixError> {
        self.request("joined_rooms", Some(user), None, json!({}), |world, _| {
            let joined = world.rooms.iter().filter(|(_, room)| room.has_joined(user));
            Ok(joined.map(|(id, _)| id.clone()).collect())
        })
    }

    async fn send(
        &self,
        user: &UserId,
        room: &RoomId,
        event_type: &str,
        txn_id: &str,
        content: &Value,
        timestamp: Option<Timestamp>,
    ) -> Result<OwnedEventId, MatrixError> {
        let details = json!({
            "type": event_type, "txn_id": txn_id, "timestamp": timestamp, "content": content,
        });
        self.request("send", Some(user), Some(room), details, |world, details| {
            let draft = Draft {
                timestamp,
                ..Draft::message(event_type, content.clone())
            };
            let id = world.send(user, room, txn_id, draft)?;
            details.insert("event_id".to_owned(), json!(id));
            Ok(id)
        })
    }

    async fn read_receipt(&self, user: &UserId, room: &RoomId, event: &EventId) -> Result<(), MatrixError> {
        let details = json!({"event_id": event});
        self.request("read_receipt", Some(user), Some(room), details, |world, _| {
            world.joined_room(user, room).map(|_| ())
        })
    }

    async fn typing(
        &self,
        user: &UserId,
        room: &RoomId,
        timeout: Option<Duration>,
    ) -> Result<(), MatrixError> {
        let details = json!({"timeout_ms": timeout.map(|timeout| timeout.as_millis())});
        self.request("typing", Some(user), Some(room), details, |world, _| {
            world.joined_room(user, room).map(|_| ())
        })
    }

    async fn account_data(
        &self,
        user: &UserId,
        kind: &str,
    ) -> Result<Option<Map<String, Value>>, MatrixError> {
        self.request(
            "account_data",
            Some(user),
            None,
            json!({"kind": kind}),
            |world, _| {
                let user = world.users.get(user);
                Ok(user.and_then(|user| user.account_data.get(kind).cloned()))
            },
        )
    }

    async fn set_account_data(
        &self,
        user: &UserId,
        kind: &str,
        content: &Map<String, Value>,
    ) -> Result<(), MatrixError> {
        let details = json!({"kind": kind, "content": content});
        self.request("set_account_data", Some(user), None, details, |world, _| {
            let data = &mut world.users.entry(user.to_owned()).or_default().account_data;
            data.insert(kind.to_owned(), content.clone());
            Ok(())
        })
    }

    async fn download(&self, user: &UserId, uri: &MxcUri, limit: u64) -> Result<MediaStream, MatrixError> {
        let media = self.request("download", Some(user), None, json!({"uri": uri}), |world, _| {
            let media = world.media(uri)?;
            if u64::try_from(media.bytes.len()).unwrap_or(u64::MAX) > limit {
                return Err(MatrixError::TooLarge { limit });
            }
            Ok(media)
        })?;
        Ok(stream(media))
    }

    async fn open_media(&self, user: &UserId, uri: &MxcUri) -> Result<MediaStream, MatrixError> {
        let details = json!({"uri": uri});
        let media = self.request("open_media", Some(user), None, details, |world, _| {
            world.media(uri)
        })?;
        Ok(stream(media))
    }

    async fn reserve_media(&self, user: &UserId) -> Result<OwnedMxcUri, MatrixError> {
        self.request("reserve_media", Some(user), None, json!({}), |world, _| {
            Ok(world.place(user, "reserved"))
        })
    }

    async fn upload(
        &self,
        user: &UserId,
        to: Option<&MxcUri>,
        name: &str,
        content_type: &str,
        file: File,
    ) -> Result<OwnedMxcUri, MatrixError> {
        let is_broken = self.world().defects.iter().any(|broken| broken == name);
        if is_broken {
            std::panic::resume_unwind(Box::new("a defect, as the test wants it"));
        }
        let bytes = match file {
            File::Bytes(bytes) => bytes,
            File::Stream { length, mut bytes } => {
                let mut read = Vec::new();
                // What ends early has another length.
                let _ = bytes.read_to_end(&mut read).await;
                if read.len() as u64 != length {
                    return Err(MatrixError::Transient {
                        retry_after: None,
                        reason: "the upload ended early".to_owned(),
                    });
                }
                read
            }
        };
        let details = json!({"name": name, "content_type": content_type, "size": bytes.len()});
        self.request("upload", Some(user), None, details, |world, details| {
            let uri = to.map_or_else(|| world.place(user, name), ToOwned::to_owned);
            if world.media.contains_key(&uri) {
                return Ok(uri);
            }
            let media = Media {
                content_type: Some(content_type.to_owned()),
                bytes,
            };
            world.media.insert(uri.clone(), media);
            details.insert("uri".to_owned(), json!(uri));
            Ok(uri)
        })
    }

    async fn members(&self, user: &UserId, room: &RoomId) -> Result<Vec<Member>, MatrixError> {
        self.request("members", Some(user), Some(room), json!({}), |world, _| {
            Ok(world.joined_room(user, room)?.members())
        })
    }

    async fn state(&self, user: &UserId, room: &RoomId) -> Result<Vec<Value>, MatrixError> {
        self.request("state", Some(user), Some(room), json!({}), |world, _| {
            Ok(world.joined_room(user, room)?.state())
        })
    }

    async fn history(
        &self,
        user: &UserId,
        room: &RoomId,
        from: Option<&str>,
    ) -> Result<HistoryPage, MatrixError> {
        let details = json!({"from": from});
        self.request("history", Some(user), Some(room), details, |world, _| {
            let from = from
                .map(str::parse)
                .transpose()
                .map_err(|_| refused(400, "M_INVALID_PARAM", "Invalid from parameter"))?;
            Ok(world.joined_room(user, room)?.history(user, from))
        })
    }

    async fn ping(&self, txn_id: &str) -> Result<Duration, MatrixError> {
        self.request("ping", None, None, json!({"txn_id": txn_id}), |_, _| {
            Ok(Duration::from_millis(1))
        })
    }
}
