//! Everything about one person goes, because they asked for it.
//!
//! What is a person's own: their chats with all that is in them, what they chose, what they wrote into chats of others, and what they are
//! called there. Texts in chats of others that name them, and that have been delivered, go at once and not only after
//! `queue.keep_delivered` (`store/traces.rs`). What others wrote and wait for is theirs: it goes when it is delivered.

use ruma::{OwnedUserId, UserId};

use super::query::{get, parse};
use super::{Lane, Store, StoreError, Tx};
use crate::model::{EmailAddress, Timestamp};

/// Whose data.
#[derive(Clone, Debug)]
pub enum Person<'a> {
    /// Somebody who writes email, and the puppet that they would have, if that can be.
    Address(&'a EmailAddress, Option<&'a UserId>),
    /// Somebody on Matrix.
    User(&'a UserId),
}

/// What became of a person's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forgotten {
    /// How many chats there were.
    pub chats: usize,
    /// False when the file may still hold bytes of what was removed.
    pub overwritten: bool,
}

/// Whose data, with the user IDs that stand for them on the homeserver.
#[derive(Clone, Debug)]
pub(super) struct Known<'a> {
    pub(super) person: Person<'a>,
    pub(super) ids: Vec<OwnedUserId>,
}

impl Store {
    /// Removes all that is stored about a person, in short transactions, so that nobody waits for long. What was begun and not finished can
    /// be begun again.
    pub async fn forget(&self, person: &Person<'_>, now: Timestamp) -> Result<Forgotten, StoreError> {
        self.overwrite_removed().await?;
        let known = self.read().await?.identify(person).await?;
        let mut chats = 0;
        loop {
            let mut tx = self.begin().await?;
            let found = tx.forget_chats(person, 1).await?;
            tx.commit().await?;
            if found == 0 {
                break;
            }
            chats += found;
        }
        self.forget_traces(&known, now).await?;
        // The puppet's row last: it tells what else is to be looked for.
        let mut tx = self.begin().await?;
        tx.forget_person(&known).await?;
        tx.commit().await?;
        self.remove_unneeded_contents(now).await?;
        let overwritten = self.overwrite_free_space(now).await?;
        Ok(Forgotten { chats, overwritten })
    }
}

impl Tx {
    /// The user IDs of a person: of a puppet also the one that it got under another configuration.
    async fn identify<'a>(&mut self, person: &Person<'a>) -> Result<Known<'a>, StoreError> {
        let mut ids = Vec::new();
        match person {
            Person::User(user) => ids.push((*user).to_owned()),
            Person::Address(address, puppet) => {
                ids = self
                    .sql(
                        "SELECT user_id FROM puppets WHERE address = $1 UNION SELECT puppet_id AS user_id FROM portals \
                         WHERE address = $1",
                    )
                    .bind(address.as_str())
                    .all(|row| parse(row, "puppets", "user_id"))
                    .await?;
                ids.extend(
                    puppet
                        .map(UserId::to_owned)
                        .filter(|puppet| !ids.contains(puppet)),
                );
            }
        }
        Ok(Known {
            person: person.clone(),
            ids,
        })
    }

    /// Removes at most `limit` chats with a person, with all emails, messages and jobs of each. Answers how many there were.
    async fn forget_chats(&mut self, person: &Person<'_>, limit: i64) -> Result<usize, StoreError> {
        let (sql, name) = match person {
            Person::Address(address, _) => (
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

    /// Removes what is known of a person apart from chats.
    async fn forget_person(&mut self, known: &Known<'_>) -> Result<(), StoreError> {
        for id in &known.ids {
            for room in self.rooms_of(id).await? {
                self.forget_lane(&Lane::of_room(&room)).await?;
                self.sql("DELETE FROM members WHERE room_id = $1")
                    .bind(room)
                    .later()
                    .await?;
            }
            self.forget_lane(&Lane::direct(id)).await?;
            self.sql("DELETE FROM members WHERE user_id = $1")
                .bind(id.as_str())
                .later()
                .await?;
        }
        let (name, statements): (&str, &[&str]) = match &known.person {
            // That they want no mail stays: else they would get it once more.
            Person::Address(address, _) => (
                address.as_str(),
                &[
                    "DELETE FROM spending WHERE resource = 'correspondent' AND key = $1",
                    "DELETE FROM sender_rules WHERE pattern = $1",
                    "DELETE FROM puppets WHERE address = $1",
                ],
            ),
            Person::User(user) => (
                user.as_str(),
                &[
                    "DELETE FROM bot_rooms WHERE user_id = $1",
                    "DELETE FROM users WHERE user_id = $1",
                    "DELETE FROM receipt_wishes WHERE user_id = $1",
                    "DELETE FROM spending WHERE user_id = $1",
                    "DELETE FROM sender_rules WHERE user_id = $1",
                    "DELETE FROM stops WHERE user_id = $1",
                    "DELETE FROM signatures WHERE user_id = $1",
                ],
            ),
        };
        for sql in statements {
            self.sql(*sql).bind(name).later().await?;
        }
        Ok(())
    }

    /// The rooms in which somebody is or was, and that are nobody's chat any more, and those in which they talk to the bot.
    async fn rooms_of(&mut self, user: &UserId) -> Result<Vec<String>, StoreError> {
        self.sql(
            "SELECT room_id FROM bot_rooms WHERE user_id = $1 UNION SELECT room_id FROM members WHERE user_id = $1 \
             AND NOT EXISTS (SELECT 1 FROM portals WHERE portals.room_id = members.room_id) \
             AND NOT EXISTS (SELECT 1 FROM bot_rooms WHERE bot_rooms.room_id = members.room_id)",
        )
        .bind(user.as_str())
        .all(|row| get(row, "members", "room_id"))
        .await
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
        self.forget_jobs(&jobs).await
    }
}
