//! Clocks that do not agree, and databases from another time.

use std::time::Duration;

use penpal::mail::SendError;
use penpal::replay::homeserver::RoomOptions;
use penpal::store::{JobState, Store};
use penpal::worker::Worker;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::harness::{Database, World, alice, bob, carol, erin};
use crate::stories;

const HOUR: Duration = Duration::from_hours(1);

stories! {
    // Two processes on one PostgreSQL, whose clocks are an hour apart: what one takes, the other may work.
    async fn processes_whose_clocks_are_an_hour_apart_share_the_work(world: World) {
        if world.database.store.is_single_process() {
            return;
        }
        let (neighbour, its_clock) = world.neighbour(HOUR).await;
        let its_worker = Worker::new(neighbour.clone());
        let room = world.bob_opens_chat().await;
        let other = world.opens_chat(&carol(), &erin(), &RoomOptions::default()).await;
        for number in 0..6_u64 {
            let event = world.homeserver.user_says(&room, &bob(), &format!("message {number}")).unwrap();
            world.homeserver.take_pushed();
            let body = json!({"events": [event]});
            let bridge = if number % 2 == 0 { &world.bridge } else { &neighbour };
            bridge.accept_transaction(&number.to_string(), &body).await.unwrap();
            its_clock.advance(Duration::from_secs(1));
            its_worker.run_due().await.unwrap();
            world.wait(Duration::from_secs(1)).await;
        }
        world.says(&carol(), &other, "and another chat").await;
        // The one whose clock is ahead ends; the other one is left with what it took.
        world.wait(HOUR + Duration::from_mins(5)).await;
        world.settle().await;
        let mails = world.mails();
        let to_alice: String = mails.iter().filter(|mail| mail.to == "alice@example.org").map(|mail| mail.text.clone()).collect();
        let places: Vec<_> = (0..6).map(|number| to_alice.find(&format!("message {number}")).expect("it has arrived")).collect();
        assert!(places.is_sorted(), "in order: {to_alice}");
        assert_eq!(to_alice.matches("message ").count(), 6, "each once: {to_alice}");
        assert_eq!(mails.iter().filter(|mail| mail.to == "erin@example.net").count(), 1);
        assert!(world.jobs(JobState::Failed).await.is_empty() && world.jobs(JobState::Waiting).await.is_empty());
    }

    async fn what_waits_since_a_clock_that_was_ahead_goes_on_at_the_next_start(world: World) {
        let (former, its_clock) = world.neighbour(HOUR).await;
        let room = world.bob_opens_chat().await;
        let event = world.homeserver.user_says(&room, &bob(), "hello").unwrap();
        world.homeserver.take_pushed();
        former.accept_transaction("1", &json!({"events": [event]})).await.unwrap();
        let its_worker = Worker::new(former);
        world.relay.fail_next(SendError::Transient { reply: "451 4.3.0 later".into(), uncertain: false });
        its_worker.run_due().await.unwrap();
        its_clock.advance(Duration::from_mins(1));
        its_worker.run_due().await.unwrap();
        assert_eq!(world.relay.attempts(), 1);
        // It ends, somebody sets the clock right, and it starts again.
        let stop = CancellationToken::new();
        stop.cancel();
        Box::pin(world.worker.run(stop)).await;
        world.wait(Duration::from_mins(5)).await;
        assert!(world.mail().text.starts_with("hello"));
    }
}

// The admin goes back to a backup, and the homeserver sends what it has sent before.
#[tokio::test]
async fn what_comes_again_after_the_database_went_back_is_recognisably_the_same() {
    let mut world = World::on(Database::sqlite().await, |_| {}).await;
    let old_room = world.bob_opens_chat().await;
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup.db");
    world.database.store.back_up(&backup).await.unwrap();

    let invite = world
        .homeserver
        .user_creates_room(&carol(), &[&erin()], &RoomOptions::default())
        .1;
    let told = world
        .homeserver
        .user_says(&old_room, &bob(), "told twice")
        .unwrap();
    let before: Vec<_> = invite.into_iter().chain([told]).collect();
    world.homeserver.take_pushed();
    world.push(before.clone()).await;
    world.settle().await;
    let first = world.mail();

    world.database.store.close().await;
    world.database.store = Store::connect(&format!("sqlite:{}", backup.display()))
        .await
        .unwrap();
    world.restart().await;
    world.push(before).await;
    let new = world
        .homeserver
        .user_says(&old_room, &bob(), "told once")
        .unwrap();
    world.homeserver.take_pushed();
    world.push([new]).await;
    world.settle().await;

    let mails = world.mails();
    let [again] = mails.as_slice() else {
        panic!("one email: {mails:?}");
    };
    assert_eq!(
        (&again.message_id, &again.to),
        (&first.message_id, &first.to),
        "the same email, for programs too"
    );
    assert!(
        again.text.contains("told twice") && again.text.contains("told once"),
        "{}",
        again.text
    );
    assert_eq!(world.said(&old_room, &alice()), Vec::<String>::new());
    assert!(world.jobs(JobState::Failed).await.is_empty());
}
