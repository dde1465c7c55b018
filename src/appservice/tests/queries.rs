//! Users, aliases, third-party lookups, ping, and the routes for those who run Penpal.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ALICE, HS_TOKEN, Harness, answer, is_error};

#[tokio::test]
async fn a_puppet_exists_and_others_do_not() {
    let harness = Harness::start();
    for base in ["/_matrix/app/v1/users/", "/users/"] {
        for user in [
            "%40_email_alice%3D40example.org%3Ahs.test",
            "@_email_alice=40example.org:hs.test",
            // Synapse leaves "/" as it is, and writes "+" as %2B.
            "%40_email_a/b%2Bc%3D40example.org%3Ahs.test",
            "%40_email_a%2Fb+c%3D40example.org%3Ahs.test",
        ] {
            let response = harness.get(&format!("{base}{user}")).await;
            assert_eq!(answer(response).await, (200, json!({})), "{base}{user}");
        }
        for user in [
            "",
            "%40bob%3Ahs.test",
            "%40_email_%3D4%3Ahs.test",
            "%FF%FE",
            "%00",
            "x/../y",
            "%2e%2e",
        ] {
            let (status, body) = answer(harness.get(&format!("{base}{user}")).await).await;
            assert_eq!(status, 404, "{base}{user} {body}");
        }
    }
}

#[tokio::test]
async fn a_puppet_that_can_not_be_made_now_is_asked_for_again() {
    let harness = Harness::start();
    let response = harness.get("/_matrix/app/v1/users/@_email_away:hs.test").await;
    is_error(answer(response).await, 500, "M_UNKNOWN");
}

#[tokio::test]
async fn there_are_no_aliases() {
    let harness = Harness::start();
    for path in [
        "/_matrix/app/v1/rooms/%23_email_list%3Ahs.test",
        "/rooms/%23_email_list%3Ahs.test",
    ] {
        is_error(answer(harness.get(path).await).await, 404, "M_NOT_FOUND");
    }
}

#[tokio::test]
async fn a_ping_is_answered() {
    let harness = Harness::start();
    let ping = |body: &'static str| {
        harness
            .request(Method::POST, "/_matrix/app/v1/ping")
            .body(body)
            .send()
    };
    for body in [
        r#"{"transaction_id":"t-1"}"#,
        "{}",
        r#"{"transaction_id":null}"#,
        "",
    ] {
        assert_eq!(
            answer(ping(body).await.unwrap()).await,
            (200, json!({})),
            "{body}"
        );
    }
    is_error(answer(ping("{").await.unwrap()).await, 400, "M_NOT_JSON");
    for body in ["[]", "5", r#"{"transaction_id":5}"#] {
        is_error(answer(ping(body).await.unwrap()).await, 400, "M_BAD_JSON");
    }
}

#[tokio::test]
async fn people_are_found_by_address_and_by_id() {
    let harness = Harness::start();
    let alice = json!([{"userid": ALICE, "protocol": "email", "fields": {"email": "alice@example.org"}}]);
    for base in ["/_matrix/app/v1/thirdparty", "/_matrix/app/unstable/thirdparty"] {
        for (path, expected) in [
            ("user/email?email=alice%40example.org", &alice),
            ("user?userid=%40_email_alice%3D40example.org%3Ahs.test", &alice),
            ("location/email?email=x", &json!([])),
            ("location?alias=%23a%3Ahs.test", &json!([])),
        ] {
            let response = answer(harness.get(&format!("{base}/{path}")).await).await;
            assert_eq!(response, (200, expected.clone()), "{path}");
        }
        for path in [
            "user/email?email=nobody",
            "user/email",
            "user/email?address=alice%40example.org",
            "user?userid=%40bob%3Ahs.test",
            "user",
            "user/irc?email=alice%40example.org",
            "location/irc",
            "protocol/irc",
        ] {
            is_error(
                answer(harness.get(&format!("{base}/{path}")).await).await,
                404,
                "M_NOT_FOUND",
            );
        }
        let (status, protocol) = answer(harness.get(&format!("{base}/protocol/email")).await).await;
        assert_eq!(status, 200);
        assert_eq!(protocol["user_fields"], json!(["email"]));
        for field in ["location_fields", "instances"] {
            assert!(protocol[field].is_array(), "{field}");
        }
        for field in ["regexp", "placeholder"] {
            assert!(protocol["field_types"]["email"][field].is_string(), "{field}");
        }
        assert!(protocol["icon"].is_string());
    }
}

#[tokio::test]
async fn an_old_homeservers_token_in_the_query_is_no_search_field() {
    let harness = Harness::start();
    let path =
        format!("/_matrix/app/v1/thirdparty/user/email?email=alice%40example.org&access_token={HS_TOKEN}");
    let response = harness.anonymous(Method::GET, &path).send().await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_query_given_twice_is_refused_in_json() {
    let harness = Harness::start();
    let response = harness
        .get("/_matrix/app/v1/thirdparty/user?userid=a&userid=b")
        .await;
    is_error(answer(response).await, 400, "M_BAD_JSON");
}

#[tokio::test]
async fn health_ready_and_metrics_need_no_token() {
    let harness = Harness::start();
    let get = |path: &'static str| harness.anonymous(Method::GET, path).send();
    assert_eq!(
        answer(get("/health").await.unwrap()).await,
        (200, json!({"status": "ok"}))
    );
    assert_eq!(
        answer(get("/ready").await.unwrap()).await,
        (200, json!({"status": "ready"}))
    );
    *harness.bridge.trouble.lock().unwrap() = Some("the database is away".to_owned());
    let (status, body) = answer(get("/ready").await.unwrap()).await;
    assert_eq!(
        (status, &body["reason"]),
        (503, &Value::from("the database is away"))
    );
    assert_eq!(get("/health").await.unwrap().status(), 200);

    let response = get("/metrics").await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(
        response.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/plain; version=0.0.4")
    );
}
