//! Reports: what mail servers told of an email that we sent.

use ruma::{EventId, OwnedEventId, RoomId};

use super::{StoreError, Tx, parse, parse_optional, stored_words};

stored_words! {
    /// What became of an email, as far as it was told in the chat. Each may follow the ones before it, never the other way round, so
    /// that no server can say things without end.
    Reported {
        /// It did not arrive yet.
        Delayed => "delayed",
        /// It arrived.
        Delivered => "delivered",
        /// It will not arrive.
        Failed => "failed",
    }
}

impl Tx {
    /// What was reported of an email; `None` when nothing was.
    pub async fn reported(&mut self, message_id: &str, portal: i64) -> Result<Option<Reported>, StoreError> {
        self.sql("SELECT delivery FROM reports WHERE message_id = $1 AND portal_id = $2")
            .bind(message_id)
            .bind(portal)
            .one(|row| parse(row, "reports", "delivery"))
            .await
    }

    /// Notes what became of an email. False when that, or what follows it, is known already.
    pub async fn report(
        &mut self,
        message_id: &str,
        portal: i64,
        delivery: Reported,
    ) -> Result<bool, StoreError> {
        self.sql(
            "INSERT INTO reports (message_id, portal_id, delivery) VALUES ($1, $2, $3) \
             ON CONFLICT (message_id, portal_id) DO UPDATE SET delivery = excluded.delivery \
             WHERE (reports.delivery = 'delayed' AND excluded.delivery <> 'delayed') \
             OR (reports.delivery = 'delivered' AND excluded.delivery = 'failed') RETURNING 1",
        )
        .bind(message_id)
        .bind(portal)
        .bind(delivery.as_str())
        .any()
        .await
    }

    /// Notes by which event a delay was told.
    pub async fn set_report_event(
        &mut self,
        message_id: &str,
        portal: i64,
        room: &RoomId,
        event: &EventId,
    ) -> Result<(), StoreError> {
        self.sql("UPDATE reports SET room_id = $1, event_id = $2 WHERE message_id = $3 AND portal_id = $4")
            .bind(room.as_str())
            .bind(event.as_str())
            .bind(message_id)
            .bind(portal)
            .later()
            .await
    }

    /// The event in this room by which a delay was told.
    pub async fn report_event(
        &mut self,
        message_id: &str,
        portal: i64,
        room: &RoomId,
    ) -> Result<Option<OwnedEventId>, StoreError> {
        let event = self
            .sql("SELECT event_id FROM reports WHERE message_id = $1 AND portal_id = $2 AND room_id = $3")
            .bind(message_id)
            .bind(portal)
            .bind(room.as_str())
            .one(|row| parse_optional(row, "reports", "event_id"))
            .await?;
        Ok(event.flatten())
    }
}
