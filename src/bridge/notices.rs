//! What Penpal says in its own words: in a portal's room, or, where that matters, wherever else its user can be reached.

use ruma::{EventId, OwnedEventId, OwnedRoomId, OwnedUserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::retries::OFFER;
use super::{Bridge, Failure};
use crate::matrix::MatrixError;
use crate::store::{Job, JobKind, JobState, Lane, NewJob, Portal, PortalState, StoreError, Tx};

/// How many chats are looked through for one in which a user can be told something.
const LOOKED_THROUGH: i64 = 50;

/// A notice to be sent.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Notice {
    text: String,
    /// The event that it is about, shown as the message that it answers.
    about: Option<OwnedEventId>,
    /// It is for the user, not for the room: the user is told elsewhere after leaving.
    #[serde(default)]
    follows: bool,
    /// The email of whose delay it tells.
    #[serde(default)]
    delayed: Option<String>,
    /// The email whose delay is over: what was told of that is replaced.
    #[serde(default)]
    arrived: Option<String>,
    /// The job that was given up, and can be tried again.
    #[serde(default)]
    given_up: Option<i64>,
}

impl Notice {
    fn new(text: &str, about: Option<&EventId>, follows: bool) -> Self {
        let (text, about) = (text.to_owned(), about.map(ToOwned::to_owned));
        Self {
            text,
            about,
            follows,
            delayed: None,
            arrived: None,
            given_up: None,
        }
    }

    /// The same in another room.
    fn said_elsewhere(self, portal: &Portal) -> Self {
        let chat = portal.subject.as_deref().or(portal.name.as_deref());
        let chat = chat.map_or_else(String::new, |chat| format!(" \u{201c}{chat}\u{201d}"));
        Self {
            text: format!("About the chat{chat} with {}: {}", portal.address, self.text),
            about: None,
            // A reaction there would be about another chat.
            given_up: None,
            ..self
        }
    }

    fn content(&self) -> Value {
        let mut content = json!({"msgtype": "m.notice", "body": self.text, "m.mentions": {}});
        if let (Some(about), Some(content)) = (&self.about, content.as_object_mut()) {
            content.insert(
                "m.relates_to".into(),
                json!({"m.in_reply_to": {"event_id": about}}),
            );
        }
        content
    }

    /// The same in place of an earlier notice (client-server API, "Event replacements").
    fn in_place_of(&self, earlier: &EventId) -> Value {
        json!({
            "msgtype": "m.notice", "body": format!("* {}", self.text), "m.mentions": {},
            "m.new_content": {"msgtype": "m.notice", "body": self.text, "m.mentions": {}},
            "m.relates_to": {"rel_type": "m.replace", "event_id": earlier},
        })
    }
}

/// That the email with this `Message-ID` is late, or is so no more.
pub(super) enum Delay<'a> {
    Begins(&'a str),
    Ends(&'a str),
}

/// Where a notice is said, and as whom.
struct Place {
    speaker: OwnedUserId,
    room: OwnedRoomId,
}

impl Bridge {
    /// Plans a notice about the portal's room. It goes out in order with the emails that the room shows; nobody needs it
    /// after leaving.
    pub(super) async fn add_notice(
        &self,
        tx: &mut Tx,
        portal: i64,
        text: &str,
        about: Option<&EventId>,
    ) -> Result<(), StoreError> {
        self.enqueue_notice(tx, portal, &Notice::new(text, about, false), None)
            .await
    }

    /// Plans a notice about an email that did not arrive: one who has left the chat is told in another chat with the same
    /// person, or by the bot. It never opens a room: nobody wants one from a machine.
    pub(super) async fn add_failure(
        &self,
        tx: &mut Tx,
        portal: i64,
        text: &str,
        about: Option<&EventId>,
    ) -> Result<(), StoreError> {
        self.enqueue_notice(tx, portal, &Notice::new(text, about, true), None)
            .await
    }

    /// The same about a job that is given up. In the chat itself the user can have it tried again.
    pub(super) async fn add_given_up(
        &self,
        tx: &mut Tx,
        portal: i64,
        text: &str,
        about: Option<&EventId>,
        job: i64,
    ) -> Result<(), StoreError> {
        let notice = Notice {
            given_up: Some(job),
            ..Notice::new(text, about, true)
        };
        self.enqueue_notice(tx, portal, &notice, None).await
    }

    /// Plans a notice about the email user, which is said once for this key, and elsewhere to one who has left the chat.
    pub(super) async fn add_news(
        &self,
        tx: &mut Tx,
        portal: i64,
        text: &str,
        key: String,
    ) -> Result<(), StoreError> {
        self.enqueue_notice(tx, portal, &Notice::new(text, None, true), Some(key))
            .await
    }

    /// Plans a notice about an email that did not arrive yet, or takes it back: where it was said, else by a notice of its own.
    pub(super) async fn add_delay(
        &self,
        tx: &mut Tx,
        portal: i64,
        text: &str,
        about: Option<&EventId>,
        delay: Delay<'_>,
    ) -> Result<(), StoreError> {
        let notice = Notice::new(text, about, true);
        let notice = match delay {
            Delay::Begins(message_id) => Notice {
                delayed: Some(message_id.to_owned()),
                ..notice
            },
            Delay::Ends(message_id) => Notice {
                arrived: Some(message_id.to_owned()),
                ..notice
            },
        };
        self.enqueue_notice(tx, portal, &notice, None).await
    }

    async fn enqueue_notice(
        &self,
        tx: &mut Tx,
        portal: i64,
        notice: &Notice,
        key: Option<String>,
    ) -> Result<(), StoreError> {
        let payload = json!(notice).to_string();
        let job = NewJob {
            lane: Lane::portal(portal),
            kind: JobKind::Notice,
            key,
            portal: Some(portal),
            payload: payload.as_bytes(),
            due_at: self.now(),
        };
        tx.enqueue(&job, self.now()).await?;
        Ok(())
    }

    pub(super) async fn work_notice(&self, job: &Job) -> Result<(), Failure> {
        let notice: Notice = serde_json::from_slice(&job.payload)
            .map_err(|error| Failure::Fail(format!("the stored notice can't be read: {error}")))?;
        let portal = self.portal_of(job).await?;
        if let (Some(room), PortalState::Active) = (&portal.room, portal.state) {
            let place = Place {
                speaker: portal.puppet.clone(),
                room: room.clone(),
            };
            match self.say(job, &portal, notice.clone(), &place).await {
                // The puppet may be muted, or the room gone, of which nobody has told us yet.
                Err(Failure::Fail(reason)) if notice.follows => {
                    tracing::warn!(
                        job = job.id,
                        portal = portal.id,
                        "the user is told elsewhere: {reason}"
                    );
                }
                said => return said,
            }
        }
        if !notice.follows {
            // What was about the room alone is of no interest any more.
            return self.end_unsaid(job, None).await;
        }
        if let Some(place) = self.elsewhere(&portal).await? {
            let notice = notice.said_elsewhere(&portal);
            return self.say(job, &portal, notice, &place).await;
        }
        let reason = "there is no chat in which the user could be told";
        tracing::warn!(job = job.id, portal = portal.id, "{reason}");
        metrics::counter!("penpal_notices_unheard_total").increment(1);
        self.end_unsaid(job, Some(reason)).await
    }

    async fn end_unsaid(&self, job: &Job, reason: Option<&str>) -> Result<(), Failure> {
        let mut tx = self.settle(job).await?;
        tx.finish_job(job.id, JobState::Done, reason, self.now()).await?;
        Ok(tx.commit().await?)
    }

    async fn say(
        &self,
        job: &Job,
        portal: &Portal,
        mut notice: Notice,
        place: &Place,
    ) -> Result<(), Failure> {
        let earlier = match &notice.arrived {
            Some(message_id) => {
                let mut tx = self.store.read().await?;
                tx.report_event(message_id, portal.id, &place.room).await?
            }
            None => None,
        };
        if notice.given_up.is_some() {
            // On a line of its own: a server's words may end without a full stop.
            notice.text = format!("{}\n{OFFER}", notice.text);
        }
        let content = match &earlier {
            Some(earlier) => notice.in_place_of(earlier),
            None => notice.content(),
        };
        let txn_id = self.txn_id(job.id, 0);
        let event = self
            .homeserver
            .send(
                &place.speaker,
                &place.room,
                "m.room.message",
                &txn_id,
                &content,
                None,
            )
            .await?;
        let mut tx = self.settle(job).await?;
        if let Some(given_up) = notice.given_up {
            tx.offer_retry(&event, portal.id, given_up).await?;
        }
        // Only the puppet can replace what it has said.
        if let Some(message_id) = notice.delayed.as_ref().filter(|_| place.speaker == portal.puppet) {
            tx.set_report_event(message_id, portal.id, &place.room, &event)
                .await?;
        }
        self.finish(tx, job).await
    }

    /// Another place where a portal's user can be told something: a chat with the same person, or one with the bot and nobody
    /// else.
    async fn elsewhere(&self, portal: &Portal) -> Result<Option<Place>, Failure> {
        let mut tx = self.store.read().await?;
        let others = tx
            .portals_with(&portal.address, Some(&portal.user), LOOKED_THROUGH)
            .await?;
        let open = others
            .into_iter()
            .filter(|other| other.id != portal.id)
            .find_map(|other| match (other.room, other.state) {
                (Some(room), PortalState::Active) => Some(Place {
                    speaker: other.puppet,
                    room,
                }),
                _ => None,
            });
        if open.is_some() {
            return Ok(open);
        }
        let talks = tx.bot_rooms_of(&portal.user, LOOKED_THROUGH).await?;
        drop(tx);
        let bot = self.settings.namespace.bot();
        for room in talks {
            let members = match self.homeserver.members(bot, &room).await {
                Ok(members) => members,
                Err(MatrixError::Refused { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            let mut inside = members
                .iter()
                .filter(|member| matches!(member.membership.as_str(), "join" | "invite"));
            if inside.all(|member| member.user_id == bot || member.user_id == portal.user) {
                return Ok(Some(Place {
                    speaker: bot.to_owned(),
                    room,
                }));
            }
        }
        Ok(None)
    }

    /// The portal that a job belongs to.
    pub(super) async fn portal_of(&self, job: &Job) -> Result<Portal, Failure> {
        let id = job
            .portal
            .ok_or_else(|| Failure::Fail("the job names no portal".into()))?;
        let portal = self.store.read().await?.portal(id).await?;
        portal.ok_or_else(|| Failure::Fail(format!("portal {id} is not there any more")))
    }
}
