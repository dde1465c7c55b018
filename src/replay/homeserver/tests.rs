use std::time::Duration;

use ruma::{OwnedServerName, room_id};

use super::*;
use crate::matrix::{Homeserver, NewRoom};
use crate::model::ManualClock;

const BOB: &str = "@bob:hs.test";
const ALICE: &str = "@_email_alice=40example.org:hs.test";

fn user(id: &'static str) -> &'static UserId {
    id.try_into().unwrap()
}

fn homeserver() -> MemoryHomeserver {
    let server = OwnedServerName::try_from("hs.test").unwrap();
    let namespace = PuppetNamespace::new("_email_", server, "penpal").unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp(1_000)));
    let homeserver = MemoryHomeserver::new(namespace, clock);
    homeserver.add_user(user(BOB), "Bob");
    homeserver
}

fn text(body: &str) -> Value {
    json!({"msgtype": "m.text", "body": body})
}

/// A direct chat of Bob's that the puppet has joined.
async fn chat(homeserver: &MemoryHomeserver) -> OwnedRoomId {
    let (room, _) = homeserver.user_creates_room(user(BOB), &[user(ALICE)], &RoomOptions::default());
    homeserver.register(user(ALICE)).await.unwrap();
    homeserver.join(user(ALICE), &room).await.unwrap();
    homeserver.take_pushed();
    homeserver.take_requests();
    room
}

#[tokio::test]
async fn what_is_said_before_the_join_is_not_pushed_but_can_be_read_back() {
    let homeserver = homeserver();
    let options = RoomOptions {
        name: Some("Lunch"),
        ..RoomOptions::default()
    };
    let (room, pushed) = homeserver.user_creates_room(user(BOB), &[user(ALICE)], &options);
    assert_eq!(pushed.len(), 1);
    assert_eq!(pushed[0]["content"]["is_direct"], true);
    let state = RoomEvent::from_json(&pushed[0]).unwrap().invite_state;
    assert!(state.iter().any(|event| event["content"]["name"] == "Lunch"));

    for number in 0..12 {
        assert_eq!(homeserver.user_says(&room, user(BOB), &number.to_string()), None);
    }
    homeserver.register(user(ALICE)).await.unwrap();
    assert!(homeserver.history(user(ALICE), &room, None).await.is_err());
    homeserver.join(user(ALICE), &room).await.unwrap();
    assert!(homeserver.user_says(&room, user(BOB), "after").is_some());

    let mut said = Vec::new();
    let mut from = None;
    loop {
        let page = homeserver
            .history(user(ALICE), &room, from.as_deref())
            .await
            .unwrap();
        said.extend(
            page.events
                .iter()
                .filter_map(|event| event["content"]["body"].as_str().map(str::to_owned)),
        );
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    let expected: Vec<String> = (0..12)
        .map(|number| number.to_string())
        .chain(["after".to_owned()])
        .rev()
        .collect();
    assert_eq!(said, expected);
    let pushed: Vec<_> = homeserver
        .take_pushed()
        .iter()
        .map(|event| event["content"].clone())
        .collect();
    assert_eq!(pushed.len(), 3, "{pushed:?}");
}

#[tokio::test]
async fn a_puppet_acts_only_when_registered_and_joined() {
    let homeserver = homeserver();
    let (room, _) = homeserver.user_creates_room(user(BOB), &[user(ALICE)], &RoomOptions::default());
    assert!(
        homeserver
            .join(user(ALICE), &room)
            .await
            .unwrap_err()
            .is("M_FORBIDDEN")
    );
    homeserver.register(user(ALICE)).await.unwrap();
    let send = || homeserver.send(user(ALICE), &room, "m.room.message", "t1", &Value::Null, None);
    assert!(send().await.unwrap_err().is("M_FORBIDDEN"));
    homeserver.join(user(ALICE), &room).await.unwrap();
    assert_eq!(send().await, send().await);
    assert_eq!(homeserver.messages(&room, user(ALICE)).len(), 1);
    assert!(
        homeserver
            .account_data(user(BOB), "m.direct")
            .await
            .unwrap_err()
            .is("M_FORBIDDEN")
    );
    homeserver.allow_double_puppet(user(BOB));
    assert_eq!(homeserver.account_data(user(BOB), "m.direct").await, Ok(None));

    homeserver.user_kicks(&room, user(BOB), user(ALICE)).unwrap();
    assert_eq!(
        homeserver.membership(&room, user(ALICE)).as_deref(),
        Some("leave")
    );
    assert!(
        homeserver
            .join(user(ALICE), &room)
            .await
            .unwrap_err()
            .is("M_FORBIDDEN")
    );
    homeserver.user_leaves(&room, user(BOB));
    assert!(
        homeserver
            .join(user(ALICE), &room)
            .await
            .unwrap_err()
            .is("M_UNKNOWN")
    );
}

#[tokio::test]
async fn what_is_redacted_before_the_push_comes_empty() {
    let homeserver = homeserver();
    let room = chat(&homeserver).await;
    let event = homeserver.user_says(&room, user(BOB), "secret").unwrap();
    homeserver.user_redacts(&room, user(BOB), event["event_id"].as_str().unwrap());
    let pushed = homeserver.take_pushed();
    assert_eq!(pushed[0]["content"], json!({}));
    assert!(RoomEvent::from_json(&pushed[0]).unwrap().redacted);
    assert_eq!(pushed[1]["content"]["redacts"], event["event_id"]);
}

#[tokio::test]
async fn requests_fail_by_script() {
    let homeserver = homeserver();
    let room = chat(&homeserver).await;
    let away = MatrixError::Transient {
        retry_after: Some(Duration::from_secs(3)),
        reason: "502".to_owned(),
    };
    homeserver.fail(Failure {
        request: "send",
        room: Some(room.clone()),
        spared: 0,
        times: 2,
        error: away.clone(),
        carried_out: true,
    });
    homeserver.fail_next("typing", away.clone());
    let elsewhere = room_id!("!elsewhere");
    assert!(
        homeserver
            .send(user(ALICE), elsewhere, "m.room.message", "t", &text("x"), None)
            .await
            .unwrap_err()
            .is("M_FORBIDDEN")
    );
    for expected in [Err(away.clone()), Err(away.clone())] {
        let sent = homeserver
            .send(user(ALICE), &room, "m.room.message", "t", &text("x"), None)
            .await;
        assert_eq!(sent, expected);
    }
    homeserver
        .send(user(ALICE), &room, "m.room.message", "t", &text("x"), None)
        .await
        .unwrap();
    assert_eq!(homeserver.messages(&room, user(ALICE)), [text("x")]);
    assert_eq!(homeserver.typing(user(ALICE), &room, None).await, Err(away));
    assert_eq!(homeserver.typing(user(ALICE), &room, None).await, Ok(()));
    let outcomes: Vec<_> = homeserver
        .requests()
        .iter()
        .map(|request| (request.name, request.error.is_some()))
        .collect();
    assert_eq!(
        outcomes,
        [
            ("send", true),
            ("send", true),
            ("send", true),
            ("send", false),
            ("typing", true),
            ("typing", false)
        ]
    );
}

#[tokio::test]
async fn a_chat_that_a_puppet_opens_is_answered() {
    let homeserver = homeserver();
    homeserver.register(user(ALICE)).await.unwrap();
    let new = NewRoom {
        name: Some("Hello".to_owned()),
        invite: user(BOB).to_owned(),
    };
    let room = homeserver.create_room(user(ALICE), &new).await.unwrap();
    assert!(homeserver.user_joins(&room, user(BOB)).is_some());
    assert!(homeserver.user_says(&room, user(BOB), "hi").is_some());
    let state = homeserver.state(user(ALICE), &room).await.unwrap();
    assert!(state.iter().all(|event| RoomEvent::from_json(event).is_ok()));
    let members = homeserver.members(user(ALICE), &room).await.unwrap();
    assert_eq!(members.len(), 2);
    let (_, tombstone) = homeserver.user_upgrades(&room, user(BOB));
    assert!(tombstone.unwrap()["content"]["replacement_room"].is_string());
}

#[tokio::test]
async fn media_is_kept_and_limited() {
    let homeserver = homeserver();
    homeserver.register(user(ALICE)).await.unwrap();
    let uri = homeserver
        .upload(user(ALICE), None, "a.txt", "text/plain", b"12345".to_vec().into())
        .await
        .unwrap();
    let media = homeserver.download(user(ALICE), &uri, 5).await.unwrap();
    assert_eq!(media.whole().await.unwrap().bytes, b"12345");
    assert_eq!(
        homeserver.download(user(ALICE), &uri, 4).await.unwrap_err(),
        MatrixError::TooLarge { limit: 4 }
    );
    let unknown = OwnedMxcUri::from("mxc://hs.test/unknown");
    assert!(
        homeserver
            .download(user(ALICE), &unknown, 5)
            .await
            .unwrap_err()
            .is("M_NOT_FOUND")
    );
}
