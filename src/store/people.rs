//! Puppets, and what Matrix users chose.

use ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId};

use super::{StoreError, Tx, get, parse, stored_words};
use crate::model::EmailAddress;

stored_words! {
    /// Who may start a thread with a Matrix user by email.
    Strangers {
        /// Anybody.
        Anyone => "anyone",
        /// Those to whom the user has written.
        Contacts => "contacts",
        /// Nobody: the user begins all threads.
        Nobody => "nobody",
    }
}

/// What a Matrix user has said of all their emails.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailWishes {
    /// They ask for a read notification.
    pub asks_receipts: bool,
    /// The plain text below each of them.
    pub signature: Option<String>,
}

impl Strangers {
    /// The narrower one of two choices.
    #[must_use]
    pub fn at_most(self, most: Self) -> Self {
        let width = |choice| match choice {
            Self::Nobody => 0,
            Self::Contacts => 1,
            Self::Anyone => 2,
        };
        std::cmp::min_by_key(self, most, |choice| width(*choice))
    }
}

impl Tx {
    /// The display name of a puppet that exists on the homeserver; `None` when it does not exist yet.
    pub async fn puppet_name(&mut self, puppet: &UserId) -> Result<Option<String>, StoreError> {
        self.sql("SELECT display_name FROM puppets WHERE user_id = $1")
            .bind(puppet.as_str())
            .one(|row| get(row, "puppets", "display_name"))
            .await
    }

    /// Notes that a puppet exists on the homeserver under this name.
    pub async fn set_puppet(
        &mut self,
        puppet: &UserId,
        address: &EmailAddress,
        display_name: &str,
    ) -> Result<(), StoreError> {
        self.sql(
            "INSERT INTO puppets (user_id, address, display_name) VALUES ($1, $2, $3) \
             ON CONFLICT (user_id) DO UPDATE SET display_name = $3",
        )
        .bind(puppet.as_str())
        .bind(address.as_str())
        .bind(display_name)
        .later()
        .await
    }

    /// Who may start a thread with this user; `None` when the user did not choose.
    pub async fn strangers(&mut self, user: &UserId) -> Result<Option<Strangers>, StoreError> {
        self.sql("SELECT strangers FROM users WHERE user_id = $1")
            .bind(user.as_str())
            .one(|row| parse(row, "users", "strangers"))
            .await
    }

    /// Notes the user's choice.
    pub async fn set_strangers(&mut self, user: &UserId, choice: Strangers) -> Result<(), StoreError> {
        self.sql(
            "INSERT INTO users (user_id, strangers) VALUES ($1, $2) \
             ON CONFLICT (user_id) DO UPDATE SET strangers = $2",
        )
        .bind(user.as_str())
        .bind(choice.as_str())
        .later()
        .await
    }

    /// What a user has said of all their emails.
    pub async fn mail_wishes(&mut self, user: &UserId) -> Result<MailWishes, StoreError> {
        let wishes = self
            .sql(
                "SELECT (SELECT COUNT(*) FROM receipt_wishes WHERE user_id = $1) AS receipts, \
                 (SELECT signature FROM signatures WHERE user_id = $1) AS signature",
            )
            .bind(user.as_str())
            .one(|row| {
                Ok(MailWishes {
                    asks_receipts: get::<i64>(row, "receipt_wishes", "receipts")? > 0,
                    signature: get(row, "signatures", "signature")?,
                })
            })
            .await?;
        Ok(wishes.unwrap_or_default())
    }

    /// Notes the user's signature, or that there is none.
    pub async fn set_signature(&mut self, user: &UserId, signature: Option<&str>) -> Result<(), StoreError> {
        let Some(signature) = signature else {
            return self
                .sql("DELETE FROM signatures WHERE user_id = $1")
                .bind(user.as_str())
                .later()
                .await;
        };
        self.sql(
            "INSERT INTO signatures (user_id, signature) VALUES ($1, $2) \
             ON CONFLICT (user_id) DO UPDATE SET signature = excluded.signature",
        )
        .bind(user.as_str())
        .bind(signature)
        .later()
        .await
    }

    /// Notes the user's wish.
    pub async fn set_asks_receipts(&mut self, user: &UserId, asks: bool) -> Result<(), StoreError> {
        let sql = if asks {
            "INSERT INTO receipt_wishes (user_id) VALUES ($1) ON CONFLICT (user_id) DO NOTHING"
        } else {
            "DELETE FROM receipt_wishes WHERE user_id = $1"
        };
        self.sql(sql).bind(user.as_str()).later().await
    }

    /// Notes a room in which a user talks to the bot.
    pub async fn add_bot_room(&mut self, room: &RoomId, user: &UserId) -> Result<(), StoreError> {
        self.sql("INSERT INTO bot_rooms (room_id, user_id) VALUES ($1, $2) ON CONFLICT (room_id) DO NOTHING")
            .bind(room.as_str())
            .bind(user.as_str())
            .later()
            .await
    }

    /// Forgets a room in which a user talked to the bot.
    pub async fn remove_bot_room(&mut self, room: &RoomId) -> Result<(), StoreError> {
        self.sql("DELETE FROM bot_rooms WHERE room_id = $1")
            .bind(room.as_str())
            .later()
            .await
    }

    /// The rooms in which a user talks to the bot, at most `limit`.
    pub async fn bot_rooms_of(&mut self, user: &UserId, limit: i64) -> Result<Vec<OwnedRoomId>, StoreError> {
        self.sql("SELECT room_id FROM bot_rooms WHERE user_id = $1 ORDER BY room_id LIMIT $2")
            .bind(user.as_str())
            .bind(limit)
            .all(|row| parse(row, "bot_rooms", "room_id"))
            .await
    }

    /// The user who talks to the bot in this room; `None` when it is not such a room.
    pub async fn bot_room(&mut self, room: &RoomId) -> Result<Option<OwnedUserId>, StoreError> {
        self.sql("SELECT user_id FROM bot_rooms WHERE room_id = $1")
            .bind(room.as_str())
            .one(|row| parse(row, "bot_rooms", "user_id"))
            .await
    }
}
