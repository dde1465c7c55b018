//! The program as an admin runs it.

mod deliver;
mod doctor;
mod help;
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
fn init_writes_files_that_fit_each_other_and_the_next_commands() {
    let folder = initialised(&[]);
    let config = fs::read_to_string(folder.path().join("config.yaml")).unwrap();
    let registration = fs::read_to_string(folder.path().join("registration.yaml")).unwrap();
    for file in ["config.yaml", "registration.yaml"] {
        let mode = fs::metadata(folder.path().join(file))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    for key in ["as_token", "hs_token"] {
        let token = value(&config, key);
        assert_eq!(token.len(), 64, "256 bits in hexadecimal");
        assert_eq!(token, value(&registration, key));
    }
    assert_ne!(value(&config, "as_token"), value(&config, "hs_token"));

    let check = penpal(folder.path(), &["registration", "check"]);
    assert_eq!(
        (check.code, check.out.as_str()),
        (Some(0), "registration.yaml fits config.yaml.\n")
    );
    let printed = penpal(folder.path(), &["registration"]);
    let without_comments: Vec<&str> = registration
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    assert_eq!(printed.out.lines().collect::<Vec<_>>(), without_comments);
}

#[test]
fn two_runs_make_different_tokens() {
    let token = |folder: &TempDir| {
        value(
            &fs::read_to_string(folder.path().join("config.yaml")).unwrap(),
            "as_token",
        )
    };
    assert_ne!(token(&initialised(&[])), token(&initialised(&[])));
}

#[test]
fn init_says_what_is_left_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = penpal(folder.path(), &INIT);
    let out = outcome.out.replace(
        &fs::canonicalize(&folder).unwrap().display().to_string(),
        "/etc/penpal",
    );
    assert_eq!(
        out,
        "\
Written: config.yaml, registration.yaml.

1. Synapse runs as a user of its own: give it a copy that it can read, as root (Debian's names; yours may differ):
       install -o matrix-synapse -m 600 /etc/penpal/registration.yaml /etc/matrix-synapse/penpal.yaml
   Name it in homeserver.yaml; then restart Synapse:
       app_service_config_files:
         - /etc/matrix-synapse/penpal.yaml

2. Postfix, in main.cf; then `postfix reload`:
       relay_domains = mail.example.org
       transport_maps = inline:{mail.example.org=lmtp:inet:127.0.0.1:8024}
   (Add to what these two hold already.)

3. In the DNS the MX of mail.example.org must lead to this mail server, and its SPF record must let it send.

4. Start it:
       penpal run --config config.yaml

`penpal registration check FILE` tells later whether Synapse's copy still fits.
"
    );
}

#[test]
fn init_makes_keys_and_says_what_must_be_in_the_dns() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = penpal(folder.path(), &INIT[..9]);
    for (name, kind) in [
        ("rsa", "v=DKIM1; k=rsa; p="),
        ("ed25519", "v=DKIM1; k=ed25519; p="),
    ] {
        let mode = fs::metadata(folder.path().join(format!("dkim-{name}.pem")))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
        let record = format!("penpal-{name}._domainkey.mail.example.org. IN TXT ( \"{kind}");
        assert!(outcome.out.contains(&record), "{}", outcome.out);
    }
    fs::write(folder.path().join("dkim-rsa.pem"), "no key").unwrap();
    let started = penpal(folder.path(), &["run"]);
    assert_eq!(started.code, Some(2));
    assert!(
        started
            .err
            .starts_with("penpal: config.yaml: mail.dkim: cannot sign with ")
            && started
                .err
                .contains("dkim-rsa.pem: there is no private key in it"),
        "{}",
        started.err
    );
}

#[test]
fn init_never_overwrites_and_leaves_nothing_half_done() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("registration.yaml"), "precious").unwrap();
    let outcome = penpal(folder.path(), &INIT);
    assert_eq!(outcome.code, Some(2));
    assert_eq!(
        outcome.err,
        "penpal: registration.yaml exists already and is not overwritten: move it away, or name another file\n"
    );
    assert!(!folder.path().join("config.yaml").exists());
    assert_eq!(
        fs::read_to_string(folder.path().join("registration.yaml")).unwrap(),
        "precious"
    );
}

#[test]
fn double_puppeting_has_a_registration_of_its_own() {
    let folder = initialised(&["--double-puppet"]);
    let config = fs::read_to_string(folder.path().join("config.yaml")).unwrap();
    let path = folder.path().join("registration-double-puppet.yaml");
    let second = fs::read_to_string(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let token = value(&second, "as_token");
    assert!(config.contains(&format!("double_puppet:\n  as_token: \"{token}\"")));
    assert_eq!(value(&second, "id"), "penpal-double-puppet");
    assert_eq!(value(&second, "url"), "null");
    assert!(second.contains("exclusive: false"));
    assert!(second.contains(r"^@.*:example\.org$"), "{second}");
    assert_eq!(penpal(folder.path(), &["registration", "check"]).code, Some(0));
}

#[test]
fn files_in_other_folders_find_each_other() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("penpal")).unwrap();
    fs::create_dir(folder.path().join("synapse")).unwrap();
    let paths = [
        "--config",
        "penpal/config.yaml",
        "--registration",
        "synapse/penpal.yaml",
    ];
    assert_eq!(penpal(folder.path(), &[&INIT[..], &paths].concat()).code, Some(0));
    let check = penpal(
        folder.path(),
        &["registration", "check", "--config", "penpal/config.yaml"],
    );
    assert_eq!((check.code, check.err.as_str()), (Some(0), ""));
}

#[test]
fn mistakes_end_with_exit_code_2_and_name_the_flag() {
    let folder = tempfile::tempdir().unwrap();
    for (flag, wrong, message) in [
        (
            "--server-name",
            "exa mple",
            "--server-name: `exa mple` is not a server name: give what stands after the colon in user IDs, such as example.org",
        ),
        (
            "--homeserver-url",
            "127.0.0.1:8008",
            "--homeserver-url: `127.0.0.1:8008` is not the URL of a server: give http:// or https:// and a host, without user, \
             query or fragment",
        ),
        (
            "--mail-domain",
            "-x",
            "--mail-domain: `-x` is not a domain: give one such as mail.example.org",
        ),
        (
            "--relay",
            "http://x",
            "--relay: `http://x` is not a mail server: give HOST or HOST:PORT, such as localhost:25, with starttls:// or smtps:// \
             before it where the connection is to be protected",
        ),
        (
            "--listen",
            "127.0.0.1:70000",
            "--listen: `127.0.0.1:70000` is not an address to listen on: give an IP address and a port from 1 to 65535, such as \
             127.0.0.1:29330",
        ),
        (
            "--database",
            "/var/lib/penpal.db",
            "--database: names neither SQLite nor PostgreSQL: give sqlite:FILE or postgres://USER:PASSWORD@HOST/NAME",
        ),
        (
            "--mail-listen",
            "8024",
            "--mail-listen: `8024` is not an address to listen on: give one such as lmtp://127.0.0.1:8024 or \
             lmtp://unix:/run/penpal/lmtp.sock",
        ),
    ] {
        let mut arguments: Vec<String> = INIT.iter().map(|argument| (*argument).to_owned()).collect();
        if let Some(at) = arguments.iter().position(|argument| argument == flag) {
            arguments.drain(at..at + 2);
        }
        arguments.push(format!("{flag}={wrong}"));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let outcome = penpal(folder.path(), &arguments);
        assert_eq!(outcome.code, Some(2), "{flag}");
        assert_eq!(outcome.err, format!("penpal: {message}\n"));
        assert!(fs::read_dir(&folder).unwrap().next().is_none());
    }
    let outcome = penpal(folder.path(), &["init", "--server-name", "example.org"]);
    assert_eq!(outcome.code, Some(2));
    assert_eq!(
        outcome.err,
        "penpal: missing: --homeserver-url, --mail-domain, --relay. Give them, or run `penpal init` on a terminal, where it asks; \
         `penpal init --help` explains them\n"
    );
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
fn threads_of_an_empty_store_are_none() {
    let folder = initialised(&[]);
    // The first run makes the database, and ends where no homeserver can be asked.
    let made = penpal(folder.path(), &["doctor"]);
    assert_eq!(made.code, Some(1), "{}", made.err);
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
