//! What each method asks, and what it makes of the answer.

use std::time::Duration;

use reqwest::Method;
use ruma::{event_id, room_id, user_id};
use serde_json::{Map, Value, json};
use wiremock::matchers::{body_partial_json, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{
    AS_TOKEN, DOUBLE_PUPPET_TOKEN, authorization, bob, client, homeserver, only_request, puppet, settings,
};
use crate::matrix::client::{ClientError, HttpHomeserver};
use crate::matrix::{Homeserver, Member, NewRoom, Profile};
use crate::model::Timestamp;

fn answer(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

/// Asserts the one request: as the puppet, token in the header and nowhere else.
async fn assert_asked(server: &MockServer, method: Method, path_and_query: &str, body: Option<Value>) {
    let request = only_request(server).await;
    let separator = if path_and_query.contains('?') { '&' } else { '?' };
    assert_eq!(request.method, method);
    assert_eq!(
        format!(
            "{}?{}",
            request.url.path(),
            request.url.query().unwrap_or_default()
        ),
        format!("{path_and_query}{separator}user_id=%40_email_alice%3D40example.org%3Ahs.test")
    );
    assert_eq!(
        authorization(&request),
        Some(format!("Bearer {AS_TOKEN}").as_str())
    );
    assert_eq!(serde_json::from_slice(&request.body).ok(), body);
}

#[tokio::test]
async fn registering_asks_for_no_token_and_takes_an_existing_user() {
    for answer in [
        answer(json!({"user_id": puppet()})),
        ResponseTemplate::new(400).set_body_json(json!({"errcode": "M_USER_IN_USE", "error": "taken"})),
    ] {
        let (server, client) = homeserver(answer).await;
        client.register(puppet()).await.unwrap();
        let request = only_request(&server).await;
        assert_eq!(request.url.path(), "/_matrix/client/v3/register");
        // The user does not exist yet: acting as it would be refused.
        assert_eq!(request.url.query(), None);
        assert_eq!(
            serde_json::from_slice::<Value>(&request.body).unwrap(),
            json!({
                "type": "m.login.application_service",
                "username": "_email_alice=40example.org",
                "inhibit_login": true,
            })
        );
    }
}

#[tokio::test]
async fn only_our_own_users_are_registered() {
    let (server, client) = homeserver(answer(json!({}))).await;
    assert!(client.register(bob()).await.unwrap_err().is("M_EXCLUSIVE"));
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_display_name_is_set() {
    let (server, client) = homeserver(answer(json!({}))).await;
    client
        .set_display_name(puppet(), "Alice (alice@example.org)")
        .await
        .unwrap();
    let path = "/_matrix/client/v3/profile/@_email_alice=40example.org:hs.test/displayname";
    assert_asked(
        &server,
        Method::PUT,
        path,
        Some(json!({"displayname": "Alice (alice@example.org)"})),
    )
    .await;
}

#[tokio::test]
async fn a_profile_is_read_where_there_is_one() {
    let (server, client) = homeserver(answer(json!({"displayname": "Bob", "avatar_url": null}))).await;
    let profile = client.profile(puppet(), bob()).await.unwrap().unwrap();
    assert_eq!(profile.display_name.as_deref(), Some("Bob"));
    assert_asked(
        &server,
        Method::GET,
        "/_matrix/client/v3/profile/@bob:hs.test",
        None,
    )
    .await;

    let (_server, client) = homeserver(answer(json!({}))).await;
    assert_eq!(
        client.profile(puppet(), bob()).await.unwrap(),
        Some(Profile::default())
    );

    let refusal = |status: u16, errcode: &str| {
        ResponseTemplate::new(status).set_body_json(json!({"errcode": errcode, "error": "?"}))
    };
    for errcode in ["M_NOT_FOUND", "M_UNKNOWN"] {
        let (_server, client) = homeserver(refusal(404, errcode)).await;
        assert_eq!(client.profile(puppet(), bob()).await.unwrap(), None, "{errcode}");
    }
    for (status, errcode) in [(404, "M_UNRECOGNIZED"), (403, "M_FORBIDDEN")] {
        let (_server, client) = homeserver(refusal(status, errcode)).await;
        assert!(client.profile(puppet(), bob()).await.unwrap_err().is(errcode));
    }
}

#[tokio::test]
async fn rooms_are_joined_and_left() {
    let room = room_id!("!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM");
    let path = "/_matrix/client/v3/rooms/!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM";
    let (server, client) = homeserver(answer(json!({"room_id": room}))).await;
    client.join(puppet(), room).await.unwrap();
    assert_asked(&server, Method::POST, &format!("{path}/join"), Some(json!({}))).await;

    for (reason, body) in [
        (Some("one-to-one"), json!({"reason": "one-to-one"})),
        (None, json!({})),
    ] {
        let (server, client) = homeserver(answer(json!({}))).await;
        client.leave(puppet(), room, reason).await.unwrap();
        assert_asked(&server, Method::POST, &format!("{path}/leave"), Some(body)).await;
    }
}

#[tokio::test]
async fn a_room_is_created() {
    let (server, client) = homeserver(answer(json!({"room_id": "!opaque"}))).await;
    let room = NewRoom {
        name: Some("Lunch".to_owned()),
        invite: bob().to_owned(),
    };
    assert_eq!(client.create_room(puppet(), &room).await.unwrap(), "!opaque");
    let request = only_request(&server).await;
    assert_eq!(request.url.path(), "/_matrix/client/v3/createRoom");
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(
        (&body["is_direct"], &body["name"]),
        (&json!(true), &json!("Lunch"))
    );
}

#[tokio::test]
async fn the_rooms_of_a_puppet_are_listed() {
    let (server, client) = homeserver(answer(json!({"joined_rooms": ["!opaque", "!old:lab.test"]}))).await;
    assert_eq!(
        client.joined_rooms(puppet()).await.unwrap(),
        ["!opaque", "!old:lab.test"]
    );
    assert_asked(&server, Method::GET, "/_matrix/client/v3/joined_rooms", None).await;
}

#[tokio::test]
async fn a_homeserver_that_encrypts_every_room_is_let() {
    let server = MockServer::start().await;
    let locked = json!({"power_level_content_override": {"events": {"m.room.encryption": 101}}});
    let refusal = json!({"errcode": "M_FORBIDDEN", "error": "user_level (100) < send_level (101)"});
    Mock::given(body_partial_json(locked))
        .respond_with(ResponseTemplate::new(403).set_body_json(refusal))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(body_partial_json(json!({"is_direct": true, "invite": [bob()]})))
        .respond_with(answer(json!({"room_id": "!opaque"})))
        .expect(1)
        .mount(&server)
        .await;
    let room = NewRoom {
        name: None,
        invite: bob().to_owned(),
    };
    let client = client(&server.uri());
    assert_eq!(client.create_room(puppet(), &room).await.unwrap(), "!opaque");
}

#[tokio::test]
async fn an_event_is_sent_with_its_transaction_and_time() {
    let content = json!({"msgtype": "m.text", "body": "Hello"});
    let (server, client) = homeserver(answer(json!({"event_id": "$e"}))).await;
    let room = room_id!("!a/b:hs.test");
    let id = client
        .send(
            puppet(),
            room,
            "m.room.message",
            "job/7?",
            &content,
            Some(Timestamp(1_700_000_000_000)),
        )
        .await
        .unwrap();
    assert_eq!(id, "$e");
    let path = "/_matrix/client/v3/rooms/!a%2Fb:hs.test/send/m.room.message/job%2F7%3F?ts=1700000000000";
    assert_asked(&server, Method::PUT, path, Some(content.clone())).await;

    let (server, client) = homeserver(answer(json!({"event_id": "$e"}))).await;
    client
        .send(puppet(), room, "m.room.message", "1", &content, None)
        .await
        .unwrap();
    let path = "/_matrix/client/v3/rooms/!a%2Fb:hs.test/send/m.room.message/1";
    assert_asked(&server, Method::PUT, path, Some(content)).await;
}

#[tokio::test]
async fn receipts_and_typing() {
    let room = room_id!("!r:hs.test");
    let (server, client) = homeserver(answer(json!({}))).await;
    client
        .read_receipt(puppet(), room, event_id!("$Rqnc-F/dvnEYJT+yxOx0yBfZ6bqWx5r"))
        .await
        .unwrap();
    let path = "/_matrix/client/v3/rooms/!r:hs.test/receipt/m.read/$Rqnc-F%2FdvnEYJT+yxOx0yBfZ6bqWx5r";
    assert_asked(&server, Method::POST, path, Some(json!({}))).await;

    let path = "/_matrix/client/v3/rooms/!r:hs.test/typing/@_email_alice=40example.org:hs.test";
    for (timeout, body) in [
        (
            Some(Duration::from_secs(4)),
            json!({"typing": true, "timeout": 4000}),
        ),
        (None, json!({"typing": false})),
    ] {
        let (server, client) = homeserver(answer(json!({}))).await;
        client.typing(puppet(), room, timeout).await.unwrap();
        assert_asked(&server, Method::PUT, path, Some(body)).await;
    }
}

#[tokio::test]
async fn account_data_is_read_and_written() {
    let path = "/_matrix/client/v3/user/@_email_alice=40example.org:hs.test/account_data/m.direct";
    let direct = json!({"@bob:hs.test": ["!r:hs.test"]});
    let (server, client) = homeserver(answer(direct.clone())).await;
    let data = client.account_data(puppet(), "m.direct").await.unwrap().unwrap();
    assert_eq!(Value::Object(data.clone()), direct);
    assert_asked(&server, Method::GET, path, None).await;

    let (server, client) = homeserver(answer(json!({}))).await;
    client
        .set_account_data(puppet(), "m.direct", &data)
        .await
        .unwrap();
    assert_asked(&server, Method::PUT, path, Some(direct)).await;

    let not_found = ResponseTemplate::new(404).set_body_json(json!({"errcode": "M_NOT_FOUND", "error": "?"}));
    let (_server, client) = homeserver(not_found).await;
    assert_eq!(client.account_data(puppet(), "m.direct").await.unwrap(), None);
}

#[tokio::test]
async fn members_of_every_membership() {
    let (server, client) = homeserver(answer(json!({"chunk": [
        {"type": "m.room.member", "state_key": "@bob:hs.test", "content": {"membership": "join", "displayname": "Bob"}},
        {"type": "m.room.member", "state_key": "@carol:hs.test", "content": {"membership": "leave", "displayname": 5}},
        {"type": "m.room.member", "state_key": "not a user", "content": {"membership": "join"}},
        {"type": "m.room.member", "state_key": "@dave:hs.test", "content": {}},
        "nonsense",
    ]})))
    .await;
    let members = client.members(puppet(), room_id!("!r:hs.test")).await.unwrap();
    let member = |user: &str, membership: &str, name: Option<&str>| Member {
        user_id: user.try_into().unwrap(),
        membership: membership.to_owned(),
        display_name: name.map(str::to_owned),
    };
    assert_eq!(
        members,
        [
            member("@bob:hs.test", "join", Some("Bob")),
            member("@carol:hs.test", "leave", None)
        ]
    );
    assert_asked(
        &server,
        Method::GET,
        "/_matrix/client/v3/rooms/!r:hs.test/members",
        None,
    )
    .await;
}

#[tokio::test]
async fn state_is_a_list_of_events() {
    let name = json!({"type": "m.room.name", "state_key": "", "content": {"name": "Lunch"}});
    let (server, client) = homeserver(answer(json!([name]))).await;
    assert_eq!(
        client.state(puppet(), room_id!("!r:hs.test")).await.unwrap(),
        [name]
    );
    assert_asked(
        &server,
        Method::GET,
        "/_matrix/client/v3/rooms/!r:hs.test/state",
        None,
    )
    .await;
}

#[tokio::test]
async fn history_is_read_page_by_page_and_ends() {
    let room = room_id!("!r:hs.test");
    let path = "/_matrix/client/v3/rooms/!r:hs.test/messages?dir=b&limit=100";
    for (from, end, next) in [
        (None, json!("t1"), Some("t1")),
        (Some("t1"), json!("t0"), Some("t0")),
        (Some("t1"), Value::Null, None),
        // A server that leads in a circle does not keep us there.
        (Some("t1"), json!("t1"), None),
    ] {
        let (server, client) = homeserver(answer(
            json!({"start": "s", "chunk": [{"event_id": "$a"}], "end": end}),
        ))
        .await;
        let page = client.history(puppet(), room, from).await.unwrap();
        assert_eq!(page.events, [json!({"event_id": "$a"})]);
        assert_eq!(page.next.as_deref(), next);
        let path = from.map_or_else(|| path.to_owned(), |from| format!("{path}&from={from}"));
        assert_asked(&server, Method::GET, &path, None).await;
    }
}

#[tokio::test]
async fn an_event_nested_too_deeply_does_not_hide_the_rest_of_the_history() {
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    let body =
        format!(r#"{{"chunk":[{{"event_id":"$deep","content":{{"x":{deep}}}}},{{"event_id":"$a"}}]}}"#);
    let (_server, client) =
        homeserver(ResponseTemplate::new(200).set_body_raw(body, "application/json")).await;
    let page = client
        .history(puppet(), room_id!("!r:hs.test"), None)
        .await
        .unwrap();
    assert_eq!(page.events, [json!({"event_id": "$a"})]);
}

#[tokio::test]
async fn a_ping_is_the_appservices_own() {
    let (server, client) = homeserver(answer(json!({"duration_ms": 12}))).await;
    assert_eq!(client.ping("t-1").await.unwrap(), Duration::from_millis(12));
    let request = only_request(&server).await;
    assert_eq!(request.url.path(), "/_matrix/client/v1/appservice/penpal/ping");
    assert_eq!(request.url.query(), None);
    assert_eq!(
        serde_json::from_slice::<Value>(&request.body).unwrap(),
        json!({"transaction_id": "t-1"})
    );
}

#[tokio::test]
async fn people_act_with_the_double_puppeting_token_alone() {
    let (server, client) = homeserver(answer(json!({}))).await;
    client.join(bob(), room_id!("!r:hs.test")).await.unwrap();
    let request = only_request(&server).await;
    assert_eq!(
        authorization(&request),
        Some(format!("Bearer {DOUBLE_PUPPET_TOKEN}").as_str())
    );
    assert_eq!(request.url.query(), Some("user_id=%40bob%3Ahs.test"));
}

#[tokio::test]
async fn without_that_token_and_for_other_servers_nothing_is_sent() {
    let (server, with_token) = homeserver(answer(json!({}))).await;
    let mut settings = settings(&server.uri());
    settings.double_puppet_token = None;
    let without_token = HttpHomeserver::new(settings).unwrap();
    let room = room_id!("!r:hs.test");
    for error in [
        without_token.join(bob(), room).await.unwrap_err(),
        with_token
            .join(user_id!("@eve:other.test"), room)
            .await
            .unwrap_err(),
        with_token
            .join(user_id!("@_email_a=40b.test:other.test"), room)
            .await
            .unwrap_err(),
    ] {
        assert!(error.is("M_EXCLUSIVE"), "{error}");
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[test]
fn only_a_homeservers_address_is_taken() {
    for url in [
        "ftp://hs.test",
        "unix:/run/hs.sock",
        "http://hs.test/?a=b",
        "http://hs.test/#x",
        "http://u:p@hs.test",
    ] {
        match HttpHomeserver::new(settings(url)) {
            Err(error @ ClientError::Url { .. }) => assert!(!error.to_string().contains(":p@"), "{error}"),
            _ => panic!("{url} was taken"),
        }
    }
    client("https://hs.test");
    client("http://127.0.0.1:8008/");
}

#[tokio::test]
async fn empty_account_data_is_not_the_same_as_none() {
    let (_server, client) = homeserver(answer(json!({}))).await;
    assert_eq!(
        client.account_data(puppet(), "m.direct").await.unwrap(),
        Some(Map::new())
    );
}
