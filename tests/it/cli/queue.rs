//! `penpal queue`.

use std::time::Duration;

use penpal::model::Timestamp;
use penpal::store::{Expired, JobKind, Lane, LaneClass, NewJob, Store};

use super::running::{Bridge, configured};
use super::{initialised, penpal};

/// 21 November 2026, 12:00 UTC.
const NOW: Timestamp = Timestamp(1_795_262_400_000);

/// The year 2100.
const LATER: Timestamp = Timestamp(4_102_444_800_000);

/// Adds one job that was put off until much later after a failure, and one that was never tried.
async fn fill(store: &Store) {
    let job = |portal| NewJob {
        lane: Lane::thread(portal),
        kind: JobKind::Notice,
        key: None,
        portal: None,
        payload: b"{}",
        due_at: NOW,
    };
    let mut tx = store.begin().await.unwrap();
    tx.enqueue(&job(1), NOW).await.unwrap();
    tx.commit().await.unwrap();
    let lease = Duration::from_secs(1);
    let tx = store.begin().await.unwrap();
    let (lanes, _) = tx
        .lease_lanes(LaneClass::Relay, "me", 1, NOW, lease, Expired::Taken)
        .await
        .unwrap();
    let tx = store.begin().await.unwrap();
    let begun = tx
        .begin_jobs(&lanes[0].lane, "me", 1, NOW, None)
        .await
        .unwrap()
        .unwrap();
    let mut tx = store.begin().await.unwrap();
    tx.postpone_job(&begun[0], "me", "connection refused", LATER)
        .await
        .unwrap();
    tx.enqueue(
        &NewJob {
            due_at: LATER,
            ..job(2)
        },
        NOW,
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
}

#[test]
fn what_waits_for_a_relay_that_was_mended_goes_with_one_command() {
    let folder = initialised(&[]);
    let url = format!("sqlite:{}", folder.path().join("penpal.db").display());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let store = runtime.block_on(async {
        let store = Store::connect(&url).await.unwrap();
        fill(&store).await;
        store
    });
    let due = || {
        let list = penpal(folder.path(), &["queue", "list", "--state", "waiting", "--json"]);
        let due = |line: &str| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["due_at"]
                .as_i64()
                .unwrap()
        };
        list.out.lines().map(due).collect::<Vec<_>>()
    };
    assert_eq!(due(), [LATER.millis(), LATER.millis()]);
    let retried = penpal(folder.path(), &["queue", "retry", "--waiting"]);
    assert_eq!(
        (retried.code, retried.out.as_str()),
        (Some(0), "jobs that are tried again now: 1\n"),
        "{}",
        retried.err
    );
    let now = due();
    assert!(now[0] < LATER.millis() && now[1] == LATER.millis(), "{now:?}");
    let unknown = penpal(folder.path(), &["queue", "retry", "77"]);
    assert_eq!(unknown.code, Some(1));
    assert!(
        unknown.err.contains("job 77 neither waits nor has failed"),
        "{}",
        unknown.err
    );
    let nothing = penpal(folder.path(), &["queue", "retry"]);
    assert_eq!(nothing.code, Some(2), "{}", nothing.err);
    runtime.block_on(store.close());
}

/// Admins are to be alerted by this number.
#[test]
fn what_was_given_up_is_counted() {
    let folder = configured(&[]);
    let url = format!("sqlite:{}", folder.path().join("penpal.db").display());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = Store::connect(&url).await.unwrap();
        let mut tx = store.begin().await.unwrap();
        let hopeless = NewJob {
            lane: Lane::portal(1),
            kind: JobKind::Direct,
            key: None,
            portal: None,
            payload: b"no change",
            due_at: Timestamp(1),
        };
        tx.enqueue(&hopeless, Timestamp(1)).await.unwrap();
        tx.commit().await.unwrap();
        store.close().await;
    });
    let mut bridge = Bridge::start(folder.path());
    bridge.process.says("given up");
    // It is said before it is committed, and counted after that.
    let counted = "penpal_jobs_failed_total{kind=\"direct\"} 1";
    let is_there = || bridge.metrics().lines().any(|line| line == counted);
    let patience = std::time::Instant::now() + Duration::from_mins(1);
    while !is_there() {
        assert!(std::time::Instant::now() < patience, "{}", bridge.metrics());
    }
}
