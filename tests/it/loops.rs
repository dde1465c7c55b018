//! Machines that answer, mail that comes back, and how each of them comes to an end.

use std::time::Duration;

use penpal::bridge::MachineLimits;
use penpal::convert::address::{AddressBook, AddressScheme};
use penpal::replay::homeserver::RoomOptions;
use penpal::store::Strangers;
use ruma::{OwnedServerName, OwnedUserId};

use crate::harness::{Database, Letter, ReceivedMail, World, alice, bob};
use crate::stories;

const DAY: Duration = Duration::from_hours(24);

/// What a vacation responder answers.
fn away(mail: &ReceivedMail, number: u32) -> Letter {
    Letter::answering(mail, "I am on holiday.")
        .with("Auto-Submitted", "auto-replied")
        .id(&format!("away.{number}@example.org"))
}

/// A mail server hands over a letter; gives the reply code of a refusal.
async fn offer(world: &World, sender: &str, mail: &ReceivedMail, letter: &Letter) -> Option<u16> {
    let answers = world
        .receives(sender, &[&mail.reply_to], &letter.to_string())
        .await;
    world.settle().await;
    answers[0].as_ref().err().map(|refusal| refusal.code)
}

stories! {
    async fn an_automatic_reply_is_shown_once_a_day(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        for number in 0..3 {
            // RFC 3834 wants the null reverse-path; not all responders know.
            assert_eq!(offer(&world, if number == 1 { "alice@example.org" } else { "" }, &mail, &away(&mail, number)).await, None);
        }
        let contents = world.homeserver.messages(&room, &alice());
        assert_eq!(contents.len(), 1, "{contents:#?}");
        assert_eq!(contents[0]["msgtype"], "m.notice");
        world.wait(DAY).await;
        world.alice_mails(&mail.reply_to, &away(&mail, 4)).await;
        assert_eq!(world.homeserver.messages(&room, &alice()).len(), 2);
        // Each thread for itself.
        let (other, mail) = world.bob_writes("hello again").await;
        world.alice_mails(&mail.reply_to, &away(&mail, 5)).await;
        assert_eq!(world.homeserver.messages(&other, &alice()).len(), 1);
        assert!(world.mails().is_empty(), "nothing is answered");
        assert!(world.homeserver.requests_named("read_receipt").is_empty(), "and nobody has read anything");
    }

    async fn what_only_looks_like_an_automatic_reply_is_not_lost(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        world.alice_mails(&mail.reply_to, &away(&mail, 1)).await;
        let person = Letter::answering(&mail, "Who stands in for me?").with("Subject", "Out of office next week").id("person@example.org");
        world.alice_mails(&mail.reply_to, &person).await;
        let said = world.said(&room, &alice());
        assert_eq!(said.last().map(String::as_str), Some("Who stands in for me?"));
    }

    async fn no_machine_begins_a_conversation(world: World) {
        let world = world.open_to_strangers().await;
        let letter = |name: &str, value: &str| Letter::by_alice("News").with(name, value).text("news");
        for (name, value) in [
            ("Auto-Submitted", "auto-replied"), ("Auto-Submitted", "auto-generated"), ("X-Autoreply", "yes"), ("Precedence", "bulk"),
            ("Precedence", "auto_reply"), ("X-Auto-Response-Suppress", "All"), ("List-Id", "<news.example.org>"),
            ("List-Unsubscribe", "<https://example.org/>"), ("Subject", "Abwesenheitsnotiz: News"),
        ] {
            assert_eq!(world.alice_is_refused("bob@mail.lab.test", &letter(name, value)).await, (550, "5.7.1"), "{name}: {value}");
        }
        let answers = world.receives("", &["bob@mail.lab.test"], &letter("X-Nothing", "here").to_string()).await;
        assert!(answers[0].is_err(), "without a return path nobody writes");
        assert!(world.created_rooms().is_empty());
        world.alice_mails("bob@mail.lab.test", &letter("X-Auto-Response-Suppress", "None")).await;
        assert_eq!(world.created_rooms().len(), 1);
    }

    async fn a_responder_that_answers_everything_is_answered_by_nothing(world: World) {
        let (room, first) = world.bob_writes("hello").await;
        let mut exchanged = 1;
        let mut mails = vec![first];
        while let Some(mail) = mails.pop() {
            exchanged += 1;
            assert!(exchanged <= 10, "it does not end");
            // It knows no standard: to the author, with a return path, without any mark.
            let answer = Letter::answering(&mail, "I am away.").id(&format!("{exchanged}@example.org"));
            world.alice_mails(&mail.reply_to, &answer).await;
            mails.extend(world.mails());
        }
        assert_eq!(exchanged, 2);
        assert_eq!(world.said(&room, &alice()), ["I am away."]);
    }

    async fn our_own_mail_does_not_come_in_again(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        // Handed on by a list that writes in its own name.
        let body = mail.raw.replace("From: Bob <bob@mail.lab.test>", "From: Alice <alice@example.org>").replace("From: \"Bob\" <bob@mail.lab.test>", "From: Alice <alice@example.org>");
        assert!(body.contains("From: Alice"), "{body}");
        let rewritten = body.replace(&format!("<{}>", mail.message_id), "<other@example.org>");
        let unmarked = body.lines().filter(|line| !line.starts_with("X-Penpal-Loop")).collect::<Vec<_>>().join("\n");
        for raw in [&body, &rewritten, &unmarked] {
            for recipient in [mail.reply_to.as_str(), "bob@mail.lab.test", &mail.return_path] {
                let answers = world.receives("list@example.org", &[recipient], raw).await;
                let refusal = answers[0].as_ref().expect_err(raw);
                assert_eq!((refusal.code, refusal.enhanced), (554, "5.4.6"), "{recipient}\n{raw}");
            }
        }
        world.settle().await;
        assert!(world.said(&room, &alice()).is_empty());
        // An answer is none, whatever it quotes.
        world.alice_mails(&mail.reply_to, &Letter::answering(&mail, "hi").text(&mail.raw)).await;
        assert_eq!(world.said(&room, &alice()).len(), 1);
    }

    async fn our_own_mail_is_known_after_a_restart_too(world: World) {
        let (_, mail) = world.bob_writes("hello").await;
        let world = world.reconfigured(|_| {}).await;
        let mark = mail.raw.lines().find_map(|line| line.strip_prefix("X-Penpal-Loop: ")).expect("a mark");
        let copy = Letter::by_alice("hello").id("other@example.org").with("X-Penpal-Loop", mark);
        assert_eq!(world.alice_is_refused(&mail.reply_to, &copy).await, (554, "5.4.6"));
        let made_up = format!("{}{mark}", 'a');
        let copy = copy.with("X-Penpal-Loop", &made_up);
        world.alice_mails(&mail.reply_to, &copy).await;
    }

    async fn mail_that_was_handed_on_too_often_is_refused(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        let letter = |hops: usize| format!("{}{}", "Received: from a by b; now\n".repeat(hops), Letter::answering(&mail, "hi"));
        let answers = world.receives("alice@example.org", &[&mail.reply_to], &letter(101)).await;
        let refusal = answers[0].as_ref().unwrap_err();
        assert_eq!((refusal.code, refusal.enhanced), (554, "5.4.6"));
        world.receives_gladly("alice@example.org", &mail.reply_to, &letter(100)).await;
        assert_eq!(world.said(&room, &alice()), ["hi"]);
    }

    async fn machines_that_talk_too_much_are_stopped(world: World) {
        let limits = MachineLimits { messages: 5, within: Duration::from_hours(1) };
        let world = world.reconfigured(|settings| settings.machines = limits).await;
        let (room, mail) = world.bob_writes("hello").await;
        let tick = |number: usize| {
            Letter::answering(&mail, &format!("tick {number}")).with("Auto-Submitted", "auto-generated").without("In-Reply-To").id(&format!("{number}@example.org"))
        };
        let mut taken = 0;
        for number in 0..30 {
            taken += usize::from(offer(&world, "alice@example.org", &mail, &tick(number)).await.is_none());
            world.wait(Duration::from_mins(1)).await;
        }
        assert_eq!(taken, 5);
        let said = world.said(&room, &alice());
        assert_eq!(said.len(), 6, "{said:#?}");
        assert!(said[5].starts_with("More than 5 automatic messages passed here"), "{}", said[5]);
        // A person is heard all the same, and other threads are as they were.
        world.alice_mails(&mail.reply_to, &Letter::answering(&mail, "It is me").id("me@example.org")).await;
        assert_eq!(world.said(&room, &alice()).last().map(String::as_str), Some("It is me"));
        // It ends when it has been quiet for as long.
        world.wait(Duration::from_mins(50)).await;
        assert_eq!(offer(&world, "alice@example.org", &mail, &tick(40)).await, Some(550));
        world.wait(Duration::from_mins(61)).await;
        assert_eq!(offer(&world, "alice@example.org", &mail, &tick(50)).await, None);
    }

    async fn a_program_in_the_chat_and_one_behind_the_mail_come_to_an_end(world: World) {
        let limits = MachineLimits { messages: 5, within: Duration::from_hours(1) };
        let world = world.reconfigured(|settings| settings.machines = limits).await;
        let (room, mut mail) = world.bob_writes("hello").await;
        let mut answers = 0;
        // Each mail is another one, and looks like a person's; each is answered by a notice.
        loop {
            answers += 1;
            assert!(answers < 30, "it does not end");
            let letter = Letter::answering(&mail, &"very ".repeat(answers)).id(&format!("{answers}@example.org"));
            world.alice_mails(&mail.reply_to, &letter).await;
            world.sends(&bob(), &room, serde_json::json!({"msgtype": "m.notice", "body": format!("noted {answers}")})).await;
            world.settle().await;
            match world.mails().pop() {
                Some(next) => mail = next,
                None => break,
            }
        }
        assert_eq!(answers, 6);
        let said = world.said(&room, &alice());
        assert!(said.last().unwrap().starts_with("More than 5 automatic messages"), "{said:#?}");
        // What answers nothing goes out, however much of it there is.
        let room = world.bob_opens_chat().await;
        for number in 0..10 {
            world.sends(&bob(), &room, serde_json::json!({"msgtype": "m.notice", "body": format!("alarm {number}")})).await;
            world.settle().await;
        }
        assert_eq!(world.mails().len(), 10);
    }

    async fn a_machine_that_says_nothing_of_itself_is_known_by_its_repetitions(world: World) {
        let limits = MachineLimits { messages: 5, within: Duration::from_hours(1) };
        let world = world.reconfigured(|settings| settings.machines = limits).await;
        let room = world.bob_opens_chat().await;
        let mut taken = 0;
        for number in 0..10 {
            world.says(&bob(), &room, &format!("hello {number}")).await;
            world.settle().await;
            let mail = world.mail();
            // As people do, when they answer with few words; and delivered twice, which is one.
            let letter = Letter::answering(&mail, "We have got your message.").id(&format!("{number}@example.org"));
            taken += usize::from(offer(&world, "alice@example.org", &mail, &letter).await.is_none());
            offer(&world, "alice@example.org", &mail, &letter).await;
        }
        assert_eq!(taken, 6, "the first repeats nothing");
        assert_eq!(world.said(&room, &alice()).len(), 7);
    }

    async fn people_may_say_the_same_again(world: World) {
        let limits = MachineLimits { messages: 2, within: Duration::from_hours(1) };
        let world = world.reconfigured(|settings| settings.machines = limits).await;
        let (room, mail) = world.bob_writes("hello").await;
        for number in 0..10 {
            world.alice_mails(&mail.reply_to, &Letter::answering(&mail, "ping").id(&format!("{number}@example.org"))).await;
            world.alice_mails(&mail.reply_to, &Letter::by_alice("news").text("pong").id(&format!("{number}@example.com"))).await;
        }
        assert_eq!(world.said(&room, &alice()).len(), 20);
    }
}

/// A Penpal of its own, with its own homeserver and mail domain.
async fn penpal_at(name: &str) -> World {
    let server_name = OwnedServerName::try_from("lab.test").unwrap();
    let domain = format!("mail.{name}.test");
    World::on(Database::sqlite().await, |settings| {
        settings.addresses = AddressBook::new(&domain, AddressScheme::Plus, server_name).unwrap();
        settings.strangers = Strangers::Anyone;
    })
    .await
}

/// Hands over what one has sent to the other, and refusals back as bounces, until both are quiet. Gives how many mails there were.
async fn exchange(one: &World, other: &World) -> usize {
    let mut mails = 0;
    for _ in 0..20 {
        let before = mails;
        for (from, to) in [(one, other), (other, one)] {
            from.settle().await;
            for mail in from.relay.take_sent() {
                mails += 1;
                let text = String::from_utf8(mail.message).unwrap();
                let sender = mail
                    .envelope
                    .sender
                    .map(|sender| sender.to_string())
                    .unwrap_or_default();
                let recipient = mail.envelope.recipient.as_str();
                if let [Err(refusal)] = to.receives(&sender, &[recipient], &text).await.as_slice() {
                    mails += 1;
                    let bounce = Letter::from("MAILER-DAEMON@mx.test")
                        .with("Subject", "Undelivered Mail Returned to Sender");
                    let bounce = bounce.text(&format!("<{recipient}>: {refusal}"));
                    assert_eq!(from.receives("", &[&sender], &bounce.to_string()).await, [Ok(())]);
                }
            }
            to.settle().await;
        }
        if mails == before {
            return mails;
        }
    }
    panic!("they do not stop: {mails} mails");
}

#[tokio::test]
async fn two_penpals_that_mail_each_other_come_to_rest() {
    let (east, west) = (penpal_at("east").await, penpal_at("west").await);
    let in_east: OwnedUserId = "@_email_bob=40mail.west.test:lab.test".try_into().unwrap();
    let in_west: OwnedUserId = "@_email_bob=40mail.east.test:lab.test".try_into().unwrap();
    let room = east.opens_chat(&bob(), &in_east, &RoomOptions::default()).await;
    east.says(&bob(), &room, "hello").await;
    assert_eq!(exchange(&east, &west).await, 1);
    let there = west.created_room();
    assert_eq!(west.said(&there, &in_west), ["hello"]);
    west.says(&bob(), &there, "hello yourself").await;
    assert_eq!(exchange(&east, &west).await, 1);
    assert_eq!(east.said(&room, &in_east), ["hello yourself"]);
}

#[tokio::test]
async fn two_penpals_of_which_one_refuses_come_to_rest_as_well() {
    let (east, west) = (penpal_at("east").await, penpal_at("west").await);
    let west = west
        .reconfigured(|settings| settings.strangers = Strangers::Nobody)
        .await;
    let puppet: OwnedUserId = "@_email_bob=40mail.west.test:lab.test".try_into().unwrap();
    let room = east.opens_chat(&bob(), &puppet, &RoomOptions::default()).await;
    east.says(&bob(), &room, "hello").await;
    assert_eq!(exchange(&east, &west).await, 2);
    let said = east.said(&room, &puppet);
    assert!(
        said.len() == 1 && said[0].contains("does not take new conversations"),
        "{said:?}"
    );
}
