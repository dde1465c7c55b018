//! How homeservers really deliver: the same again, at the same time, after trouble.

use std::time::Duration;

use penpal::appservice::Service;
use serde_json::json;

use crate::harness::{World, bob};
use crate::stories;

stories! {
    // Synapse gives a transaction up after 60 seconds and sends it again while the first attempt is still at work.
    async fn the_same_transaction_twice_at_once(world: World) {
        let room = world.bob_opens_chat().await;
        let events: Vec<_> =
            ["one", "two", "three"].iter().map(|text| world.homeserver.user_says(&room, &bob(), text).unwrap()).collect();
        world.homeserver.take_pushed();
        let body = json!({"events": events});
        let service: &dyn Service = &*world.bridge;
        let answers = tokio::join!(
            service.transaction("7", body.clone()),
            service.transaction("7", body.clone()),
            service.transaction("8", body),
        );
        assert_eq!(answers, (Ok(()), Ok(()), Ok(())));
        world.settle().await;
        let text = world.mail().text;
        assert_eq!(text.matches("one").count() + text.matches("two").count() + text.matches("three").count(), 3, "{text}");
    }

    // Synapse on SQLite counts from 1 again after a restart, with new contents.
    async fn a_transaction_id_can_come_again_with_other_events(world: World) {
        let room = world.bob_opens_chat().await;
        for text in ["before the restart", "after the restart"] {
            let event = world.homeserver.user_says(&room, &bob(), text).unwrap();
            world.homeserver.take_pushed();
            world.bridge.accept_transaction("1", &json!({"events": [event]})).await.unwrap();
        }
        world.settle().await;
        let text = world.mail().text;
        assert!(text.contains("before the restart") && text.contains("after the restart"), "{text}");
    }

    // After a failure homeservers wait up to 512 seconds; a ping ends the waiting.
    async fn after_trouble_with_the_store_the_homeserver_is_told_to_go_on(world: World) {
        let room = world.bob_opens_chat().await;
        let event = world.homeserver.user_says(&room, &bob(), "not lost").unwrap();
        world.homeserver.take_pushed();
        let body = json!({"events": [event]});
        world.database.run("ALTER TABLE jobs RENAME TO away").await;
        assert!(world.bridge.transaction("5", body.clone()).await.is_err(), "a 500, and the homeserver keeps it");
        world.database.run("ALTER TABLE away RENAME TO jobs").await;

        let pinged = async {
            // One ping at the start, one because of the trouble.
            while world.homeserver.requests_named("ping").len() < 2 {
                tokio::task::yield_now().await;
            }
        };
        let watched = async {
            tokio::select! {
                () = world.bridge.watch_the_way() => {}
                () = pinged => {}
            }
        };
        tokio::time::timeout(Duration::from_mins(1), Box::pin(watched)).await.expect("Penpal pings");

        world.transaction(&body).await;
        world.settle().await;
        assert!(world.mail().text.contains("not lost"));
    }
}
