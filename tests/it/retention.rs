//! What is forgotten, when, and what stays.

use std::time::Duration;

use penpal::store::{JobState, Person};

use crate::harness::{Letter, World, alice, bob};
use crate::stories;

const WEEK: Duration = Duration::from_hours(7 * 24);

/// Texts of all messages that are still in the store.
async fn texts(world: &World, room: &ruma::RoomId) -> Vec<String> {
    let mut tx = world.database.store.read().await.unwrap();
    let portal = tx.portal_by_room(room).await.unwrap().unwrap();
    tx.incoming(i64::MAX, portal.id, 100, 0)
        .await
        .unwrap()
        .unwrap()
        .sent
}

stories! {
    async fn texts_go_a_week_after_the_delivery_and_threads_stay(world: World) {
        let (room, first) = world.bob_writes("please forget me").await;
        world.worker.forget_delivered().await.unwrap();
        assert_eq!(texts(&world, &room).await.len(), 1);
        world.wait(WEEK + Duration::from_mins(1)).await;
        world.worker.forget_delivered().await.unwrap();
        assert!(texts(&world, &room).await.is_empty());
        assert!(world.jobs(JobState::Done).await.is_empty());
        // Answers still find their thread, and their message.
        world.alice_mails(&first.reply_to, &Letter::answering(&first, "I have not")).await;
        assert_eq!(world.said(&room, &alice()), ["I have not"]);
        world.says(&bob(), &room, "well").await;
        world.settle().await;
        assert!(world.mail().references.contains(&first.message_id));
    }

    async fn an_edit_of_a_forgotten_message_still_arrives(world: World) {
        let room = world.bob_opens_chat().await;
        let event = world.says(&bob(), &room, "at noon").await;
        world.settle().await;
        world.wait(WEEK + Duration::from_mins(1)).await;
        world.worker.forget_delivered().await.unwrap();
        world.homeserver.user_edits(&room, &bob(), &event, "at midnight");
        world.settle().await;
        assert!(world.mails()[1].text.contains("at midnight"), "{:#?}", world.mails());
    }

    async fn a_message_that_comes_again_after_weeks_is_not_sent_again(world: World) {
        let room = world.bob_opens_chat().await;
        let event = world.homeserver.user_says(&room, &bob(), "once").unwrap();
        world.settle().await;
        world.wait(WEEK + Duration::from_mins(1)).await;
        world.worker.forget_delivered().await.unwrap();
        // The homeserver's database was restored.
        world.push([event]).await;
        world.says(&bob(), &room, "something new").await;
        world.settle().await;
        let mails = world.mails();
        assert_eq!(mails.len(), 2, "{mails:#?}");
        assert!(mails[1].text.contains("something new") && !mails[1].text.contains("once"));
        assert_ne!(mails[0].message_id, mails[1].message_id);
    }

    async fn what_waits_or_failed_is_kept(world: World) {
        let room = world.bob_opens_chat().await;
        world.relay.fail_next(penpal::mail::SendError::Permanent { reply: "550 no".into() });
        world.says(&bob(), &room, "hello").await;
        world.settle().await;
        let failed = world.jobs(JobState::Failed).await;
        world.wait(WEEK * 2).await;
        world.worker.forget_delivered().await.unwrap();
        assert_eq!(world.jobs(JobState::Failed).await.len(), failed.len());
        assert_eq!(failed.len(), 1);
    }

    async fn a_person_is_forgotten_with_all_chats(world: World) {
        let (room, first) = world.bob_writes("hello").await;
        let store = &world.database.store;
        let address = "alice@example.org".parse().unwrap();
        let person = Person::Address(&address, None);
        assert_eq!(store.forget(&person, world.bridge.now()).await.unwrap().chats, 1);
        assert_eq!(store.forget(&person, world.bridge.now()).await.unwrap().chats, 0);
        let mut tx = store.read().await.unwrap();
        assert!(tx.portal_by_room(&room).await.unwrap().is_none());
        assert!(tx.emails_by_id(&first.message_id).await.unwrap().is_empty());
        assert!(tx.puppet_name(&alice()).await.unwrap().is_none());
        assert!(tx.joined_members(&room).await.unwrap().is_empty());
        drop(tx);
        let (code, _) = world.alice_is_refused(&first.reply_to, &Letter::answering(&first, "hi")).await;
        assert_eq!(code, 550);
    }
}
