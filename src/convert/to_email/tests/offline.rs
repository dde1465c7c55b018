//! Events and contexts as JSON: what a script can rely on.

use std::io;
use std::path::Path;

use mail_parser::MessageParser;
use serde_json::{Value, json};

use crate::convert::to_email::{FromJsonError, from_json};

fn no_files(_: &str) -> io::Result<Vec<u8>> {
    Err(io::ErrorKind::NotFound.into())
}

fn event(content: &Value) -> Value {
    json!({"type": "m.room.message", "content": content, "event_id": "$1", "sender": "@bob:hs.example"})
}

fn mail(events: &Value, context: &Value) -> String {
    String::from_utf8(from_json(events, context, &no_files).unwrap().bytes).unwrap()
}

#[test]
fn placeholders_serve_without_a_context() {
    let event = json!({"type": "m.room.message", "content": {"msgtype": "m.text", "body": "hi"}});
    let expected = "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\nFrom: user <user@example.invalid>\r\n\
                    To: somebody@example.invalid\r\nSubject: Chat with user\r\n";
    for context in [json!({}), Value::Null] {
        let mail = mail(&event, &context);
        assert!(mail.starts_with(expected), "{mail}");
        assert!(mail.contains("@example.invalid>\r\n"));
    }
}

#[test]
fn the_thread_is_read_from_the_context() {
    let reply = json!({
        "msgtype": "m.text", "body": "yes", "m.relates_to": {"m.in_reply_to": {"event_id": "$old"}}
    });
    let context = json!({
        "domain": "mail.example.org", "subject": "Roses", "room": {"name": "not this"},
        "events": {
            "$old": {"message_id": "b@x", "references": ["a@x"], "date": "2026-01-01T00:00:00Z", "body": "?", "sender_name": "A"},
            "$new": {"message_id": "c@x", "references": ["a@x", "b@x"], "date": "2026-01-01T10:00:00+09:00"},
            "$last": {"message_id": "d@x", "references": [], "date": "2026-01-01T02:00:00Z"}
        }
    });
    let answer = mail(&event(&reply), &context);
    assert!(answer.contains("Subject: Re: Roses\r\n"));
    assert!(
        answer.contains("In-Reply-To: <b@x>\r\nReferences: <a@x> <b@x>\r\n"),
        "{answer}"
    );
    let next = mail(&event(&json!({"msgtype": "m.text", "body": "yes"})), &context);
    assert!(
        next.contains("In-Reply-To: <d@x>\r\nReferences: <d@x>\r\n"),
        "{next}"
    );
    let first = mail(
        &event(&json!({"msgtype": "m.text", "body": "yes"})),
        &json!({"first": true, "subject": "Roses"}),
    );
    assert!(
        first.contains("Subject: Roses\r\n") && first.contains("@bob:hs.example"),
        "{first}"
    );
    let later = mail(
        &event(&json!({"msgtype": "m.text", "body": "yes"})),
        &json!({"first": false, "subject": "Roses"}),
    );
    assert!(later.contains("Subject: Re: Roses\r\n"), "{later}");
}

#[test]
fn media_comes_from_the_context_or_a_file() {
    let file_message = json!({"msgtype": "m.file", "body": "a.txt", "url": "mxc://hs.example/a", "info": {"mimetype": "text/plain"}});
    let context = json!({"media": {"mxc://hs.example/a": {"file": "a.bin"}}});
    let files = |path: &str| {
        assert_eq!(path, "a.bin");
        Ok(b"hello".to_vec())
    };
    let email = from_json(&event(&file_message), &context, &files).unwrap();
    let mail = MessageParser::new().parse(&email.bytes).unwrap();
    assert_eq!(mail.attachment(0).unwrap().contents(), b"hello");
    let error = from_json(&event(&file_message), &context, &no_files).unwrap_err();
    assert!(
        matches!(&error, FromJsonError::File { path, .. } if path == "a.bin"),
        "{error}"
    );
    let context = json!({"media": {"mxc://hs.example/a": {"base64": "aGVsbG8="}}});
    assert!(from_json(&event(&file_message), &context, &no_files).is_ok());
}

#[test]
fn mistakes_are_named() {
    let text = event(&json!({"msgtype": "m.text", "body": "hi"}));
    for (events, context, expected) in [
        (
            json!(5),
            json!({}),
            "event 0 is not a Matrix event: it is not an object",
        ),
        (
            json!([text, {"content": {}}]),
            json!({}),
            "event 1 is not a Matrix event: it has no type",
        ),
        (
            json!({"type": "m.room.message"}),
            json!({}),
            "event 0 is not a Matrix event: it has no content",
        ),
        (
            text.clone(),
            json!({"to": [{"address": "nobody"}]}),
            "the context can't be used: to.0.address: an email address has",
        ),
        (
            text.clone(),
            json!({"events": {"$1": {"references": 5}}}),
            "the context can't be used: events.$1.references: ",
        ),
        (text.clone(), json!([]), "the context can't be used: "),
        (
            text.clone(),
            json!({"romm": {"name": "Tea"}}),
            "the context can't be used: romm: unknown field `romm`, expected one of `domain`, ",
        ),
        (
            text.clone(),
            json!({"room": {"id": "!1", "title": "Tea"}}),
            "the context can't be used: room.title: unknown field `title`, ",
        ),
        (
            text.clone(),
            json!({"events": {"$1": {"text": "hi"}}}),
            "the context can't be used: events.$1.text: unknown field `text`, ",
        ),
    ] {
        let error = from_json(&events, &context, &no_files).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    let broken = json!({"media": {"mxc://hs.example/a": {"base64": "?"}}});
    let file = event(&json!({"msgtype": "m.file", "body": "a", "url": "mxc://hs.example/a"}));
    let error = from_json(&file, &broken, &no_files).unwrap_err().to_string();
    assert!(
        error.starts_with("the context can't be used: media.mxc://hs.example/a.base64: "),
        "{error}"
    );
}

#[test]
fn what_makes_no_mail_says_why() {
    for (event, expected) in [
        (
            json!({"type": "m.room.topic", "state_key": "", "content": {"topic": "x"}}),
            "it is a state event",
        ),
        (
            json!({"type": "m.room.message", "content": {}, "unsigned": {"redacted_because": {}}}),
            "it was redacted",
        ),
        (
            json!({"type": "m.room.redaction", "content": {"redacts": "$0"}}),
            "it redacts an earlier event",
        ),
        (
            json!({"type": "m.room.encrypted", "content": {"ciphertext": "x"}}),
            "it is encrypted",
        ),
        (
            json!({"type": "m.room.message", "content": {"msgtype": "m.text"}}),
            "it has nothing in it that a mail could show",
        ),
        (json!([]), "there are no events"),
    ] {
        let error = from_json(&event, &json!({}), &no_files).unwrap_err();
        assert!(
            matches!(&error, FromJsonError::NoEmail { reason } if reason.ends_with(expected)),
            "{error}"
        );
    }
}

/// What a homeserver really pushed: every event makes a readable mail or none, and every mail is sound.
#[test]
fn recorded_events_make_sound_mails() {
    let recordings = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/transactions");
    let mut mails = 0;
    for file in std::fs::read_dir(recordings)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        if file.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        let transactions = text.split('\n').filter(|line| !line.is_empty());
        for transaction in transactions.map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            for event in transaction["body"]["events"].as_array().into_iter().flatten() {
                let email = match from_json(event, &json!({"domain": "mail.example.org"}), &no_files) {
                    Ok(email) => email,
                    Err(FromJsonError::NoEmail { .. }) => continue,
                    Err(error) => panic!("{event}: {error}"),
                };
                let raw = String::from_utf8(email.bytes.clone()).unwrap();
                assert!(
                    raw.is_ascii() && raw.split("\r\n").all(|line| line.len() <= 78),
                    "{raw}"
                );
                let mail = MessageParser::new().parse(&email.bytes).unwrap();
                let shown = mail.body_text(0).unwrap().replace("\r\n", "\n");
                assert!(
                    email.texts.iter().all(|text| shown.contains(text.as_str())),
                    "{event}"
                );
                mails += 1;
            }
        }
    }
    assert!(mails > 400, "{mails}");
}
