//! Whatever is wrong with a request has its own answer, and the server goes on.

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{HS_TOKEN, Harness, answer, is_error, settings};
use crate::appservice::{ServeError, ServerSettings, serve};

/// Every endpoint of the API with its method.
fn endpoints() -> Vec<(Method, String)> {
    let mut endpoints = vec![(Method::POST, "/_matrix/app/v1/ping".to_owned())];
    for base in ["/_matrix/app/v1", ""] {
        endpoints.push((Method::PUT, format!("{base}/transactions/1")));
        endpoints.push((Method::GET, format!("{base}/users/@a:hs.test")));
        endpoints.push((Method::GET, format!("{base}/rooms/%23a:hs.test")));
    }
    for base in ["/_matrix/app/v1/thirdparty", "/_matrix/app/unstable/thirdparty"] {
        for path in [
            "protocol/email",
            "user/email",
            "user",
            "location/email",
            "location",
        ] {
            endpoints.push((Method::GET, format!("{base}/{path}")));
        }
    }
    endpoints
}

#[tokio::test]
async fn no_endpoint_answers_without_the_token() {
    let harness = Harness::start();
    let body = json!({"events": [{"event_id": "$forged"}]});
    for (method, path) in endpoints() {
        let request = harness.anonymous(method.clone(), &path).json(&body);
        is_error(
            answer(request.send().await.unwrap()).await,
            401,
            "M_MISSING_TOKEN",
        );
        for wrong in ["wrong", "hs-token-of-the-homeserverx"] {
            let request = harness
                .anonymous(method.clone(), &path)
                .json(&body)
                .bearer_auth(wrong);
            is_error(answer(request.send().await.unwrap()).await, 403, "M_FORBIDDEN");
        }
    }
    assert!(harness.bridge.committed().is_empty());
}

#[tokio::test]
async fn an_old_homeservers_query_token_is_taken_and_must_agree() {
    let harness = Harness::start();
    let events = json!({"events": []});
    let path = format!("/transactions/1?access_token={HS_TOKEN}");
    let old = harness.anonymous(Method::PUT, &path).json(&events);
    assert_eq!(old.send().await.unwrap().status(), 200);
    let both = harness.request(Method::PUT, &path).json(&events);
    assert_eq!(both.send().await.unwrap().status(), 200);
    let differing = harness
        .request(Method::PUT, "/transactions/1?access_token=other")
        .json(&events);
    is_error(answer(differing.send().await.unwrap()).await, 403, "M_FORBIDDEN");
}

#[tokio::test]
async fn unknown_endpoints_and_methods_are_unrecognized() {
    let harness = Harness::start();
    for path in [
        "/",
        "/_matrix/app/v1",
        "/_matrix/app/v1/",
        "/_matrix/app/v1/nothing",
        "/_matrix/app/v2/transactions/1",
        "/_matrix/app/unstable/ping",
        "/_matrix/client/v3/sync",
        "/transactions",
        "/transactions/",
        "/%00",
        "/%FF",
    ] {
        is_error(answer(harness.get(path).await).await, 404, "M_UNRECOGNIZED");
    }
    for (method, path) in endpoints() {
        for other in [
            Method::GET,
            Method::PUT,
            Method::POST,
            Method::DELETE,
            Method::PATCH,
        ] {
            if other != method {
                let response = harness.request(other, &path).send().await.unwrap();
                assert_eq!(response.headers()["allow"], method.as_str(), "{path}");
                is_error(answer(response).await, 405, "M_UNRECOGNIZED");
            }
        }
    }
}

#[tokio::test]
async fn bodies_that_are_no_transaction() {
    let harness = Harness::start();
    for (body, errcode) in [
        ("", "M_NOT_JSON"),
        ("{\"events\": [", "M_NOT_JSON"),
        ("<html>", "M_NOT_JSON"),
        ("[]", "M_BAD_JSON"),
        ("{}", "M_BAD_JSON"),
        ("{\"events\": 5}", "M_BAD_JSON"),
    ] {
        is_error(answer(harness.transaction("1", body).await).await, 400, errcode);
    }
    assert_eq!(harness.transaction("1", "{\"events\": []}").await.status(), 200);
    assert_eq!(harness.bridge.committed().len(), 1);
}

#[tokio::test]
async fn a_body_above_the_limit_is_too_large_and_one_below_is_not() {
    let harness = Harness::start();
    let body = |size: usize| {
        let frame = r#"{"events":[{"body":""}]}"#;
        format!(
            r#"{{"events":[{{"body":"{}"}}]}}"#,
            "x".repeat(size - frame.len())
        )
    };
    let limit = 1024 * 1024;
    assert_eq!(harness.transaction("1", body(limit)).await.status(), 200);
    is_error(
        answer(harness.transaction("2", body(limit + 1)).await).await,
        413,
        "M_TOO_LARGE",
    );
    assert_eq!(harness.bridge.committed().len(), 1);
}

/// Sends `head` and then `body` in pieces, as far as the server lets us, and returns what it answers.
async fn by_hand(harness: &Harness, head: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(harness.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut read, mut write) = stream.split();
    let mut answer = Vec::new();
    let sending = async {
        for piece in body.chunks(16 * 1024) {
            if write.write_all(piece).await.is_err() {
                break;
            }
        }
    };
    let receiving = async {
        let mut block = [0; 4096];
        while let Ok(length @ 1..) = read.read(&mut block).await {
            answer.extend_from_slice(&block[..length]);
            if answer.ends_with(b"}") {
                break;
            }
        }
    };
    tokio::select! {
        () = receiving => (),
        () = async { sending.await; std::future::pending().await } => (),
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn twenty_megabytes_without_a_token_are_not_read() {
    let harness = Harness::start();
    let head = "PUT /_matrix/app/v1/transactions/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n";
    let answer = by_hand(&harness, head, &vec![b' '; 20_000_000]).await;
    assert!(
        answer.starts_with("HTTP/1.1 401 ") && answer.contains("M_MISSING_TOKEN"),
        "{answer}"
    );
    assert_eq!(harness.get("/health").await.status(), 200);
}

#[tokio::test]
async fn a_body_of_unsaid_length_is_cut_at_the_limit() {
    let harness = Harness::start();
    let head = format!(
        "PUT /_matrix/app/v1/transactions/1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {HS_TOKEN}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(65_536));
    let answer = by_hand(&harness, &head, chunk.repeat(300).as_bytes()).await;
    assert!(
        answer.starts_with("HTTP/1.1 413 ") && answer.contains("M_TOO_LARGE"),
        "{answer}"
    );
    assert_eq!(harness.get("/health").await.status(), 200);
}

#[tokio::test]
async fn a_connection_that_breaks_within_a_body_is_nothing() {
    let harness = Harness::start();
    for body in ["", "{\"events\": [", "{\"events\": []}"] {
        let head = format!(
            "PUT /_matrix/app/v1/transactions/1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {HS_TOKEN}\r\nContent-Length: 50\r\n\r\n{body}"
        );
        let mut stream = TcpStream::connect(harness.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _closed = stream.read_to_end(&mut answer).await;
    }
    assert_eq!(harness.get("/health").await.status(), 200);
    assert!(harness.bridge.committed().is_empty());
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    let harness = Harness::start();
    let mut stream = TcpStream::connect(harness.address).await.unwrap();
    stream.write_all(b"EHLO mail.example.org\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _closed = stream.read_to_end(&mut answer).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400 "));
    assert_eq!(harness.get("/health").await.status(), 200);
}

#[tokio::test]
async fn an_address_in_use_says_what_to_do() {
    let harness = Harness::start();
    let settings = ServerSettings {
        listen: harness.address,
        ..settings()
    };
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new()
        .build_recorder()
        .handle();
    let second = serve(&settings, harness.bridge.clone(), metrics, harness.stop.clone());
    let error @ ServeError::Bind { .. } = second.unwrap_err();
    assert!(
        error.to_string().contains(&harness.address.to_string()),
        "{error}"
    );
    assert!(error.to_string().contains("appservice.listen"), "{error}");
}
