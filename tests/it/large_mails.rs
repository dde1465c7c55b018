//! Mails that are too large for memory: they arrive whole, and go as others do.

use std::time::Duration;

use penpal::matrix::{Homeserver as _, MatrixError};
use penpal::store::{JobState, Person};
use serde_json::Value;

use crate::harness::{Database, Letter, World, alice, bob};
use crate::stories;

/// A file of two and a half megabytes, no two lines of which are the same.
pub fn film() -> String {
    let lines: Vec<String> = (0..40_000)
        .map(|number| format!("line {number:06} of a film, which is long enough to be many pieces"))
        .collect();
    lines.join("\r\n")
}

fn letter(id: &str) -> Letter {
    Letter::by_alice("the film").id(id).text("Here it is.").attach(&[(
        "film.bin",
        "application/octet-stream",
        &film(),
    )])
}

/// How many contents and how many pieces of contents are in the store.
pub async fn kept(database: &Database) -> (i64, i64) {
    let contents = database.count("SELECT COUNT(*) FROM contents").await;
    (contents, database.count("SELECT COUNT(*) FROM pieces").await)
}

/// What the file of an event holds, as the homeserver has it.
pub async fn file(world: &World, content: &Value) -> String {
    let uri = ruma::OwnedMxcUri::from(content["url"].as_str().unwrap());
    let media = world.homeserver.download(&alice(), &uri, u64::MAX).await.unwrap();
    String::from_utf8(media.whole().await.unwrap().bytes).unwrap()
}

/// The letter is taken, while the homeserver does not take uploads.
async fn is_taken_meanwhile(world: &World) {
    let mail = letter("film@example.org").to_string();
    let answers = world
        .receives("alice@example.org", &["bob@mail.lab.test"], &mail)
        .await;
    assert_eq!(answers, [Ok(())]);
    world.work().await;
}

async fn remove_unneeded(world: &World) {
    let store = &world.database.store;
    store.remove_unneeded_contents(world.bridge.now()).await.unwrap();
}

stories! {
    async fn a_large_file_arrives_and_leaves_nothing(world: World) {
        let world = world.open_to_strangers().await;
        world.alice_mails("bob@mail.lab.test", &letter("film@example.org")).await;
        let room = world.created_room();
        let sent = world.homeserver.requests_named("send");
        let content = sent.last().unwrap().detail("content").clone();
        assert_eq!(content["filename"], "film.bin");
        assert_eq!(content["info"]["size"], film().len());
        assert_eq!(file(&world, &content).await, film());
        assert_eq!(world.said(&room, &alice()), ["Here it is.", "film.bin"]);
        assert_eq!(kept(&world.database).await, (0, 0));
    }

    async fn what_waits_is_kept_over_a_crash_and_arrives_later(world: World) {
        let mut world = world.open_to_strangers().await;
        world.homeserver_is_away("upload", 2);
        is_taken_meanwhile(&world).await;
        let waiting = world.jobs(JobState::Waiting).await;
        assert!(waiting[0].size > i64::try_from(film().len()).unwrap(), "{waiting:?}");
        remove_unneeded(&world).await;
        world.restart().await;
        world.wait(Duration::from_mins(10)).await;
        let sent = world.homeserver.requests_named("send");
        let content = sent.last().unwrap().detail("content").clone();
        assert_eq!(file(&world, &content).await, film());
        assert_eq!(kept(&world.database).await, (0, 0));
    }

    async fn what_failed_is_kept_until_it_is_dropped(world: World) {
        let world = world.open_to_strangers().await;
        let refused = MatrixError::Refused { status: 403, errcode: "M_FORBIDDEN".into(), message: "no".into() };
        world.homeserver.fail_next("register", refused);
        world.alice_mails("bob@mail.lab.test", &letter("film@example.org")).await;
        let failed = world.jobs(JobState::Failed).await;
        remove_unneeded(&world).await;
        assert_eq!(kept(&world.database).await.0, 1);
        let mut tx = world.database.store.begin().await.unwrap();
        assert!(tx.drop_job(failed[0].id, world.bridge.now()).await.unwrap());
        tx.commit().await.unwrap();
        remove_unneeded(&world).await;
        assert_eq!(kept(&world.database).await, (0, 0));
    }

    async fn a_person_is_forgotten_with_what_waits(world: World) {
        let world = world.open_to_strangers().await;
        world.homeserver_is_away("upload", 1);
        is_taken_meanwhile(&world).await;
        assert_eq!(kept(&world.database).await.0, 1);
        world.database.store.forget(&Person::User(&bob()), world.bridge.now()).await.unwrap();
        assert_eq!(kept(&world.database).await, (0, 0));
    }

    async fn a_second_delivery_leaves_nothing(world: World) {
        let world = world.open_to_strangers().await;
        world.homeserver_is_away("upload", 1);
        is_taken_meanwhile(&world).await;
        is_taken_meanwhile(&world).await;
        assert_eq!(kept(&world.database).await.0, 1);
        world.wait(Duration::from_mins(10)).await;
        assert_eq!(world.said(&world.created_room(), &alice()).len(), 2);
        assert_eq!(kept(&world.database).await, (0, 0));
    }

    async fn what_was_given_up_goes_at_once(world: World) {
        let store = &world.database.store;
        let mut given_up = store.write_content(world.bridge.now()).await.unwrap();
        given_up.write(film().as_bytes()).await.unwrap();
        let mut other = store.write_content(world.bridge.now()).await.unwrap();
        other.write(film().as_bytes()).await.unwrap();
        let finished = other.finish().await.unwrap();
        assert_eq!(kept(&world.database).await.0, 2);
        drop(given_up);
        store.gives_up().await;
        store.remove_given_up().await.unwrap();
        let pieces = i64::try_from(finished.pieces()).unwrap();
        assert_eq!(kept(&world.database).await, (1, pieces), "the other one waits for its job");
        store.remove_content(finished).await.unwrap();
        assert_eq!(kept(&world.database).await, (0, 0));
    }

    async fn what_a_crash_has_left_goes_after_a_day(world: World) {
        let store = &world.database.store;
        let mut cut_off = store.write_content(world.bridge.now()).await.unwrap();
        cut_off.write(film().as_bytes()).await.unwrap();
        drop(cut_off);
        let (contents, pieces) = kept(&world.database).await;
        assert!(contents == 1 && pieces > 8);
        remove_unneeded(&world).await;
        assert_eq!(kept(&world.database).await, (contents, pieces), "it may still be written");
        world.clock.advance(Duration::from_hours(25));
        remove_unneeded(&world).await;
        assert_eq!(kept(&world.database).await, (0, 0));
    }
}
