//! What an admin does to the queue leaves a thread whole.

use std::time::Duration;

use penpal::mail::SendError;
use penpal::matrix::MatrixError;
use penpal::store::{JobKind, JobState};
use serde_json::json;

use crate::harness::{Letter, World, alice, bob};
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

stories! {
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
        tx.fix_subject(portal.id, "another").await.unwrap();
        tx.set_room_name(portal.id, Some("new name")).await.unwrap();
        tx.commit().await.unwrap();
        let after = store.read().await.unwrap().portal(portal.id).await.unwrap().unwrap();
        assert_eq!((after.state, after.subject), (penpal::store::PortalState::Closed, portal.subject));
    }
}
