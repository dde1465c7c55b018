//! Portals: which room shows which thread, and who is in it.

use ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId};

use super::query::{Statement, read_one};
use super::{Row, StoreError, Tx, get, parse, parse_optional, stored_words};
use crate::model::{EmailAddress, Timestamp};

stored_words! {
    /// Whether a portal's room is in use.
    PortalState {
        /// The puppet is in it and the user was not seen leaving.
        Active => "active",
        /// The user left. The next email of the thread opens a new room.
        Closed => "closed",
        /// The puppet was kicked or banned and stays out; the thread takes no more email.
        Removed => "removed",
    }
}

/// One thread with one person, and the room that shows it.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "a row, with what each column says")]
pub struct Portal {
    /// Its number.
    pub id: i64,
    /// The Matrix user.
    pub user: OwnedUserId,
    /// The email user.
    pub address: EmailAddress,
    /// The puppet of that address, as the homeserver spells it.
    pub puppet: OwnedUserId,
    /// The room; `None` until there is one.
    pub room: Option<OwnedRoomId>,
    /// The room that takes over, until the puppet is in it.
    pub successor: Option<OwnedRoomId>,
    /// When the homeserver was last asked to make the room, while what came of it is not known.
    pub room_asked_at: Option<Timestamp>,
    /// Whether the room is in use.
    pub state: PortalState,
    /// The secret in the thread's reply address.
    pub token: String,
    /// The mail domain from which the Matrix user writes; `None` in threads that began when there was but one.
    pub domain: Option<String>,
    /// The room's name; hostile input.
    pub name: Option<String>,
    /// The room's topic; hostile input.
    pub topic: Option<String>,
    /// The thread's subject, once there is an email.
    pub subject: Option<String>,
    /// True when the Matrix user wrote to this person.
    pub contacted: bool,
    /// True when the first email went out, with its introduction.
    pub introduced: bool,
    /// True when the room is encrypted and the user was told what that means.
    pub encrypted: bool,
    /// True when this person wants no more mail of the Matrix user.
    pub stopped: bool,
}

/// A portal to make.
#[derive(Clone, Debug)]
pub struct NewPortal<'a> {
    /// The Matrix user.
    pub user: &'a UserId,
    /// The email user.
    pub address: &'a EmailAddress,
    /// The puppet.
    pub puppet: &'a UserId,
    /// The room, when the chat was started in Matrix.
    pub room: Option<&'a RoomId>,
    /// A fresh reply token.
    pub token: &'a str,
    /// The mail domain from which the Matrix user writes.
    pub domain: &'a str,
    /// The subject, when the thread was started by email.
    pub subject: Option<&'a str>,
}

/// A portal's columns, and whether its email user wants mail. The rest of the statement is to follow.
const PORTAL: &str = "SELECT portals.*, CAST(EXISTS (SELECT 1 FROM stops WHERE stops.user_id = portals.user_id AND \
                      stops.address = portals.address) AS INTEGER) AS stopped FROM portals";

impl Tx {
    /// Makes a portal and answers its number.
    pub async fn create_portal(&mut self, portal: &NewPortal<'_>, now: Timestamp) -> Result<i64, StoreError> {
        self.sql(
            "INSERT INTO portals (user_id, address, puppet_id, room_id, state, token, name, subject, contacted, \
             introduced, encrypted, created_at, touched_at, domain) \
             VALUES ($1, $2, $3, $4, 'active', $5, $6, $6, 0, 0, 0, $7, $7, $8) RETURNING id",
        )
        .bind(portal.user.as_str())
        .bind(portal.address.as_str())
        .bind(portal.puppet.as_str())
        .bind(portal.room.map(RoomId::as_str))
        .bind(portal.token)
        .bind(portal.subject)
        .bind(now.millis())
        .bind(portal.domain)
        .only(|row| get(row, "portals", "id"))
        .await
    }

    /// The portal with this number.
    pub async fn portal(&mut self, id: i64) -> Result<Option<Portal>, StoreError> {
        let rows = self.fetch(by_number(id)).await?;
        read_one(&rows, portal)
    }

    /// The portal that a room shows.
    pub async fn portal_by_room(&mut self, room: &RoomId) -> Result<Option<Portal>, StoreError> {
        let rows = self.fetch(by_room(room)).await?;
        read_one(&rows, portal)
    }

    /// The portal whose room was replaced by `room`, while the puppet is not in that one yet.
    pub async fn portal_by_successor(&mut self, room: &RoomId) -> Result<Option<Portal>, StoreError> {
        self.sql(format!("{PORTAL} WHERE successor = $1"))
            .bind(room.as_str())
            .one(portal)
            .await
    }

    /// The portals of a person with a user (or with anybody), last used first, at most `limit`.
    pub async fn portals_with(
        &mut self,
        address: &EmailAddress,
        user: Option<&UserId>,
        limit: i64,
    ) -> Result<Vec<Portal>, StoreError> {
        // Two texts: with one for both cases, SQLite would not use the index for the user.
        let query = match user {
            Some(user) => self
                .sql(format!(
                    "{PORTAL} WHERE address = $2 AND user_id = $3 \
                     ORDER BY touched_at DESC, id DESC LIMIT $1 + 0"
                ))
                .bind(limit)
                .bind(address.as_str())
                .bind(user.as_str()),
            None => self
                .sql(format!(
                    "{PORTAL} WHERE address = $2 ORDER BY touched_at DESC, id DESC LIMIT $1 + 0"
                ))
                .bind(limit)
                .bind(address.as_str()),
        };
        query.all(portal).await
    }

    /// Makes a room the portal's, in use, with what is known of it.
    ///
    /// Like all that change a portal, this writes the columns that it is about and no others: the lanes of a room, of its
    /// emails and of its thread change the same portal at the same time.
    pub async fn place_portal(
        &mut self,
        id: i64,
        room: &RoomId,
        name: Option<&str>,
        topic: Option<&str>,
        encrypted: bool,
    ) -> Result<(), StoreError> {
        self.sql(
            "UPDATE portals SET room_id = $1, successor = NULL, room_asked_at = NULL, state = 'active', name = $2, topic = $3, \
             encrypted = $4 WHERE id = $5",
        )
        .bind(room.as_str())
        .bind(name)
        .bind(topic)
        .bind(i64::from(encrypted))
        .bind(id)
        .later()
        .await
    }

    /// Ends the use of a room. False when it was not in use, or is not the portal's any more.
    pub async fn end_portal(
        &mut self,
        id: i64,
        room: &RoomId,
        state: PortalState,
    ) -> Result<bool, StoreError> {
        self.sql(
            "UPDATE portals SET state = $1 WHERE id = $2 AND room_id = $3 AND state NOT IN ($1, 'removed') RETURNING 1",
        )
        .bind(state.as_str())
        .bind(id)
        .bind(room.as_str())
        .any()
        .await
    }

    /// Notes that the homeserver is about to be asked to make the room.
    pub async fn ask_for_room(&mut self, id: i64, now: Timestamp) -> Result<(), StoreError> {
        self.sql("UPDATE portals SET room_asked_at = $1 WHERE id = $2")
            .bind(now.millis())
            .bind(id)
            .later()
            .await
    }

    /// Notes the room that takes over.
    pub async fn set_successor(&mut self, id: i64, successor: &RoomId) -> Result<(), StoreError> {
        self.sql("UPDATE portals SET successor = $1 WHERE id = $2")
            .bind(successor.as_str())
            .bind(id)
            .later()
            .await
    }

    /// Notes the room's name.
    pub async fn set_room_name(&mut self, id: i64, name: Option<&str>) -> Result<(), StoreError> {
        self.sql("UPDATE portals SET name = $1 WHERE id = $2")
            .bind(name)
            .bind(id)
            .later()
            .await
    }

    /// Notes the room's topic.
    pub async fn set_room_topic(&mut self, id: i64, topic: Option<&str>) -> Result<(), StoreError> {
        self.sql("UPDATE portals SET topic = $1 WHERE id = $2")
            .bind(topic)
            .bind(id)
            .later()
            .await
    }

    /// Notes that the room is encrypted.
    pub async fn set_encrypted(&mut self, id: i64) -> Result<(), StoreError> {
        self.sql("UPDATE portals SET encrypted = 1 WHERE id = $1 AND encrypted = 0")
            .bind(id)
            .later()
            .await
    }

    /// Notes that the Matrix user wrote to this person.
    pub async fn set_contacted(&mut self, id: i64) -> Result<(), StoreError> {
        self.sql("UPDATE portals SET contacted = 1 WHERE id = $1 AND contacted = 0")
            .bind(id)
            .later()
            .await
    }

    /// Notes that the email user wrote, verified.
    pub async fn set_wrote(&mut self, id: i64) -> Result<(), StoreError> {
        self.sql("UPDATE portals SET wrote = 1 WHERE id = $1 AND wrote = 0")
            .bind(id)
            .later()
            .await
    }

    /// Notes that the first email went out.
    pub async fn set_introduced(&mut self, id: i64) -> Result<(), StoreError> {
        let query = self
            .sql("UPDATE portals SET introduced = 1 WHERE id = $1 AND introduced = 0")
            .bind(id);
        query.later().await
    }

    /// Takes a room away from the portal that it showed, if any: another one begins there.
    pub async fn vacate_room(&mut self, room: &RoomId) -> Result<(), StoreError> {
        self.sql("UPDATE portals SET room_id = NULL WHERE room_id = $1")
            .bind(room.as_str())
            .later()
            .await
    }

    /// Notes that a message came, either way.
    pub async fn touch_portal(&mut self, id: i64, now: Timestamp) -> Result<(), StoreError> {
        self.sql("UPDATE portals SET touched_at = $1 WHERE id = $2")
            .bind(now.millis())
            .bind(id)
            .later()
            .await
    }
}

pub(super) fn by_number(id: i64) -> Statement {
    Statement::new(format!("{PORTAL} WHERE id = $1")).bind(id)
}

pub(super) fn by_room(room: &RoomId) -> Statement {
    Statement::new(format!("{PORTAL} WHERE room_id = $1")).bind(room.as_str())
}

pub(super) fn by_token(token: &str) -> Statement {
    Statement::new(format!("{PORTAL} WHERE token = $1")).bind(token)
}

pub(super) fn portal(row: &Row) -> Result<Portal, StoreError> {
    Ok(Portal {
        id: get(row, "portals", "id")?,
        user: parse(row, "portals", "user_id")?,
        address: parse(row, "portals", "address")?,
        puppet: parse(row, "portals", "puppet_id")?,
        room: parse_optional(row, "portals", "room_id")?,
        successor: parse_optional(row, "portals", "successor")?,
        room_asked_at: get::<Option<i64>>(row, "portals", "room_asked_at")?.map(Timestamp),
        state: parse(row, "portals", "state")?,
        token: get(row, "portals", "token")?,
        domain: get(row, "portals", "domain")?,
        name: get(row, "portals", "name")?,
        topic: get(row, "portals", "topic")?,
        subject: get(row, "portals", "subject")?,
        contacted: get::<i64>(row, "portals", "contacted")? != 0,
        introduced: get::<i64>(row, "portals", "introduced")? != 0,
        encrypted: get::<i64>(row, "portals", "encrypted")? != 0,
        stopped: get::<i32>(row, "portals", "stopped")? != 0,
    })
}
