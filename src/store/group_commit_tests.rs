//! Transactions that follow each other at once.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet, yield_now};

use crate::store::sqlite::tests::{setting, store};
use crate::store::{Store, StoreError, Tx, get};

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Durable,
    Relaxed,
    /// A statement fails.
    Fails,
    /// It is dropped.
    Dropped,
}

async fn write(store: &Store, name: &str, urgent: bool) -> Tx {
    let begun = if urgent {
        store.begin().await
    } else {
        store.begin_work().await
    };
    let mut tx = begun.unwrap();
    tx.keep_setting(name, "here").await.unwrap();
    tx
}

async fn end(mut tx: Tx, how: End) -> Result<(), StoreError> {
    match how {
        End::Durable => tx.commit().await,
        End::Relaxed => tx.commit_relaxed().await,
        End::Fails => tx
            .sql("INSERT INTO nowhere VALUES (1)")
            .later()
            .await
            .and(tx.commit().await),
        End::Dropped => Err(StoreError::TakenBack),
    }
}

/// A transaction behind others.
struct Next {
    task: JoinHandle<Result<(), StoreError>>,
    served: Arc<Notify>,
    go_on: Arc<Notify>,
}

impl Next {
    /// It has its turn when the others have ended, and then waits for a sign, upon which it writes so many bytes more and commits.
    async fn after(store: &Store, bytes: usize) -> Self {
        let (served, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (store, told, wait) = (store.clone(), Arc::clone(&served), Arc::clone(&go_on));
        let task = tokio::spawn(async move {
            let mut tx = write(&store, "next", false).await;
            told.notify_one();
            wait.notified().await;
            tx.keep_setting("more", &"x".repeat(bytes)).await?;
            tx.commit().await
        });
        yield_now().await;
        Self { task, served, go_on }
    }
}

#[tokio::test]
async fn nobody_hears_of_a_commit_before_it_was_made() {
    let folder = tempfile::tempdir().unwrap();
    let opened = store(&folder).await;
    let first = write(&opened, "first", false).await;
    let next = Next::after(&opened, 1).await;
    let first = tokio::spawn(first.commit());
    next.served.notified().await;
    assert!(!first.is_finished());
    assert_eq!(setting(&opened, "first").await, None);
    next.go_on.notify_one();
    next.task.await.unwrap().unwrap();
    first.await.unwrap().unwrap();
    assert!(setting(&opened, "first").await.is_some());
    assert!(setting(&opened, "next").await.is_some());
}

#[tokio::test]
async fn who_is_stopped_keeps_nobody_from_being_committed() {
    let folder = tempfile::tempdir().unwrap();
    let opened = store(&folder).await;
    let first = write(&opened, "first", false).await;
    let next = Next::after(&opened, 1).await;
    let first = tokio::spawn(first.commit());
    next.served.notified().await;
    next.task.abort();
    first.await.unwrap().unwrap();
    assert!(setting(&opened, "first").await.is_some());
    assert_eq!(setting(&opened, "next").await, None);
}

#[tokio::test]
async fn work_keeps_nobody_outside_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let opened = store(&folder).await;
    let door = write(&opened, "door", true).await;
    let next = Next::after(&opened, 1).await;
    door.commit().await.unwrap();
    next.served.notified().await;
    next.go_on.notify_one();
    next.task.await.unwrap().unwrap();
}

#[tokio::test]
async fn whose_commit_a_full_disk_takes_along_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let opened = store(&folder).await;
    let mut tx = opened.begin().await.unwrap();
    let pages = tx.sql("PRAGMA page_count");
    let pages: i64 = pages.only(|row| get(row, "pages", "page_count")).await.unwrap();
    let most = tx.sql(format!("PRAGMA max_page_count = {}", pages + 8));
    most.rows().await.unwrap();
    tx.commit().await.unwrap();
    let first = write(&opened, "first", false).await;
    let next = Next::after(&opened, 100_000).await;
    let first = tokio::spawn(first.commit());
    next.served.notified().await;
    next.go_on.notify_one();
    assert!(next.task.await.unwrap().is_err());
    // SQLite ends the whole transaction then.
    let told = first.await.unwrap();
    assert!(matches!(told, Err(StoreError::NotCommitted { .. })), "{told:?}");
    assert_eq!(setting(&opened, "first").await, None);
    assert_eq!(setting(&opened, "next").await, None);
    let after = write(&opened, "after", false).await;
    after.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_each_is_told_is_what_became_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let opened = store(&folder).await;
    let mut tasks = JoinSet::new();
    for number in 0..600_usize {
        let opened = opened.clone();
        let how = [End::Durable, End::Relaxed, End::Fails, End::Dropped][number % 4];
        let stopped = tasks.spawn(async move {
            let name = number.to_string();
            let tx = write(&opened, &name, number % 5 == 0).await;
            let told = end(tx, how).await.is_ok();
            assert_eq!(told, matches!(how, End::Durable | End::Relaxed), "{how:?}");
            assert_eq!(setting(&opened, &name).await.is_some(), told, "{how:?}");
        });
        if number % 9 == 0 {
            yield_now().await;
            stopped.abort();
        }
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            assert!(error.is_cancelled(), "{error}");
        }
    }
}
