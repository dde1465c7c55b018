//! Everything about one person goes, because they asked for it.

use ruma::UserId;

use super::query::{get, in_batches};
use super::{Lane, StoreError, Tx};
use crate::model::EmailAddress;

/// Whose data.
#[derive(Clone, Debug)]
pub enum Person<'a> {
    /// Somebody who writes email.
    Address(&'a EmailAddress),
    /// Somebody on Matrix.
    User(&'a UserId),
}

impl Tx {
    /// Removes at most `limit` chats with a person, with all emails, messages and jobs of each. Answers how many there were.
    pub async fn forget_chats(&mut self, person: &Person<'_>, limit: i64) -> Result<usize, StoreError> {
        let (sql, name) = match person {
            Person::Address(address) => (
                "SELECT id, room_id FROM portals WHERE address = $1 ORDER BY id LIMIT $2",
                address.as_str(),
            ),
            Person::User(user) => (
                "SELECT id, room_id FROM portals WHERE user_id = $1 ORDER BY id LIMIT $2",
                user.as_str(),
            ),
        };
        let chats = self
            .sql(sql)
            .bind(name)
            .bind(limit)
            .all(|row| {
                Ok((
                    get::<i64>(row, "portals", "id")?,
                    get::<Option<String>>(row, "portals", "room_id")?,
                ))
            })
            .await?;
        for (portal, room) in &chats {
            // The lanes first: a worker that is in one finds its lease gone and writes nothing more. In the order in which workers
            // add to them.
            let of_room = room.as_deref().map(Lane::of_room);
            for lane in of_room
                .into_iter()
                .chain([Lane::thread(*portal), Lane::portal(*portal)])
            {
                self.forget_lane(&lane).await?;
            }
            if let Some(room) = room {
                self.sql("DELETE FROM members WHERE room_id = $1")
                    .bind(room)
                    .later()
                    .await?;
            }
            for sql in [
                "DELETE FROM jobs WHERE portal_id = $1",
                "DELETE FROM drafts WHERE portal_id = $1",
                // The links in emails that have left end with it.
                "DELETE FROM files WHERE event_id IN (SELECT event_id FROM messages WHERE portal_id = $1)",
                "DELETE FROM messages WHERE portal_id = $1",
                "DELETE FROM emails WHERE portal_id = $1",
                "DELETE FROM reports WHERE portal_id = $1",
                "DELETE FROM machines WHERE portal_id = $1",
                "DELETE FROM retries WHERE portal_id = $1",
                "DELETE FROM portals WHERE id = $1",
            ] {
                self.sql(sql).bind(*portal).later().await?;
            }
        }
        Ok(chats.len())
    }

    /// Removes what is known of a person apart from their chats.
    pub async fn forget_person(&mut self, person: &Person<'_>) -> Result<(), StoreError> {
        match person {
            Person::Address(address) => {
                // That they want no mail stays: else they would get it once more.
                for sql in [
                    "DELETE FROM puppets WHERE address = $1",
                    "DELETE FROM spending WHERE resource = 'correspondent' AND key = $1",
                    "DELETE FROM sender_rules WHERE pattern = $1",
                ] {
                    self.sql(sql).bind(address.as_str()).later().await?;
                }
                Ok(())
            }
            Person::User(user) => {
                let rooms: Vec<String> = self
                    .sql("SELECT room_id FROM bot_rooms WHERE user_id = $1")
                    .bind(user.as_str())
                    .all(|row| get(row, "bot_rooms", "room_id"))
                    .await?;
                for room in rooms {
                    self.forget_lane(&Lane::of_room(&room)).await?;
                }
                self.forget_lane(&Lane::direct(user)).await?;
                for sql in [
                    "DELETE FROM bot_rooms WHERE user_id = $1",
                    "DELETE FROM users WHERE user_id = $1",
                    "DELETE FROM receipt_wishes WHERE user_id = $1",
                    "DELETE FROM spending WHERE user_id = $1",
                    "DELETE FROM sender_rules WHERE user_id = $1",
                    "DELETE FROM stops WHERE user_id = $1",
                    "DELETE FROM signatures WHERE user_id = $1",
                    "DELETE FROM members WHERE user_id = $1",
                ] {
                    self.sql(sql).bind(user.as_str()).later().await?;
                }
                Ok(())
            }
        }
    }

    /// Removes a lane and its jobs, those that ended as well.
    async fn forget_lane(&mut self, lane: &Lane) -> Result<(), StoreError> {
        self.sql("DELETE FROM lanes WHERE lane = $1")
            .bind(lane.as_str())
            .later()
            .await?;
        let jobs = self
            .sql("SELECT id FROM jobs WHERE lane = $1")
            .bind(lane.as_str())
            .all(|row| get::<i64>(row, "jobs", "id"))
            .await?;
        for jobs in in_batches(&jobs) {
            for table in ["uploads WHERE job_id", "drafts WHERE job_id", "jobs WHERE id"] {
                self.about(format!("DELETE FROM {table}"), jobs).later().await?;
            }
        }
        Ok(())
    }
}
