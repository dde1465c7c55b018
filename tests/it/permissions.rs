//! Who may use Penpal, how far, and to which addresses: what the admin does not want is refused, in words.

use penpal::bridge::{Level, Permissions};
use penpal::mail::Inbound;
use penpal::model::{AddressPattern, IncomingMail, Peer, UserPattern};
use penpal::replay::homeserver::RoomOptions;
use ruma::{OwnedRoomId, owned_user_id};

use crate::harness::{Letter, World, alice, bob, carol, erin};
use crate::stories;

async fn with(world: World, levels: &[(&str, Level)]) -> World {
    let levels: Vec<_> = levels
        .iter()
        .map(|(pattern, level)| (UserPattern::parse(pattern).unwrap(), *level))
        .collect();
    world
        .reconfigured(|settings| settings.permissions = Permissions::new(levels))
        .await
}

/// Why the puppet, or the bot, declined an invite.
fn declined(world: &World) -> String {
    let leaves = world.homeserver.requests_named("leave");
    let leave = leaves.last().expect("nobody declined");
    leave.detail("reason").as_str().unwrap().to_owned()
}

/// Bob's last message, as Alice's puppet comments on it.
fn comment(world: &World, room: &OwnedRoomId) -> String {
    let notice = world.homeserver.messages(room, &alice()).pop().unwrap();
    assert_eq!(notice["msgtype"], "m.notice");
    assert!(notice["m.relates_to"]["m.in_reply_to"]["event_id"].is_string());
    notice["body"].as_str().unwrap().to_owned()
}

stories! {
    async fn who_may_do_nothing_gets_no_chat_and_no_mail(world: World) {
        let world = with(world, &[("*", Level::User), ("@bob:lab.test", Level::None)]).await.open_to_strangers().await;
        let room = world.bob_opens_chat().await;
        assert_eq!(world.homeserver.membership(&room, &alice()).unwrap(), "leave");
        assert_eq!(declined(&world), "The admin of this server does not let you write emails.");
        let bot = owned_user_id!("@penpal:lab.test");
        world.opens_chat(&bob(), &bot, &RoomOptions::default()).await;
        assert_eq!(declined(&world), "The admin of this server does not let you use Penpal.");
        assert!(world.bridge_refuses("alice@example.org", "bob@mail.lab.test").await);
        let letter = Letter::by_alice("Hello").text("Hello Bob");
        assert_eq!(world.alice_is_refused("bob@mail.lab.test", &letter).await, (550, "5.1.1"));
        let room = world.opens_chat(&carol(), &alice(), &RoomOptions::default()).await;
        world.says(&carol(), &room, "I may").await;
        world.settle().await;
        assert_eq!(world.mail().text.lines().next(), Some("I may"));
    }

    async fn a_permission_that_is_taken_away_ends_what_was_begun(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        let world = with(world, &[("*", Level::None)]).await;
        world.says(&bob(), &room, "and more").await;
        world.settle().await;
        assert!(world.mails().is_empty());
        assert_eq!(comment(&world, &room), "This was not sent. The admin of this server does not let you write emails.");
        assert!(world.bridge_refuses("alice@example.org", &mail.reply_to).await);
        let world = with(world, &[("*", Level::User)]).await;
        world.says(&bob(), &room, "once more").await;
        world.settle().await;
        assert_eq!(world.mail().text.trim(), "once more", "what was refused is not sent later");
    }

    async fn who_may_only_answer_answers(world: World) {
        let world = with(world, &[("lab.test", Level::Reply)]).await.open_to_strangers().await;
        let room = world.bob_opens_chat().await;
        assert_eq!(world.homeserver.membership(&room, &alice()).unwrap(), "leave");
        assert_eq!(
            declined(&world),
            "The admin of this server lets you answer emails, but not write first, and alice@example.org has not written to you."
        );
        world.alice_mails("bob@mail.lab.test", &Letter::by_alice("Hello").id("hello@example.org").text("Hello Bob")).await;
        let room = world.created_room();
        world.homeserver.user_joins(&room, &bob());
        world.says(&bob(), &room, "Hello Alice").await;
        world.settle().await;
        assert_eq!(world.mail().in_reply_to, ["hello@example.org"]);
        let again = world.bob_opens_chat().await;
        world.says(&bob(), &again, "Something else").await;
        world.settle().await;
        assert_eq!(world.mails().len(), 1, "she has written to him");
        world.opens_chat(&bob(), &erin(), &RoomOptions::default()).await;
        assert!(declined(&world).contains("erin@example.net has not written to you"), "but Erin has not");
    }

    async fn assistants_write_by_leave_of_whose_chat_it_is(world: World) {
        let helper = owned_user_id!("@helper:elsewhere.test");
        world.homeserver.add_user(&helper, "Helper");
        let (room, _) = world.bob_writes("hello").await;
        world.homeserver.user_invites(&room, &bob(), &helper, false);
        world.homeserver.user_joins(&room, &helper);
        world.says(&helper, &room, "I help").await;
        world.settle().await;
        assert_eq!(world.mail().text.trim(), "I help");
        let world = with(world, &[("*", Level::User), ("*.test", Level::None), ("lab.test", Level::User)]).await;
        world.says(&helper, &room, "I help more").await;
        world.settle().await;
        assert!(world.mails().is_empty());
        assert!(comment(&world, &room).starts_with("This was not sent."));
    }

    async fn denied_addresses_are_told_at_once(world: World) {
        let pattern = |text| AddressPattern::parse(text).unwrap();
        let (room, _) = world.bob_writes("hello").await;
        let world = world.reconfigured(|settings| settings.recipients.denied = vec![pattern("example.org")]).await;
        world.says(&bob(), &room, "and more").await;
        world.work().await;
        assert_eq!(comment(&world, &room), "This was not sent. The admin of this server lets no email go to alice@example.org.");
        let second = world.bob_opens_chat().await;
        assert_eq!(world.homeserver.membership(&second, &alice()).unwrap(), "leave");
        assert_eq!(declined(&world), "The admin of this server lets no email go to alice@example.org.");
        let world = world.reconfigured(|settings| {
            settings.recipients.denied = vec![pattern("*@example.net")];
            settings.recipients.allowed = vec![pattern("example.*"), pattern("example.net")];
        }).await;
        world.says(&bob(), &room, "now it may").await;
        world.opens_chat(&bob(), &erin(), &RoomOptions::default()).await;
        assert!(declined(&world).contains("erin@example.net"), "what is denied is denied, also when it is allowed");
        assert_eq!(world.mail().text.trim(), "now it may");
    }
}

#[tokio::test]
async fn a_forged_mail_makes_nobody_a_correspondent() {
    let world = World::on(crate::harness::Database::sqlite().await, |_| {}).await;
    let world = with(world, &[("lab.test", Level::Reply)])
        .await
        .open_to_strangers()
        .await;
    let letter = Letter::by_alice("Hello").text("Write to me!").to_string();
    let bytes = letter.replace('\n', "\r\n").into_bytes().into();
    let to = vec!["bob@mail.lab.test".to_owned()];
    let mail = IncomingMail::new(Peer::default(), "mallory@evil.test".into(), to, bytes);
    let answers = world.bridge.accept(&mail).await;
    assert_eq!(
        answers[0].as_ref().unwrap_err().enhanced,
        "5.7.1",
        "Bob could write to anybody"
    );
}
