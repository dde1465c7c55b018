//! The endpoints: each method of the port is one request of the [Client-Server API], in its version 3 unless
//! the path says otherwise.
//!
//! [Client-Server API]: https://spec.matrix.org/latest/client-server-api/

use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use ruma::{EventId, MxcUri, OwnedEventId, OwnedMxcUri, OwnedRoomId, RoomId, UserId};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::actor::Actor;
use super::media::LONGEST_STREAM;
use super::request::Request;
use super::{HttpHomeserver, new_room};
use crate::matrix::{File, HistoryPage, Homeserver, MatrixError, MediaStream, Member, NewRoom, Profile};
use crate::model::{Items, Timestamp};

/// An answer of which nothing is of interest, but which must be a JSON object.
#[derive(Deserialize)]
struct Nothing {}

#[derive(Deserialize)]
struct ProfileAnswer {
    displayname: Option<String>,
}

#[derive(Deserialize)]
struct RoomAnswer {
    room_id: OwnedRoomId,
}

#[derive(Deserialize)]
struct RoomsAnswer {
    joined_rooms: Vec<OwnedRoomId>,
}

#[derive(Deserialize)]
struct EventAnswer {
    event_id: OwnedEventId,
}

/// The answer of `/members` and `/messages`.
#[derive(Deserialize)]
struct Page {
    chunk: Items,
    end: Option<String>,
}

#[derive(Deserialize)]
struct PingAnswer {
    duration_ms: u64,
}

impl HttpHomeserver {
    /// A request as a user.
    fn request<'a>(
        &self,
        method: Method,
        path: &'static str,
        segments: &[&'a str],
        user: &'a UserId,
    ) -> Result<Request<'a>, MatrixError> {
        let actor = Actor::for_user(&self.settings, user)?;
        let timeout = self.settings.request_timeout;
        Ok(Request::new(method, path, segments, actor, timeout))
    }

    /// A request as the appservice.
    fn own_request<'a>(&self, method: Method, path: &'static str, segments: &[&'a str]) -> Request<'a> {
        let timeout = self.settings.request_timeout;
        Request::new(method, path, segments, Actor::Appservice, timeout)
    }

    /// Sends a request whose answer is an empty object.
    async fn tell(&self, request: Request<'_>) -> Result<(), MatrixError> {
        self.call(request).await.map(|Nothing {}| ())
    }
}

/// `None` for what the homeserver does not have.
fn if_found<T>(outcome: Result<T, MatrixError>) -> Result<Option<T>, MatrixError> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is("M_NOT_FOUND") => Ok(None),
        Err(error) => Err(error),
    }
}

/// Events of which each could be read; the others are counted and logged by ID.
fn readable(items: Items) -> Vec<Value> {
    for event_id in &items.unreadable {
        tracing::warn!(
            event_id = event_id.as_deref(),
            "skipped an event that can't be read"
        );
        metrics::counter!("penpal_unreadable_events_total", "source" => "homeserver").increment(1);
    }
    items.values
}

/// A member from its `m.room.member` event.
fn member(event: &Value) -> Option<Member> {
    let content = event.get("content")?;
    Some(Member {
        user_id: event.get("state_key")?.as_str()?.try_into().ok()?,
        membership: content.get("membership")?.as_str()?.to_owned(),
        display_name: content
            .get("displayname")
            .and_then(Value::as_str)
            .map(str::to_owned),
    })
}

#[async_trait]
impl Homeserver for HttpHomeserver {
    /// `inhibit_login`: no access token is wanted, and homeservers without legacy login refuse to give one
    /// (`M_APPSERVICE_LOGIN_UNSUPPORTED`).
    async fn register(&self, user: &UserId) -> Result<(), MatrixError> {
        let body = json!({
            "type": "m.login.application_service",
            "username": user.localpart(),
            "inhibit_login": true,
        });
        if !self.settings.namespace.is_ours(user) {
            return Err(MatrixError::Refused {
                status: 400,
                errcode: "M_EXCLUSIVE".to_owned(),
                message: format!("{user} is outside the appservice's namespace and can't be registered"),
            });
        }
        let request = self
            .own_request(Method::POST, "_matrix/client/v3/register", &[])
            .json(body);
        match self.tell(request).await {
            Err(error) if error.is("M_USER_IN_USE") => Ok(()),
            outcome => outcome,
        }
    }

    async fn set_display_name(&self, user: &UserId, name: &str) -> Result<(), MatrixError> {
        let path = "_matrix/client/v3/profile/{user}/displayname";
        let request = self.request(Method::PUT, path, &[user.as_str()], user)?;
        self.tell(request.json(json!({"displayname": name}))).await
    }

    async fn profile(&self, user: &UserId, of: &UserId) -> Result<Option<Profile>, MatrixError> {
        let path = "_matrix/client/v3/profile/{user}";
        let request = self.request(Method::GET, path, &[of.as_str()], user)?;
        match self.call(request).await {
            Ok(ProfileAnswer { displayname }) => Ok(Some(Profile {
                display_name: displayname,
            })),
            // Of a user that it has never had Synapse says `M_UNKNOWN`, of others `M_NOT_FOUND`.
            Err(MatrixError::Refused {
                status: 404, errcode, ..
            }) if errcode != "M_UNRECOGNIZED" => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn join(&self, user: &UserId, room: &RoomId) -> Result<(), MatrixError> {
        let path = "_matrix/client/v3/rooms/{room}/join";
        let request = self.request(Method::POST, path, &[room.as_str()], user)?;
        self.tell(request.json(json!({}))).await
    }

    async fn leave(&self, user: &UserId, room: &RoomId, reason: Option<&str>) -> Result<(), MatrixError> {
        let path = "_matrix/client/v3/rooms/{room}/leave";
        let request = self.request(Method::POST, path, &[room.as_str()], user)?;
        let body = reason.map_or_else(|| json!({}), |reason| json!({"reason": reason}));
        self.tell(request.json(body)).await
    }

    async fn create_room(&self, user: &UserId, room: &NewRoom) -> Result<OwnedRoomId, MatrixError> {
        let path = "_matrix/client/v3/createRoom";
        let create = async |body: Value| -> Result<RoomAnswer, MatrixError> {
            let request = self.request(Method::POST, path, &[], user)?;
            self.call(request.json(body)).await
        };
        let created = match create(new_room::body(room)).await {
            // A homeserver that encrypts all rooms does so as the creator, whose power does not suffice then.
            Err(error) if error.is("M_FORBIDDEN") => create(new_room::open_body(room)).await,
            outcome => outcome,
        };
        created.map(|room| room.room_id)
    }

    async fn joined_rooms(&self, user: &UserId) -> Result<Vec<OwnedRoomId>, MatrixError> {
        let path = "_matrix/client/v3/joined_rooms";
        let answer: RoomsAnswer = self.call(self.request(Method::GET, path, &[], user)?).await?;
        Ok(answer.joined_rooms)
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
        let path = "_matrix/client/v3/rooms/{room}/send/{type}/{txn}";
        let segments = [room.as_str(), event_type, txn_id];
        let mut request = self
            .request(Method::PUT, path, &segments, user)?
            .json(content.clone());
        if let Some(timestamp) = timestamp {
            request = request.query("ts", timestamp.to_string());
        }
        let answer: EventAnswer = self.call(request).await?;
        Ok(answer.event_id)
    }

    async fn read_receipt(&self, user: &UserId, room: &RoomId, event: &EventId) -> Result<(), MatrixError> {
        let path = "_matrix/client/v3/rooms/{room}/receipt/m.read/{event}";
        let request = self.request(Method::POST, path, &[room.as_str(), event.as_str()], user)?;
        self.tell(request.json(json!({}))).await
    }

    async fn typing(
        &self,
        user: &UserId,
        room: &RoomId,
        timeout: Option<Duration>,
    ) -> Result<(), MatrixError> {
        let path = "_matrix/client/v3/rooms/{room}/typing/{user}";
        let request = self.request(Method::PUT, path, &[room.as_str(), user.as_str()], user)?;
        let body = timeout.map_or_else(
            || json!({"typing": false}),
            |timeout| json!({"typing": true, "timeout": u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)}),
        );
        self.tell(request.json(body)).await
    }

    async fn account_data(
        &self,
        user: &UserId,
        kind: &str,
    ) -> Result<Option<Map<String, Value>>, MatrixError> {
        let path = "_matrix/client/v3/user/{user}/account_data/{type}";
        let request = self.request(Method::GET, path, &[user.as_str(), kind], user)?;
        if_found(self.call(request).await)
    }

    async fn set_account_data(
        &self,
        user: &UserId,
        kind: &str,
        content: &Map<String, Value>,
    ) -> Result<(), MatrixError> {
        let path = "_matrix/client/v3/user/{user}/account_data/{type}";
        let request = self.request(Method::PUT, path, &[user.as_str(), kind], user)?;
        self.tell(request.json(Value::Object(content.clone()))).await
    }

    async fn download(&self, user: &UserId, uri: &MxcUri, limit: u64) -> Result<MediaStream, MatrixError> {
        let stream = self.stream_media(user, uri, self.settings.media_timeout).await?;
        match stream.length {
            Some(length) if length > limit => Err(MatrixError::TooLarge { limit }),
            _ => Ok(stream),
        }
    }

    async fn open_media(&self, user: &UserId, uri: &MxcUri) -> Result<MediaStream, MatrixError> {
        self.stream_media(user, uri, LONGEST_STREAM).await
    }

    async fn reserve_media(&self, user: &UserId) -> Result<OwnedMxcUri, MatrixError> {
        self.create_media(user).await
    }

    async fn upload(
        &self,
        user: &UserId,
        to: Option<&MxcUri>,
        name: &str,
        content_type: &str,
        file: File,
    ) -> Result<OwnedMxcUri, MatrixError> {
        self.upload_media(user, to, name, content_type, file).await
    }

    async fn members(&self, user: &UserId, room: &RoomId) -> Result<Vec<Member>, MatrixError> {
        let path = "_matrix/client/v3/rooms/{room}/members";
        let request = self.request(Method::GET, path, &[room.as_str()], user)?;
        let page: Page = self.call(request).await?;
        Ok(readable(page.chunk).iter().filter_map(member).collect())
    }

    async fn state(&self, user: &UserId, room: &RoomId) -> Result<Vec<Value>, MatrixError> {
        let path = "_matrix/client/v3/rooms/{room}/state";
        let request = self.request(Method::GET, path, &[room.as_str()], user)?;
        self.call(request).await.map(readable)
    }

    async fn history(
        &self,
        user: &UserId,
        room: &RoomId,
        from: Option<&str>,
    ) -> Result<HistoryPage, MatrixError> {
        let path = "_matrix/client/v3/rooms/{room}/messages";
        let mut request = self
            .request(Method::GET, path, &[room.as_str()], user)?
            .query("dir", "b")
            .query("limit", "100");
        if let Some(from) = from {
            request = request.query("from", from);
        }
        let page: Page = self.call(request).await?;
        Ok(HistoryPage {
            events: readable(page.chunk),
            // A page that leads back to itself would be read for ever.
            next: page.end.filter(|end| Some(end.as_str()) != from),
        })
    }

    async fn ping(&self, txn_id: &str) -> Result<Duration, MatrixError> {
        let path = "_matrix/client/v1/appservice/{id}/ping";
        let request = self
            .own_request(Method::POST, path, &[&self.settings.appservice_id])
            .json(json!({"transaction_id": txn_id}));
        let answer: PingAnswer = self.call(request).await?;
        Ok(Duration::from_millis(answer.duration_ms))
    }
}
