//! What a homeserver sends.

use penpal::appservice::read_transaction;
use penpal::convert::to_email::{from_json, is_mailable, linked_file, media_uri, media_within};
use penpal::model::RoomEvent;
use serde_json::{Value, json};

use super::letter;

/// How many events of one input are rendered.
const MAX_RENDERED: usize = 20;

/// The body of a transaction.
pub fn check(data: &[u8]) {
    let Ok(transaction) = read_transaction(data) else {
        return;
    };
    let events = transaction["events"].as_array().expect("the events are an array");
    let readable: Vec<&Value> = events
        .iter()
        .filter(|value| RoomEvent::from_json(value).is_ok())
        .take(MAX_RENDERED)
        .collect();
    for value in &readable {
        let event = RoomEvent::from_json(value).expect("it was read before");
        let is_mailable = is_mailable(&event.event_type, &event.content);
        let _ = (media_uri(&event.content), media_within(&event.content));
        let (name, media_type) = linked_file(&event.event_type, &event.content);
        assert!(!name.contains(char::is_control) && !media_type.contains(char::is_control));
        let shown = render(value, data.len());
        assert!(
            is_mailable || !shown,
            "what is not mailable makes no mail: {value}"
        );
    }
    render(&json!(readable), data.len());
}

fn render(events: &Value, input: usize) -> bool {
    let no_files = |_: &str| Err(std::io::ErrorKind::NotFound.into());
    let context = json!({"first": true, "room": {"name": "Garden", "topic": "Roses"}});
    match from_json(events, &context, &no_files) {
        Ok(email) => {
            letter::check(&email, input);
            true
        }
        Err(_) => false,
    }
}
