//! Penpal acts for the human, where the admin allows it: joins, and keeps the human's own `m.direct`.

use penpal::matrix::MatrixError;
use penpal::replay::homeserver::RoomOptions;
use penpal::store::JobState;
use ruma::{OwnedRoomId, owned_user_id};
use serde_json::{Map, Value, json};

use crate::harness::{Letter, World, alice, bob};
use crate::stories;

/// A world in which Penpal may act for Bob, and anybody may write to him.
async fn allowed(world: World) -> World {
    world.homeserver.allow_double_puppet(&bob());
    let world = world.open_to_strangers().await;
    world.reconfigured(|settings| settings.double_puppet = true).await
}

/// Alice writes first; gives the room that comes of it.
async fn alice_writes(world: &World) -> OwnedRoomId {
    world
        .alice_mails("bob@mail.lab.test", &Letter::by_alice("News").text("Hello Bob"))
        .await;
    world.created_room()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

stories! {
    async fn the_human_joins_by_itself(world: World) {
        let world = allowed(world).await;
        let room = alice_writes(&world).await;
        assert_eq!(world.homeserver.membership(&room, &bob()).unwrap(), "join");
        assert_eq!(world.said(&room, &alice()), ["Hello Bob"]);
        let puppet = alice();
        assert_eq!(world.direct(&bob()), json!({puppet.as_str(): [room]}));
    }

    async fn without_leave_the_human_is_left_alone(world: World) {
        let world = world.open_to_strangers().await;
        let room = alice_writes(&world).await;
        assert_eq!(world.homeserver.membership(&room, &bob()).unwrap(), "invite");
        assert_eq!(world.direct(&bob()), json!({}));
        let as_bob = world.homeserver.requests().into_iter().filter(|request| request.user == Some(bob())).count();
        assert_eq!(as_bob, 0);
    }

    async fn a_chat_that_the_human_opened_is_noted_and_forgotten(world: World) {
        let world = allowed(world).await;
        let other = json!({"@zoe:lab.test": ["!z:lab.test"], "odd": 5});
        world.homeserver.user_sets_account_data(&bob(), "m.direct", object(other.clone()));
        let room = world.bob_opens_chat().await;
        let puppet = alice();
        assert_eq!(world.direct(&bob()), json!({"@zoe:lab.test": ["!z:lab.test"], "odd": 5, puppet.as_str(): [room]}));
        world.homeserver.user_leaves(&room, &bob());
        world.settle().await;
        assert_eq!(world.direct(&bob()), other);
        assert_eq!(world.homeserver.membership(&room, &bob()).unwrap(), "leave", "and is not brought back");
    }

    async fn another_clients_change_at_the_same_moment_survives(world: World) {
        let world = allowed(world).await;
        // Bob's client had read m.direct before us and overwrites what we have just written.
        let theirs = json!({"@zoe:lab.test": ["!z:lab.test"]});
        world.homeserver.user_sets_account_data_after("set_account_data", &bob(), "m.direct", object(theirs));
        let room = alice_writes(&world).await;
        let puppet = alice();
        assert_eq!(world.direct(&bob()), json!({"@zoe:lab.test": ["!z:lab.test"], puppet.as_str(): [room]}));
    }

    async fn a_client_that_keeps_writing_does_not_win(world: World) {
        let world = allowed(world).await;
        for number in 0..12 {
            let theirs = json!({"@zoe:lab.test": [format!("!{number}:lab.test")]});
            world.homeserver.user_sets_account_data_after("set_account_data", &bob(), "m.direct", object(theirs));
        }
        let room = alice_writes(&world).await;
        let puppet = alice();
        assert_eq!(world.direct(&bob()), json!({"@zoe:lab.test": ["!11:lab.test"], puppet.as_str(): [room]}));
    }

    async fn two_chats_at_once_are_both_noted(world: World) {
        let world = allowed(world).await;
        for number in 1..=2 {
            let letter = Letter::by_alice(&format!("News {number}")).text("Hello Bob").to_string();
            assert_eq!(world.receives("alice@example.org", &["bob@mail.lab.test"], &letter).await, [Ok(())]);
        }
        world.settle().await;
        let (rooms, puppet) = (world.created_rooms(), alice());
        assert_eq!(world.direct(&bob()), json!({puppet.as_str(): rooms}));
        assert_eq!(world.direct(&alice()), json!({"@bob:lab.test": rooms}));
    }

    async fn the_human_joins_when_the_homeserver_is_back(world: World) {
        let world = allowed(world).await;
        world.homeserver_is_away("join", 3);
        let room = alice_writes(&world).await;
        assert_eq!(world.homeserver.membership(&room, &bob()).unwrap(), "join");
        assert_eq!(world.said(&room, &alice()), ["Hello Bob"]);
    }

    async fn a_homeserver_that_does_not_let_us_act_stops_no_mail(world: World) {
        let world = allowed(world).await;
        for request in ["join", "account_data"] {
            world.homeserver.fail_next(request, MatrixError::Refused { status: 401, errcode: "M_UNKNOWN_TOKEN".into(), message: "?".into() });
        }
        let room = alice_writes(&world).await;
        assert_eq!(world.said(&room, &alice()), ["Hello Bob"]);
        world.homeserver.user_joins(&room, &bob());
        world.says(&bob(), &room, "Hello Alice").await;
        world.settle().await;
        assert!(world.mail().text.contains("Hello Alice"));
    }

    async fn humans_of_other_servers_are_never_acted_for(world: World) {
        let zoe = owned_user_id!("@zoe:elsewhere.test");
        world.homeserver.add_user(&zoe, "Zoe");
        let world = allowed(world).await.open_to_the_federation().await;
        let room = world.opens_chat(&zoe, &alice(), &RoomOptions::default()).await;
        world.says(&zoe, &room, "hello").await;
        world.settle().await;
        assert_eq!(world.mail().from, "zoe=elsewhere~2etest@mail.lab.test".replace("~2e", "."));
        assert!(world.homeserver.requests().iter().all(|request| request.user.as_ref() != Some(&zoe)));
        assert!(world.jobs(JobState::Failed).await.is_empty());
    }
}
