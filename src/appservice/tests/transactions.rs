//! Pushed events.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Harness, answer, is_error};

fn one_event() -> Value {
    json!({"events": [{"event_id": "$a", "type": "m.room.message"}], "ephemeral": []})
}

#[tokio::test]
async fn a_transaction_is_committed_before_the_answer() {
    let harness = Harness::start();
    for path in ["/_matrix/app/v1/transactions/34", "/transactions/35"] {
        let response = harness
            .request(Method::PUT, path)
            .json(&one_event())
            .send()
            .await
            .unwrap();
        assert_eq!(answer(response).await, (200, json!({})));
    }
    let committed = harness.bridge.committed();
    assert_eq!(
        committed,
        [("34".to_owned(), one_event()), ("35".to_owned(), one_event())]
    );
}

#[tokio::test]
async fn odd_transaction_ids_arrive_as_they_are() {
    let harness = Harness::start();
    for (encoded, txn_id) in [
        ("a%2Fb", "a/b"),
        ("%252F", "%2F"),
        ("a+b%20c", "a+b c"),
        ("%C3%BC", "ü"),
        ("..x", "..x"),
    ] {
        assert_eq!(
            harness
                .transaction(encoded, one_event().to_string())
                .await
                .status(),
            200
        );
        assert_eq!(harness.bridge.committed().pop().unwrap().0, txn_id);
    }
}

#[tokio::test]
async fn what_could_not_be_committed_is_asked_for_again() {
    let harness = Harness::start();
    *harness.bridge.failures.lock().unwrap() = 1;
    let (status, body) = answer(harness.transaction("1", one_event().to_string()).await).await;
    assert!(
        !body.to_string().contains("locked"),
        "the reason is for our log: {body}"
    );
    is_error((status, body), 500, "M_UNKNOWN");
    assert_eq!(
        harness.transaction("1", one_event().to_string()).await.status(),
        200
    );
    assert_eq!(harness.bridge.committed().len(), 1);
}

#[tokio::test]
async fn a_fault_in_one_transaction_leaves_the_server_serving() {
    let harness = Harness::start();
    let response = answer(harness.transaction("panic", one_event().to_string()).await).await;
    is_error(response, 500, "M_UNKNOWN");
    assert_eq!(
        harness.transaction("1", one_event().to_string()).await.status(),
        200
    );
}

#[tokio::test]
async fn the_same_transaction_may_come_twice_at_once() {
    let harness = Harness::start_closed();
    let both = async {
        tokio::join!(
            harness.transaction("7", one_event().to_string()),
            harness.transaction("7", one_event().to_string()),
        )
    };
    let open = async {
        harness.bridge.begun().await;
        harness.bridge.begun().await;
        harness.bridge.gate.add_permits(2);
    };
    let ((first, second), ()) = tokio::join!(both, open);
    assert_eq!((first.status().as_u16(), second.status().as_u16()), (200, 200));
}

#[tokio::test]
async fn a_homeserver_that_hangs_up_does_not_stop_the_work() {
    let harness = Harness::start_closed();
    let given_up = tokio::select! {
        _ = harness.transaction("1", one_event().to_string()) => false,
        () = harness.bridge.begun() => true,
    };
    assert!(given_up, "nothing opened the gate");
    // A second transaction ends after the first, which nobody waits for any more.
    let again = async {
        harness.bridge.begun().await;
        harness.bridge.gate.add_permits(2);
    };
    let (response, ()) = tokio::join!(harness.transaction("2", one_event().to_string()), again);
    assert_eq!(response.status(), 200);
    let ids: Vec<_> = harness.bridge.committed().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["1", "2"]);
}

#[tokio::test]
async fn transactions_do_not_pile_up_behind_a_store_that_hangs() {
    let harness = Harness::start_closed();
    let body = one_event().to_string();
    let waiting = async {
        tokio::join!(
            harness.transaction("1", body.clone()),
            harness.transaction("1", body.clone()),
            harness.transaction("1", body.clone()),
            harness.transaction("1", body.clone()),
        )
    };
    let one_too_many = async {
        for _ in 0..4 {
            harness.bridge.begun().await;
        }
        let refused = answer(harness.transaction("1", body.clone()).await).await;
        harness.bridge.gate.add_permits(1000);
        refused
    };
    let (_, refused) = tokio::join!(waiting, one_too_many);
    is_error(refused, 503, "M_LIMIT_EXCEEDED");
    assert_eq!(harness.transaction("1", body.clone()).await.status(), 200);
}

#[tokio::test]
async fn a_slow_transaction_holds_up_nothing_else() {
    let harness = Harness::start_closed();
    let meanwhile = async {
        harness.bridge.begun().await;
        for path in [
            "/health",
            "/ready",
            "/_matrix/app/v1/users/@_email_alice=40example.org:hs.test",
        ] {
            assert_eq!(harness.get(path).await.status(), 200, "{path}");
        }
        harness.bridge.gate.add_permits(1);
    };
    let (response, ()) = tokio::join!(harness.transaction("1", one_event().to_string()), meanwhile);
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn one_event_that_can_not_be_read_does_not_stop_the_others() {
    let harness = Harness::start();
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let body = format!(r#"{{"events":[{{"event_id":"$deep","content":{deep}}},{{"event_id":"$a"}}]}}"#);
    assert_eq!(harness.transaction("1", body).await.status(), 200);
    assert_eq!(
        harness.bridge.committed()[0].1,
        json!({"events": [{"event_id": "$a"}]})
    );
}
