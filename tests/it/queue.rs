//! What an admin does to the queue leaves a thread whole.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use penpal::bridge::Bridge;
use penpal::mail::{Accepted, Leave, MailTransport, SendError};
use penpal::matrix::{Homeserver, MatrixError};
use penpal::model::{Envelope, SeededRandom};
use penpal::store::{JobKind, JobState};
use penpal::worker::Worker;
use ruma::RoomId;
use serde_json::json;

use crate::harness::{Letter, World, alice, bob, carol};
use crate::stories;

fn away() -> SendError {
    SendError::Transient {
        reply: "connection refused".into(),
        uncertain: false,
    }
}

async fn drop_job(world: &World, id: i64) -> bool {
    let mut tx = world.database.store.begin().await.unwrap();
    let dropped = tx.drop_job(id, world.bridge.now()).await.unwrap();
    tx.commit().await.unwrap();
    dropped
}

async fn retry_job(world: &World, id: i64) -> bool {
    let mut tx = world.database.store.begin().await.unwrap();
    let found = tx.retry_job(id, world.bridge.now()).await.unwrap();
    tx.commit().await.unwrap();
    found
}

/// The event that came last in a room.
pub async fn latest_event(world: &World, room: &RoomId) -> String {
    let history = Homeserver::history(&*world.homeserver, &alice(), room, None)
        .await
        .unwrap();
    history.events[0]["event_id"].as_str().unwrap().to_owned()
}

/// Bob reacts to an event, and all that follows from it has happened.
pub async fn reacts(world: &World, room: &RoomId, event: &str, key: &str) {
    reaction(world, room, event, key);
    world.settle().await;
}

fn reaction(world: &World, room: &RoomId, event: &str, key: &str) {
    let relation = json!({"rel_type": "m.annotation", "event_id": event, "key": key});
    world
        .homeserver
        .user_sends_event(room, &bob(), "m.reaction", json!({"m.relates_to": relation}));
}

/// A way out with a defect.
struct Defective;

#[async_trait]
impl MailTransport for Defective {
    async fn send(&self, _: &Envelope, message: &[u8], _: &dyn Leave) -> Result<Accepted, SendError> {
        panic!("{}", String::from_utf8_lossy(message));
    }
}

stories! {
    async fn what_is_written_does_not_wait_for_what_was_dropped(world: World) {
        let room = world.bob_opens_chat().await;
        for _ in 0..8 {
            world.relay.fail_next(away());
        }
        world.says(&bob(), &room, "never mind").await;
        world.wait(Duration::from_mins(15)).await;
        let waiting = world.jobs(JobState::Waiting).await;
        assert!(waiting[0].due_at > world.bridge.now() + Duration::from_mins(2), "{waiting:?}");
        assert!(drop_job(&world, waiting[0].id).await);
        world.says(&bob(), &room, "but this").await;
        world.wait(Duration::from_mins(1)).await;
        assert!(world.mail().text.contains("but this"));
    }

    async fn a_relay_that_was_mended_gets_what_waits_at_once(world: World) {
        let room = world.bob_opens_chat().await;
        for _ in 0..8 {
            world.relay.fail_next(away());
        }
        world.says(&bob(), &room, "at last").await;
        world.wait(Duration::from_mins(15)).await;
        assert_eq!(world.relay.attempts(), 8, "the next attempt is some time away");
        let waiting = world.jobs(JobState::Waiting).await;
        assert!(waiting[0].due_at > world.bridge.now(), "{waiting:?}");
        world.work().await;
        assert!(world.mails().is_empty());
        assert!(retry_job(&world, waiting[0].id).await);
        world.work().await;
        assert!(world.mail().text.contains("at last"));
        assert!(!retry_job(&world, waiting[0].id).await, "it is done");
    }

    async fn a_defect_is_told_once_and_holds_up_its_lane_for_minutes(world: World) {
        let mut world = world;
        let room = world.bob_opens_chat().await;
        let bridge = Bridge::open(
            world.database.store.clone(),
            world.homeserver.clone(),
            Arc::new(Defective),
            world.clock.clone(),
            Arc::new(SeededRandom::new(7)),
            world.settings.clone(),
        );
        world.worker = Worker::new(Arc::new(bridge.await.unwrap()));
        world.says(&bob(), &room, "unlucky").await;
        world.wait(Duration::from_mins(5)).await;
        let failed = world.jobs(JobState::Failed).await;
        assert_eq!((failed.len(), failed[0].attempts), (1, 5));
        let said = world.said(&room, &alice());
        assert!(said.len() == 1 && said[0].contains("defect") && !said[0].contains("unlucky"), "{said:?}");
        // The admin runs a better Penpal.
        world.restart().await;
        assert!(retry_job(&world, failed[0].id).await);
        world.settle().await;
        assert!(world.mail().text.contains("unlucky"));
    }

    async fn who_is_told_of_a_failure_has_it_tried_again_by_a_reaction(world: World) {
        let room = world.bob_opens_chat().await;
        let refusal = || SendError::Permanent { reply: "550 5.7.1 not today".into() };
        world.relay.fail_next(refusal());
        world.says(&bob(), &room, "try me").await;
        world.settle().await;
        let said = world.said(&room, &alice());
        assert!(said.len() == 1 && said[0].contains("not today") && said[0].ends_with("\nReact to this with \u{1f501} to have it tried again."), "{said:?}");
        let notice = latest_event(&world, &room).await;

        // It is refused once more, and that is told, with the same offer.
        world.relay.fail_next(refusal());
        reacts(&world, &room, &notice, "\u{1f501}").await;
        let again = latest_event(&world, &room).await;
        assert_eq!((world.mails().len(), world.said(&room, &alice()).len()), (0, 2));
        assert_eq!(world.jobs(JobState::Failed).await.len(), 1);

        reacts(&world, &room, &again, "\u{1f501}\u{fe0f}").await;
        let mail = world.mail();
        assert!(mail.text.contains("try me") && !mail.text.contains('\u{1f501}'), "{}", mail.text);
        assert!(world.jobs(JobState::Failed).await.is_empty());
        reacts(&world, &room, &notice, "\u{1f501}").await;
        assert!(world.mails().is_empty());
        assert!(world.said(&room, &alice())[2].starts_with("That has been delivered meanwhile"));

        // Any other reaction, and this one to anything else, is the email user's.
        let message = world.says(&bob(), &room, "something else").await;
        world.settle().await;
        world.mail();
        reacts(&world, &room, &message, "\u{1f501}").await;
        assert!(world.mail().text.contains('\u{1f501}'));
    }

    async fn nobody_else_has_it_tried_again_and_not_from_elsewhere(world: World) {
        let room = world.bob_opens_chat().await;
        let other = world.bob_opens_chat().await;
        world.relay.fail_next(SendError::Permanent { reply: "550 5.7.1 not today".into() });
        world.says(&bob(), &room, "try me").await;
        world.settle().await;
        let notice = latest_event(&world, &room).await;
        let failed = world.jobs(JobState::Failed).await;
        assert_eq!(failed.len(), 1);

        // Somebody whom Bob has invited, such as an assistant.
        world.homeserver.user_invites(&room, &bob(), &carol(), false);
        world.homeserver.user_joins(&room, &carol());
        let relation = json!({"rel_type": "m.annotation", "event_id": notice, "key": "\u{1f501}"});
        world
            .homeserver
            .user_sends_event(&room, &carol(), "m.reaction", json!({"m.relates_to": relation}));
        world.settle().await;
        // Bob, but in another chat.
        reacts(&world, &other, &notice, "\u{1f501}").await;
        assert_eq!(world.jobs(JobState::Failed).await.len(), 1);
        assert!(!world.mails().iter().any(|mail| mail.text.contains("try me")));

        assert!(drop_job(&world, failed[0].id).await);
        reacts(&world, &room, &notice, "\u{1f501}").await;
        assert!(world.said(&room, &alice()).last().unwrap().starts_with("That has been delivered meanwhile, or was dropped"));
        assert!(world.mails().is_empty());
    }

    async fn a_message_that_goes_nowhere_is_told_once_and_can_be_tried_again(world: World) {
        let room = world.bob_opens_chat().await;
        world.database.run("ALTER TABLE drafts RENAME TO away").await;
        let lost = world.says(&bob(), &room, "do you hear me?").await;
        world.sends(&bob(), &room, json!({"msgtype": "m.notice", "body": "tick"})).await;
        world.wait(2 * world.settings.give_up_after).await;
        world.database.run("ALTER TABLE away RENAME TO drafts").await;
        assert_eq!(world.jobs(JobState::Failed).await.len(), 2);
        assert!(world.mails().is_empty());
        let told = world.homeserver.messages(&room, &alice());
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0]["body"].as_str().unwrap().starts_with("This message could not be delivered to alice@example.org. "));
        assert_eq!(told[0]["m.relates_to"]["m.in_reply_to"]["event_id"], lost);

        let notice = latest_event(&world, &room).await;
        reacts(&world, &room, &notice, "\u{1f501}").await;
        assert!(world.mail().text.contains("do you hear me?"));
        assert_eq!(world.said(&room, &alice()).len(), 1);
        assert_eq!(world.jobs(JobState::Failed).await.len(), 1, "nobody misses what a program said");
    }

    async fn a_message_in_a_room_that_is_not_known_is_told_in_another_chat(world: World) {
        let lost = world.bob_opens_chat().await;
        let room = world.bob_opens_chat().await;
        world.database.run("DELETE FROM portals WHERE id = (SELECT MIN(id) FROM portals)").await;
        world.homeserver_is_away("state", 10_000);
        world.says(&bob(), &lost, "do you hear me?").await;
        world.wait(2 * world.settings.give_up_after).await;
        let told = world.homeserver.messages(&room, &alice());
        assert_eq!(told.len(), 1, "{told:?}");
        let text = told[0]["body"].as_str().unwrap();
        assert!(text.starts_with("A message that you wrote in another chat could not be delivered to alice@example.org. "), "{text}");
        assert!(told[0].get("m.relates_to").is_none());
        assert_eq!(world.jobs(JobState::Failed).await.len(), 1);
        reaction(&world, &room, &latest_event(&world, &room).await, "\u{1f501}");
        world.work().await;
        assert!(world.jobs(JobState::Failed).await.is_empty(), "it is tried again, and the homeserver still away");
    }

    async fn a_dropped_email_was_never_written(world: World) {
        let room = world.bob_opens_chat().await;
        world.relay.fail_next(away());
        let event = world.says(&bob(), &room, "drop this").await;
        world.wait(Duration::from_secs(31)).await;
        let waiting = world.jobs(JobState::Waiting).await;
        assert_eq!((waiting.len(), waiting[0].kind.as_str()), (1, JobKind::Email.as_str()));
        assert!(drop_job(&world, waiting[0].id).await);
        assert!(!drop_job(&world, waiting[0].id).await, "it is dropped already");
        world.homeserver.user_edits(&room, &bob(), &event, "drop that");
        world.settle().await;
        assert!(world.mails().is_empty());
        world.says(&bob(), &room, "keep this").await;
        world.settle().await;
        let mail = world.mail();
        assert!(mail.in_reply_to.is_empty() && mail.references.is_empty(), "nothing was sent before: {mail:#?}");
        assert!(mail.text.contains("@bob:lab.test"), "it is the first of the thread: {}", mail.text);
    }

    async fn a_mail_that_cannot_be_shown_is_told(world: World) {
        let (room, first) = world.bob_writes("hello").await;
        let error = MatrixError::Refused { status: 400, errcode: "M_BAD_JSON".into(), message: "no".into() };
        world.homeserver.fail_next("send", error);
        world.alice_mails(&first.reply_to, &Letter::answering(&first, "hi")).await;
        let failed = world.jobs(JobState::Failed).await;
        let said = world.said(&room, &alice());
        assert!(said.len() == 1 && said[0].contains(&format!("job {} ", failed[0].id)), "{said:?}");
    }

    async fn names_with_a_nul_stop_nobody(world: World) {
        let room = world.bob_opens_chat().await;
        world.homeserver.user_renames(&bob(), "B\0b");
        world.homeserver.user_sets_state(&room, &bob(), "m.room.name", "", json!({"name": "a\0b"}));
        world.says(&bob(), &room, "hel\0lo").await;
        world.settle().await;
        assert!(world.mail().text.contains("hel"));
        assert!(world.jobs(JobState::Waiting).await.is_empty());
    }

    async fn a_file_of_a_server_that_is_gone_does_not_keep_the_words(world: World) {
        let room = world.bob_opens_chat().await;
        world.homeserver_is_away("download", 1000);
        world.sends(&bob(), &room, json!({"msgtype": "m.image", "body": "cat.png", "url": "mxc://gone.test/cat"})).await;
        world.says(&bob(), &room, "look at my cat").await;
        world.wait(Duration::from_hours(3)).await;
        let mail = world.mail();
        assert!(mail.text.contains("look at my cat") && mail.text.contains("could not be fetched"), "{}", mail.text);
    }

    async fn what_others_learn_of_a_portal_meanwhile_stays(world: World) {
        let (room, _) = world.bob_writes("hello").await;
        let store = &world.database.store;
        let portal = store.read().await.unwrap().portal_by_room(&room).await.unwrap().unwrap();
        let mut tx = store.begin().await.unwrap();
        assert!(tx.end_portal(portal.id, &room, penpal::store::PortalState::Closed).await.unwrap());
        tx.set_introduced(portal.id).await.unwrap();
        tx.set_room_name(portal.id, Some("new name")).await.unwrap();
        let other = penpal::store::Email {
            message_id: "other@mail.test".to_owned(),
            portal: portal.id,
            outgoing: true,
            subject: "another".to_owned(),
            chain: Vec::new(),
            bounce_token: None,
        };
        tx.commit_email(&other, true, world.bridge.now()).await.unwrap();
        let after = store.read().await.unwrap().portal(portal.id).await.unwrap().unwrap();
        assert_eq!((after.state, after.subject), (penpal::store::PortalState::Closed, portal.subject));
    }
}
