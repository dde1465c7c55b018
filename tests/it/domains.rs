//! Several mail domains: who writes from which, and what arrives at each.

use penpal::convert::address::{AddressBook, AddressScheme};
use penpal::model::UserPattern;
use penpal::replay::homeserver::RoomOptions;
use ruma::server_name;

use crate::harness::{Letter, ReceivedMail, World, alice, bob, carol};
use crate::stories;

/// A second domain beside `mail.lab.test`, for these users.
async fn with_second(world: World, users: &[&str]) -> World {
    let server_name = server_name!("lab.test").to_owned();
    let users = users
        .iter()
        .map(|user| UserPattern::parse(user).unwrap())
        .collect();
    let addresses = AddressBook::new("mail.lab.test", AddressScheme::Plus, server_name).unwrap();
    let addresses = addresses.with_domain("second.test", users).unwrap();
    world
        .reconfigured(|settings| settings.addresses = addresses)
        .await
}

/// Whether all that a mail says of where it is from is on this domain.
fn is_from(mail: &ReceivedMail, user: &str, domain: &str) -> bool {
    mail.from == format!("{user}@{domain}")
        && [&mail.reply_to, &mail.return_path, &mail.message_id]
            .iter()
            .all(|text| text.ends_with(&format!("@{domain}")))
}

stories! {
    async fn each_user_writes_from_one_domain_and_is_reached_at_all(world: World) {
        let world = with_second(world, &["@carol:lab.test"]).await.open_to_strangers().await;
        let (_, bobs) = world.bob_writes("hello").await;
        assert!(is_from(&bobs, "bob", "mail.lab.test"), "{bobs:?}");
        let room = world.opens_chat(&carol(), &alice(), &RoomOptions::default()).await;
        world.says(&carol(), &room, "hi").await;
        world.settle().await;
        let carols = world.mail();
        assert!(is_from(&carols, "carol", "second.test"), "{carols:?}");
        world.alice_mails(&carols.reply_to, &Letter::answering(&carols, "hi Carol")).await;
        assert_eq!(world.said(&room, &alice()), ["hi Carol"]);
        // A bounce comes back to where it was sent from.
        let bounce = Letter::from("MAILER-DAEMON@example.org").with("Subject", "Undelivered").text("mailbox full");
        world.receives_gladly("", &carols.return_path, &bounce.to_string()).await;
        assert_eq!(world.said(&room, &alice()).len(), 2);
        // Who writes to an address is answered from there, whatever the user's own domain is.
        world.alice_mails("bob@second.test", &Letter::by_alice("Chess").text("Your move")).await;
        let chess = world.created_rooms().pop().unwrap();
        world.homeserver.user_joins(&chess, &bob());
        world.says(&bob(), &chess, "e4").await;
        world.settle().await;
        let answer = world.mail();
        assert!(is_from(&answer, "bob", "second.test"), "{answer:?}");
        // Nobody else writes from either.
        for ours in ["bob@mail.lab.test", "carol@second.test"] {
            let answers = world.receives(ours, &["bob@second.test"], &Letter::from(ours).text("x").to_string()).await;
            assert_eq!(answers[0].as_ref().unwrap_err().enhanced, "5.7.1", "{ours}");
        }
        let answers = world.receives("alice@example.org", &["bob@third.test"], "From: alice@example.org\n\nx").await;
        assert_eq!(answers[0].as_ref().unwrap_err().code, 550);
    }

    async fn a_thread_keeps_its_domain(world: World) {
        let (room, _) = world.bob_writes("before there were two").await;
        let world = with_second(world, &["@bob:lab.test"]).await;
        // It began before: the domain of that time is known.
        world.says(&bob(), &room, "still the same").await;
        world.settle().await;
        assert!(is_from(&world.mail(), "bob", "mail.lab.test"));
        let later = world.bob_opens_chat().await;
        world.says(&bob(), &later, "from the second").await;
        world.settle().await;
        let mail = world.mail();
        assert!(is_from(&mail, "bob", "second.test"), "{mail:?}");
        // Bob is moved back: what began there goes on from there.
        let world = with_second(world, &[]).await;
        world.alice_mails(&mail.reply_to, &Letter::answering(&mail, "answered")).await;
        assert_eq!(world.said(&later, &alice()), ["answered"]);
        world.says(&bob(), &later, "and again").await;
        world.settle().await;
        assert!(is_from(&world.mail(), "bob", "second.test"));
        // The domain is given up: the thread goes on from the one that is left.
        let world = world.reconfigured(|settings| {
            let server_name = server_name!("lab.test").to_owned();
            settings.addresses = AddressBook::new("mail.lab.test", AddressScheme::Plus, server_name).unwrap();
        }).await;
        world.says(&bob(), &later, "without it").await;
        world.settle().await;
        let last = world.mail();
        assert!(is_from(&last, "bob", "mail.lab.test"), "{last:?}");
        assert!(last.references.contains(&mail.message_id), "{last:?}");
    }
}
