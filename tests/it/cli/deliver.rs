//! `penpal deliver`.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use penpal::convert::address::new_token;
use penpal::model::{SeededRandom, Timestamp};
use penpal::store::{Email, JobKind, JobState, NewPortal, Store};
use ruma::user_id;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{Outcome, initialised};

/// 21 November 2026, 12:00 UTC.
const NOW: Timestamp = Timestamp(1_795_262_400_000);

/// Nothing asks a DNS, and the homeserver is away.
const ENVIRONMENT: [(&str, &str); 3] = [
    ("PENPAL_HOMESERVER__URL", "http://127.0.0.1:9"),
    ("PENPAL_MAIL__AUTHENTICATION__MODE", "off"),
    ("PENPAL_MAIL__MAX_SIZE", "10 KB"),
];

const MAIL: &str = "\
From: Alice <alice@example.org>
To: bob@mail.example.org
Message-ID: <one@example.org>
Subject: Hello

Hello Bob
";

/// An installation in which Bob has a thread with Alice; Penpal does not run.
struct Installation {
    folder: TempDir,
    runtime: Runtime,
    store: Store,
    /// The thread's reply address.
    reply: String,
}

impl Installation {
    fn new() -> Self {
        let folder = initialised(&[]);
        let runtime = Runtime::new().unwrap();
        let url = format!("sqlite:{}", folder.path().join("penpal.db").display());
        let token = new_token(&SeededRandom::new(1));
        let store = runtime.block_on(async {
            let store = Store::connect(&url).await.unwrap();
            let mut tx = store.begin().await.unwrap();
            let new = NewPortal {
                user: user_id!("@bob:example.org"),
                address: &"alice@example.org".parse().unwrap(),
                puppet: user_id!("@_email_alice=40example.org:example.org"),
                room: None,
                token: &token,
                domain: "mail.example.org",
                subject: None,
            };
            let portal = tx.create_portal(&new, NOW).await.unwrap();
            let email = Email {
                message_id: "from-bob@mail.example.org".to_owned(),
                portal,
                outgoing: true,
                subject: "Hello".to_owned(),
                chain: Vec::new(),
                bounce_token: None,
            };
            tx.add_email(&email, NOW).await.unwrap();
            tx.commit().await.unwrap();
            store
        });
        let reply = format!("bob+{token}@mail.example.org");
        Self {
            folder,
            runtime,
            store,
            reply,
        }
    }

    fn deliver(&self, arguments: &[&str], mail: &[u8]) -> Outcome {
        deliver(self.folder.path(), &[], arguments, mail)
    }

    /// The mails that wait, as they are stored.
    fn mails(&self) -> usize {
        self.runtime.block_on(async {
            let mut tx = self.store.read().await.unwrap();
            let jobs = tx.list_jobs(JobState::Waiting, 0, 100).await.unwrap();
            jobs.iter()
                .filter(|job| job.kind == JobKind::Mail.as_str())
                .count()
        })
    }
}

fn deliver(folder: &Path, environment: &[(&str, &str)], arguments: &[&str], mail: &[u8]) -> Outcome {
    let mut child = Command::new(env!("CARGO_BIN_EXE_penpal"))
        .arg("deliver")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs(ENVIRONMENT)
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // All of it must be taken, whatever comes of it: a mail server sees a broken pipe as a failure of its own.
    stdin.write_all(mail).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    Outcome {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn a_mail_is_in_the_inbox_once_however_often_it_is_delivered() {
    let penpal = Installation::new();
    let reply = penpal.reply.as_str();
    // As Postfix calls it, as Exim does, and with a line on top as in a mailbox file.
    let in_mailbox = format!("From alice@example.org  Sat Nov 21 12:00:00 2026\n{MAIL}");
    for (arguments, mail) in [
        (vec!["--from", "alice@example.org", "--", reply], MAIL),
        (vec!["-f", "<alice@example.org>", reply], MAIL),
        (
            vec!["--from=alice@example.org", reply, reply],
            in_mailbox.as_str(),
        ),
    ] {
        let outcome = penpal.deliver(&arguments, mail.as_bytes());
        assert_eq!(
            (outcome.code, outcome.err.as_str()),
            (Some(0), ""),
            "{arguments:?}"
        );
        assert_eq!(outcome.out, "");
        assert_eq!(penpal.mails(), 1);
    }
    let other = MAIL.replace("one@", "two@");
    let outcome = penpal.deliver(&["-f", "alice@example.org", reply], other.as_bytes());
    assert_eq!((outcome.code, penpal.mails()), (Some(0), 2));
}

#[test]
fn each_refusal_has_its_exit_code_and_one_line() {
    let penpal = Installation::new();
    let reply = penpal.reply.as_str();
    let large = format!("{MAIL}{}\n", "x".repeat(10_000));
    let huge = format!("{MAIL}{}\n", "x".repeat(1_000_000));
    let of_two = MAIL.replace("From: ", "From: Carol <carol@example.org>, ");
    let by_us = MAIL.replace("alice@example.org", "carol@mail.example.org");
    let bounce = "From: mailer-daemon@example.org\nSubject: Auto\nAuto-Submitted: auto-generated\n\nno\n";
    let nobody = format!("nobody+{}@mail.example.org", new_token(&SeededRandom::new(2)));
    for (arguments, mail, code, line) in [
        (
            vec!["-f", "a@example.org", &nobody],
            MAIL,
            67,
            "5.1.1 There is no such conversation",
        ),
        (
            vec!["-f", "a@example.org", "x@elsewhere.example"],
            MAIL,
            67,
            "5.1.1 There is no such mailbox here",
        ),
        // It is not known whether there is such a user: the homeserver is away.
        (
            vec!["-f", "a@example.org", "carol@mail.example.org"],
            MAIL,
            75,
            "4.3.0 The homeserver can't be asked",
        ),
        (
            vec!["-f", "a@example.org", reply, "carol@mail.example.org"],
            MAIL,
            75,
            "4.3.0 The homeserver can't be asked",
        ),
        (
            vec!["-f", "a@example.org", reply],
            of_two.as_str(),
            65,
            "5.6.0 The message must have one address in From",
        ),
        (
            vec!["-f", "a@example.org", reply],
            "",
            65,
            "5.6.0 The message needs a valid address in From",
        ),
        (
            vec!["-f", "a@example.org", reply],
            "\0\u{1}garbage",
            65,
            "5.6.0 The message needs a valid address in From",
        ),
        (
            vec!["-f", "a@example.org", reply],
            large.as_str(),
            65,
            "5.3.4 The message is larger than 10000 bytes",
        ),
        (
            vec!["-f", "a@example.org", reply],
            huge.as_str(),
            65,
            "5.3.4 The message is larger than 10000 bytes",
        ),
        (
            vec!["-f", "a@example.org", reply],
            by_us.as_str(),
            77,
            "5.7.1 Mail from this domain does not come in",
        ),
        (
            vec!["-f", "", "--", "bounce+x@mail.example.org"],
            bounce,
            67,
            "5.1.1 There is no such mailbox here",
        ),
        (
            vec!["-f", "a@example.org"],
            MAIL,
            64,
            "4.3.5 the following required arguments were not provided",
        ),
        (
            vec!["--form", "a@example.org", reply],
            MAIL,
            64,
            "4.3.5 unexpected argument '--form' found",
        ),
        (
            vec!["-f", "a@example.org", "--config", "other.yaml", reply],
            MAIL,
            78,
            "4.3.5 other.yaml",
        ),
    ] {
        let outcome = penpal.deliver(&arguments, mail.as_bytes());
        assert_eq!(outcome.code, Some(code), "{arguments:?}: {}", outcome.err);
        assert!(outcome.err.starts_with(line), "{arguments:?}: {}", outcome.err);
        assert_eq!(outcome.err.lines().count(), 1, "{}", outcome.err);
    }
    // The one that was accepted beside a recipient about whom nobody knows.
    assert_eq!(penpal.mails(), 1);
}

#[test]
fn one_recipient_of_two_that_is_refused_is_named() {
    let penpal = Installation::new();
    let arguments = ["-f", "alice@example.org", &penpal.reply, "no@elsewhere.example"];
    let outcome = penpal.deliver(&arguments, MAIL.as_bytes());
    assert_eq!(outcome.code, Some(67));
    assert_eq!(
        outcome.err,
        "5.1.1 There is no such mailbox here; refused for no@elsewhere.example, delivered to the others\n"
    );
    assert_eq!(penpal.mails(), 1);
}

#[test]
fn without_a_database_the_mail_is_kept() {
    let folder = initialised(&[]);
    let outcome = deliver(folder.path(), &[], &["bob@mail.example.org"], MAIL.as_bytes());
    assert_eq!(outcome.code, Some(75));
    assert!(
        outcome
            .err
            .starts_with("4.3.0 the database that database.url names"),
        "{}",
        outcome.err
    );
    assert!(!folder.path().join("penpal.db").exists());
}

#[test]
fn all_address_schemes_work() {
    let penpal = Installation::new();
    let (_, token) = penpal.reply.split_once('+').unwrap();
    let of_thread = format!("reply-{token}");
    let answer = MAIL.replace("Subject", "In-Reply-To: <from-bob@mail.example.org>\nSubject");
    let scheme = |name| ("PENPAL_MAIL__ADDRESSES__SCHEME", name);
    let mailbox = ("PENPAL_MAIL__ADDRESSES__MAILBOX", "penpal@provider.example");
    for (number, (environment, recipient)) in [
        (vec![scheme("plus")], penpal.reply.as_str()),
        (vec![scheme("plus")], "bob@mail.example.org"),
        (vec![scheme("catch_all")], of_thread.as_str()),
        (vec![scheme("single"), mailbox], "penpal@provider.example"),
    ]
    .into_iter()
    .enumerate()
    {
        let mail = answer.replace("one@", &format!("{number}@"));
        let arguments = ["-f", "alice@example.org", recipient];
        let outcome = deliver(penpal.folder.path(), &environment, &arguments, mail.as_bytes());
        assert_eq!(
            (outcome.code, outcome.err.as_str()),
            (Some(0), ""),
            "{environment:?}"
        );
        assert_eq!(penpal.mails(), number + 1);
    }
}
