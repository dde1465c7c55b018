//! Who adds work to a lane, and who works in it, at the same moment: on SQLite they write one after another, on PostgreSQL together.

use std::time::Duration;

use penpal::bridge::LEASE;
use penpal::model::Timestamp;
use penpal::store::{Expired, JobKind, Lane, LaneClass, NewJob, Store};
use tokio::time::timeout;

use crate::harness::Database;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// Nothing here takes as long, unless it waits for what does not come.
const SOON: Duration = Duration::from_secs(20);

fn job(lane: &Lane, key: &str) -> NewJob<'static> {
    NewJob {
        lane: lane.clone(),
        kind: JobKind::Notice,
        key: Some(key.to_owned()),
        portal: None,
        payload: b"{}",
        due_at: NOW,
    }
}

async fn add(store: &Store, lane: &Lane, key: &str) {
    let added = async { store.begin().await?.commit_all(&[job(lane, key)], NOW).await };
    assert_eq!(added.await.unwrap(), 1);
}

async fn lease(store: &Store) -> Vec<Lane> {
    let tx = store.begin_work().await.unwrap();
    let leased = tx
        .lease_lanes(LaneClass::Homeserver, "worker", 10, NOW, LEASE, Expired::Taken)
        .await;
    leased.unwrap().0.into_iter().map(|leased| leased.lane).collect()
}

/// The numbers of the jobs that the lane gives; `None` when it was empty and has gone.
async fn begin(store: &Store, lane: &Lane) -> Option<Vec<i64>> {
    let tx = store.begin_work().await.unwrap();
    let begun = tx.begin_jobs(lane, "worker", 1, NOW, None).await.unwrap();
    begun.map(|jobs| jobs.iter().map(|job| job.id).collect())
}

/// Works the first job of a leased lane.
async fn work(store: &Store, lane: &Lane) {
    let begun = begin(store, lane).await.unwrap();
    let mut tx = store.begin_work().await.unwrap();
    tx.finish_jobs(&begun, NOW).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn whoever_adds_work_does_not_wait_for_who_works() {
    let Some(database) = Database::postgres("lanes_do_not_wait").await else {
        return;
    };
    let store = &database.store;
    let lane = Lane::portal(1);
    add(store, &lane, "first").await;
    assert_eq!(lease(store).await, std::slice::from_ref(&lane));
    let tx = store.begin_work().await.unwrap();
    let begun = tx
        .begin_jobs(&lane, "worker", 1, NOW, None)
        .await
        .unwrap()
        .unwrap();
    // The outcome is being written, which takes its time.
    let mut outcome = store.begin_work().await.unwrap();
    outcome.assert_lease(&begun[0], "worker").await.unwrap();
    timeout(SOON, add(store, &lane, "second")).await.unwrap();
    outcome.commit().await.unwrap();
}

#[tokio::test]
async fn a_job_that_is_just_being_added_is_not_overlooked() {
    let Some(database) = Database::postgres("lanes_overlook_nothing").await else {
        return;
    };
    let store = database.store.clone();
    let lane = Lane::portal(1);
    add(&store, &lane, "first").await;
    assert_eq!(lease(&store).await, std::slice::from_ref(&lane));
    work(&store, &lane).await;
    let mut door = store.begin().await.unwrap();
    door.enqueue(&job(&lane, "second"), NOW).await.unwrap().unwrap();
    // The lane would go now, as nothing that anybody can see waits in it.
    let (worker, its_lane) = (store.clone(), lane.clone());
    let next = tokio::spawn(async move { begin(&worker, &its_lane).await });
    // It has come as far as it gets while the door is open: to where another one that wants the same waits too.
    let blocked = timeout(Duration::from_millis(500), begin(&store, &lane)).await;
    assert!(blocked.is_err());
    door.commit().await.unwrap();
    let next = timeout(SOON, next).await.unwrap().unwrap();
    assert_eq!(next.map(|jobs| jobs.len()), Some(1));
}
