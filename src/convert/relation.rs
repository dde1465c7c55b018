//! How an event relates to earlier ones (client-server API, "Forming relationships between events").

use serde_json::{Map, Value};

use crate::model::is_identifier;

/// How an event relates to an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// It stands for itself.
    None,
    /// It answers, and says so on purpose.
    Reply,
    /// It replaces, by its `m.new_content`.
    Edit,
    /// It is a reaction (`m.annotation`).
    Annotation,
    /// It belongs to another in some other way: an answer to a poll, or its end.
    Reference,
}

/// Reads the kind of relation; a relation of wrong types is none.
pub fn relation(content: &Map<String, Value>) -> Relation {
    let Some(relates) = content.get("m.relates_to").and_then(Value::as_object) else {
        return Relation::None;
    };
    match relates.get("rel_type").and_then(Value::as_str) {
        Some("m.replace") if content.get("m.new_content").is_some_and(Value::is_object) => Relation::Edit,
        Some("m.annotation") => Relation::Annotation,
        Some("m.reference") => Relation::Reference,
        // In a thread, the latest event is named for clients that know no threads: nobody meant to answer it.
        Some("m.thread") if relates.get("is_falling_back") == Some(&Value::Bool(true)) => Relation::None,
        _ if relates.get("m.in_reply_to").is_some_and(Value::is_object) => Relation::Reply,
        _ => Relation::None,
    }
}

/// The event that a content refers to in any way: what it answers, reacts to, corrects, or whose thread it is in.
pub fn referred(content: &Map<String, Value>) -> Option<&str> {
    let relates = content.get("m.relates_to")?;
    relates
        .get("m.in_reply_to")
        .and_then(|answered| answered.get("event_id"))
        .or_else(|| relates.get("event_id"))?
        .as_str()
        .filter(|id| is_identifier(id))
}

/// The content of a message after an edit: the new one, but related as the message was before (client-server API,
/// "Applying `m.new_content`"). `None` when `edit` is none.
pub fn edited(message: &Map<String, Value>, edit: &Map<String, Value>) -> Option<Map<String, Value>> {
    let mut content = edit.get("m.new_content")?.as_object()?.clone();
    content.remove("m.relates_to");
    content.remove("m.new_content");
    if let Some(relation) = message.get("m.relates_to") {
        content.insert("m.relates_to".to_owned(), relation.clone());
    }
    Some(content)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn content(value: Value) -> Map<String, Value> {
        let Value::Object(content) = value else {
            panic!("{value} is no object")
        };
        content
    }

    #[test]
    fn relations_are_read_leniently() {
        for (relates, expected, target) in [
            (
                json!({"m.in_reply_to": {"event_id": "$1"}}),
                Relation::Reply,
                Some("$1"),
            ),
            (
                json!({"rel_type": "m.annotation", "event_id": "$2", "key": "x"}),
                Relation::Annotation,
                Some("$2"),
            ),
            (
                json!({"rel_type": "m.replace", "event_id": "$3"}),
                Relation::None,
                Some("$3"),
            ),
            (
                json!({"rel_type": "m.reference", "event_id": "$4"}),
                Relation::Reference,
                Some("$4"),
            ),
            (
                json!({"rel_type": "m.thread", "event_id": "$5", "is_falling_back": true, "m.in_reply_to": {"event_id": "$6"}}),
                Relation::None,
                Some("$6"),
            ),
            (
                json!({"rel_type": "m.thread", "event_id": "$5", "m.in_reply_to": {"event_id": "$6"}}),
                Relation::Reply,
                Some("$6"),
            ),
            (json!({"m.in_reply_to": "$7"}), Relation::None, None),
            (json!({"event_id": "$a\u{0}"}), Relation::None, None),
            (json!({"event_id": "$".repeat(256)}), Relation::None, None),
            (json!("nonsense"), Relation::None, None),
            (json!({"rel_type": 5, "event_id": []}), Relation::None, None),
        ] {
            let content = content(json!({"body": "x", "m.relates_to": relates}));
            assert_eq!(
                (relation(&content), referred(&content)),
                (expected, target),
                "{content:?}"
            );
        }
    }

    #[test]
    fn edits_keep_the_relation_of_what_they_edit() {
        let message = content(json!({"body": "a", "m.relates_to": {"m.in_reply_to": {"event_id": "$1"}}}));
        let edit = content(json!({
            "body": "* b", "m.new_content": {"body": "b", "m.relates_to": {"event_id": "$9"}},
            "m.relates_to": {"rel_type": "m.replace", "event_id": "$2"}
        }));
        let expected = content(json!({"body": "b", "m.relates_to": {"m.in_reply_to": {"event_id": "$1"}}}));
        assert_eq!(edited(&message, &edit), Some(expected));
        assert_eq!(edited(&message, &message), None);
    }
}
