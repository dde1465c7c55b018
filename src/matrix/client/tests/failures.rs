//! What goes wrong between here and the homeserver ends in a typed error.

use std::time::Duration;

use ruma::room_id;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::ResponseTemplate;

use super::{AS_TOKEN, bob, client, homeserver, puppet, settings};
use crate::matrix::client::HttpHomeserver;
use crate::matrix::{Homeserver, MatrixError};

async fn join(client: &HttpHomeserver) -> MatrixError {
    client.join(puppet(), room_id!("!r:hs.test")).await.unwrap_err()
}

/// The reason of a transient error.
#[track_caller]
fn transient(error: MatrixError) -> (String, Option<Duration>) {
    match error {
        MatrixError::Transient { retry_after, reason } => {
            assert!(
                !reason.contains(AS_TOKEN) && !reason.contains("alice"),
                "{reason}"
            );
            (reason, retry_after)
        }
        error => panic!("not transient: {error}"),
    }
}

/// A server that answers its first connection with these bytes and hangs up.
async fn raw_server(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _length = stream.read(&mut request).await.unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    url
}

#[tokio::test]
async fn a_proxys_html_page_is_tried_again() {
    for status in [502, 503, 504, 404, 403] {
        let page = ResponseTemplate::new(status).set_body_raw("<html>Bad Gateway</html>", "text/html");
        let (_server, client) = homeserver(page).await;
        let (reason, _) = transient(join(&client).await);
        assert!(
            reason.contains(&status.to_string()) && reason.contains("proxy"),
            "{reason}"
        );
        assert!(!reason.contains("<html>"), "{reason}");
    }
}

#[tokio::test]
async fn answers_that_are_not_what_was_promised_are_tried_again() {
    for body in [
        "",
        "{\"event_id\": ",
        "<html>",
        "[]",
        "{}",
        "{\"event_id\": 5}",
        "null",
    ] {
        let (_server, client) =
            homeserver(ResponseTemplate::new(200).set_body_raw(body, "application/json")).await;
        let error = client
            .send(
                puppet(),
                room_id!("!r:hs.test"),
                "m.room.message",
                "1",
                &json!({}),
                None,
            )
            .await
            .unwrap_err();
        let (reason, _) = transient(error);
        assert!(reason.contains("rooms/{room}/send"), "{reason}");
    }
}

#[tokio::test]
async fn an_empty_success_is_none() {
    let (_server, client) = homeserver(ResponseTemplate::new(200)).await;
    transient(join(&client).await);
}

#[tokio::test]
async fn a_connection_that_breaks_is_tried_again() {
    let url = raw_server("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"room_id\":").await;
    let (reason, _) = transient(join(&client(&url)).await);
    assert!(reason.contains("broke"), "{reason}");

    let url = raw_server("").await;
    transient(join(&client(&url)).await);

    let url = raw_server("220 mail.example.org ESMTP\r\n").await;
    transient(join(&client(&url)).await);
}

#[tokio::test]
async fn an_error_whose_body_breaks_off_keeps_its_status() {
    let url = raw_server("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 100\r\n\r\n<html>").await;
    let (reason, _) = transient(join(&client(&url)).await);
    assert!(reason.contains("502"), "{reason}");
}

#[tokio::test]
async fn a_homeserver_that_is_away_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (reason, _) = transient(join(&client(&url)).await);
    assert!(
        reason.contains("can't connect") && reason.contains(&url) && reason.contains("homeserver.url"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_homeserver_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = settings(&format!("http://{}", listener.local_addr().unwrap()));
    settings.request_timeout = Duration::from_millis(50);
    let (reason, _) = transient(join(&HttpHomeserver::new(settings).unwrap()).await);
    assert!(reason.contains("in time"), "{reason}");
}

#[tokio::test]
async fn rate_limits_say_how_long() {
    let limited = |body| ResponseTemplate::new(429).set_body_json(body);
    let error = json!({"errcode": "M_LIMIT_EXCEEDED", "error": "slow down"});
    let old = json!({"errcode": "M_LIMIT_EXCEEDED", "error": "slow down", "retry_after_ms": 2500});
    for (answer, expected) in [
        (limited(error.clone()), None),
        (limited(old.clone()), Some(2500)),
        (
            limited(error.clone()).insert_header("Retry-After", "7"),
            Some(7000),
        ),
        (limited(old).insert_header("Retry-After", "7"), Some(7000)),
        (
            ResponseTemplate::new(503).insert_header("Retry-After", "7"),
            Some(7000),
        ),
    ] {
        let (_server, client) = homeserver(answer).await;
        let (_, wait) = transient(join(&client).await);
        assert_eq!(wait, expected.map(Duration::from_millis));
    }
}

#[tokio::test]
async fn a_refusal_is_final_and_in_one_line() {
    let refusal = json!({"errcode": "M_FORBIDDEN", "error": "You are not\r\ninvited\u{1b}[31m"});
    let (_server, client) = homeserver(ResponseTemplate::new(403).set_body_json(refusal)).await;
    assert_eq!(
        join(&client).await,
        MatrixError::Refused {
            status: 403,
            errcode: "M_FORBIDDEN".to_owned(),
            message: "You are not  invited [31m".to_owned(),
        }
    );
}

#[tokio::test]
async fn a_wrong_as_token_is_mended_by_the_admin_and_loses_nothing() {
    let unknown = json!({"errcode": "M_UNKNOWN_TOKEN", "error": "Unrecognised access token"});
    let (_server, client) = homeserver(ResponseTemplate::new(401).set_body_json(unknown)).await;
    let (reason, _) = transient(join(&client).await);
    assert!(
        reason.contains("as_token") && reason.contains("app_service_config_files"),
        "{reason}"
    );
    // A human's part is a convenience, which must not hold up the chat.
    let error = client.join(bob(), room_id!("!r:hs.test")).await.unwrap_err();
    assert!(error.is("M_UNKNOWN_TOKEN"), "{error}");
}

#[tokio::test]
async fn a_ping_says_which_side_is_wrong() {
    let bad_status =
        json!({"errcode": "M_BAD_STATUS", "error": "AS returned 403", "status": 403, "body": "{}"});
    let (_server, client) = homeserver(ResponseTemplate::new(502).set_body_json(bad_status)).await;
    let error = client.ping("t").await.unwrap_err();
    assert!(
        error.is("M_BAD_STATUS") && error.to_string().contains("appservice answered 403"),
        "{error}"
    );
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let (other, _) = homeserver(ResponseTemplate::new(200).set_body_json(json!({}))).await;
    for status in [301, 302, 307, 308] {
        let redirect =
            ResponseTemplate::new(status).insert_header("Location", format!("{}/x?secret", other.uri()));
        let (_server, client) = homeserver(redirect).await;
        let (reason, _) = transient(join(&client).await);
        assert!(
            reason.contains(&other.uri()) && reason.contains("homeserver.url"),
            "{reason}"
        );
        assert!(!reason.contains("secret"), "{reason}");
    }
    assert!(other.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_answer_without_end_is_cut() {
    let url = raw_server("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{").await;
    assert!(join(&client(&url)).await.is("M_TOO_LARGE"));
}

#[tokio::test]
async fn a_token_that_no_header_can_hold_is_the_configurations_fault() {
    let (server, _) = homeserver(ResponseTemplate::new(200)).await;
    let mut settings = settings(&server.uri());
    settings.as_token = "line\nfeed".into();
    let (reason, _) = transient(join(&HttpHomeserver::new(settings).unwrap()).await);
    assert!(
        reason.contains("configuration") && !reason.contains("feed"),
        "{reason}"
    );
}
