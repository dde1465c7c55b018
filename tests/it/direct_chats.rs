//! Direct chats begin, go on and end.

use penpal::matrix::MatrixError;
use penpal::replay::homeserver::{Failure, RoomOptions};
use penpal::store::PortalState;
use ruma::{OwnedRoomId, owned_user_id};
use serde_json::{Value, json};

use crate::harness::{Letter, World, alice, bob, carol, erin};
use crate::stories;

stories! {
    async fn an_invited_puppet_joins_and_notes_the_chat(world: World) {
        let room = world.bob_opens_chat().await;
        assert_eq!(world.homeserver.membership(&room, &alice()).unwrap(), "join");
        assert_eq!(world.homeserver.display_name(&alice()).unwrap(), "alice@example.org");
        assert_eq!(world.direct(&alice()), json!({"@bob:lab.test": [room]}));
    }

    async fn the_first_message_is_never_missing(world: World) {
        let (room, _) = world.homeserver.user_creates_room(&bob(), &[&alice()], &RoomOptions::default());
        for text in ["first", "second", "third"] {
            assert!(world.homeserver.user_says(&room, &bob(), text).is_none(), "not pushed before the join");
        }
        world.work().await;
        world.says(&bob(), &room, "fourth").await;
        world.settle().await;
        let text = world.mail().text;
        let places: Vec<_> = ["first", "second", "third", "fourth"].iter().map(|word| text.find(word)).collect();
        assert!(places.is_sorted() && places[0].is_some(), "in order, each once: {text}");
        assert_eq!(text.matches("second").count(), 1, "{text}");
    }

    async fn an_invite_without_the_flag_counts_when_nobody_else_is_there(world: World) {
        let options = RoomOptions { is_direct: false, ..RoomOptions::default() };
        let room = world.opens_chat(&bob(), &alice(), &options).await;
        world.says(&bob(), &room, "hello").await;
        world.settle().await;
        assert!(world.mail().text.contains("hello"));
        assert_eq!(world.direct(&alice()), json!({"@bob:lab.test": [room]}));
    }

    async fn an_admin_can_want_the_flag(world: World) {
        let world = world.reconfigured(|settings| settings.accept_plain_invites = false).await;
        let options = RoomOptions { is_direct: false, ..RoomOptions::default() };
        let room = world.opens_chat(&bob(), &alice(), &options).await;
        assert_eq!(world.homeserver.membership(&room, &alice()).unwrap(), "leave");
        let leaves = world.homeserver.requests_named("leave");
        assert!(leaves[0].detail("reason").as_str().unwrap().contains("start a direct chat"), "{leaves:?}");
        let room = world.bob_opens_chat().await;
        assert_eq!(world.homeserver.membership(&room, &alice()).unwrap(), "join");
    }

    async fn what_is_read_back_has_a_limit(world: World) {
        let world = world.reconfigured(|settings| settings.history_limit = 3).await;
        let (room, _) = world.homeserver.user_creates_room(&bob(), &[&alice()], &RoomOptions::default());
        for number in 1..=5 {
            world.homeserver.user_says(&room, &bob(), &format!("line {number}"));
        }
        world.settle().await;
        let text = world.mail().text;
        assert!(!text.contains("line 2") && text.contains("line 5"), "the newest are read: {text}");
    }

    async fn the_bot_stays_out_of_email_chats(world: World) {
        let room = world.bob_opens_chat().await;
        let bot = owned_user_id!("@penpal:lab.test");
        world.homeserver.user_invites(&room, &bob(), &bot, false);
        world.settle().await;
        assert_eq!(world.homeserver.membership(&room, &bot).unwrap(), "leave");
        world.says(&bob(), &room, "still two of us").await;
        world.settle().await;
        assert_eq!(world.mail().to, "alice@example.org");
    }

    async fn an_invite_to_a_group_is_declined_with_a_reason(world: World) {
        let options = RoomOptions { is_direct: false, ..RoomOptions::default() };
        let (room, _) = world.homeserver.user_creates_room(&bob(), &[&carol()], &options);
        world.homeserver.user_joins(&room, &carol());
        world.homeserver.user_invites(&room, &bob(), &alice(), false);
        world.settle().await;
        assert_eq!(world.homeserver.membership(&room, &alice()).unwrap(), "leave");
        let leaves = world.homeserver.requests_named("leave");
        assert!(leaves[0].detail("reason").as_str().unwrap().contains("direct chats"), "{leaves:?}");
        assert_eq!(world.direct(&alice()), json!({}));
    }

    async fn a_second_puppet_is_declined(world: World) {
        let (room, _) = world.homeserver.user_creates_room(&bob(), &[&alice(), &erin()], &RoomOptions::default());
        world.settle().await;
        assert_eq!(world.homeserver.membership(&room, &alice()).unwrap(), "join");
        assert_eq!(world.homeserver.membership(&room, &erin()).unwrap(), "leave");
        world.says(&bob(), &room, "hi").await;
        world.settle().await;
        assert_eq!(world.mail().to, "alice@example.org");
    }

    async fn nonsense_is_never_a_puppet(world: World) {
        for localpart in ["_email_", "_email_=4", "_email_=zz", "_email_noatsign", "_email_a=40b=40c.org", "_email_A=40b.org"] {
            let puppet = ruma::OwnedUserId::try_from(format!("@{localpart}:lab.test")).unwrap();
            assert!(!world.bridge.query_user(puppet.as_str()).await.unwrap(), "{localpart}");
            let (room, _) = world.homeserver.user_creates_room(&bob(), &[&puppet], &RoomOptions::default());
            world.settle().await;
            assert_ne!(world.homeserver.membership(&room, &puppet).as_deref(), Some("join"), "{localpart}");
        }
        assert!(world.homeserver.requests_named("register").is_empty());
    }

    async fn two_chats_with_one_person_are_two_threads(world: World) {
        let (one, two) = (world.bob_opens_chat().await, world.bob_opens_chat().await);
        world.says(&bob(), &one, "about one").await;
        world.settle().await;
        world.says(&bob(), &two, "about two").await;
        world.settle().await;
        let mails = world.mails();
        assert_eq!(mails.len(), 2);
        assert!(mails[1].in_reply_to.is_empty(), "they do not answer each other");
        assert_ne!(mails[0].reply_to, mails[1].reply_to);
        assert_eq!(world.direct(&alice()), json!({"@bob:lab.test": [one, two]}));
    }

    async fn other_entries_of_m_direct_survive(world: World) {
        let other = json!({"@zoe:lab.test": ["!x:lab.test"], "odd": 5});
        world.homeserver.user_sets_account_data(&alice(), "m.direct", other.as_object().unwrap().clone());
        let room = world.bob_opens_chat().await;
        assert_eq!(
            world.direct(&alice()),
            json!({"@zoe:lab.test": ["!x:lab.test"], "odd": 5, "@bob:lab.test": [room]})
        );
        world.homeserver.user_leaves(&room, &bob());
        world.settle().await;
        assert_eq!(world.direct(&alice()), other);
    }

    async fn when_the_user_leaves_the_chat_ends(world: World) {
        let room = world.bob_opens_chat().await;
        world.says(&bob(), &room, "bye").await;
        world.homeserver.user_leaves(&room, &bob());
        world.work().await;
        assert!(world.mail().text.contains("bye"), "what was said last leaves at once");
        world.settle().await;
        assert_eq!(world.homeserver.membership(&room, &alice()).unwrap(), "leave");
        assert_eq!(world.direct(&alice()), json!({}));
    }

    async fn a_banned_puppet_stays_out(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        world.homeserver.user_bans(&room, &bob(), &alice());
        world.settle().await;
        assert_eq!(world.direct(&alice()), json!({}));
        assert_eq!(world.alice_is_refused(&mail.reply_to, &Letter::answering(&mail, "why?")).await, (550, "5.7.1"));
        assert!(world.created_rooms().is_empty());
    }

    async fn a_kicked_puppet_stays_out_until_it_is_invited_again(world: World) {
        let room = world.bob_opens_chat().await;
        world.homeserver.user_kicks(&room, &bob(), &alice());
        world.settle().await;
        assert_eq!(world.homeserver.membership(&room, &alice()).unwrap(), "leave");
        let portal = world.database.store.read().await.unwrap().portal_by_room(&room).await.unwrap().unwrap();
        assert_eq!(portal.state, PortalState::Removed);
        world.homeserver.user_invites(&room, &bob(), &alice(), false);
        world.settle().await;
        world.says(&bob(), &room, "sorry").await;
        world.settle().await;
        assert!(world.mail().text.contains("sorry"));
    }

    async fn a_withdrawn_invite_ends_quietly(world: World) {
        let (room, _) = world.homeserver.user_creates_room(&bob(), &[&alice()], &RoomOptions::default());
        world.homeserver.user_kicks(&room, &bob(), &alice());
        world.settle().await;
        assert_eq!(world.homeserver.membership(&room, &alice()).unwrap(), "leave");
        assert!(world.mails().is_empty() && world.jobs(penpal::store::JobState::Failed).await.is_empty());
    }

    async fn an_upgraded_room_goes_on(world: World) {
        let options = RoomOptions { version: "10", ..RoomOptions::default() };
        let room = world.opens_chat(&bob(), &alice(), &options).await;
        world.says(&bob(), &room, "old room").await;
        world.settle().await;
        let first = world.mail();
        let (new_room, _) = world.homeserver.user_upgrades(&room, &bob());
        world.settle().await;
        world.homeserver.user_invites(&new_room, &bob(), &alice(), false);
        world.settle().await;
        world.says(&bob(), &new_room, "new room").await;
        world.settle().await;
        let second = world.mail();
        assert_eq!(second.in_reply_to, [first.message_id], "the thread goes on");
        assert_eq!(world.direct(&alice()), json!({"@bob:lab.test": [new_room]}));
    }

    // After an outage both rooms' events come at once, and their lanes do not wait for each other.
    async fn a_thread_is_not_torn_when_the_old_room_is_behind(world: World) {
        let options = RoomOptions { version: "10", ..RoomOptions::default() };
        let (room, _) = world.homeserver.user_creates_room(&bob(), &[&alice()], &options);
        world.homeserver_is_away("state", 2);
        world.work().await;
        world.homeserver.user_says(&room, &bob(), "old room");
        let (new_room, _) = world.homeserver.user_upgrades(&room, &bob());
        world.homeserver.user_invites(&new_room, &bob(), &alice(), false);
        world.settle().await;
        world.says(&bob(), &new_room, "new room").await;
        world.settle().await;
        let [first, second] = world.mails().try_into().unwrap();
        assert!(first.text.contains("old room") && second.text.contains("new room"), "{first:#?} {second:#?}");
        assert_eq!(second.in_reply_to, [first.message_id], "the thread goes on");
        assert_eq!(world.direct(&alice()), json!({"@bob:lab.test": [new_room]}));
    }

    async fn what_is_said_in_an_upgraded_room_before_the_puppet_has_followed_counts(world: World) {
        for pushed_first in ["the end of the old room", "a message in the new one"] {
            let options = RoomOptions { version: "10", ..RoomOptions::default() };
            let room = world.opens_chat(&bob(), &alice(), &options).await;
            world.says(&bob(), &room, "old room").await;
            world.settle().await;
            let first = world.mail();
            let (new_room, tombstone) = world.homeserver.user_upgrades(&room, &bob());
            world.homeserver.user_sets_state(&new_room, &bob(), "m.room.join_rules", "", json!({"join_rule": "public"}));
            for text in ["one", "two"] {
                assert!(world.homeserver.user_says(&new_room, &bob(), text).is_none(), "not pushed before the join");
            }
            if pushed_first.starts_with("the end") {
                world.work().await;
            } else {
                // The puppet is in, but the process ends before the tombstone's outcome is committed.
                world.homeserver.take_pushed();
                penpal::matrix::Homeserver::join(&*world.homeserver, &alice(), &new_room).await.unwrap();
            }
            world.says(&bob(), &new_room, "three").await;
            if pushed_first.starts_with("a message") {
                world.push(tombstone).await;
            }
            world.settle().await;
            let second = world.mail();
            assert_eq!(second.in_reply_to, [first.message_id], "{pushed_first}: the thread goes on");
            let places: Vec<_> = ["one", "two", "three"].iter().map(|word| second.text.find(word)).collect();
            assert!(places.is_sorted() && places[0].is_some(), "{pushed_first}: {}", second.text);
            assert_eq!(second.text.matches("two").count(), 1, "{pushed_first}: {}", second.text);
            assert!(world.mails().is_empty());
        }
    }

    async fn nobody_takes_over_anothers_thread_by_naming_its_room(world: World) {
        let room = world.bob_opens_chat().await;
        world.says(&bob(), &room, "hello").await;
        world.settle().await;
        let reply_to = world.mail().reply_to;
        let (trap, pushed) = world.homeserver.user_creates_room(&carol(), &[&alice()], &RoomOptions::default());
        world.homeserver.take_pushed();
        let invites = pushed.into_iter().map(|mut invite| {
            let create = json!({"type": "m.room.create", "state_key": "", "sender": carol(), "content": {"predecessor": {"room_id": room}}});
            invite["unsigned"]["invite_room_state"].as_array_mut().unwrap().retain(|event| event["type"] != "m.room.create");
            invite["unsigned"]["invite_room_state"].as_array_mut().unwrap().push(create);
            invite
        });
        world.push(invites).await;
        world.settle().await;
        world.receives_gladly("alice@example.org", &reply_to, "From: alice@example.org\nSubject: Re: hi\n\nfor Bob alone").await;
        assert_eq!(world.said(&room, &alice()), ["for Bob alone"]);
        assert!(world.said(&trap, &alice()).is_empty());
    }

    async fn a_puppet_does_not_come_back_to_those_whom_the_user_left_behind(world: World) {
        let helper = owned_user_id!("@helper:lab.test");
        world.homeserver.add_user(&helper, "Helper");
        let (room, _) = world.homeserver.user_creates_room(&bob(), &[&alice(), &helper], &RoomOptions::default());
        world.homeserver.user_joins(&room, &helper);
        world.settle().await;
        world.homeserver.user_leaves(&room, &bob());
        world.settle().await;
        world.homeserver.user_invites(&room, &helper, &alice(), true);
        world.settle().await;
        assert_eq!(world.homeserver.membership(&room, &alice()).unwrap(), "leave");
    }

    async fn a_removed_puppet_makes_place_for_another(world: World) {
        let room = world.bob_opens_chat().await;
        world.homeserver.user_kicks(&room, &bob(), &alice());
        world.settle().await;
        world.homeserver.user_invites(&room, &bob(), &erin(), true);
        world.settle().await;
        world.says(&bob(), &room, "hello Erin").await;
        world.settle().await;
        assert_eq!(world.mail().to, "erin@example.net");
    }

    async fn bots_speak_under_their_own_name(world: World) {
        let helper = owned_user_id!("@helper:lab.test");
        world.homeserver.add_user(&helper, "Helper");
        let (room, _) = world.homeserver.user_creates_room(&bob(), &[&alice(), &helper], &RoomOptions::default());
        world.homeserver.user_joins(&room, &helper);
        world.settle().await;
        world.says(&bob(), &room, "let me ask").await;
        world.says(&helper, &room, "it is 42").await;
        world.settle().await;
        let mails = world.mails();
        assert_eq!(mails.len(), 2);
        assert_eq!((mails[0].from_name.as_str(), mails[1].from_name.as_str()), ("Bob", "Helper"));
        assert_eq!(mails[1].in_reply_to, [mails[0].message_id.clone()], "in the same thread");
        assert_eq!(mails[1].reply_to, mails[0].reply_to);
    }

    async fn names_are_those_of_the_moment_and_never_ambiguous(world: World) {
        let room = world.bob_opens_chat().await;
        world.says(&bob(), &room, "as Bob").await;
        world.settle().await;
        world.homeserver.user_renames(&bob(), "Robert");
        world.says(&bob(), &room, "as Robert").await;
        world.settle().await;
        let impostor = owned_user_id!("@impostor:lab.test");
        world.homeserver.add_user(&impostor, "Robert");
        world.homeserver.user_invites(&room, &bob(), &impostor, false);
        world.homeserver.user_joins(&room, &impostor);
        world.work().await;
        world.says(&bob(), &room, "which one?").await;
        world.settle().await;
        let names: Vec<String> = world.mails().into_iter().map(|mail| mail.from_name).collect();
        assert_eq!(names, ["Bob", "Robert", "Robert (@bob:lab.test)"]);
    }

    async fn the_subject_is_the_rooms_name_and_stays(world: World) {
        let options = RoomOptions { name: Some("Summer\r\nBcc: x@evil.test"), topic: Some("Where to go"), ..RoomOptions::default() };
        let room = world.opens_chat(&bob(), &alice(), &options).await;
        world.says(&bob(), &room, "one").await;
        world.settle().await;
        world.homeserver.user_sets_state(&room, &bob(), "m.room.name", "", json!({"name": "Winter"}));
        world.says(&bob(), &room, "two").await;
        world.settle().await;
        let mails = world.mails();
        assert_eq!(mails[0].subject, "Summer Bcc: x@evil.test");
        assert_eq!(mails[1].subject, "Re: Summer Bcc: x@evil.test");
        assert!(!mails[0].raw.to_lowercase().contains("\nbcc:"), "{}", mails[0].raw);
        assert!(mails[0].text.contains("Where to go") && !mails[1].text.contains("Where to go"));
    }

    async fn an_encrypted_chat_is_said_once_not_dropped_silently(world: World) {
        let options = RoomOptions { encrypted: true, ..RoomOptions::default() };
        let room = world.opens_chat(&bob(), &alice(), &options).await;
        let secret = json!({"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x"});
        for _ in 0..3 {
            world.homeserver.user_sends_event(&room, &bob(), "m.room.encrypted", secret.clone());
        }
        world.settle().await;
        let said = world.said(&room, &alice());
        assert!(said.len() == 1 && said[0].contains("encrypted"), "{said:?}");
        assert!(world.mails().is_empty());
    }

    async fn a_chat_that_becomes_encrypted_is_told(world: World) {
        let room = world.bob_opens_chat().await;
        world.homeserver.user_encrypts(&room, &bob());
        world.settle().await;
        assert_eq!(world.said(&room, &alice()).len(), 1);
    }

    async fn a_homeserver_that_encrypts_every_room_is_told_once(world: World) {
        let world = world.open_to_strangers().await;
        world.homeserver.encrypt_new_rooms();
        world.alice_mails("bob@mail.lab.test", &Letter::by_alice("Hello").text("Hello Bob")).await;
        let room = world.created_room();
        world.homeserver.user_joins(&room, &bob());
        for _ in 0..3 {
            let secret = json!({"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x"});
            world.homeserver.user_sends_event(&room, &bob(), "m.room.encrypted", secret);
        }
        world.settle().await;
        let said = world.said(&room, &alice());
        assert!(said.len() == 2 && said[0] == "Hello Bob" && said[1].contains("This chat is encrypted"), "{said:?}");
    }

    async fn our_own_echoes_are_never_mailed(world: World) {
        let room = world.bob_opens_chat().await;
        world.homeserver.user_sends(&room, &alice(), json!({"msgtype": "m.text", "body": "from my mailbox"}));
        world.settle().await;
        assert!(world.mails().is_empty());
    }

    async fn a_message_redacted_before_it_was_pushed_is_nothing(world: World) {
        let room = world.bob_opens_chat().await;
        let mut event: Value = world.homeserver.user_says(&room, &bob(), "secret").unwrap();
        world.homeserver.take_pushed();
        event["content"] = json!({});
        event["unsigned"] = json!({"redacted_because": {"type": "m.room.redaction"}});
        world.push([event]).await;
        world.settle().await;
        assert!(world.mails().is_empty());
    }

    async fn addresses_of_our_own_domain_are_no_puppets(world: World) {
        let puppet = owned_user_id!("@_email_carol=40mail.lab.test:lab.test");
        let (room, _) = world.homeserver.user_creates_room(&bob(), &[&puppet], &RoomOptions::default());
        world.settle().await;
        assert_eq!(world.homeserver.membership(&room, &puppet).unwrap(), "leave");
    }

    async fn the_bot_keeps_a_users_choice(world: World) {
        let bot = owned_user_id!("@penpal:lab.test");
        let (room, _) = world.homeserver.user_creates_room(&bob(), &[&bot], &RoomOptions::default());
        world.settle().await;
        for text in ["hello", "strangers nobody", "strangers", "strangers everybody"] {
            world.says(&bob(), &room, text).await;
        }
        world.settle().await;
        let said = world.said(&room, &bot);
        assert_eq!(said.len(), 4, "{said:?}");
        assert!(said[0].contains("strangers"), "help: {said:?}");
        assert!(said[2].contains("nobody") && said[3].contains("anyone, contacts, nobody"), "{said:?}");
    }

    async fn a_room_that_was_made_but_never_noted_is_taken_up(world: World) {
        // Alice writes first; the homeserver makes the room, but its answer is lost.
        let room = world.bob_opens_chat().await;
        world.says(&bob(), &room, "hello").await;
        world.settle().await;
        world.mails();
        world.homeserver.fail(Failure {
            request: "create_room",
            room: None,
            spared: 0,
            times: 1,
            error: MatrixError::Transient { retry_after: None, reason: "the answer was lost".into() },
            carried_out: true,
        });
        let mail = "From: alice@example.org\nTo: bob@mail.lab.test\nSubject: New\nMessage-ID: <new@example.org>\n\nHi Bob";
        world.receives_gladly("alice@example.org", "bob@mail.lab.test", mail).await;
        let rooms = world.homeserver.requests_named("create_room");
        let lost: OwnedRoomId = rooms[0].detail("room_id").as_str().unwrap().try_into().unwrap();
        world.homeserver.user_joins(&lost, &bob());
        world.work().await;
        world.says(&bob(), &lost, "in the room that nobody knows").await;
        world.settle().await;
        assert!(world.mail().text.contains("in the room that nobody knows"));
    }

    async fn a_single_encrypted_message_is_told(world: World) {
        let room = world.bob_opens_chat().await;
        let content = json!({"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x"});
        world.homeserver.user_sends_event(&room, &bob(), "m.room.encrypted", content);
        world.settle().await;
        let said = world.said(&room, &alice());
        assert!(said.len() == 1 && said[0].contains("this one"), "{said:?}");
    }
}
