//! Which address leads where, in each of the three schemes.

use penpal::convert::address::{AddressBook, AddressScheme};
use penpal::matrix::MatrixError;
use penpal::model::EmailAddress;
use penpal::replay::homeserver::RoomOptions;
use ruma::{OwnedServerName, OwnedUserId};

use crate::harness::{Letter, World, alice, bob, carol};
use crate::stories;

async fn with_scheme(world: World, scheme: AddressScheme) -> World {
    let server_name = OwnedServerName::try_from("lab.test").unwrap();
    let addresses = AddressBook::new("mail.lab.test", scheme, server_name).unwrap();
    world
        .reconfigured(|settings| settings.addresses = addresses)
        .await
}

/// One mailbox at a provider, for Bob when nothing says otherwise.
async fn single(world: World) -> World {
    let mailbox = EmailAddress::parse("penpal@provider.test").unwrap();
    let world = with_scheme(world, AddressScheme::Single { mailbox }).await;
    let world = world.open_to_strangers().await;
    world
        .reconfigured(|settings| settings.default_user = Some(bob()))
        .await
}

stories! {
    async fn catch_all_addresses_need_no_sub_addresses(world: World) {
        let world = with_scheme(world, AddressScheme::CatchAll).await;
        let (room, mail) = world.bob_writes("hello").await;
        assert_eq!(mail.from, "bob@mail.lab.test");
        assert!(mail.reply_to.starts_with("reply-") && mail.return_path.starts_with("bounce-"), "{mail:?}");
        let letter = Letter::answering(&mail, "hello Bob").without("In-Reply-To").without("References");
        world.alice_mails(&mail.reply_to, &letter).await;
        assert_eq!(world.said(&room, &alice()), ["hello Bob"]);
        let bounce = Letter::from("MAILER-DAEMON@example.org").with("Subject", "Undelivered").text("mailbox full");
        world.receives_gladly("", &mail.return_path, &bounce.to_string()).await;
        assert_eq!(world.said(&room, &alice()).len(), 2);
    }

    async fn addresses_outlive_a_change_of_scheme(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        let world = with_scheme(world, AddressScheme::CatchAll).await;
        world.alice_mails(&mail.reply_to, &Letter::answering(&mail, "old address")).await;
        assert_eq!(world.said(&room, &alice()), ["old address"]);
    }

    async fn one_mailbox_serves_all_by_the_headers_alone(world: World) {
        let world = single(world).await;
        let (bobs, mail) = world.bob_writes("hello").await;
        assert_eq!((mail.from.as_str(), mail.from_name.as_str()), ("penpal@provider.test", "Bob"));
        let carols = world.opens_chat(&carol(), &alice(), &RoomOptions::default()).await;
        world.says(&carol(), &carols, "hi").await;
        world.settle().await;
        let other = world.mail();
        world.alice_mails("penpal@provider.test", &Letter::answering(&other, "to Carol")).await;
        world.alice_mails("penpal@provider.test", &Letter::answering(&mail, "to Bob")).await;
        assert_eq!(world.said(&carols, &alice()), ["to Carol"]);
        assert_eq!(world.said(&bobs, &alice()), ["to Bob"]);
    }

    async fn one_mailbox_never_guesses_between_people(world: World) {
        let world = single(world).await;
        let (bobs, _) = world.bob_writes("hello").await;
        let carols = world.opens_chat(&carol(), &alice(), &RoomOptions::default()).await;
        world.says(&carol(), &carols, "for my eyes only").await;
        world.settle().await;
        let mail = world.mail();
        let rewritten = Letter::answering(&mail, "secret").with("In-Reply-To", "<rewritten@gateway.test>").without("References");
        world.alice_mails("penpal@provider.test", &rewritten.clone().with("Subject", "Re: hm")).await;
        assert!(world.said(&bobs, &alice()).is_empty() && world.said(&carols, &alice()).is_empty(), "in neither's chat");
        assert_eq!(world.created_room().as_str().len(), 44, "but in a new one of whom the admin named");
        let world = world.reconfigured(|settings| settings.default_user = None).await;
        assert_eq!(world.alice_is_refused("penpal@provider.test", &rewritten).await, (550, "5.7.1"));
    }

    async fn a_bounce_to_the_one_mailbox_finds_its_thread_by_what_it_returns(world: World) {
        let world = single(world).await;
        let (bobs, _) = world.bob_writes("hello").await;
        let carols = world.opens_chat(&carol(), &alice(), &RoomOptions::default()).await;
        let event = world.says(&carol(), &carols, "hi").await;
        world.settle().await;
        let mail = world.mail();
        let bounce = |id: &str| {
            let text = format!("It could not be delivered.\n--- Below this line is a copy of the message.\n\nMessage-ID: <{id}>\nSubject: x");
            Letter::from("MAILER-DAEMON@provider.test").with("Subject", "failure notice").text(&text)
        };
        world.receives_gladly("", "penpal@provider.test", &bounce(&mail.message_id).to_string()).await;
        let notices = world.homeserver.messages(&carols, &alice());
        assert_eq!(notices[0]["m.relates_to"]["m.in_reply_to"]["event_id"], event);
        assert!(world.said(&bobs, &alice()).is_empty());
        let unknown = world.receives("", &["penpal@provider.test"], &bounce("unknown@mail.lab.test").to_string()).await;
        assert_eq!(unknown[0].as_ref().unwrap_err().enhanced, "5.7.1");
    }

    async fn the_default_user_gets_what_answers_nothing(world: World) {
        let world = single(world).await;
        world.alice_mails("penpal@provider.test", &Letter::by_alice("Hello").text("Who is there?")).await;
        let room = world.created_room();
        assert_eq!(world.homeserver.membership(&room, &bob()).unwrap(), "invite");
        assert_eq!(world.said(&room, &alice()), ["Who is there?"]);
    }

    async fn users_of_other_servers_have_addresses_once_they_use_penpal(world: World) {
        let zoe = OwnedUserId::try_from("@zoe.z+x:matrix.org").unwrap();
        let world = world.open_to_the_federation().await;
        world.homeserver.add_user(&zoe, "Zoe");
        let letter = Letter::by_alice("Hi").text("hi");
        assert_eq!(world.alice_is_refused("zoe.z~2bx=matrix.org@mail.lab.test", &letter).await, (550, "5.1.1"), "not yet");
        let room = world.opens_chat(&zoe, &alice(), &RoomOptions::default()).await;
        world.says(&zoe, &room, "hello").await;
        world.settle().await;
        let mail = world.mail();
        assert_eq!(mail.from, "zoe.z~2bx=matrix.org@mail.lab.test");
        let letter = Letter::answering(&mail, "hello Zoe").with("To", &mail.from);
        world.alice_mails(&mail.from, &letter).await;
        assert_eq!(world.said(&room, &alice()), ["hello Zoe"]);
    }

    async fn every_address_that_is_written_can_be_read(world: World) {
        let users = ["@postmaster:lab.test", "@reply-x:lab.test", "@UPPER:lab.test", "@a=b/c:lab.test", "@.dots.:lab.test", "@zoë:lab.test"];
        for user in users {
            let user = OwnedUserId::try_from(user).unwrap();
            world.homeserver.add_user(&user, "Somebody");
            let room = world.opens_chat(&user, &alice(), &RoomOptions::default()).await;
            world.says(&user, &room, "hello").await;
            world.settle().await;
            let mail = world.mail();
            let letter = Letter::answering(&mail, "hello you").with("To", &mail.from);
            world.alice_mails(&mail.from, &letter).await;
            assert_eq!(world.said(&room, &alice()), ["hello you"], "{user} {}", mail.from);
        }
    }

    async fn what_does_not_exist_is_refused_at_once(world: World) {
        let (_, mail) = world.bob_writes("hello").await;
        let (local, domain) = mail.reply_to.split_once('@').unwrap();
        let other_token = format!("{}aaaa@{domain}", local.get(..local.len() - 4).unwrap());
        for recipient in [
            "nobody@mail.lab.test", "bob@elsewhere.test", "bob", "", "@mail.lab.test", "bob@", "a@b@mail.lab.test", "penpal@mail.lab.test",
            "_email_alice~3d40example.org@mail.lab.test", "bounce+aaaaaaaaaaaaaaaaaaaaaaaaaa@mail.lab.test", "~zz@mail.lab.test",
            "bob=@mail.lab.test", "bob\u{0}@mail.lab.test", "bob@mail.lab.test\u{0}", &other_token,
        ] {
            let refusal = world.receives("alice@example.org", &[recipient], &Letter::by_alice("x").to_string()).await;
            let refusal = refusal[0].as_ref().expect_err(recipient);
            assert_eq!((refusal.code, refusal.enhanced), (550, "5.1.1"), "{recipient:?}");
        }
    }

    async fn when_the_homeserver_cannot_be_asked_the_sender_tries_again(world: World) {
        let world = world.open_to_strangers().await;
        world.homeserver_is_away("profile", 1);
        let letter = Letter::by_alice("Hello").text("hello");
        assert_eq!(world.alice_is_refused("carol@mail.lab.test", &letter).await, (451, "4.3.0"));
        world.alice_mails("carol@mail.lab.test", &letter).await;
        world.homeserver_is_away("profile", 1);
        world.alice_mails("carol@mail.lab.test", &letter.text("again")).await;
    }

    async fn who_talks_to_the_bot_exists_also_where_profiles_are_hidden(world: World) {
        let world = world.open_to_strangers().await;
        let hidden = || MatrixError::Refused { status: 403, errcode: "M_FORBIDDEN".into(), message: "Profile isn't available".into() };
        let letter = Letter::by_alice("Hello").text("hello");
        world.homeserver.fail_next("profile", hidden());
        assert_eq!(world.alice_is_refused("carol@mail.lab.test", &letter).await, (550, "5.1.1"));
        let bot = OwnedUserId::try_from("@penpal:lab.test").unwrap();
        world.opens_chat(&carol(), &bot, &RoomOptions::default()).await;
        world.homeserver.fail_next("profile", hidden());
        world.alice_mails("carol@mail.lab.test", &letter).await;
        assert_eq!(world.said(&world.created_room(), &alice()), ["hello"]);
    }

    async fn capitals_make_no_difference(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        let letter = Letter::answering(&mail, "hello Bob").without("In-Reply-To").without("References");
        world.alice_mails(&mail.reply_to.to_uppercase(), &letter).await;
        world.alice_mails("Bob@MAIL.lab.TEST", &Letter::answering(&mail, "again").with("From", "ALICE@Example.Org")).await;
        assert_eq!(world.said(&room, &alice()), ["hello Bob", "again"]);
    }

    async fn an_answer_to_the_postmaster_is_not_for_the_chat_that_it_answers(world: World) {
        let world = world.reconfigured(|settings| settings.default_user = Some(carol())).await;
        let (room, mail) = world.bob_writes("hello").await;
        let letter = Letter::answering(&mail, "Bob bothers me");
        world.receives("alice@example.org", &["postmaster@mail.lab.test"], &letter.to_string()).await;
        world.settle().await;
        assert!(world.said(&room, &alice()).is_empty());
    }

    async fn the_postmaster_is_the_default_user(world: World) {
        let letter = Letter::by_alice("Your server").text("is misconfigured");
        assert_eq!(world.alice_is_refused("postmaster@mail.lab.test", &letter).await, (550, "5.1.1"));
        let world = world.open_to_strangers().await;
        let world = world.reconfigured(|settings| settings.default_user = Some(carol())).await;
        world.alice_mails("Postmaster", &letter).await;
        assert_eq!(world.homeserver.membership(&world.created_room(), &carol()).unwrap(), "invite");
    }
}
