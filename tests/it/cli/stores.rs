//! What an admin does with the database beside a running Penpal, and databases that are not for this one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::penpal;
use super::running::{Bridge, change, configured};

/// A message in a room that nobody knows.
fn message(number: u64) -> String {
    format!(
        r#"{{"events": [{{"type": "m.room.member", "state_key": "@_email_alice=40example.com:example.org", "event_id": "$e{number}:example.org",
        "room_id": "!r:example.org", "origin_server_ts": 1, "sender": "@bob:example.org", "content": {{"membership": "invite", "is_direct": true}}}}]}}"#
    )
}

#[test]
fn the_queue_a_backup_and_forgetting_need_no_stop() {
    let folder = configured(&[]);
    let path = folder.path();
    let bridge = Bridge::start(path);
    // No homeserver answers: the invite waits.
    assert_eq!(bridge.transaction("1", &message(1)), 200);
    let list = penpal(path, &["queue", "list", "--state", "waiting", "--json"]);
    assert_eq!((list.code, list.err.as_str()), (Some(0), ""));
    let job: serde_json::Value = serde_json::from_str(list.out.lines().next().unwrap()).unwrap();
    assert_eq!(job["kind"], "event");
    assert_eq!(job["lane"], "room:!r:example.org");
    let id = job["id"].to_string();

    let backup = penpal(path, &["backup", "copy.db"]);
    assert_eq!((backup.code, backup.err.as_str()), (Some(0), ""));
    assert_eq!(
        fs::metadata(path.join("copy.db")).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let over = penpal(path, &["backup", "copy.db"]);
    assert_eq!(over.code, Some(1), "nothing is overwritten");

    for (command, said) in [(["queue", "retry", &id], ""), (["queue", "drop", &id], "")] {
        let outcome = penpal(path, &command);
        assert_eq!(
            (outcome.code, outcome.err.as_str()),
            (Some(0), said),
            "{command:?}"
        );
    }
    assert!(
        !penpal(path, &["queue", "list", "--state", "waiting"])
            .out
            .contains("room:")
    );
    let help = penpal(path, &["forget", "--help"]).out;
    assert!(
        help.contains("That ADDRESS wants no more emails of somebody stays"),
        "{help}"
    );
    let puppet = penpal(path, &["forget", "@_email_alice=40example.org:example.org"]);
    assert_eq!(puppet.code, Some(2));
    assert!(puppet.err.contains("give the email address"), "{}", puppet.err);
    let forget = penpal(path, &["forget", "@bob:example.org"]);
    assert_eq!(
        (forget.code, forget.out.as_str()),
        (
            Some(0),
            "There was no chat with them; what else was stored about them is gone.\n"
        ),
        "{}",
        forget.err
    );
    assert_eq!(bridge.transaction("2", &message(2)), 200);
    drop(bridge);

    // The copy is a whole database: what waited then waits in it.
    change(path, |text| text.replace("penpal.db", "copy.db"));
    let list = penpal(path, &["queue", "list", "--state", "waiting"]);
    assert!(list.out.contains("room:!r:example.org"), "{}", list.out);
}

#[test]
fn one_process_works_on_a_sqlite_file_and_only_for_its_homeserver() {
    let folder = configured(&[]);
    let path = folder.path();
    let bridge = Bridge::start(path);
    let second = penpal(path, &["run"]);
    assert_eq!(second.code, Some(1));
    assert!(
        second.err.contains("another `penpal run` works on this database"),
        "{}",
        second.err
    );
    assert_eq!(
        bridge.transaction("1", &message(1)),
        200,
        "the first is not disturbed"
    );
    bridge.process.signal("-TERM");
    assert_eq!(bridge.process.ended().0, Some(0));
    change(path, |text| {
        text.replace("server_name: \"example.org\"", "server_name: \"example.net\"")
    });
    let other = penpal(path, &["run"]);
    assert_eq!(other.code, Some(1), "{}", other.err);
    assert!(
        other.err.contains(
            "the database holds the chats of example.org, but homeserver.server_name is example.net"
        ),
        "{}",
        other.err
    );
}
