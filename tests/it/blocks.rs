//! Whose mail a Matrix user takes: who may write first, who is blocked, and which lists and notifications are let in.

use penpal::mail::Inbound;
use penpal::model::{EmailAddress, IncomingMail, Peer, Refusal, Verdict};
use penpal::replay::homeserver::RoomOptions;
use penpal::store::Strangers;
use ruma::{OwnedRoomId, owned_user_id};

use crate::harness::{Letter, World, alice, bob};
use crate::stories;

/// Bob's chat with the bot.
struct Talk {
    room: OwnedRoomId,
}

impl Talk {
    async fn begin(world: &World) -> Self {
        let bot = owned_user_id!("@penpal:lab.test");
        Self {
            room: world.opens_chat(&bob(), &bot, &RoomOptions::default()).await,
        }
    }

    async fn say(&self, world: &World, command: &str) -> String {
        world.says(&bob(), &self.room, command).await;
        world.settle().await;
        world
            .said(&self.room, &owned_user_id!("@penpal:lab.test"))
            .pop()
            .unwrap()
    }
}

fn newsletter(number: usize) -> Letter {
    Letter::from("The Shop <news@shop.example>")
        .with("Subject", &format!("Offers, part {number}"))
        .with("List-Unsubscribe", "<https://shop.example/u>")
        .with("Precedence", "bulk")
        .id(&format!("{number}@shop.example"))
        .text(&format!("Buy {number}!"))
}

/// A mail at a door; its author is verified, or not.
async fn at_door(
    world: &World,
    with: &'static str,
    address: Option<&str>,
    letter: &Letter,
    verified: bool,
) -> Result<(), Refusal> {
    let bytes = letter.to_string().replace('\n', "\r\n").into_bytes().into();
    let peer = Peer {
        address: address.map(|address| address.parse().unwrap()),
        with,
        ..Peer::default()
    };
    let mut mail = IncomingMail::new(
        peer,
        "envelope@elsewhere.example".into(),
        vec!["bob@mail.lab.test".into()],
        bytes,
    );
    if verified {
        let from = letter.to_string();
        let from = from
            .lines()
            .next()
            .unwrap()
            .rsplit(['<', ' '])
            .next()
            .unwrap()
            .trim_end_matches('>')
            .to_owned();
        mail.verdict = Verdict::Authenticated(EmailAddress::parse(&from).unwrap());
    }
    let answer = world.bridge.accept(&mail).await.remove(0);
    world.settle().await;
    answer
}

stories! {
    async fn a_blocked_sender_is_refused_before_the_mail(world: World) {
        let world = world.open_to_strangers().await;
        let talk = Talk::begin(&world).await;
        let letter = Letter::by_alice("Hello").text("Hello Bob");
        world.alice_mails("bob@mail.lab.test", &letter).await;
        assert_eq!(
            talk.say(&world, "block Alice@Example.ORG").await,
            "Mail from alice@example.org is not taken any more. To take it again: unblock alice@example.org"
        );
        assert!(world.bridge_refuses("ALICE@example.org", "bob@mail.lab.test").await);
        assert!(!world.bridge_refuses("erin@example.net", "bob@mail.lab.test").await);
        assert!(!world.bridge_refuses("alice@example.org", "carol@mail.lab.test").await, "Carol decides for herself");
        let world = world.reconfigured(|_| {}).await;
        assert_eq!(world.alice_is_refused("bob@mail.lab.test", &letter.clone().id("2@example.org")).await, (550, "5.7.1"));
        assert_eq!(talk.say(&world, "unblock alice@example.org").await, "Mail from alice@example.org is treated like all other again.");
        world.alice_mails("bob@mail.lab.test", &letter.id("3@example.org")).await;
        assert_eq!(talk.say(&world, "unblock alice@example.org").await, "There is no rule for alice@example.org.");
    }

    async fn a_blocked_author_is_refused_or_dropped(world: World) {
        let world = world.open_to_strangers().await;
        let talk = Talk::begin(&world).await;
        talk.say(&world, "block example.org").await;
        let letter = |id: &str| Letter::from("Alice <alice@mail.example.org>").with("Subject", "Hi").id(id).text("hi");
        let refused = |answer: Result<(), Refusal>| answer.map_err(|refusal| (refusal.code, refusal.enhanced));
        let internet = Some("192.0.2.7");
        assert_eq!(refused(at_door(&world, "ESMTP", internet, &letter("1@x"), false).await), Err((550, "5.7.1")));
        assert_eq!(refused(at_door(&world, "LMTP", None, &letter("2@x"), true).await), Err((550, "5.7.1")));
        assert_eq!(refused(at_door(&world, "LMTP", None, &letter("3@x"), false).await), Ok(()), "our own server would bounce it to anybody");
        assert_eq!(refused(at_door(&world, "", None, &letter("4@x"), true).await), Ok(()), "a mailbox can't refuse");
        assert!(world.created_rooms().is_empty(), "and nothing is shown");
        assert_eq!(refused(at_door(&world, "ESMTP", internet, &Letter::from("Al <al@example.net>").text("hi"), true).await), Ok(()));
        assert_eq!(world.created_rooms().len(), 1);
    }

    async fn the_closest_rule_counts(world: World) {
        let world = world.open_to_strangers().await;
        let talk = Talk::begin(&world).await;
        assert_eq!(
            talk.say(&world, "block example.org").await,
            "Mail from everybody at example.org and the domains below is not taken any more. To take it again: unblock example.org"
        );
        talk.say(&world, "allow alice@example.org").await;
        talk.say(&world, "block *spam*@*").await;
        assert_eq!(talk.say(&world, "blocked").await, "Blocked: *spam*@*, example.org.\nAllowed: alice@example.org.");
        for (sender, refused) in [
            ("alice@example.org", false),
            ("erin@example.org", true),
            ("no-spam-here@example.net", true),
            ("", false),
            ("not an address", false),
        ] {
            assert_eq!(world.bridge_refuses(sender, "bob@mail.lab.test").await, refused, "{sender}");
        }
        talk.say(&world, "block erin@example.org").await;
        assert_eq!(
            talk.say(&world, "unblock erin@example.org").await,
            "Mail from erin@example.org is still not taken, because example.org is blocked."
        );
        for (command, answer) in [
            ("block", "block ADDRESS"),
            ("block *", "That would be everybody."),
            ("allow *@*", "That would be everybody."),
            ("block a@b@c d", "block ADDRESS"),
            ("block ..", "I can't read that: give an address"),
            ("Block Erin@Example.net.", "Mail from erin@example.net is not taken any more."),
            ("Unblock erin@example.net", "Mail from erin@example.net is treated like all other again."),
            ("Strangers Nobody", "From now on, nobody may start a chat with you by email."),
            ("Signature Bob The Builder", "Below your emails stands:\n\nBob The Builder"),
            ("Signature Off", "Your emails have no signature."),
        ] {
            let said = talk.say(&world, command).await;
            assert!(said.contains(answer), "{command}: {said}");
        }
    }

    async fn whom_one_chats_with_is_blocked_there(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        world.says(&bob(), &room, "!block").await;
        world.settle().await;
        let said = world.said(&room, &alice());
        assert_eq!(said, ["Mail from alice@example.org is not taken any more. To take it again: !unblock"]);
        assert!(world.mails().is_empty(), "she hears nothing of it");
        assert!(world.bridge_refuses("alice@example.org", &mail.reply_to).await);
        let letter = Letter::answering(&mail, "hello?");
        assert_eq!(world.alice_is_refused(&mail.reply_to, &letter).await, (550, "5.7.1"));
        world.says(&bob(), &room, "and you can't answer").await;
        world.settle().await;
        assert!(world.mails().is_empty(), "she could not even ask for an end");
        assert!(world.said(&room, &alice())[1].starts_with("This was not sent. You block alice@example.org"));
        let helper = owned_user_id!("@helper:lab.test");
        world.homeserver.add_user(&helper, "Helper");
        world.homeserver.user_invites(&room, &bob(), &helper, false);
        world.homeserver.user_joins(&room, &helper);
        world.says(&helper, &room, "!unblock").await;
        world.settle().await;
        assert!(world.said(&room, &alice())[2].starts_with("Only @bob:lab.test"), "whose chat it is decides");
        world.says(&bob(), &room, "!unblock").await;
        world.settle().await;
        world.alice_mails(&mail.reply_to, &letter).await;
        assert_eq!(world.said(&room, &alice())[4], "hello?");
        assert!(world.mails().is_empty());
    }

    async fn a_bounce_of_who_is_blocked_comes_in(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        Talk::begin(&world).await.say(&world, "block example.org").await;
        let bounce = Letter::from("Mail Delivery System <MAILER-DAEMON@example.org>")
            .with("Subject", "Undelivered Mail Returned to Sender")
            .with("Auto-Submitted", "auto-replied")
            .text("Your message could not be delivered: mailbox full");
        world.receives_gladly("", &mail.return_path, &bounce.to_string()).await;
        assert!(world.said(&room, &alice())[0].contains("mailbox full"));
    }

    async fn a_list_that_is_let_in_has_one_chat(world: World) {
        let talk = Talk::begin(&world).await;
        let puppet = owned_user_id!("@_email_news=40shop.example:lab.test");
        let refused = at_door(&world, "LMTP", None, &newsletter(1), true).await;
        assert_eq!(refused.unwrap_err().enhanced, "5.7.1", "nobody asked for it");
        let answer = talk.say(&world, "allow news@shop.example").await;
        assert!(answer.starts_with("Mail from news@shop.example may begin a chat with you, also that of lists"), "{answer}");
        assert!(at_door(&world, "LMTP", None, &newsletter(2), false).await.is_err(), "anybody can write under that name");
        for number in 3..6 {
            assert_eq!(at_door(&world, "LMTP", None, &newsletter(number), true).await, Ok(()));
        }
        let room = world.created_room();
        let shown = world.homeserver.messages(&room, &puppet);
        let bodies: Vec<_> = shown.iter().map(|content| content["body"].as_str().unwrap()).collect();
        assert_eq!(bodies, ["Buy 3!", "Buy 4!", "Buy 5!"]);
        assert!(shown.iter().all(|content| content["msgtype"] == "m.notice"), "it is a machine's all the same");
        let vacation = Letter::from("news@shop.example").with("Auto-Submitted", "auto-replied").with("Subject", "Away").text("Away.");
        assert!(at_door(&world, "LMTP", None, &vacation, true).await.is_err(), "an automatic answer to nothing");
        talk.say(&world, "unblock news@shop.example").await;
        assert_eq!(world.created_rooms().len(), 1);
    }

    async fn who_is_let_in_may_write_first(world: World) {
        let world = world.reconfigured(|settings| settings.strangers = Strangers::Nobody).await;
        let talk = Talk::begin(&world).await;
        talk.say(&world, "allow example.org").await;
        world.alice_mails("bob@mail.lab.test", &Letter::by_alice("Hello").text("Hello Bob")).await;
        assert_eq!(world.said(&world.created_room(), &alice()), ["Hello Bob"]);
    }

    async fn nobody_lets_in_more_than_the_admin(world: World) {
        let world = world.reconfigured(|settings| settings.strangers_at_most = Strangers::Contacts).await;
        let talk = Talk::begin(&world).await;
        assert_eq!(
            talk.say(&world, "strangers anyone").await,
            "The admin of this server lets contacts start chats by email at the most, so that holds."
        );
        assert_eq!(talk.say(&world, "strangers").await, "Who may start a chat with you by email: contacts.");
        let letter = Letter::by_alice("Hello").text("Hello Bob");
        assert_eq!(world.alice_is_refused("bob@mail.lab.test", &letter).await, (550, "5.7.1"));
        let world = world.reconfigured(|settings| settings.strangers_at_most = Strangers::Anyone).await;
        assert_eq!(talk.say(&world, "strangers").await, "Who may start a chat with you by email: anyone.");
        world.alice_mails("bob@mail.lab.test", &letter).await;
    }
}
