//! The program as an admin runs it.

mod deliver;
mod doctor;
mod help;
mod init;
mod queue;
mod record;
mod reload;
mod running;
mod stores;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// What a run left behind.
struct Outcome {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs penpal in `folder`, without anything of this environment that it would read.
fn penpal(folder: &Path, arguments: &[&str]) -> Outcome {
    let output = Command::new(env!("CARGO_BIN_EXE_penpal"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Outcome {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

const INIT: [&str; 10] = [
    "init",
    "--server-name",
    "example.org",
    "--homeserver-url",
    "http://127.0.0.1:8008",
    "--mail-domain",
    "mail.example.org",
    "--relay",
    "localhost:25",
    // Keys take a moment to make.
    "--no-dkim",
];

/// A folder in which `penpal init` ran.
fn initialised(more: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let outcome = penpal(folder.path(), &[&INIT, more].concat());
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""));
    folder
}

/// The value of a key at the end of a line such as `  as_token: "…"`.
fn value(text: &str, key: &str) -> String {
    let line = text
        .lines()
        .find(|line| line.trim_start().starts_with(&format!("{key}:")))
        .unwrap();
    line.split_once(": ").unwrap().1.trim_matches('"').to_owned()
}

#[test]
fn a_registration_that_differs_is_explained_without_its_secrets() {
    let folder = initialised(&[]);
    let path = folder.path().join("registration.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let token = value(&text, "hs_token");
    let changed = text
        .replace(&token, "something-else")
        .replace("29330", "29331")
        .replace("receive_ephemeral: true", "receive_ephemeral: false");
    fs::write(&path, changed).unwrap();
    let outcome = penpal(folder.path(), &["registration", "check"]);
    assert_eq!(outcome.code, Some(1));
    assert_eq!(
        outcome.err,
        "\
penpal: registration.yaml does not fit config.yaml:
  hs_token: differs (not shown)
  receive_ephemeral: is false, should be true
  url: is \"http://127.0.0.1:29331\", should be \"http://127.0.0.1:29330\"
Write it anew with `penpal registration`, give it to the homeserver, and restart that.
"
    );
}

#[test]
fn a_database_that_cannot_be_had_is_named_and_nothing_is_made_by_looking() {
    let folder = initialised(&["--database", "sqlite:nowhere/penpal.db"]);
    let path = fs::canonicalize(&folder).unwrap();
    fs::set_permissions(path.join("config.yaml"), fs::Permissions::from_mode(0o644)).unwrap();
    let config = path.join("config.yaml").display().to_string();
    let outcome = penpal(&path, &["run", "--config", &config]);
    assert_eq!(outcome.code, Some(1));
    let lines: Vec<&str> = outcome.err.lines().collect();
    let [warning, error] = lines.as_slice() else {
        panic!("{}", outcome.err);
    };
    assert!(warning.contains(&format!(
        "every user of this machine can read the secrets in {config}: chmod 600 {config}"
    )));
    assert_eq!(
        *error,
        format!(
            "penpal: the database that database.url names can't be opened: {}/nowhere/penpal.db.lock: No such file or directory (os error 2) \
             (make its folder, or mend database.url; `penpal run` makes the file when its folder is there)",
            path.display()
        )
    );
    fs::create_dir(path.join("nowhere")).unwrap();
    for arguments in [
        ["queue", "--config", &config, "list"],
        ["queue", "list", "--config", &config],
    ] {
        let outcome = penpal(&path, &arguments);
        assert_eq!(outcome.code, Some(1));
        assert!(
            outcome.err.contains("No such file or directory"),
            "{}",
            outcome.err
        );
    }
    assert!(fs::read_dir(path.join("nowhere")).unwrap().next().is_none());
}

#[test]
fn a_bad_configuration_ends_with_exit_code_2() {
    let folder = initialised(&[]);
    let path = folder.path().join("config.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("scheme: plus", "scheme: minus")).unwrap();
    let outcome = penpal(folder.path(), &["registration"]);
    assert_eq!(outcome.code, Some(2));
    assert_eq!(
        outcome.err,
        "penpal: config.yaml: mail.addresses.scheme: `minus` is none of plus, catch_all, single\n"
    );
    assert_eq!(outcome.out, "");
}

#[test]
fn an_event_is_converted_offline() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write(
        "event.json",
        r#"{"type": "m.room.message", "content": {"msgtype": "m.file", "body": "a.txt", "url": "mxc://hs.example/a"}}"#,
    );
    fs::create_dir(folder.path().join("thread")).unwrap();
    write(
        "thread/context.json",
        r#"{"subject": "Roses", "media": {"mxc://hs.example/a": {"file": "a.txt"}}}"#,
    );
    write("thread/a.txt", "hello");
    let arguments = [
        "convert",
        "event",
        "event.json",
        "--context",
        "thread/context.json",
    ];
    let outcome = penpal(folder.path(), &arguments);
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""));
    assert!(outcome.out.contains("\r\nSubject: Roses\r\n") && outcome.out.contains("aGVsbG8="));
    assert_eq!(penpal(folder.path(), &arguments).out, outcome.out);

    for (event, code, message) in [
        (
            r#"{"type": "m.room.message", "content": {}}"#,
            3,
            "penpal: no email: ",
        ),
        ("{", 2, "penpal: bad.json: is not JSON"),
        ("[5]", 2, "penpal: bad.json: event 0 is not a Matrix event"),
    ] {
        write("bad.json", event);
        let outcome = penpal(folder.path(), &["convert", "event", "bad.json"]);
        assert_eq!((outcome.code, outcome.out.as_str()), (Some(code), ""));
        assert!(outcome.err.starts_with(message), "{}", outcome.err);
    }
    fs::remove_file(folder.path().join("thread/a.txt")).unwrap();
    let outcome = penpal(folder.path(), &arguments);
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.err.contains("the file a.txt"), "{}", outcome.err);
}

#[test]
fn an_email_is_converted_offline() {
    let folder = tempfile::tempdir().unwrap();
    let mail = "From: Alice <alice@example.org>\r\nTo: bob@mail.example.org\r\nSubject: Tea\r\n\
        Message-ID: <one@example.org>\r\n\r\nAt four?\r\n";
    fs::write(folder.path().join("mail.eml"), mail).unwrap();
    let outcome = penpal(folder.path(), &["convert", "email", "mail.eml"]);
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""));
    let report: serde_json::Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!(report["from"], "alice@example.org");
    assert_eq!(report["subject"], "Tea");
    assert_eq!(report["events"][0]["content"]["body"], "At four?");

    let outcome = penpal(folder.path(), &["convert", "email", "nowhere.eml"]);
    assert_eq!(outcome.code, Some(2));
    assert_eq!(
        outcome.err,
        "penpal: nowhere.eml: can't be read (No such file or directory (os error 2))\n"
    );
}

#[test]
fn the_words_of_the_example_are_no_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let example = include_str!("../../../config.example.yaml");
    let config = example.replace("\n  registration: registration.yaml", "");
    fs::write(folder.path().join("config.yaml"), config).unwrap();
    let outcome = penpal(folder.path(), &["run"]);
    assert_eq!(outcome.code, Some(2));
    let same = "appservice.as_token and appservice.hs_token are the same";
    assert!(outcome.err.contains(same), "{}", outcome.err);
}

#[test]
fn threads_of_an_empty_store_are_none() {
    let folder = initialised(&[]);
    let url = format!("sqlite:{}/penpal.db", folder.path().display());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(penpal::store::Store::connect(&url)).unwrap();
    let list = penpal(folder.path(), &["threads", "list"]);
    assert_eq!(
        (list.code, list.out.as_str()),
        (Some(0), "No threads.\n"),
        "{}",
        list.err
    );
    let show = penpal(folder.path(), &["threads", "show", "7"]);
    assert_eq!(
        (show.code, show.err.as_str()),
        (
            Some(1),
            "penpal: there is no thread 7: `penpal threads list` names those there are\n"
        )
    );
    let wrong = penpal(folder.path(), &["threads", "list", "--with", "alice"]);
    assert_eq!(wrong.code, Some(2), "{}", wrong.err);
}
