//! What the puppet says in a portal's room in Penpal's own words.

use ruma::{EventId, OwnedEventId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Bridge, Failure};
use crate::store::{Job, JobKind, Lane, NewJob, PortalState, StoreError, Tx};

/// A notice to be sent.
#[derive(Debug, Deserialize, Serialize)]
struct Notice {
    text: String,
    /// The event that it is about, shown as the message that it answers.
    about: Option<OwnedEventId>,
}

impl Bridge {
    /// Plans a notice. It goes out in order with the emails that the portal's room shows.
    pub(super) async fn add_notice(
        &self,
        tx: &mut Tx,
        portal: i64,
        text: &str,
        about: Option<&EventId>,
    ) -> Result<(), StoreError> {
        let notice = Notice {
            text: text.to_owned(),
            about: about.map(ToOwned::to_owned),
        };
        let payload = json!(notice).to_string();
        let job = NewJob {
            lane: Lane::portal(portal),
            kind: JobKind::Notice,
            key: None,
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
        // To a room that is not used any more nothing can be said, and nobody is there to read it.
        if let (Some(room), PortalState::Active) = (&portal.room, portal.state) {
            let mut content = json!({"msgtype": "m.notice", "body": notice.text, "m.mentions": {}});
            if let (Some(about), Some(content)) = (&notice.about, content.as_object_mut()) {
                content.insert(
                    "m.relates_to".into(),
                    json!({"m.in_reply_to": {"event_id": about}}),
                );
            }
            let txn_id = self.txn_id(job.id, 0);
            self.homeserver
                .send(&portal.puppet, room, "m.room.message", &txn_id, &content, None)
                .await?;
        }
        let tx = self.settle(job).await?;
        self.finish(tx, job).await
    }

    /// The portal that a job belongs to.
    pub(super) async fn portal_of(&self, job: &Job) -> Result<crate::store::Portal, Failure> {
        let id = job
            .portal
            .ok_or_else(|| Failure::Fail("the job names no portal".into()))?;
        let portal = self.store.read().await?.portal(id).await?;
        portal.ok_or_else(|| Failure::Fail(format!("portal {id} is not there any more")))
    }
}
