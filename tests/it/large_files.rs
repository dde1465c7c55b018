//! Files that are too large for memory, on their way into an email.

use std::time::Duration;

use penpal::mail::SendError;
use penpal::matrix::Media;
use penpal::store::Person;
use ruma::{OwnedMxcUri, OwnedRoomId};
use serde_json::json;

use crate::harness::{World, bob};
use crate::large_mails::{film, kept};
use crate::stories;

/// Bob sends the film, after a word.
async fn bob_sends_film(world: &World, room: &OwnedRoomId) -> String {
    let content_type = Some("video/mp4".to_owned());
    let bytes = film().into_bytes();
    let uri = OwnedMxcUri::from("mxc://lab.test/film");
    world
        .homeserver
        .add_media(uri.clone(), Media { content_type, bytes });
    let event = world.says(&bob(), room, "Look:").await;
    let content =
        json!({"msgtype": "m.video", "body": "film.mp4", "url": uri, "info": {"mimetype": "video/mp4"}});
    world.sends(&bob(), room, content).await;
    event
}

fn the_film() -> (String, String, Vec<u8>) {
    ("film.mp4".into(), "video/mp4".into(), film().into_bytes())
}

fn downloads(world: &World) -> usize {
    world.homeserver.requests_named("download").len()
}

async fn remove_unneeded(world: &World) {
    let store = &world.database.store;
    store.remove_unneeded_contents(world.bridge.now()).await.unwrap();
}

stories! {
    async fn a_large_file_goes_out_and_leaves_nothing(world: World) {
        let room = world.bob_opens_chat().await;
        bob_sends_film(&world, &room).await;
        world.says(&bob(), &room, "And once more:").await;
        let note = OwnedMxcUri::from("mxc://lab.test/note");
        world.homeserver.add_media(note.clone(), Media { content_type: None, bytes: b"%PDF-".to_vec() });
        world.sends(&bob(), &room, json!({"msgtype": "m.file", "body": "note.pdf", "url": note})).await;
        bob_sends_film(&world, &room).await;
        world.settle().await;
        let mail = world.mail();
        let note = ("note.pdf".into(), "application/pdf".into(), b"%PDF-".to_vec());
        assert_eq!(mail.attachments, [the_film(), note, the_film()]);
        assert!(mail.text.contains("And once more:"), "{}", mail.text);
        let is_short = |line: &str| line.len() < 100 || line.starts_with("List-Unsubscribe:");
        assert!(mail.raw.lines().all(is_short));
        assert_eq!(kept(&world.database).await, (0, 0));
    }

    async fn what_may_have_left_goes_again_unchanged_after_a_crash(world: World) {
        let mut world = world;
        let room = world.bob_opens_chat().await;
        world.relay.fail_next(SendError::Transient { reply: "connection lost after DATA".into(), uncertain: true });
        bob_sends_film(&world, &room).await;
        world.wait(Duration::from_secs(31)).await;
        assert_eq!(kept(&world.database).await.0, 1);
        remove_unneeded(&world).await;
        let first = world.mail();
        world.restart().await;
        world.settle().await;
        assert_eq!(world.mail().raw, first.raw, "recognisably the same mail");
        assert_eq!(first.attachments, [the_film()]);
        assert_eq!(downloads(&world), 1, "it is not fetched again");
        assert_eq!(kept(&world.database).await, (0, 0));
    }

    async fn what_has_not_left_keeps_nothing_and_is_made_anew(world: World) {
        let room = world.bob_opens_chat().await;
        world.relay.fail_next(SendError::Transient { reply: "451 4.7.1 greylisted".into(), uncertain: false });
        let event = bob_sends_film(&world, &room).await;
        world.wait(Duration::from_secs(31)).await;
        assert_eq!(world.relay.attempts(), 1);
        assert_eq!(kept(&world.database).await, (0, 0));
        world.homeserver.user_edits(&room, &bob(), &event, "Look here:");
        world.settle().await;
        let mail = world.mail();
        assert!(mail.text.contains("Look here:"), "{}", mail.text);
        assert_eq!(mail.attachments, [the_film()]);
        assert_eq!(kept(&world.database).await, (0, 0));
    }

    async fn what_is_refused_keeps_nothing(world: World) {
        let room = world.bob_opens_chat().await;
        world.relay.fail_next(SendError::Permanent { reply: "552 5.3.4 too much".into() });
        bob_sends_film(&world, &room).await;
        world.settle().await;
        assert_eq!(world.relay.attempts(), 1);
        remove_unneeded(&world).await;
        assert_eq!(kept(&world.database).await, (0, 0));
    }

    async fn what_an_email_does_not_hold_is_not_kept(world: World) {
        let world = world.reconfigured(|settings| settings.max_attachment = 2_000_000).await;
        let room = world.bob_opens_chat().await;
        bob_sends_film(&world, &room).await;
        world.settle().await;
        let mail = world.mail();
        assert!(mail.attachments.is_empty() && mail.text.contains("does not fit into one email"), "{}", mail.text);
        assert_eq!(kept(&world.database).await, (0, 0));
    }

    async fn a_person_is_forgotten_with_files_that_wait(world: World) {
        let room = world.bob_opens_chat().await;
        world.relay.fail_next(SendError::Transient { reply: "connection lost after DATA".into(), uncertain: true });
        bob_sends_film(&world, &room).await;
        world.wait(Duration::from_secs(31)).await;
        assert_eq!(kept(&world.database).await.0, 1);
        world.database.store.forget(&Person::User(&bob()), world.bridge.now()).await.unwrap();
        assert_eq!(kept(&world.database).await, (0, 0));
    }
}
