//! What an admin sees of the threads.

use penpal::store::{Store, ThreadFilter, ThreadSummary};

use crate::harness::{Letter, World, bob, carol};
use crate::stories;

async fn threads(store: &Store, filter: ThreadFilter<'_>) -> Vec<ThreadSummary> {
    store
        .read()
        .await
        .unwrap()
        .list_threads(filter, 10)
        .await
        .unwrap()
}

stories! {
    async fn threads_show_whose_they_are_and_their_emails(world: World) {
        let (room, first) = world.bob_writes("the roses").await;
        world.alice_mails(&first.reply_to, &Letter::answering(&first, "they bloom").id("bloom@example.org")).await;
        let store = &world.database.store;
        let all = threads(store, ThreadFilter::default()).await;
        assert_eq!(all.len(), 1);
        let thread = &all[0];
        assert_eq!(
            (thread.user.as_str(), thread.address.as_str(), thread.room.as_deref(), thread.state.as_str(), thread.emails),
            (bob().as_str(), "alice@example.org", Some(room.as_str()), "active", 2)
        );
        assert!(thread.touched_at >= thread.created_at);

        let emails = store.read().await.unwrap().list_emails(thread.id, 10).await.unwrap();
        let seen: Vec<(&str, bool)> = emails.iter().map(|email| (email.message_id.as_str(), email.outgoing)).collect();
        assert_eq!(seen.len(), 2);
        assert!(!seen[0].1 && seen[1] == (first.message_id.as_str(), true), "{seen:?}");

        let alice = "alice@example.org".parse().unwrap();
        let erin = "erin@example.net".parse().unwrap();
        let (bob, carol) = (bob(), carol());
        let with = |address| ThreadFilter { address: Some(address), ..ThreadFilter::default() };
        let of = |user| ThreadFilter { user: Some(user), ..ThreadFilter::default() };
        for (filter, count) in [(with(&alice), 1), (with(&erin), 0)] {
            assert_eq!(threads(store, filter).await.len(), count, "{filter:?}");
        }
        for (filter, count) in [(of(&*bob), 1), (of(&*carol), 0)] {
            assert_eq!(threads(store, filter).await.len(), count, "{filter:?}");
        }
        assert!(threads(store, ThreadFilter { after: thread.id, ..ThreadFilter::default() }).await.is_empty());
    }
}
