//! How much a Matrix user may write: what is over a limit waits, the chat says until when, and then it goes out.

use std::time::Duration;

use penpal::bridge::{Level, Limits, Permissions};
use penpal::mail::SendError;
use penpal::matrix::Media;
use penpal::model::{Clock, UserPattern};
use penpal::replay::homeserver::RoomOptions;
use penpal::store::JobState;
use ruma::{OwnedMxcUri, OwnedRoomId, UserId};
use serde_json::json;

use crate::harness::{Letter, World, alice, bob, erin};
use crate::stories;

const MINUTE: Duration = Duration::from_mins(1);

async fn limited(world: World, limits: Limits) -> World {
    world.reconfigured(|settings| settings.limits = limits).await
}

fn messages(messages: u32) -> Limits {
    Limits {
        messages,
        ..Limits::default()
    }
}

/// What a puppet has commented on Bob's messages, oldest first.
fn comments(world: &World, room: &OwnedRoomId, puppet: &UserId) -> Vec<String> {
    let said = world.homeserver.messages(room, puppet);
    let notices = said.iter().filter(|content| content["msgtype"] == "m.notice");
    notices
        .map(|notice| notice["body"].as_str().unwrap().to_owned())
        .collect()
}

fn file(name: &str) -> serde_json::Value {
    json!({"msgtype": "m.file", "body": name, "url": format!("mxc://lab.test/{name}")})
}

fn texts(world: &World) -> Vec<String> {
    let mails = world.mails();
    mails
        .iter()
        .map(|mail| mail.text.split("\n\n-- ").next().unwrap().trim().to_owned())
        .collect()
}

stories! {
    async fn one_more_new_person_waits_until_the_next_day(world: World) {
        let mut world = limited(world, Limits { new_correspondents: 1, ..Limits::default() }).await;
        let (first, second) = (world.bob_opens_chat().await, world.opens_chat(&bob(), &erin(), &RoomOptions::default()).await);
        world.says(&bob(), &first, "Hello Alice").await;
        world.wait(MINUTE).await;
        world.says(&bob(), &second, "Hello Erin").await;
        world.wait(MINUTE).await;
        assert_eq!(texts(&world), ["Hello Alice"]);
        assert_eq!(
            comments(&world, &second, &erin()),
            ["You have begun to write to 1 new people within 24 hours, which is as much as the admin of this server allows. Nothing is \
              lost: this goes out by itself at 22 Nov 2026, 12:01 UTC, in about 24 hours."]
        );
        world.restart().await;
        world.says(&bob(), &second, "and this goes along").await;
        world.says(&bob(), &first, "You I know").await;
        world.wait(Duration::from_hours(23)).await;
        assert_eq!(texts(&world), ["You I know"]);
        world.restart().await;
        world.wait(Duration::from_hours(1)).await;
        assert_eq!(texts(&world), ["Hello Erin\n\nand this goes along"]);
        assert_eq!(comments(&world, &second, &erin()).len(), 1, "it is told once");
        assert!(world.jobs(JobState::Waiting).await.is_empty());
    }

    async fn who_wrote_first_is_nobody_new(world: World) {
        let world = limited(world, Limits { new_correspondents: 1, ..Limits::default() }).await.open_to_strangers().await;
        world.alice_mails("bob@mail.lab.test", &Letter::by_alice("Hello").id("hello@example.org").text("Hello Bob")).await;
        let room = world.created_room();
        world.homeserver.user_joins(&room, &bob());
        world.says(&bob(), &room, "Hello Alice").await;
        let other = world.opens_chat(&bob(), &erin(), &RoomOptions::default()).await;
        world.says(&bob(), &other, "Hello Erin").await;
        world.wait(MINUTE).await;
        assert_eq!(texts(&world), ["Hello Alice", "Hello Erin"]);
    }

    async fn two_chats_with_one_new_person_count_once(world: World) {
        let world = limited(world, Limits { new_correspondents: 1, ..Limits::default() }).await;
        let rooms = [world.bob_opens_chat().await, world.bob_opens_chat().await];
        for room in &rooms {
            world.says(&bob(), room, "Hello").await;
        }
        world.wait(MINUTE).await;
        assert_eq!(texts(&world), ["Hello", "Hello"]);
    }

    async fn one_more_email_waits_until_an_hour_after_the_first(world: World) {
        let mut world = limited(world, messages(2)).await;
        let room = world.bob_opens_chat().await;
        let start = world.clock.now();
        // What goes wrong and is tried again is one email all the same.
        for _ in 0..3 {
            world.relay.fail_next(SendError::Transient { reply: "451 4.3.0 later".into(), uncertain: false });
        }
        for text in ["one", "two", "three"] {
            world.says(&bob(), &room, text).await;
            world.wait(10 * MINUTE).await;
            world.restart().await;
        }
        assert_eq!(texts(&world), ["one", "two"]);
        let told = comments(&world, &room, &alice());
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("You have sent 2 emails within an hour"), "{told:?}");
        assert!(told[0].ends_with("this goes out by itself at 21 Nov 2026, 13:01 UTC, in 40 minutes."), "{told:?}");
        // Neither typing, nor an edit, nor an admin who is in a hurry makes a difference.
        world.types(&room, &[bob()]).await;
        world.types(&room, &[]).await;
        let later = world.says(&bob(), &room, "fuor").await;
        let edit = world.homeserver.user_edits(&room, &bob(), &later, "four").unwrap();
        world.push([edit]).await;
        world.settle().await;
        assert_eq!(texts(&world), ["three\n\n(12:30 UTC)\nfour"]);
        let after = world.clock.now().since(start);
        assert!((60 * MINUTE..62 * MINUTE).contains(&after), "{after:?}");
        assert_eq!(comments(&world, &room, &alice()).len(), 1);
    }

    async fn what_is_taken_back_while_it_waits_gives_its_place_to_others(world: World) {
        let world = limited(world, messages(1)).await;
        let (first, second) = (world.bob_opens_chat().await, world.opens_chat(&bob(), &erin(), &RoomOptions::default()).await);
        world.says(&bob(), &first, "one").await;
        world.wait(MINUTE).await;
        let event = world.says(&bob(), &first, "two").await;
        world.wait(MINUTE).await;
        let redaction = world.homeserver.user_redacts(&first, &bob(), &event).unwrap();
        world.push([redaction]).await;
        world.wait(Duration::from_hours(1)).await;
        world.says(&bob(), &second, "three").await;
        world.wait(MINUTE).await;
        assert_eq!(texts(&world), ["one", "three"]);
    }

    async fn two_at_once_do_not_slip_through_together(world: World) {
        let world = limited(world, messages(1)).await;
        let (first, second) = (world.bob_opens_chat().await, world.opens_chat(&bob(), &erin(), &RoomOptions::default()).await);
        let event = world.homeserver.user_says(&first, &bob(), "one").unwrap();
        world.push([event.clone()]).await;
        world.push([event]).await;
        world.says(&bob(), &second, "two").await;
        world.wait(MINUTE).await;
        assert_eq!(world.mails().len(), 1);
        world.wait(Duration::from_hours(1)).await;
        assert_eq!(world.mails().len(), 1);
    }

    async fn files_wait_until_the_day_has_room_for_them(world: World) {
        let world = limited(world, Limits { attachments: 20, ..Limits::default() }).await;
        for (name, length) in [("a", 15), ("b", 15), ("large", 50)] {
            let media = Media { content_type: None, bytes: vec![b'x'; length] };
            world.homeserver.add_media(OwnedMxcUri::from(format!("mxc://lab.test/{name}")), media);
        }
        let room = world.bob_opens_chat().await;
        world.sends(&bob(), &room, file("a")).await;
        world.wait(MINUTE).await;
        assert_eq!(world.mails().len(), 1);
        world.sends(&bob(), &room, file("b")).await;
        world.wait(MINUTE).await;
        assert!(world.mails().is_empty());
        let told = comments(&world, &room, &alice());
        assert!(told[0].starts_with("The files that you send would be more than 0 MB within 24 hours"), "{told:?}");
        world.wait(Duration::from_hours(24)).await;
        assert_eq!(world.mail().attachments[0].0, "b");
        world.sends(&bob(), &room, file("large")).await;
        world.wait(Duration::from_hours(23)).await;
        assert!(world.mails().is_empty());
        world.wait(Duration::from_hours(2)).await;
        assert_eq!(world.mail().attachments[0].0, "large", "more than a day's worth goes by itself");
    }

    async fn admins_have_no_limits(world: World) {
        let world = limited(world, messages(1)).await.reconfigured(|settings| {
            let everybody = UserPattern::parse("lab.test").unwrap();
            settings.permissions = Permissions::new([(everybody, Level::Admin)]);
        }).await;
        let room = world.bob_opens_chat().await;
        for text in ["one", "two", "three"] {
            world.says(&bob(), &room, text).await;
            world.wait(MINUTE).await;
        }
        assert_eq!(texts(&world), ["one", "two", "three"]);
    }

    async fn a_permission_that_ends_while_an_email_waits_is_told(world: World) {
        let world = limited(world, messages(1)).await;
        let room = world.bob_opens_chat().await;
        for text in ["one", "two"] {
            world.says(&bob(), &room, text).await;
            world.wait(MINUTE).await;
        }
        let world = world.reconfigured(|settings| settings.permissions = Permissions::new([])).await;
        world.settle().await;
        assert_eq!(texts(&world), ["one"]);
        assert_eq!(comments(&world, &room, &alice())[1], "This was not sent. The admin of this server does not let you write emails.");
        assert!(world.jobs(JobState::Waiting).await.is_empty());
    }
}
