//! What those hear who ask while Penpal stops.

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{HS_TOKEN, Harness, answer, header, is_error};

/// Shorter than any time-out of the server, and than the second in which it looks after its connections.
const AT_ONCE: std::time::Duration = std::time::Duration::from_millis(900);

/// Closes the server, which nothing may hold up.
async fn closes(harness: Harness) {
    tokio::time::timeout(AT_ONCE, harness.server.close())
        .await
        .expect("something holds up the end")
        .unwrap();
}

#[tokio::test]
async fn what_is_in_work_is_finished_and_nothing_else_begun() {
    let harness = Harness::start_closed();
    let stop = async {
        harness.bridge.begun().await;
        harness.stop.cancel();
        let refused = harness.transaction("2", r#"{"events":[]}"#).await;
        assert_eq!(header(&refused, "connection"), "close");
        is_error(answer(refused).await, 503, "M_UNKNOWN");
        for path in [
            "/_matrix/app/v1/users/@_email_alice=40example.org:hs.test",
            "/nothing",
        ] {
            is_error(answer(harness.get(path).await).await, 503, "M_UNKNOWN");
        }
        for path in ["/file/film", "/stop/17.pair.seal"] {
            let refused = harness.anonymous(Method::GET, path).send().await.unwrap();
            assert_eq!(
                (refused.status().as_u16(), header(&refused, "retry-after")),
                (503, "60"),
                "{path}"
            );
        }
        assert!(harness.bridge.stops.lock().unwrap().is_empty());
        for (path, status) in [("/health", 200), ("/metrics", 200), ("/ready", 503)] {
            let told = harness.anonymous(Method::GET, path).send().await.unwrap();
            assert_eq!(told.status(), status, "{path}");
        }
        harness.bridge.gate.add_permits(1);
    };
    let body = json!({"events": [{"event_id": "$a"}]}).to_string();
    let (response, ()) = tokio::join!(harness.transaction("1", body), stop);
    assert_eq!(
        (response.status().as_u16(), header(&response, "connection")),
        (200, "close")
    );
    assert_eq!(harness.bridge.committed().len(), 1);
    closes(harness).await;
}

#[tokio::test]
async fn connections_on_which_nothing_is_asked_do_not_hold_up_the_end() {
    let harness = Harness::start();
    let mut silent = TcpStream::connect(harness.address).await.unwrap();
    let mut idle = TcpStream::connect(harness.address).await.unwrap();
    idle.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answered = [0; 12];
    idle.read_exact(&mut answered).await.unwrap();
    assert_eq!(&answered, b"HTTP/1.1 200");
    harness.stop.cancel();
    closes(harness).await;
    for connection in [&mut silent, &mut idle] {
        // Told its end, in whichever way.
        let _ended = connection.read_to_end(&mut Vec::new()).await;
    }
}

#[tokio::test]
async fn a_connection_that_was_kept_is_told_and_ended() {
    let harness = Harness::start();
    let mut kept = TcpStream::connect(harness.address).await.unwrap();
    kept.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answered = [0; 12];
    kept.read_exact(&mut answered).await.unwrap();
    harness.stop.cancel();
    let body = format!("{{\"events\":[{}]}}", "{},".repeat(50_000) + "{}");
    let head = format!(
        "PUT /_matrix/app/v1/transactions/1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {HS_TOKEN}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    kept.write_all(head.as_bytes()).await.unwrap();
    kept.write_all(body.as_bytes()).await.unwrap();
    let mut rest = String::new();
    kept.read_to_string(&mut rest).await.unwrap();
    assert!(
        rest.contains("HTTP/1.1 503") && rest.contains("connection: close"),
        "{rest}"
    );
    assert!(harness.bridge.committed().is_empty());
    closes(harness).await;
}
