//! What machines say: a notice in the chat that it is about, and never a reason to open one.

use penpal::replay::homeserver::RoomOptions;
use penpal::store::JobState;
use ruma::owned_user_id;
use serde_json::{Value, json};

use crate::harness::{Letter, ReceivedMail, World, alice, bob, carol};
use crate::stories;

/// Alice's automatic answer to a mail.
fn out_of_office(mail: &ReceivedMail) -> Letter {
    Letter::answering(mail, "I am away.")
        .with("Subject", "Automatic reply")
        .with("Auto-Submitted", "auto-replied")
        .id("away@example.org")
}

/// A mail server returns a mail.
fn bounce(mail: &ReceivedMail) -> Letter {
    let words = "Content-Type: text/plain\n\nThe mailbox is full. It could not be delivered.";
    let returned = format!(
        "Content-Type: message/rfc822\n\nMessage-ID: <{}>\nSubject: {}\n\nhello",
        mail.message_id, mail.subject
    );
    Letter::from("MAILER-DAEMON@mx.example.org")
        .with("Subject", "Undelivered Mail Returned to Sender")
        .with(
            "Content-Type",
            "multipart/report; report-type=delivery-status; boundary=b",
        )
        .text(&format!("--b\n{words}\n--b\n{returned}\n--b--"))
        .id("bounce@mx.example.org")
}

/// Bob has written, and left the chat.
async fn bob_leaves(world: &World) -> ReceivedMail {
    let (room, mail) = world.bob_writes("goodbye").await;
    world.homeserver.user_leaves(&room, &bob());
    world.settle().await;
    mail
}

stories! {
    async fn a_bounce_answers_the_very_message(world: World) {
        let room = world.bob_opens_chat().await;
        let event = world.says(&bob(), &room, "did you get this?").await;
        world.settle().await;
        let mail = world.mail();
        world.receives_gladly("", &mail.return_path, &bounce(&mail).to_string()).await;
        let notice = &world.homeserver.messages(&room, &alice())[0];
        assert_eq!((&notice["msgtype"], &notice["m.relates_to"]["m.in_reply_to"]["event_id"]), (&json!("m.notice"), &json!(event)));
        assert!(notice["body"].as_str().unwrap().contains("mailbox is full"), "{notice}");
        assert!(world.homeserver.requests_named("read_receipt").is_empty(), "nobody has read it");
    }

    async fn what_a_machine_says_does_not_lead_the_thread_away(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        world.alice_mails(&mail.reply_to, &out_of_office(&mail)).await;
        world.receives_gladly("", &mail.return_path, &bounce(&mail).to_string()).await;
        let stranger = Letter::answering(&mail, "me too").with("From", "mallory@evil.test").with("Subject", "Buy").id("m@evil.test");
        world.receives_gladly("mallory@evil.test", &mail.reply_to, &stranger.to_string()).await;
        let said = world.said(&room, &alice()).join("\n");
        assert!(said.contains("I am away.") && said.contains("mailbox is full") && said.contains("me too"), "{said}");
        assert!(world.homeserver.requests_named("read_receipt").len() <= 1, "a machine does not read");
        world.says(&bob(), &room, "hello again").await;
        world.settle().await;
        let next = world.mail();
        assert_eq!(next.subject, format!("Re: {}", mail.subject));
        assert_eq!(next.in_reply_to, [mail.message_id]);
    }

    async fn machines_do_not_bring_a_user_back_who_has_left(world: World) {
        let mail = bob_leaves(&world).await;
        world.alice_mails(&mail.reply_to, &out_of_office(&mail)).await;
        world.receives_gladly("", &mail.return_path, &bounce(&mail).to_string()).await;
        assert!(world.created_rooms().is_empty());
        assert!(world.jobs(JobState::Failed).await.is_empty());
        world.alice_mails(&mail.reply_to, &Letter::answering(&mail, "I am back").id("back@example.org")).await;
        assert_eq!(world.said(&world.created_room(), &alice()), ["I am back"]);
    }

    async fn mail_that_did_not_arrive_is_told_in_another_chat_with_her(world: World) {
        let mail = bob_leaves(&world).await;
        let other = world.bob_opens_chat().await;
        world.receives_gladly("", &mail.return_path, &bounce(&mail).to_string()).await;
        world.alice_mails(&mail.reply_to, &out_of_office(&mail)).await;
        let said = world.said(&other, &alice());
        assert!(said.len() == 1 && said[0].contains("alice@example.org") && said[0].contains("mailbox is full"), "{said:?}");
    }

    async fn mail_that_did_not_arrive_is_told_by_the_bot(world: World) {
        let bot = owned_user_id!("@penpal:lab.test");
        let (crowd, _) = world.homeserver.user_creates_room(&bob(), &[&bot, &carol()], &RoomOptions::default());
        world.homeserver.user_joins(&crowd, &carol());
        let (talk, _) = world.homeserver.user_creates_room(&bob(), &[&bot], &RoomOptions::default());
        world.settle().await;
        let room = world.bob_opens_chat().await;
        world.relay.fail_next(penpal::mail::SendError::Permanent { reply: "550 5.1.1 no such user".into() });
        world.says(&bob(), &room, "bye").await;
        world.homeserver.user_leaves(&room, &bob());
        world.settle().await;
        let said = world.said(&talk, &bot);
        assert!(said.len() == 1 && said[0].contains("alice@example.org") && said[0].contains("no such user"), "{said:?}");
        assert!(world.said(&crowd, &bot).is_empty(), "not before others");
    }

    async fn the_same_reaction_again_is_no_trouble(world: World) {
        let room = world.bob_opens_chat().await;
        world.says(&bob(), &room, "cake?").await;
        world.settle().await;
        let mail = world.mail();
        let reaction = Letter::answering(&mail, "").with("Content-Type", "text/plain; charset=utf-8").with("Content-Disposition", "reaction").text("\u{1f44d}\n");
        let again = penpal::matrix::MatrixError::Refused { status: 400, errcode: "M_DUPLICATE_ANNOTATION".into(), message: "Can't send same reaction twice".into() };
        world.homeserver.fail_next("send", again);
        world.alice_mails(&mail.reply_to, &reaction).await;
        assert!(world.jobs(JobState::Failed).await.is_empty() && world.jobs(JobState::Waiting).await.is_empty());
        assert_eq!(world.homeserver.messages(&room, &alice()), Vec::<Value>::new(), "nothing is said about it");
    }
}
