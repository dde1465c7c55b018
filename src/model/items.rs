//! The items of a JSON array that came from outside, each read on its own.

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// A JSON array of which every item was read on its own, so that one that can't be read does not hide the others.
///
/// Homeservers pass on events that are valid JSON and yet can't be read here: nested deeper than the reader
/// allows (128 levels), or with half a surrogate pair (`"\ud800"`) in a text. Anybody can send such an event;
/// it must not stop what stands beside it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Items {
    /// What could be read, in order.
    pub values: Vec<Value>,
    /// For each item that could not be read its `event_id`, where it has one, for the log.
    pub unreadable: Vec<Option<String>>,
}

/// The one field of an item that is worth knowing when nothing else can be read.
#[derive(Deserialize)]
struct Named {
    event_id: Option<String>,
}

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw_items = Vec::<Box<RawValue>>::deserialize(deserializer)?;
        let mut items = Self::default();
        for raw in raw_items {
            match serde_json::from_str(raw.get()) {
                Ok(value) => items.values.push(value),
                Err(_) => items.unreadable.push(
                    serde_json::from_str::<Named>(raw.get())
                        .ok()
                        .and_then(|item| item.event_id),
                ),
            }
        }
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_unreadable_item_does_not_hide_the_others() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        let array = format!(
            r#"[{{"event_id":"$a"}}, {{"content":{deep},"event_id":"$b"}}, "\ud800", {{"x":"\ud800","event_id":"$c"}}, 5]"#
        );
        let items: Items = serde_json::from_str(&array).unwrap();
        assert_eq!(items.values, [json!({"event_id": "$a"}), json!(5)]);
        assert_eq!(
            items.unreadable,
            [Some("$b".to_owned()), None, Some("$c".to_owned())]
        );
    }

    #[test]
    fn only_an_array_has_items() {
        for text in ["{}", "null", "[1", ""] {
            assert!(serde_json::from_str::<Items>(text).is_err(), "{text}");
        }
    }
}
