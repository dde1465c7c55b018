//! A recording on its way: what comes together, and what must not wait.

use penpal::replay::recording::{Exchange, Recording};
use ruma::UserId;
use serde_json::Value;

/// The bodies of the transactions of a recording, with their IDs.
pub fn transactions(recording: &Recording) -> Vec<(String, Value)> {
    let transaction = |exchange: &Exchange| match exchange {
        Exchange::Transaction { txn_id, body, .. } => {
            Some((txn_id.clone(), serde_json::from_str(body).unwrap()))
        }
        Exchange::Query { .. } => None,
    };
    recording.exchanges.iter().filter_map(transaction).collect()
}

pub fn events(body: &Value) -> &[Value] {
    body["events"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A recording, and how far it is delivered.
pub struct Stream<'a> {
    pub recording: &'a Recording,
    pub waiting: std::vec::IntoIter<(String, Value)>,
    /// How many transactions are left when the last one is delivered that changes what was said before.
    changes_until: usize,
}

impl<'a> Stream<'a> {
    pub fn of(recording: &'a Recording) -> Self {
        let transactions = transactions(recording);
        let last = transactions
            .iter()
            .rposition(|(_, body)| events(body).iter().any(is_change));
        Self {
            recording,
            changes_until: last.map_or(transactions.len(), |last| transactions.len() - last - 1),
            waiting: transactions.into_iter(),
        }
    }

    /// The next transactions, up to one with something that a puppet did.
    pub fn take(&mut self, many: usize) -> Vec<(String, Value)> {
        let rest = self.waiting.as_slice().iter().skip(1);
        let before = rest.take_while(|(_, body)| !self.is_effect(body)).count();
        self.waiting.by_ref().take(many.min(before + 1)).collect()
    }

    /// Whether puppets did something of this.
    pub fn is_effect(&self, body: &Value) -> bool {
        let namespace = &self.recording.context.namespace;
        let senders = events(body).iter().filter_map(|event| event["sender"].as_str());
        let mut users = senders.filter_map(|sender| sender.try_into().ok());
        users.any(|user: &UserId| namespace.is_ours(user))
    }

    /// Whether it matters for what is said how much time passes now.
    pub fn is_in_haste(&self) -> bool {
        self.waiting.len() > self.changes_until && self.waiting.len() < self.recording.exchanges.len()
    }
}

/// Whether an event changes what was said before, or how it is shown: then what people get depends on whether that has left already.
fn is_change(event: &Value) -> bool {
    let kind = event["type"].as_str().unwrap_or_default();
    matches!(
        kind,
        "m.room.redaction" | "m.room.name" | "m.room.topic" | "m.room.tombstone" | "m.room.encryption"
    ) || event["content"].get("m.relates_to").is_some()
        // Another name: the event before is not always told.
        || (kind == "m.room.member" && event["content"]["membership"] == "join")
}
