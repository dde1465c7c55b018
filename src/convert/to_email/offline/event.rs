//! Events as JSON, as a homeserver pushes them.

use serde_json::{Map, Value};

use crate::convert::relation::{Relation, edited, referred, relation};
use crate::convert::to_email::{content, with_vote};
use crate::model::Timestamp;

/// An event, as far as an email needs it.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) sender: String,
    pub(super) content: Map<String, Value>,
    pub(super) timestamp: Timestamp,
    /// Why it is not shown, whatever its content.
    pub(super) hidden: Option<&'static str>,
    pub(super) redacts: Option<String>,
}

impl Event {
    /// Reads an event; the error says what is missing.
    pub(super) fn read(event: &Value) -> Result<Self, &'static str> {
        let event = event.as_object().ok_or("it is not an object")?;
        let kind = content::text(event, "type").ok_or("it has no type")?;
        let content = content::object(event, "content").ok_or("it has no content")?;
        let text = |field, default: &str| content::text(event, field).unwrap_or(default).to_owned();
        let unsigned = content::object(event, "unsigned");
        let redacted = unsigned.is_some_and(|unsigned| unsigned.contains_key("redacted_because"));
        let redacts = content::text(content, "redacts").or_else(|| content::text(event, "redacts"));
        Ok(Self {
            id: text("event_id", "$event"),
            kind: kind.to_owned(),
            sender: text("sender", "@user:example.invalid"),
            content: content.clone(),
            timestamp: Timestamp(event.get("origin_server_ts").and_then(Value::as_i64).unwrap_or(0)),
            hidden: match () {
                () if event.contains_key("state_key") => Some("it is a state event"),
                () if redacted => Some("it was redacted"),
                () if kind == "m.room.redaction" => Some("it redacts an earlier event"),
                () if kind == "m.room.encrypted" => Some("it is encrypted"),
                () => None,
            },
            redacts: redacts.filter(|_| kind == "m.room.redaction").map(str::to_owned),
        })
    }
}

/// Applies the edits and redactions in a list to the events in it, as the bridge does while a mail waits.
pub(super) fn folded(events: Vec<Event>) -> Vec<Event> {
    let mut folded: Vec<Event> = Vec::with_capacity(events.len());
    for event in events {
        if let Some(redacts) = &event.redacts {
            for target in folded.iter_mut().filter(|target| target.id == *redacts) {
                target.hidden = Some("it was redacted");
            }
        }
        let voted = referred(&event.content).and_then(|poll| {
            let poll = folded.iter_mut().find(|target| target.id == poll)?;
            poll.content = with_vote(&poll.content, &event.sender, &event.content)?;
            Some(())
        });
        if voted.is_some() {
            continue;
        }
        let edits = (relation(&event.content) == Relation::Edit)
            .then(|| referred(&event.content))
            .flatten();
        // Only the sender's own messages can be edited (client-server API, "Validity of replacement events").
        let target = edits.and_then(|id| {
            let fits = |target: &&mut Event| {
                target.id == id && target.sender == event.sender && target.kind == event.kind
            };
            folded.iter_mut().find(fits)
        });
        match target {
            Some(target) => target.content = edited(&target.content, &event.content).unwrap_or_default(),
            None => folded.push(event),
        }
    }
    folded
}

/// Why events make no email, for a person.
pub(super) fn reason(events: &[Event]) -> String {
    let reasons = events.iter().map(|event| {
        let why = event
            .hidden
            .unwrap_or("it has nothing in it that a mail could show");
        format!("{} ({}): {why}", event.id, event.kind)
    });
    let reasons: Vec<String> = reasons.collect();
    if reasons.is_empty() {
        return "there are no events".to_owned();
    }
    reasons.join("; ")
}
