//! What is recorded: handed from the processes that serve the homeserver to `penpal record`, and kept for no longer than that takes.
//!
//! A setting says that somebody records. Whoever does so writes it again and again, with another number each time: by that, and
//! not by a time, the others know that it is still wanted, so that their clocks need not agree and nothing is recorded for
//! somebody who has gone.

use ruma::{OwnedUserId, RoomId};

use super::{StoreError, Tx, get, parse};

/// The setting: who records, and a number that grows.
const RECORDER: &str = "recorder";

/// What a process has recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its number, in the order in which things came.
    pub id: i64,
    /// The process.
    pub process: String,
    /// A line of the recording; `None` when the process says that it records.
    pub line: Option<String>,
}

/// Who is, or was, in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The user.
    pub user: OwnedUserId,
    /// As in `m.room.member`; hostile input.
    pub membership: String,
    /// How they are called there; hostile input.
    pub display_name: Option<String>,
}

impl Tx {
    /// Who records, if anybody does: a word that changes while they do.
    pub async fn recorder(&mut self) -> Result<Option<String>, StoreError> {
        Ok(self
            .setting(RECORDER)
            .await?
            .filter(|recorder| !recorder.is_empty()))
    }

    /// Says who records; with an empty word, that nobody does any more.
    pub async fn set_recorder(&mut self, recorder: &str) -> Result<(), StoreError> {
        self.set_setting(RECORDER, recorder).await
    }

    /// Hands a line to who records, or with `None` the news that this process does it; to nobody when they have ended it meanwhile.
    pub async fn record(&mut self, process: &str, line: Option<&str>) -> Result<(), StoreError> {
        self.sql(
            "INSERT INTO recorded (process, line) SELECT $1, $2 WHERE EXISTS (SELECT 1 FROM settings WHERE name = $3 AND value <> '')",
        )
        .bind(process)
        .bind(line)
        .bind(RECORDER)
        .later()
        .await
    }

    /// What was recorded, at most `limit`, in order.
    pub async fn recorded(&mut self, limit: i64) -> Result<Vec<Recorded>, StoreError> {
        self.sql("SELECT id, process, line FROM recorded ORDER BY id LIMIT $1")
            .bind(limit)
            .all(|row| {
                Ok(Recorded {
                    id: get(row, "recorded", "id")?,
                    process: get(row, "recorded", "process")?,
                    line: get(row, "recorded", "line")?,
                })
            })
            .await
    }

    /// Takes away what was fetched: this very line, because on PostgreSQL a smaller number may be committed later.
    pub async fn remove_recorded(&mut self, id: i64) -> Result<(), StoreError> {
        let query = self.sql("DELETE FROM recorded WHERE id = $1").bind(id);
        query.later().await
    }

    /// Says that nobody records any more, and takes away what nobody has fetched.
    pub async fn end_recording(&mut self) -> Result<(), StoreError> {
        self.set_recorder("").await?;
        self.forget_recorded().await
    }

    /// Takes away what nobody has fetched.
    pub async fn forget_recorded(&mut self) -> Result<(), StoreError> {
        self.sql("DELETE FROM recorded").later().await
    }

    /// Everybody who is known to be or to have been in a room, at most 100.
    pub async fn members_of(&mut self, room: &RoomId) -> Result<Vec<Member>, StoreError> {
        self.sql("SELECT user_id, membership, display_name FROM members WHERE room_id = $1 ORDER BY user_id LIMIT 100")
            .bind(room.as_str())
            .all(|row| {
                Ok(Member {
                    user: parse(row, "members", "user_id")?,
                    membership: get(row, "members", "membership")?,
                    display_name: get(row, "members", "display_name")?,
                })
            })
            .await
    }
}
