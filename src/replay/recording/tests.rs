use std::path::PathBuf;

use super::*;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/transactions")
        .join(name)
}

const CONTEXT: &str = r#"{
    "server_name": "hs.test",
    "registration": {"sender_localpart": "bot", "namespaces": {"users": [{"regex": "@_mail_.*:hs\\.test"}]}},
    "files": {"r.jsonl": {"rooms": {"!one": ""}, "notes": {
        "messages pushed": ["c"], "messages the puppet can read back with /messages": ["c", "b", "a"]}}}
}"#;

/// A recording of its own in a temporary folder.
fn recording(lines: &str, context: &str) -> Result<Recording, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.jsonl");
    std::fs::write(&path, lines).unwrap();
    std::fs::write(folder.path().join("context.json"), context).unwrap();
    Recording::read(&path).map_err(|error| {
        let prefix = format!("{}/", folder.path().display());
        error.to_string().replace(&prefix, "")
    })
}

#[test]
fn bodies_are_kept_byte_for_byte() {
    let line =
        "{\"txn_id\":\"7\",\"path\":\"/x\",\"body\":{\"b\": 1.0, \"a\":\"\u{2028}\\u0000\u{85}\"}}\n\n";
    let recording = recording(line, CONTEXT).unwrap();
    let body = "{\"b\": 1.0, \"a\":\"\u{2028}\\u0000\u{85}\"}".to_owned();
    let txn_id = "7".to_owned();
    assert_eq!(
        recording.exchanges,
        [Exchange::Transaction {
            txn_id,
            at: None,
            body
        }]
    );
    assert_eq!(recording.context.namespace.prefix(), "_mail_");
}

#[test]
fn what_was_not_pushed_comes_from_the_notes() {
    let unpushed = recording("", CONTEXT).unwrap().unpushed;
    let bodies: Vec<_> = unpushed.iter().map(|message| message.body.as_str()).collect();
    assert_eq!(bodies, ["a", "b"]);
}

#[test]
fn errors_name_file_and_line() {
    for (lines, context, error) in [
        ("{}", CONTEXT, "r.jsonl:1: `path` is missing"),
        (
            "{\"txn_id\":\"1\",\"path\":\"/x\",\"body\":{}}\n{\"path\":\"/x\"}",
            CONTEXT,
            "r.jsonl:2: neither `txn_id` (a transaction) nor `method` (another request) is there",
        ),
        (
            "{\"txn_id\":\"1\",\"path\":\"/x\"}",
            CONTEXT,
            "r.jsonl:1: `body` is missing",
        ),
        (
            "{\"path\":\"/x\",\"method\":\"GET\"}",
            CONTEXT,
            "r.jsonl:1: `answer` is missing",
        ),
        (
            "",
            "{}",
            "context.json: missing field `server_name` at line 1 column 2",
        ),
    ] {
        assert_eq!(recording(lines, context).unwrap_err(), error);
    }
    let error = Recording::read(Path::new("/nowhere/r.jsonl")).unwrap_err();
    assert!(error.to_string().starts_with("/nowhere/r.jsonl: "), "{error}");
}

#[test]
fn media_stays_in_its_folder() {
    let context = CONTEXT.replacen(
        '{',
        r#"{"media": {"mxc://hs.test/x": {"file": "../context.json", "content_type": "text/plain"}},"#,
        1,
    );
    let error = recording("", &context).unwrap_err();
    assert_eq!(
        error,
        "context.json: media mxc://hs.test/x: `../context.json` is no file name"
    );
}

#[test]
fn every_recording_is_readable() {
    let mut count = 0;
    for entry in std::fs::read_dir(fixture("")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "jsonl") {
            let recording = Recording::read(&path).unwrap();
            assert!(!recording.exchanges.is_empty(), "{}", path.display());
            count += 1;
        }
    }
    assert_eq!(count, 30);
    let races = Recording::read(&fixture("message_races_join.jsonl")).unwrap();
    assert_eq!(races.unpushed.len(), 5);
}

#[test]
fn files_of_which_the_size_is_known_fill_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.jsonl");
    let picture = |number: usize| {
        let info = json!({"mimetype": "image/png", "size": u64::MAX >> number});
        json!({"sender": "@bob:hs.test", "content": {"url": format!("mxc://hs.test/{number:03}"), "info": info}})
    };
    let body = json!({"events": (0..60).map(picture).collect::<Vec<_>>()});
    let header =
        json!({"context": {"server_name": "hs.test", "sender_localpart": "bot", "user_prefix": "_email_"}});
    let line = json!({"txn_id": "1", "path": "/x", "body": body});
    std::fs::write(&path, format!("{header}\n{line}\n")).unwrap();
    let recording = Recording::read(&path).unwrap();
    let sizes = recording.context.media.values().map(|media| media.bytes.len());
    assert_eq!(recording.context.media.len(), 60);
    assert_eq!(sizes.sum::<usize>(), 256 * 1024 * 1024);
}
