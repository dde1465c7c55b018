//! Who may start a chat by email, and who never does: machines.

use penpal::replay::homeserver::RoomOptions;
use penpal::store::Strangers;
use ruma::owned_user_id;

use crate::harness::{Letter, World, alice, bob};
use crate::stories;

/// An out-of-office answer.
fn vacation(subject: &str) -> Letter {
    Letter::by_alice(subject)
        .with("Auto-Submitted", "auto-replied")
        .text("I am on holiday.")
}

stories! {
    async fn the_admin_decides_for_those_who_did_not(world: World) {
        let letter = Letter::by_alice("Hello").text("Hello Bob");
        assert_eq!(world.alice_is_refused("bob@mail.lab.test", &letter).await, (550, "5.7.1"));
        let world = world.reconfigured(|settings| settings.strangers = Strangers::Nobody).await;
        world.bob_writes("now you are a contact").await;
        assert_eq!(world.alice_is_refused("bob@mail.lab.test", &letter).await, (550, "5.7.1"));
        let world = world.open_to_strangers().await;
        world.alice_mails("bob@mail.lab.test", &letter).await;
        assert_eq!(world.said(&world.created_room(), &alice()), ["Hello Bob"]);
    }

    async fn people_one_has_written_to_are_contacts(world: World) {
        let letter = Letter::by_alice("Hello").text("Hello Bob");
        world.bob_opens_chat().await;
        assert_eq!(world.alice_is_refused("bob@mail.lab.test", &letter).await, (550, "5.7.1"), "a chat without a word");
        world.bob_writes("hello").await;
        world.alice_mails("bob@mail.lab.test", &letter).await;
        assert_eq!(world.created_rooms().len(), 1);
        assert_eq!(world.alice_is_refused("carol@mail.lab.test", &letter).await, (550, "5.7.1"), "Bob's contact, not Carol's");
    }

    async fn a_contact_stays_one_over_many_threads(world: World) {
        world.bob_writes("hello").await;
        for number in 0..60 {
            let letter = Letter::by_alice(&format!("News {number}")).id(&format!("{number}@example.org")).text("Hello Bob");
            world.alice_mails("bob@mail.lab.test", &letter).await;
        }
        assert_eq!(world.created_rooms().len(), 60);
    }

    async fn a_user_decides_by_the_bot(world: World) {
        let letter = Letter::by_alice("Hello").text("Hello Bob");
        let bot = owned_user_id!("@penpal:lab.test");
        let (room, _) = world.homeserver.user_creates_room(&bob(), &[&bot], &RoomOptions::default());
        world.settle().await;
        world.says(&bob(), &room, "strangers anyone").await;
        world.alice_mails("bob@mail.lab.test", &letter).await;
        world.says(&bob(), &room, "strangers nobody").await;
        assert_eq!(world.alice_is_refused("bob@mail.lab.test", &letter.id("2@example.org")).await, (550, "5.7.1"));
        assert_eq!(world.alice_is_refused("carol@mail.lab.test", &Letter::by_alice("x")).await, (550, "5.7.1"), "his choice alone");
        assert_eq!(world.created_rooms().len(), 1);
    }

    async fn machines_never_start_a_chat(world: World) {
        let world = world.open_to_strangers().await;
        for letter in [
            vacation("Out of office"),
            Letter::by_alice("News of the week").with("List-Id", "<news.example.org>").text("Buy!"),
            Letter::by_alice("Your order").with("Auto-Submitted", "auto-generated").text("Thanks!"),
            Letter::from("MAILER-DAEMON@example.org").with("Subject", "Undelivered Mail Returned to Sender").text("could not be delivered"),
        ] {
            assert_eq!(world.alice_is_refused("bob@mail.lab.test", &letter).await, (550, "5.7.1"), "{letter}");
        }
        let bounce = Letter::by_alice("Delivery failed").text("sorry").to_string();
        let answers = world.receives("", &["bob@mail.lab.test"], &bounce).await;
        assert_eq!(answers[0].as_ref().unwrap_err().enhanced, "5.7.1");
        assert!(world.created_rooms().is_empty());
    }

    async fn machines_are_notices_in_a_chat_that_is_known(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        let letter = vacation("Automatic reply").with("In-Reply-To", &format!("<{}>", mail.message_id)).with("From", "Out of Office <alice@example.org>");
        world.alice_mails("bob@mail.lab.test", &letter).await;
        let messages = world.homeserver.messages(&room, &alice());
        assert_eq!((messages[0]["msgtype"].as_str(), messages[0]["body"].as_str()), (Some("m.notice"), Some("I am on holiday.")));
        assert_eq!(world.homeserver.display_name(&alice()).unwrap(), "alice@example.org", "a machine's name is not hers");
        assert!(world.mails().is_empty(), "machines are never answered");
    }

    async fn a_bounce_of_our_own_mail_server_comes_in(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        let bounce = Letter::from("Mail Delivery System <MAILER-DAEMON@mail.lab.test>")
            .with("Subject", "Undelivered Mail Returned to Sender")
            .with("Auto-Submitted", "auto-replied")
            .text("Your message could not be delivered: mailbox full");
        world.receives_gladly("", &mail.return_path, &bounce.to_string()).await;
        let messages = world.homeserver.messages(&room, &alice());
        assert_eq!(messages[0]["msgtype"], "m.notice");
        assert!(messages[0]["body"].as_str().unwrap().contains("mailbox full"), "{messages:?}");
    }
}
