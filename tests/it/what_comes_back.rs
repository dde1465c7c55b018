//! What comes back about an email that left: bounces, delays, and that it was read.

use penpal::convert::address::{AddressBook, AddressScheme};
use penpal::mail::Inbound;
use penpal::model::{IncomingMail, Peer, Verdict};
use penpal::replay::homeserver::RoomOptions;
use penpal::store::JobState;
use ruma::{OwnedRoomId, OwnedServerName};
use serde_json::{Value, json};

use crate::harness::{Letter, ReceivedMail, World, alice, bob, carol};
use crate::stories;

/// What a mail server writes about a mail, by the book.
fn report(mail: &ReceivedMail, action: &str) -> Letter {
    report_for(mail, action, "alice@example.org")
}

fn report_for(mail: &ReceivedMail, action: &str, recipient: &str) -> Letter {
    let (status, diagnostic) = match action {
        "failed" => ("5.1.1", "550 5.1.1 no such user"),
        "delayed" => ("4.4.1", "connect to mx.example.org: Connection refused"),
        _ => ("2.0.0", "250 Ok"),
    };
    let returned = format!("Message-ID: <{}>\nSubject: {}\n", mail.message_id, mail.subject);
    Letter::from("MAILER-DAEMON@mx.example.org (Mail Delivery System)")
        .with("Subject", "Delivery Status Notification")
        .with("MIME-Version", "1.0")
        .with("Content-Type", "multipart/report; report-type=delivery-status; boundary=b")
        .text(&format!(
            "--b\n\nThis is the mail system.\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.org\n\n\
             Final-Recipient: rfc822; {recipient}\nAction: {action}\nStatus: {status}\nDiagnostic-Code: smtp; {diagnostic}\n\n\
             --b\nContent-Type: message/rfc822\n\n{returned}\nhello\n--b--\n"
        ))
}

/// The same in a server's own words.
fn letter(mail: &ReceivedMail) -> Letter {
    Letter::from("MAILER-DAEMON@mx.example.org")
        .with("Subject", "failure notice")
        .text(&format!(
            "I could not deliver it.\n\n<alice@example.org>:\nThe mailbox is full.\n\n--- Below this line is a copy of the message.\n\n\
             Message-ID: <{}>\nSubject: {}\n",
            mail.message_id, mail.subject
        ))
}

/// What the puppet has said last.
fn last(world: &World, room: &OwnedRoomId) -> Value {
    let contents = world.homeserver.messages(room, &alice());
    contents.last().expect("nothing was said").clone()
}

fn answered(content: &Value) -> &Value {
    &content["m.relates_to"]["m.in_reply_to"]["event_id"]
}

/// Alice's program says what she did with a mail.
fn mdn(from: &str, id: &str, done: &str) -> Letter {
    Letter::from(from)
        .with("Subject", "Read: hello")
        .id(&format!("{done}.{}", from.len()))
        .with("MIME-Version", "1.0")
        .with(
            "Content-Type",
            "multipart/report; report-type=disposition-notification; boundary=b",
        )
        .text(&format!(
            "--b\n\nIt was read.\n--b\nContent-Type: message/disposition-notification\n\n\
             Original-Message-ID: <{id}>\nDisposition: manual-action/MDN-sent-manually; {done}\n\n--b--\n"
        ))
}

stories! {
    async fn a_bounce_is_one_notice_on_the_message(world: World) {
        let room = world.bob_opens_chat().await;
        let event = world.says(&bob(), &room, "hello").await;
        world.settle().await;
        let mail = world.mail();
        world.receives_gladly("", &mail.return_path, &report(&mail, "failed").to_string()).await;
        let notice = last(&world, &room);
        assert_eq!(notice["msgtype"], "m.notice");
        assert_eq!(notice["body"], "This message did not reach alice@example.org: there is no such mailbox. The mail server said: 550 5.1.1 no such user");
        assert_eq!(answered(&notice), &json!(event));
        // Another server says it again, in its own words; one returns something that nobody can read; one calls itself by name.
        world.receives_gladly("", &mail.return_path, &letter(&mail).to_string()).await;
        world.receives_gladly("", &mail.return_path, "\u{1}\u{2}\u{3}").await;
        world.receives_gladly("MAILER-DAEMON@mx.example.org", &mail.return_path, &letter(&mail).to_string()).await;
        assert_eq!(world.homeserver.messages(&room, &alice()).len(), 1);
        assert!(world.mails().is_empty(), "a machine is never answered");
        assert!(world.homeserver.requests_named("read_receipt").is_empty(), "and has read nothing");
    }

    async fn a_bounce_of_several_messages_in_one_email_says_so(world: World) {
        let room = world.bob_opens_chat().await;
        let first = world.says(&bob(), &room, "hello").await;
        world.says(&bob(), &room, "it is me").await;
        world.settle().await;
        let mail = world.mail();
        world.receives_gladly("", &mail.return_path, &report(&mail, "failed").to_string()).await;
        let notice = last(&world, &room);
        assert!(notice["body"].as_str().unwrap().starts_with("These messages did not reach alice@example.org"), "{notice}");
        assert_eq!(answered(&notice), &json!(first));
    }

    async fn an_unreadable_bounce_is_known_by_its_address(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        world.receives_gladly("", &mail.return_path, "From: x\n\n\u{1}\u{2}\u{3}").await;
        let body = last(&world, &room)["body"].as_str().unwrap().to_owned();
        assert!(body.starts_with("This message did not reach alice@example.org."), "{body}");
    }

    async fn a_bounce_is_known_by_what_it_returns_wherever_it_comes_to(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        world.receives_gladly("", &mail.reply_to, &letter(&mail).to_string()).await;
        let body = last(&world, &room)["body"].clone();
        assert_eq!(body, "This message did not reach alice@example.org: the mailbox is full. The mail server said: The mailbox is full.");
        let mail = { world.says(&bob(), &room, "again").await; world.settle().await; world.mail() };
        // Everybody knows Bob's own address, so what comes there is told with care.
        world.receives_gladly("", "bob@mail.lab.test", &letter(&mail).to_string()).await;
        let body = last(&world, &room)["body"].as_str().unwrap().to_owned();
        assert!(body.starts_with("According to a report that could not be verified: This message did not reach"), "{body}");
    }

    async fn a_delay_is_told_once_and_taken_back(world: World) {
        let room = world.bob_opens_chat().await;
        let event = world.says(&bob(), &room, "hello").await;
        world.settle().await;
        let mail = world.mail();
        for _ in 0..2 {
            world.receives_gladly("", &mail.return_path, &report(&mail, "delayed").to_string()).await;
        }
        let told = last(&world, &room);
        let body = told["body"].as_str().unwrap();
        assert!(body.starts_with("This message has not reached alice@example.org yet: the mail server can't be reached."), "{body}");
        assert_eq!(answered(&told), &json!(event));
        world.receives_gladly("", &mail.return_path, &report(&mail, "delivered").to_string()).await;
        let taken_back = last(&world, &room);
        assert_eq!(taken_back["m.relates_to"]["rel_type"], "m.replace", "{taken_back}");
        assert_eq!(taken_back["m.new_content"]["body"], "This has reached alice@example.org after all.");
        assert_eq!(world.homeserver.messages(&room, &alice()).len(), 2);
        // No server can go on like this.
        for action in ["delayed", "delivered", "failed", "delivered", "delayed", "failed"] {
            world.receives_gladly("", &mail.return_path, &report(&mail, action).to_string()).await;
        }
        assert_eq!(world.homeserver.messages(&room, &alice()).len(), 3);
    }

    async fn an_answer_takes_back_a_delay_as_well(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        world.receives_gladly("", &mail.return_path, &report(&mail, "delayed").to_string()).await;
        world.alice_mails(&mail.reply_to, &Letter::answering(&mail, "got it")).await;
        let contents = world.homeserver.messages(&room, &alice());
        let replaced = |content: &&Value| content["m.relates_to"]["rel_type"] == "m.replace";
        assert_eq!(contents.iter().filter(replaced).count(), 1, "{contents:#?}");
    }

    async fn that_a_mail_arrived_is_no_news(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        world.receives_gladly("", &mail.return_path, &report(&mail, "delivered").to_string()).await;
        // What bounced is a copy that Alice's server sends on to Bob's own address.
        world.receives_gladly("", &mail.return_path, &report_for(&mail, "failed", "bob@mail.lab.test").to_string()).await;
        assert!(world.homeserver.messages(&room, &alice()).is_empty());
    }

    async fn a_report_on_a_mail_that_was_never_sent_is_refused(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        let mut never = mail.clone();
        never.message_id = "never@mail.lab.test".into();
        for recipient in ["bounce+aaaaaaaaaaaaaaaaaaaaaaaaaa@mail.lab.test", "bob@mail.lab.test", &mail.reply_to] {
            let answers = world.receives("", &[recipient], &report(&never, "failed").to_string()).await;
            assert_eq!(answers[0].as_ref().unwrap_err().code, 550, "{recipient}");
        }
        // Nor does a report to one thread's address say anything of another.
        let carols = world.opens_chat(&carol(), &alice(), &RoomOptions::default()).await;
        world.says(&carol(), &carols, "hi").await;
        world.settle().await;
        let other = world.mail();
        for recipient in [other.reply_to.as_str(), "carol@mail.lab.test"] {
            let answers = world.receives("", &[recipient], &report(&mail, "failed").to_string()).await;
            assert_eq!(answers[0].as_ref().unwrap_err().code, 550, "{recipient}");
        }
        world.settle().await;
        assert!(world.homeserver.messages(&room, &alice()).is_empty());
        assert!(world.homeserver.messages(&carols, &alice()).is_empty());
        assert!(world.jobs(JobState::Failed).await.is_empty());
    }

    async fn people_may_not_write_to_the_return_path(world: World) {
        let (_, mail) = world.bob_writes("hello").await;
        let letter = Letter::answering(&mail, "hi").with("To", &mail.return_path);
        assert_eq!(world.alice_is_refused(&mail.return_path, &letter).await, (550, "5.7.1"));
    }

    async fn a_read_notification_is_asked_for_only_when_the_user_wants_it(world: World) {
        let bot = ruma::owned_user_id!("@penpal:lab.test");
        let (room, mail) = world.bob_writes("hello").await;
        assert!(!mail.raw.contains("Disposition-Notification-To"));
        let (talk, _) = world.homeserver.user_creates_room(&bob(), &[&bot], &RoomOptions::default());
        world.settle().await;
        for (wish, answer, asks) in [
            ("receipts on", "Your emails ask for a read notification.", true),
            ("receipts off", "Your emails do not ask for a read notification.", false),
        ] {
            for text in [wish, "receipts"] {
                world.says(&bob(), &talk, text).await;
                assert_eq!(world.said(&talk, &bot).last().map(String::as_str), Some(answer));
            }
            world.says(&bob(), &room, "hello again").await;
            world.settle().await;
            let mail = world.mail();
            let field = format!("Disposition-Notification-To: <{}>", mail.reply_to);
            let plain = field.replace(['<', '>'], "");
            assert_eq!(mail.raw.contains(&field) || mail.raw.contains(&plain), asks, "{}", mail.raw);
        }
    }

    async fn a_read_notification_is_a_receipt(world: World) {
        let room = world.bob_opens_chat().await;
        let event = world.says(&bob(), &room, "hello").await;
        world.settle().await;
        let mail = world.mail();
        world.receives_gladly("", &mail.reply_to, &mdn("alice@example.org", &mail.message_id, "displayed").to_string()).await;
        let receipts = world.homeserver.requests_named("read_receipt");
        assert_eq!(receipts.len(), 1);
        assert!(format!("{receipts:?}").contains(&event));
        assert!(world.homeserver.messages(&room, &alice()).is_empty(), "it says nothing else");
    }

    async fn a_read_notification_of_somebody_elses_message_does_nothing(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        let carols = world.opens_chat(&carol(), &alice(), &RoomOptions::default()).await;
        world.says(&carol(), &carols, "hi").await;
        world.settle().await;
        let other = world.mail();
        for (from, id, done) in [
            ("mallory@example.com", mail.message_id.as_str(), "displayed"),
            ("alice@example.org", other.message_id.as_str(), "displayed"),
            ("alice@example.org", "never@mail.lab.test", "displayed"),
            ("alice@example.org", mail.message_id.as_str(), "deleted"),
        ] {
            world.receives_gladly("", &mail.reply_to, &mdn(from, id, done).id(&format!("{from}{id}{done}")).to_string()).await;
        }
        // Somebody who only says that she is Alice.
        let bytes = mdn("alice@example.org", &mail.message_id, "displayed").to_string().replace('\n', "\r\n").into_bytes();
        let mut forged = IncomingMail::new(Peer::default(), String::new(), vec![mail.reply_to.clone()], bytes.into());
        forged.verdict = Verdict::Unauthenticated("none".into());
        assert_eq!(world.bridge.accept(&forged).await, [Ok(())]);
        world.settle().await;
        assert!(world.homeserver.requests_named("read_receipt").is_empty());
        assert!(world.said(&room, &alice()).is_empty() && world.said(&carols, &alice()).is_empty());
    }

    async fn a_read_notification_to_the_one_mailbox_finds_its_thread(world: World) {
        let mailbox = penpal::model::EmailAddress::parse("penpal@provider.test").unwrap();
        let server_name = OwnedServerName::try_from("lab.test").unwrap();
        let addresses = AddressBook::new("mail.lab.test", AddressScheme::Single { mailbox }, server_name).unwrap();
        let world = world.reconfigured(|settings| settings.addresses = addresses).await;
        let (_, mail) = world.bob_writes("hello").await;
        world.receives_gladly("", "penpal@provider.test", &mdn("alice@example.org", &mail.message_id, "displayed").to_string()).await;
        assert_eq!(world.homeserver.requests_named("read_receipt").len(), 1);
        let stranger = mdn("mallory@example.com", &mail.message_id, "displayed").to_string();
        assert!(world.receives("", &["penpal@provider.test"], &stranger).await[0].is_err());
    }
}
