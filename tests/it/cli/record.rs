//! `penpal record`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use penpal::model::{EmailAddress, Timestamp};
use penpal::store::{NewPortal, Store};
use ruma::{room_id, user_id};

use super::penpal;
use super::running::{Bridge, Running, configured};

const FIXTURE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/fixtures/transactions/dm_direct.jsonl"
);
const PUPPET: &str = "@_email_alice=40example.com:example.org";

/// A chat of Bob's with Alice that is older than the recording.
fn old_chat(folder: &Path) {
    on_the_store(folder, async |store| {
        let mut tx = store.begin().await.unwrap();
        let room = room_id!("!old:example.org");
        let portal = NewPortal {
            user: user_id!("@bob:example.org"),
            address: &EmailAddress::parse("alice@example.com").unwrap(),
            puppet: PUPPET.try_into().unwrap(),
            room: Some(room),
            token: "token",
            domain: "mail.example.org",
            subject: None,
        };
        let id = tx.create_portal(&portal, Timestamp(0)).await.unwrap();
        tx.place_portal(id, room, Some("Secret plans"), None, false)
            .await
            .unwrap();
        for (user, name) in [("@bob:example.org", "Bob Miller"), (PUPPET, "Alice")] {
            tx.set_member(room, user.try_into().unwrap(), "join", Some(name))
                .await
                .unwrap();
        }
        tx.commit().await.unwrap();
    });
}

/// Does something with the database beside the running Penpal.
fn on_the_store<T>(folder: &Path, act: impl AsyncFnOnce(&Store) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = Store::connect(&format!("sqlite:{}", folder.join("penpal.db").display()))
            .await
            .unwrap();
        let done = act(&store).await;
        store.close().await;
        done
    })
}

/// What Bob says there.
fn says(number: u64, body: &str) -> String {
    let at = 1_795_262_400_000 + number * 1000;
    format!(
        r#"{{"events": [{{"type": "m.room.message", "event_id": "$e{number}:example.org", "room_id": "!old:example.org", "origin_server_ts": {at},
        "sender": "@bob:example.org", "content": {{"msgtype": "m.text", "body": "{body}"}}}}]}}"#
    )
}

#[test]
fn what_comes_while_it_runs_can_be_replayed_and_names_nobody() {
    let folder = configured(&[]);
    let path = folder.path();
    let bridge = Bridge::start(path);
    old_chat(path);
    let mut record = Running::start(path, &["record", "report.jsonl", "--remove", "all"]);
    record.says("Recording one process");

    // Nobody else may record meanwhile, and no file is overwritten.
    let second = penpal(path, &["record", "second.jsonl", "--for", "1s"]);
    assert_eq!(second.code, Some(1));
    assert!(
        second.err.contains("another `penpal record` is at work"),
        "{}",
        second.err
    );
    let over = penpal(path, &["record", "report.jsonl"]);
    assert_eq!(over.code, Some(1));
    assert!(
        over.err.contains("report.jsonl can't be made: it exists already"),
        "{}",
        over.err
    );

    assert_eq!(
        bridge.transaction("1", &says(1, "Dear Alice, Bob Miller is at bob@home.example.com")),
        200
    );
    assert_eq!(bridge.transaction("2", &says(2, "Greetings")), 200);
    let typing = r#"{"events": [], "ephemeral": [{"type": "m.typing", "room_id": "!old:example.org", "content": {"user_ids": ["@bob:example.org"]}}]}"#;
    assert_eq!(bridge.transaction("3", typing), 200);
    // What came just before the end is in it as well.
    record.signal("-INT");
    let (code, out) = record.ended();
    assert_eq!(code, Some(0));
    assert_eq!(
        out,
        "report.jsonl has 4 transactions with 5 events.\nRemoved: tokens, keys, files, contents, addresses, names.\n\
         Still in it: times, order, lengths, types and sizes of files, reactions.\n"
    );

    let file = path.join("report.jsonl");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    for word in [
        "example.org",
        "example.com",
        "lice",
        "@bob",
        "Bob M",
        "Miller",
        "Secret",
        "Greetings",
        "Dear",
        "$e1",
    ] {
        assert!(!text.contains(word), "{word}: {text}");
    }
    let replayed = penpal(path, &["replay", "report.jsonl"]);
    assert_eq!(replayed.code, Some(0), "{}", replayed.err);
    let mail = "to <person1@domain1.example>\n    From: \"Name 2\" <user1@mail.home.example>";
    assert!(
        replayed.out.contains(mail) && replayed.out.matches("\nmail <").count() == 1,
        "{}",
        replayed.out
    );

    // After that nothing is recorded any more, and nothing is left over in the database.
    assert_eq!(bridge.transaction("4", &says(4, "later")), 200);
    let left = on_the_store(path, async |store| {
        let mut tx = store.begin().await.unwrap();
        (tx.recorder().await.unwrap(), tx.recorded(10).await.unwrap())
    });
    assert_eq!(left, (None, Vec::new()));
    assert!(!path.join("second.jsonl").exists());
}

#[test]
fn a_recording_that_is_there_can_be_made_one_without_names() {
    let folder = tempfile::tempdir().unwrap();
    let made = penpal(
        folder.path(),
        &[
            "record",
            "out.jsonl",
            "--from",
            FIXTURE,
            "--remove",
            "addresses,names",
        ],
    );
    assert_eq!((made.code, made.err.as_str()), (Some(0), ""));
    assert!(made.out.ends_with("files, addresses, names.\nStill in it: times, order, lengths, types and sizes of files, reactions, contents.\n"), "{}", made.out);
    let text = fs::read_to_string(folder.path().join("out.jsonl")).unwrap();
    assert!(!text.contains("lab.test") && !text.contains("alice"), "{text}");
    let replayed = penpal(folder.path(), &["replay", "out.jsonl"]);
    assert!(
        replayed
            .out
            .contains("join @_email_person1=40domain1.example:home.example !room1\n"),
        "{}",
        replayed.out
    );
}

#[test]
fn it_ends_before_the_file_is_larger_than_wanted() {
    let folder = configured(&[]);
    let path = folder.path();
    let bridge = Bridge::start(path);
    old_chat(path);
    let mut record = Running::start(path, &["record", "small.jsonl", "--max-size", "4 KB"]);
    record.says("Recording one process");
    let text = "word ".repeat(100);
    for number in 0..20 {
        assert_eq!(bridge.transaction(&number.to_string(), &says(number, &text)), 200);
    }
    record.says("The file has the size that --max-size allows");
    let (code, out) = record.ended();
    assert_eq!(code, Some(0));
    assert!(
        out.starts_with("small.jsonl has 5 transactions with 7 events."),
        "{out}"
    );
    let size = fs::metadata(path.join("small.jsonl")).unwrap().len();
    assert!((3200..=4000).contains(&size), "{size}");
    let replayed = penpal(path, &["replay", "small.jsonl"]);
    assert_eq!(replayed.code, Some(0), "{}", replayed.err);
    let left = on_the_store(path, async |store| {
        let mut tx = store.begin().await.unwrap();
        (tx.recorder().await.unwrap(), tx.recorded(10).await.unwrap())
    });
    assert_eq!(left, (None, Vec::new()));
}

#[test]
fn a_configuration_that_is_named_must_be_there_for_a_recording_too() {
    let folder = tempfile::tempdir().unwrap();
    let from = ["record", "out.jsonl", "--from", FIXTURE];
    let made = penpal(
        folder.path(),
        &[&from[..], &["--config", "nowhere.yaml"]].concat(),
    );
    assert_eq!(made.code, Some(2), "{}", made.err);
    assert!(made.err.contains("nowhere.yaml"), "{}", made.err);
    let made = penpal(folder.path(), &[&from[..], &["--max-size", "1 KB"]].concat());
    assert_eq!(made.code, Some(2), "{}", made.err);
    assert!(!folder.path().join("out.jsonl").exists());
}
