//! What a user asks Penpal in the chat is answered there, and never mailed.

use std::time::Duration;

use penpal::store::Person;
use serde_json::json;

use crate::harness::{Letter, World, alice, bob};
use crate::stories;

/// The events that Alice's puppet has sent, oldest first.
fn sent(world: &World) -> Vec<String> {
    let sent = world.homeserver.requests_named("send");
    let ids = sent.iter().map(|request| request.detail("event_id").as_str());
    ids.map(|id| id.unwrap().to_owned()).collect()
}

/// Bob answers a message with a question; gives the notice that answers it.
async fn asks_about(world: &World, room: &ruma::RoomId, event: &str, question: &str) -> serde_json::Value {
    let relates = json!({"m.in_reply_to": {"event_id": event}});
    world
        .sends(
            &bob(),
            room,
            json!({"msgtype": "m.text", "body": question, "m.relates_to": relates}),
        )
        .await;
    world.settle().await;
    last(world, room)
}

/// The last message of Alice's puppet.
fn last(world: &World, room: &ruma::RoomId) -> serde_json::Value {
    let notice = world.homeserver.messages(room, &alice()).pop().unwrap();
    assert_eq!(notice["msgtype"], "m.notice");
    notice
}

stories! {
    async fn what_was_left_out_can_be_asked_for(world: World) {
        let (room, mail) = world.bob_writes("Shall we meet on Friday?").await;
        let letter = Letter::answering(&mail, "Friday is fine.\n\n-- \nAlice Liddell\nWonderland Ltd.");
        world.alice_mails(&mail.reply_to, &letter).await;
        let answer = sent(&world).pop().unwrap();
        let world = world.reconfigured(|_| {}).await;
        let notice = asks_about(&world, &room, &answer, "!quoted").await;
        let body = notice["body"].as_str().unwrap();
        for part in ["Left out of this email", "Wonderland Ltd.", "Bob <bob@mail.lab.test> wrote:", "> Shall we meet on Friday?"] {
            assert!(body.contains(part), "{part}: {body}");
        }
        assert!(!body.contains("Friday is fine."), "{body}");
        assert_eq!(notice["m.relates_to"], json!({"m.in_reply_to": {"event_id": answer}}));
        assert_eq!(notice["m.mentions"], json!({}), "a quotation pings nobody");
        assert!(world.mails().is_empty(), "Alice hears nothing of it");
    }

    async fn without_a_reply_it_is_about_the_last_email(world: World) {
        let (room, mail) = world.bob_writes("one").await;
        world.says(&bob(), &room, "!quoted").await;
        world.settle().await;
        assert_eq!(last(&world, &room)["body"], "No email has come into this chat yet.");
        world.alice_mails(&mail.reply_to, &Letter::answering(&mail, "first")).await;
        let file = Letter::by_alice("Re: x").with("To", &mail.reply_to).text("the plan").attach(&[("plan.txt", "text/plain", "x")]);
        world.alice_mails(&mail.reply_to, &file).await;
        world.says(&bob(), &room, "!quoted").await;
        world.settle().await;
        assert_eq!(last(&world, &room)["body"], "Nothing was left out of this email.");
        assert!(world.mails().is_empty());
    }

    async fn each_part_of_an_email_stands_for_the_whole(world: World) {
        let (room, mail) = world.bob_writes("the plan?").await;
        let letter = Letter::answering(&mail, "here").text("here\n\n-- \nAlice").attach(&[("plan.pdf", "application/pdf", "%PDF-1.4")]);
        world.alice_mails(&mail.reply_to, &letter).await;
        let parts = sent(&world);
        assert_eq!(parts.len(), 2);
        for part in parts {
            assert!(asks_about(&world, &room, &part, "!quoted").await["body"].as_str().unwrap().ends_with("--\nAlice"));
        }
    }

    async fn a_contact_block_is_shown_once(world: World) {
        let (room, mail) = world.bob_writes("one").await;
        let card = "Alice Liddell\nHead of Tea Parties\nWonderland Ltd.\nTel. +44 1865 123456";
        for (text, shown) in [("Yes.", format!("Yes.\n\n{card}")), ("No.", "No.".to_owned()), ("Perhaps.", "Perhaps.".to_owned())] {
            world.alice_mails(&mail.reply_to, &Letter::answering(&mail, &format!("{text}\n\n{card}"))).await;
            assert_eq!(world.said(&room, &alice()).pop().unwrap(), shown);
        }
        world.says(&bob(), &room, "!quoted").await;
        world.settle().await;
        assert!(last(&world, &room)["body"].as_str().unwrap().contains("Wonderland Ltd."));
    }

    async fn only_what_came_by_email_has_a_quotation(world: World) {
        let room = world.bob_opens_chat().await;
        let own = world.says(&bob(), &room, "hello").await;
        world.settle().await;
        world.mail();
        let notice = asks_about(&world, &room, &own, "!quoted").await;
        assert!(notice["body"].as_str().unwrap().starts_with("That message did not come by email."));
        world.says(&bob(), &room, "!help").await;
        world.settle().await;
        assert!(last(&world, &room)["body"].as_str().unwrap().contains("!quoted"));
        assert!(world.mails().is_empty());
        world.says(&bob(), &room, "I like to write !quoted and !help").await;
        world.settle().await;
        assert_eq!(world.mail().text.trim(), "I like to write !quoted and !help", "in a sentence it is one");
    }

    async fn a_question_that_was_mistyped_is_not_mailed_either(world: World) {
        let (room, mail) = world.bob_writes("one").await;
        world.alice_mails(&mail.reply_to, &Letter::answering(&mail, "two")).await;
        let mistyped = world.says(&bob(), &room, "!qouted").await;
        world.homeserver.user_edits(&room, &bob(), &mistyped, "!quoted");
        world.settle().await;
        assert!(last(&world, &room)["body"].as_str().unwrap().contains("> one"));
        assert!(world.mails().is_empty());
        let late = world.says(&bob(), &room, "!qouted").await;
        world.settle().await;
        world.mail();
        world.homeserver.user_edits(&room, &bob(), &late, "!quoted");
        world.settle().await;
        assert!(world.mails().is_empty(), "no correction");
    }

    async fn what_was_left_out_goes_with_the_texts(world: World) {
        let (room, mail) = world.bob_writes("one").await;
        world.alice_mails(&mail.reply_to, &Letter::answering(&mail, "two")).await;
        let answer = sent(&world).pop().unwrap();
        world.wait(world.settings.keep_delivered + Duration::from_mins(1)).await;
        world.worker.forget_delivered().await.unwrap();
        let notice = asks_about(&world, &room, &answer, "!quoted").await;
        assert!(notice["body"].as_str().unwrap().contains("not kept any more"), "{notice}");
    }

    async fn what_was_left_out_is_forgotten_with_the_person(world: World) {
        let (_, mail) = world.bob_writes("one").await;
        world.alice_mails(&mail.reply_to, &Letter::answering(&mail, "two")).await;
        let answer: ruma::OwnedEventId = sent(&world).pop().unwrap().try_into().unwrap();
        let store = &world.database.store;
        let mut tx = store.read().await.unwrap();
        assert!(tx.message(&answer).await.unwrap().unwrap().left_out.is_some());
        drop(tx);
        let address = "alice@example.org".parse().unwrap();
        store.forget(&Person::Address(&address, None), world.bridge.now()).await.unwrap();
        let mut tx = store.read().await.unwrap();
        assert!(tx.message(&answer).await.unwrap().is_none());
    }
}
