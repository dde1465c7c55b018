//! What the homeserver sends is handed to whoever records it, by all processes, and to nobody else.

use penpal::appservice::Service as _;
use penpal::bridge::{Bridge, RecorderWatch};
use penpal::store::Recorded;
use serde_json::{Value, json};
use std::time::Duration;

use crate::harness::{World, bob};
use crate::stories;

/// Somebody who records gives a sign of life; with an empty word, ends it.
async fn sign(world: &World, sign: &str) {
    let mut tx = world.database.store.begin().await.unwrap();
    tx.set_recorder(sign).await.unwrap();
    tx.commit().await.unwrap();
}

async fn left_over(world: &World) -> Vec<Recorded> {
    let mut tx = world.database.store.read().await.unwrap();
    tx.recorded(100).await.unwrap()
}

async fn recorder(world: &World) -> Option<String> {
    world
        .database
        .store
        .read()
        .await
        .unwrap()
        .recorder()
        .await
        .unwrap()
}

fn says(body: &str) -> Value {
    json!({"events": [{
        "type": "m.room.message", "event_id": format!("${body}"), "room_id": "!room:lab.test", "sender": bob(),
        "origin_server_ts": 1, "content": {"msgtype": "m.text", "body": body},
    }]})
}

/// The texts that a process has handed over, and how often it has said that it records.
fn of(process: &Bridge, recorded: &[Recorded]) -> (usize, Vec<String>) {
    let own: Vec<&Recorded> = recorded
        .iter()
        .filter(|one| one.process == process.owner())
        .collect();
    let lines = own.iter().filter_map(|one| one.line.as_deref());
    let bodies = lines.map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["body"]["events"][0]["content"]["body"]
            .as_str()
            .unwrap()
            .to_owned()
    });
    (
        own.iter().filter(|one| one.line.is_none()).count(),
        bodies.collect(),
    )
}

stories! {
    async fn all_processes_record_while_somebody_does(world: World) {
        let (neighbour, _clock) = world.neighbour(Duration::ZERO).await;
        let both = [&*world.bridge, &*neighbour];
        let mut watches = [RecorderWatch::default(), RecorderWatch::default()];
        sign(&world, "admin 1").await;
        for sign_of_life in ["admin 1", "admin 2", "admin 3", ""] {
            sign(&world, sign_of_life).await;
            for (process, watch) in both.iter().zip(&mut watches) {
                process.look_for_recorder(watch).await.unwrap();
                process.transaction("1", says(&format!("after-{sign_of_life}"))).await.unwrap();
            }
            let recorded = left_over(&world).await;
            for process in both {
                let expected: (usize, Vec<&str>) = match sign_of_life {
                    // It may be left from one who has gone.
                    "admin 1" => (0, vec![]),
                    "admin 2" => (1, vec!["after-admin 2"]),
                    _ => (1, vec!["after-admin 2", "after-admin 3"]),
                };
                let (begun, bodies) = of(process, &recorded);
                assert_eq!((begun, bodies.iter().map(String::as_str).collect()), expected, "{sign_of_life}");
            }
        }
    }

    async fn nothing_is_kept_for_one_who_has_gone(world: World) {
        let mut watch = RecorderWatch::default();
        for sign_of_life in ["admin 1", "admin 2"] {
            sign(&world, sign_of_life).await;
            world.bridge.look_for_recorder(&mut watch).await.unwrap();
        }
        world.bridge.transaction("1", says("private")).await.unwrap();
        let mut looks = 0;
        while recorder(&world).await.is_some() {
            world.bridge.look_for_recorder(&mut watch).await.unwrap();
            looks += 1;
            assert!(looks <= 10, "it waits for ever");
        }
        assert!(looks > 3, "who is slow is still there");
        world.bridge.transaction("2", says("later")).await.unwrap();
        assert_eq!(left_over(&world).await, []);
    }

    async fn what_a_process_left_over_goes_at_the_next_start(world: World) {
        sign(&world, "admin 1").await;
        let mut tx = world.database.store.begin().await.unwrap();
        tx.record("one that has crashed", Some("private")).await.unwrap();
        tx.set_recorder("").await.unwrap();
        tx.commit().await.unwrap();
        world.bridge.look_for_recorder(&mut RecorderWatch::default()).await.unwrap();
        assert_eq!(left_over(&world).await, []);
    }
}
