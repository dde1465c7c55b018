//! Mail that is fetched over IMAP, from a server that is in all kinds of trouble.

mod trouble;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use penpal::convert::address::{AddressBook, AddressScheme};
use penpal::mail::authentication::{Authentication, Gate};
use penpal::mail::imap::{
    After, Credentials, ImapError, Mailbox, MailboxKeeper as _, MailboxSettings, check, serve,
};
use penpal::mail::submit::RelayTls;
use penpal::model::EmailAddress;
use penpal::store::JobState;
use ruma::OwnedServerName;
use tokio_util::sync::CancellationToken;

use crate::harness::{Database, ImapServer, Letter, PASSWORD, ReceivedMail, Trouble, World, alice};
use crate::large_mails::{file, film, kept};
use crate::stories;

/// The largest mail here, in bytes.
const MAX_SIZE: usize = 20_000;

fn settings(server: &ImapServer) -> MailboxSettings {
    MailboxSettings {
        id: "penpal@imap.test/INBOX".to_owned(),
        label: "mail.imap[0]".to_owned(),
        host: "127.0.0.1".to_owned(),
        port: server.port(),
        tls: RelayTls::None,
        ca_file: None,
        username: "penpal".to_owned(),
        credentials: Credentials::Password(PASSWORD.into()),
        folder: "INBOX".to_owned(),
        after: After::Seen,
        refused: None,
        poll: Duration::from_secs(1),
        timeout: Duration::from_secs(10),
        max_size: MAX_SIZE,
        spool: std::env::temp_dir().into(),
    }
}

/// The mailbox, as a Penpal that has just been started sees it.
fn mailbox(world: &World, settings: MailboxSettings) -> Mailbox {
    Mailbox::new(settings, gate(world), world.bridge.clone())
}

fn gate(world: &World) -> Arc<Gate> {
    Arc::new(Gate::new(Authentication::Off, world.bridge.clone()).unwrap())
}

/// Alice answers Bob's mail; it is delivered into the mailbox.
fn answer(mail: &ReceivedMail, text: &str) -> String {
    Letter::answering(mail, text)
        .with("Message-ID", &format!("<{}@example.org>", text.replace(' ', "-")))
        .to_string()
}

/// Connections until all is done, or for too long.
async fn visits(world: &World, mailbox: &mut Mailbox, until: impl Fn() -> bool) -> Vec<ImapError> {
    let mut errors = Vec::new();
    for _ in 0..40 {
        if let Err(error) = mailbox.visit_once().await {
            errors.push(error);
        }
        world.settle().await;
        if until() {
            return errors;
        }
    }
    panic!("it does not come to an end: {errors:?}");
}

async fn sqlite() -> World {
    World::on(Database::sqlite().await, |_| {}).await
}

stories! {
    async fn each_message_is_taken_once_whenever_penpal_is_started(world: World) {
        let mut world = world;
        let server = ImapServer::start().await;
        let (room, mail) = world.bob_writes("hello").await;
        for text in ["first", "second"] {
            server.arrives(&answer(&mail, text));
        }
        mailbox(&world, settings(&server)).visit_once().await.unwrap();
        server.arrives(&answer(&mail, "third"));
        world.settle().await;
        for _ in 0..2 {
            world.restart().await;
            // The minute is over in which the one before has the mailbox.
            world.database.run("UPDATE mailboxes SET lease_until = 0").await;
            assert!(mailbox(&world, settings(&server)).visit_once().await.unwrap());
            world.settle().await;
        }
        assert_eq!(world.said(&room, &alice()), ["first", "second", "third"]);
        assert_eq!(server.heard("UID FETCH 1 (UID BODY.PEEK"), 1);
        for uid in 1..=3 {
            assert_eq!(server.flags(uid).unwrap(), ["\\Seen"]);
        }
    }

    async fn what_came_before_penpal_and_was_read_is_nobodys_news(world: World) {
        let server = ImapServer::start().await;
        let (room, mail) = world.bob_writes("hello").await;
        server.arrives_with(&answer(&mail, "read long ago"), &["\\Seen"]);
        server.arrives(&answer(&mail, "unread"));
        server.arrives_with(&answer(&mail, "read too"), &["\\Seen"]);
        let mut mailbox = mailbox(&world, settings(&server));
        mailbox.visit_once().await.unwrap();
        // Somebody looks into the mailbox before Penpal does: it is news all the same.
        server.arrives_with(&answer(&mail, "new"), &["\\Seen"]);
        mailbox.visit_once().await.unwrap();
        world.settle().await;
        assert_eq!(world.said(&room, &alice()), ["unread", "new"]);
    }

    async fn what_is_refused_is_left_and_flagged_and_not_looked_at_again(world: World) {
        let server = ImapServer::start().await;
        let (room, mail) = world.bob_writes("hello").await;
        let stranger = Letter::from("carol@example.net").with("To", "bob@mail.lab.test").text("buy");
        for refused in [
            stranger.to_string(),
            stranger.with("To", "somebody@else.test").to_string(),
            Letter::by_alice("to nobody").with("To", "nobody@mail.lab.test").to_string(),
            answer(&mail, &"x".repeat(MAX_SIZE)),
            "\0\u{1}\n\n\n".to_owned(),
            String::new(),
        ] {
            server.arrives(&refused);
        }
        server.arrives(&answer(&mail, "fine"));
        let mut mailbox = mailbox(&world, settings(&server));
        for _ in 0..3 {
            mailbox.visit_once().await.unwrap();
        }
        world.settle().await;
        assert_eq!(world.said(&room, &alice()), ["fine"]);
        for uid in 1..=6 {
            assert_eq!(server.flags(uid).unwrap(), ["$PenpalRefused", "\\Flagged"], "{uid}");
            // The fourth is too large to be fetched at all.
            assert_eq!(server.heard(&format!("UID FETCH {uid} (UID BODY")), usize::from(uid != 4));
        }
        assert_eq!(server.flags(7).unwrap(), ["\\Seen"]);
    }

    async fn new_numbers_bring_nothing_twice(world: World) {
        let server = ImapServer::start().await;
        let (room, mail) = world.bob_writes("hello").await;
        server.arrives(&answer(&mail, "first"));
        server.is_in(Trouble::RefusesFlags);
        let mut mailbox = mailbox(&world, settings(&server));
        mailbox.visit_once().await.unwrap();
        // It stayed unread, and comes under another number: as after a move to another server.
        server.is_in(Trouble::None);
        server.numbers_anew(50);
        server.arrives(&answer(&mail, "second"));
        mailbox.visit_once().await.unwrap();
        // Smaller numbers than ever before.
        server.numbers_anew(1);
        server.arrives(&answer(&mail, "third"));
        mailbox.visit_once().await.unwrap();
        world.settle().await;
        assert_eq!(world.said(&room, &alice()), ["first", "second", "third"]);
        assert_eq!(server.flags(1).unwrap(), ["\\Seen"]);
    }

    async fn what_can_not_be_decided_now_waits_without_holding_up_the_rest(world: World) {
        let world = world.open_to_strangers().await;
        let server = ImapServer::start().await;
        let (room, mail) = world.bob_writes("hello").await;
        // Whether there is a Dave is for the homeserver to say.
        server.arrives(&Letter::by_alice("Dave?").with("To", "dave@mail.lab.test").to_string());
        server.arrives(&answer(&mail, "to Bob"));
        world.homeserver_is_away("profile", 3);
        let mut mailbox = mailbox(&world, settings(&server));
        mailbox.visit_once().await.unwrap();
        world.settle().await;
        assert_eq!(world.said(&room, &alice()), ["to Bob"]);
        assert_eq!(server.flags(1).unwrap(), [""; 0], "it is not decided");
        // It is not asked for again before its time.
        mailbox.visit_once().await.unwrap();
        assert_eq!(server.heard("UID FETCH 1 (UID BODY"), 1);
        for _ in 0..3 {
            world.clock.advance(Duration::from_mins(1));
            mailbox.visit_once().await.unwrap();
        }
        assert_eq!(server.heard("UID FETCH 1 (UID BODY"), 4);
        assert_eq!(server.flags(1).unwrap(), ["$PenpalRefused", "\\Flagged"], "there is no Dave");
    }

    async fn what_can_never_be_decided_is_given_up(world: World) {
        let server = ImapServer::start().await;
        server.arrives(&Letter::by_alice("Dave?").with("To", "dave@mail.lab.test").to_string());
        world.homeserver_is_away("profile", 1000);
        let mut mailbox = mailbox(&world, settings(&server));
        for _ in 0..200 {
            mailbox.visit_once().await.unwrap();
            world.clock.advance(Duration::from_mins(40));
        }
        assert_eq!(server.flags(1).unwrap(), ["$PenpalRefused", "\\Flagged"]);
        let fetched = server.heard("UID FETCH 1 (UID BODY");
        assert!((20..90).contains(&fetched), "{fetched} times in two days");
    }

    async fn two_processes_do_not_work_on_one_mailbox(world: World) {
        let server = ImapServer::start().await;
        let id = settings(&server).id;
        assert!(world.bridge.hold(&id).await.unwrap());
        assert!(world.bridge.hold(&id).await.unwrap(), "its own lease is renewed");
        let mut other = mailbox(&world, settings(&server));
        let mut restarted = world;
        restarted.restart().await;
        let held = restarted.bridge.hold(&id).await.unwrap();
        // On SQLite the other one can't be alive.
        assert_eq!(held, restarted.database.store.is_single_process());
        if held {
            assert!(restarted.bridge.recall(&id, 1, 1).await.is_ok());
        } else {
            assert!(restarted.bridge.recall(&id, 1, 1).await.is_err());
            assert!(other.visit_once().await.unwrap());
        }
    }
}

#[tokio::test]
async fn a_large_message_comes_in_parts() {
    const PART: &str = "UID FETCH 1 (UID BODY.PEEK[]<";
    for (trouble, parts) in [
        (Trouble::None, 3),
        // The third part is the last one, and a fourth one would be empty.
        (Trouble::Exaggerates, 4),
        (Trouble::SaysNil, 4),
        (Trouble::KnowsNoParts, 1),
        (Trouble::DropsDuring("UID FETCH 1 (UID BODY.PEEK[]<1048576."), 5),
    ] {
        let world = sqlite().await;
        let server = ImapServer::start().await;
        let (room, mail) = world.bob_writes("hello").await;
        let film = film();
        let letter =
            Letter::answering(&mail, "look").attach(&[("film.bin", "application/octet-stream", &film)]);
        server.arrives(&letter.to_string());
        server.is_in(trouble);
        let settings = MailboxSettings {
            max_size: 10_000_000,
            ..settings(&server)
        };
        let mut mailbox = mailbox(&world, settings);
        visits(&world, &mut mailbox, || server.flags(1).unwrap() == ["\\Seen"]).await;
        assert_eq!(server.heard(PART), parts, "{trouble:?}");
        let contents = world.homeserver.messages(&room, &alice());
        let content = contents
            .iter()
            .find(|content| content.get("url").is_some())
            .unwrap();
        assert!(file(&world, content).await == film, "{trouble:?}");
        assert_eq!(kept(&world.database).await, (0, 0));
    }
}

#[tokio::test]
async fn a_large_message_without_room_on_the_disk_waits() {
    let world = sqlite().await;
    let server = ImapServer::start().await;
    let (room, mail) = world.bob_writes("hello").await;
    let film = film();
    let letter = Letter::answering(&mail, "look").attach(&[("film.bin", "application/octet-stream", &film)]);
    server.arrives(&letter.to_string());
    server.arrives(&answer(&mail, "small"));
    let roomy = MailboxSettings {
        max_size: 10_000_000,
        ..settings(&server)
    };
    let nowhere = MailboxSettings {
        spool: Path::new("/nowhere/at/all").into(),
        ..roomy.clone()
    };
    mailbox(&world, nowhere).visit_once().await.unwrap();
    world.settle().await;
    assert_eq!(world.said(&room, &alice()), ["small"]);
    world.clock.advance(Duration::from_mins(1));
    mailbox(&world, roomy).visit_once().await.unwrap();
    world.settle().await;
    assert_eq!(world.said(&room, &alice())[1], "look");
    assert_eq!(server.flags(1).unwrap(), ["\\Seen"]);
}

#[tokio::test]
async fn what_was_taken_is_moved_or_deleted_only_if_that_is_wanted() {
    for (capabilities, after, left, moved) in [
        ("IMAP4rev1 MOVE UIDPLUS", After::Seen, 1, 0),
        ("IMAP4rev1 MOVE UIDPLUS", After::Move("Done".into()), 0, 1),
        ("IMAP4rev1 UIDPLUS", After::Move("Done".into()), 0, 1),
        // Without UIDPLUS nothing goes that somebody else may have marked: it is marked itself.
        ("IMAP4rev1", After::Move("Done".into()), 1, 1),
        ("IMAP4rev1 UIDPLUS", After::Delete, 0, 0),
        ("IMAP4rev1", After::Delete, 1, 0),
    ] {
        let world = sqlite().await;
        let server = ImapServer::start().await;
        server.can_only(capabilities);
        let (room, mail) = world.bob_writes("hello").await;
        server.arrives(&answer(&mail, "fine"));
        server.arrives("From: a@example.net\nTo: nobody@mail.lab.test\n\nno");
        let settings = MailboxSettings {
            after: after.clone(),
            refused: Some("Refused".into()),
            ..settings(&server)
        };
        let mut mailbox = mailbox(&world, settings);
        for _ in 0..2 {
            mailbox.visit_once().await.unwrap();
        }
        world.settle().await;
        let what = format!("{capabilities} {after:?}");
        assert_eq!(world.said(&room, &alice()), ["fine"], "{what}");
        assert_eq!(usize::from(server.flags(1).is_some()), left, "{what}");
        assert_eq!(server.in_folder("Done"), moved, "{what}");
        assert_eq!(server.in_folder("Refused"), 1, "{what}");
    }
}

/// The recipient of the envelope is not known here: what servers write down, and then what the author wrote, tells.
#[tokio::test]
async fn all_address_schemes_work_without_an_envelope() {
    let mailbox_address = EmailAddress::parse("penpal@provider.test").unwrap();
    for scheme in [
        AddressScheme::Plus,
        AddressScheme::CatchAll,
        AddressScheme::Single {
            mailbox: mailbox_address,
        },
    ] {
        let world = sqlite().await;
        let server_name = OwnedServerName::try_from("lab.test").unwrap();
        let addresses = AddressBook::new("mail.lab.test", scheme.clone(), server_name).unwrap();
        let world = world
            .reconfigured(|settings| settings.addresses = addresses)
            .await;
        let server = ImapServer::start().await;
        let (room, mail) = world.bob_writes("hello").await;
        server.arrives(&answer(&mail, "by the header"));
        let hidden = Letter::answering(&mail, "in blind copy").with("To", "undisclosed-recipients:;");
        for (field, text) in [
            ("Delivered-To", "by Delivered-To"),
            ("X-Original-To", "by X-Original-To"),
            ("Envelope-To", "by Envelope-To"),
            ("X-Delivered-To", "by X-Delivered-To"),
            ("Received", "by Received"),
        ] {
            let value = match field {
                "Received" => format!(
                    "from a by b with ESMTP id 1\n\tfor <{}>; Sat, 21 Nov 2026 12:00:00 +0000",
                    mail.reply_to
                ),
                _ => format!("<{}>", mail.reply_to),
            };
            let letter = hidden
                .clone()
                .text(text)
                .with("Message-ID", &format!("<{field}@example.org>"));
            // The provider's own field about the mailbox itself stands on top.
            server.arrives(&format!("Return-Path: <alice@example.org>\nDelivered-To: penpal@mail.lab.test\n{field}: {value}\n{letter}"));
        }
        let bounce = Letter::from("MAILER-DAEMON@example.org")
            .with("To", &mail.return_path)
            .with("Subject", "Undelivered")
            .text("mailbox full");
        server.arrives(&format!("Return-Path: <>\n{bounce}"));
        let settings = MailboxSettings {
            username: "penpal@mail.lab.test".into(),
            ..settings(&server)
        };
        server.is_named("penpal@mail.lab.test");
        mailbox(&world, settings).visit_once().await.unwrap();
        world.settle().await;
        let said = world.said(&room, &alice());
        let bounced = usize::from(!matches!(scheme, AddressScheme::Single { .. }));
        assert_eq!(said.len(), 6 + bounced, "{scheme:?}: {said:?}");
        assert_eq!(said[0], "by the header");
        assert_eq!(said[5], "by Received");
    }
}

#[tokio::test]
async fn idle_brings_mail_at_once_and_the_end_is_prompt() {
    let world = sqlite().await;
    let server = ImapServer::start().await;
    let (room, mail) = world.bob_writes("hello").await;
    let stop = CancellationToken::new();
    let task = serve(
        settings(&server),
        gate(&world),
        world.bridge.clone(),
        stop.clone(),
    );
    for text in ["first", "second"] {
        server.is_idle().await;
        server.arrives(&answer(&mail, text));
        world
            .bridge
            .store()
            .work_added(penpal::store::LaneClass::Homeserver)
            .await;
    }
    server.is_idle().await;
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(5), task)
        .await
        .unwrap()
        .unwrap();
    world.settle().await;
    assert_eq!(world.said(&room, &alice()), ["first", "second"]);
    assert_eq!(server.logins(), 1);
    // The next one need not wait for the lease to run out.
    assert!(world.bridge.hold(&settings(&server).id).await.unwrap());
}

/// What anybody can write into a header.
#[tokio::test]
async fn a_mail_to_a_dictionary_is_no_flood_of_questions() {
    let world = sqlite().await.open_to_strangers().await;
    let server = ImapServer::start().await;
    let many = |name: &dyn Fn(usize) -> String, count: usize| {
        (0..count)
            .map(|n| format!("{}@mail.lab.test", name(n)))
            .collect::<Vec<_>>()
            .join(",\n ")
    };
    let unknown = many(&|n| format!("name{n}"), 1_000);
    server.arrives(
        &Letter::by_alice("Offer")
            .with("To", &unknown)
            .text("buy")
            .to_string(),
    );
    let aliases = many(&|n| format!("bob+{n}"), 300);
    server.arrives(
        &Letter::by_alice("Hello")
            .with("To", &aliases)
            .text("hello Bob")
            .to_string(),
    );
    let asked = || world.homeserver.requests_named("profile").len();
    let before = asked();
    mailbox(
        &world,
        MailboxSettings {
            max_size: 100_000,
            ..settings(&server)
        },
    )
    .visit_once()
    .await
    .unwrap();
    assert_eq!(server.flags(1).unwrap(), ["$PenpalRefused", "\\Flagged"]);
    assert_eq!(server.flags(2).unwrap(), ["\\Seen"]);
    assert!(
        (100..110).contains(&(asked() - before)),
        "{} questions",
        asked() - before
    );
    world.settle().await;
    assert_eq!(world.created_rooms().len(), 1);
}
