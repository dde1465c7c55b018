//! What a Matrix user writes arrives as email.

use std::time::Duration;

use penpal::mail::SendError;
use penpal::replay::homeserver::RoomOptions;
use penpal::store::JobState;
use serde_json::json;

use crate::harness::{Letter, World, alice, bob, carol};
use crate::stories;

stories! {
    async fn a_burst_becomes_one_mail(world: World) {
        let room = world.bob_opens_chat().await;
        world.says(&bob(), &room, "Hello Alice").await;
        world.wait(Duration::from_secs(20)).await;
        assert!(world.mails().is_empty(), "Bob may still be writing");
        world.says(&bob(), &room, "one more thing").await;
        world.wait(Duration::from_secs(20)).await;
        assert!(world.mails().is_empty());
        world.wait(Duration::from_secs(11)).await;
        let mail = world.mail();
        assert!(mail.text.contains("Hello Alice") && mail.text.contains("one more thing"), "{}", mail.text);
        assert_eq!((mail.from.as_str(), mail.from_name.as_str()), ("bob@mail.lab.test", "Bob"));
        assert_eq!(mail.to, "alice@example.org");
        assert!(mail.reply_to.starts_with("bob+") && mail.reply_to.ends_with("@mail.lab.test"), "{}", mail.reply_to);
        assert!(mail.return_path.starts_with("bounce+"), "{}", mail.return_path);
        assert!(mail.html.is_none(), "there was no formatting");
    }

    async fn nobody_waits_for_ever(world: World) {
        let room = world.bob_opens_chat().await;
        for _ in 0..20 {
            world.says(&bob(), &room, "and another line").await;
            world.wait(Duration::from_secs(10)).await;
        }
        assert_eq!(world.mails().len(), 1, "after three minutes the first mail leaves");
    }

    async fn typing_holds_the_mail_back(world: World) {
        let room = world.bob_opens_chat().await;
        world.says(&bob(), &room, "wait").await;
        world.wait(Duration::from_secs(25)).await;
        world.types(&room, &[bob()]).await;
        world.wait(Duration::from_mins(1)).await;
        assert!(world.mails().is_empty(), "homeservers tell once that somebody types, however long it takes");
        world.types(&room, &[]).await;
        world.wait(Duration::from_secs(25)).await;
        assert!(world.mails().is_empty());
        world.wait(Duration::from_secs(6)).await;
        assert_eq!(world.mails().len(), 1);
    }

    async fn typing_without_end_holds_the_mail_back_for_three_minutes(world: World) {
        let room = world.bob_opens_chat().await;
        world.says(&bob(), &room, "wait").await;
        world.types(&room, &[bob()]).await;
        world.wait(Duration::from_secs(175)).await;
        assert!(world.mails().is_empty());
        world.wait(Duration::from_secs(6)).await;
        assert_eq!(world.mails().len(), 1);
    }

    async fn typing_of_others_changes_nothing(world: World) {
        let room = world.bob_opens_chat().await;
        world.says(&bob(), &room, "wait").await;
        world.wait(Duration::from_secs(25)).await;
        world.types(&room, &[carol()]).await;
        world.types(&room, &[]).await;
        world.wait(Duration::from_secs(6)).await;
        assert_eq!(world.mails().len(), 1);
    }

    async fn mails_of_a_thread_hang_together(world: World) {
        let room = world.bob_opens_chat().await;
        let first = world.says(&bob(), &room, "first").await;
        world.settle().await;
        world.says(&bob(), &room, "second").await;
        world.settle().await;
        world.sends(&bob(), &room, json!({
            "msgtype": "m.text", "body": "on the first", "m.relates_to": {"m.in_reply_to": {"event_id": first}},
        })).await;
        world.settle().await;
        let mails = world.mails();
        let [one, two, three] = mails.as_slice() else { panic!("{mails:#?}") };
        assert!(one.in_reply_to.is_empty() && one.references.is_empty());
        assert_eq!(two.in_reply_to, [one.message_id.as_str()]);
        assert_eq!(two.references, [one.message_id.as_str()]);
        assert_eq!(three.in_reply_to, [one.message_id.as_str()], "it answers the first, not the last");
        assert_eq!((two.subject.clone(), three.subject.clone()), (format!("Re: {}", one.subject), two.subject.clone()));
        assert!(one.text.contains("@bob:lab.test"), "the first mail says who writes: {}", one.text);
        assert!(!two.text.contains("@bob:lab.test"), "the later ones do not: {}", two.text);
        assert!(three.text.contains("> first"), "{}", three.text);
    }

    async fn a_typo_never_leaves_the_house(world: World) {
        let room = world.bob_opens_chat().await;
        let event = world.says(&bob(), &room, "Helo").await;
        let regretted = world.says(&bob(), &room, "I should not say this").await;
        world.homeserver.user_edits(&room, &bob(), &event, "Hello");
        world.homeserver.user_redacts(&room, &bob(), &regretted);
        world.settle().await;
        let mail = world.mail();
        assert!(mail.text.contains("Hello") && !mail.text.contains("Helo"), "{}", mail.text);
        assert!(!mail.text.contains("should not say"), "{}", mail.text);
    }

    async fn what_is_taken_back_in_time_makes_no_mail(world: World) {
        let room = world.bob_opens_chat().await;
        let event = world.says(&bob(), &room, "oops").await;
        world.homeserver.user_redacts(&room, &bob(), &event);
        world.settle().await;
        assert!(world.mails().is_empty());
        world.says(&bob(), &room, "hello").await;
        world.settle().await;
        assert!(world.mail().in_reply_to.is_empty(), "nothing was sent before");
    }

    async fn what_has_left_is_corrected_or_the_user_is_told(world: World) {
        let room = world.bob_opens_chat().await;
        let event = world.says(&bob(), &room, "See you at nine").await;
        world.settle().await;
        let first = world.mail();
        world.homeserver.user_edits(&room, &bob(), &event, "See you at ten");
        world.homeserver.user_edits(&room, &bob(), &event, "See you at eleven");
        world.settle().await;
        let correction = world.mail();
        assert!(correction.text.contains("eleven") && !correction.text.contains("ten\n"), "{}", correction.text);
        assert_eq!(correction.in_reply_to, [first.message_id]);
        world.homeserver.user_redacts(&room, &bob(), &event);
        world.settle().await;
        assert!(world.mails().is_empty());
        let said = world.said(&room, &alice());
        assert!(said[0].contains("can't be taken back"), "{said:?}");
    }

    async fn somebody_elses_edit_changes_nothing(world: World) {
        let room = world.bob_opens_chat().await;
        let event = world.says(&bob(), &room, "mine").await;
        let helper = ruma::owned_user_id!("@helper:lab.test");
        world.homeserver.add_user(&helper, "Helper");
        world.homeserver.user_invites(&room, &bob(), &helper, false);
        world.homeserver.user_joins(&room, &helper);
        world.homeserver.user_edits(&room, &helper, &event, "forged");
        world.settle().await;
        assert!(world.mail().text.contains("mine"));
    }

    async fn a_relay_that_is_away_delays_the_mail(world: World) {
        let room = world.bob_opens_chat().await;
        for _ in 0..3 {
            world.relay.fail_next(SendError::Transient { reply: "451 4.3.0 later".into(), uncertain: false });
        }
        world.says(&bob(), &room, "one").await;
        world.wait(Duration::from_secs(31)).await;
        world.says(&bob(), &room, "two").await;
        world.settle().await;
        let texts: String = world.mails().iter().map(|mail| mail.text.clone()).collect();
        assert!(texts.find("one") < texts.find("two"), "{texts}");
        assert_eq!(world.relay.attempts(), 4);
    }

    async fn an_edit_while_the_relay_is_away_still_counts(world: World) {
        let room = world.bob_opens_chat().await;
        world.relay.fail_next(SendError::Transient { reply: "connection refused".into(), uncertain: false });
        let event = world.says(&bob(), &room, "Helo").await;
        world.wait(Duration::from_secs(31)).await;
        assert_eq!(world.relay.attempts(), 1);
        world.homeserver.user_edits(&room, &bob(), &event, "Hello");
        world.settle().await;
        assert!(world.mail().text.contains("Hello"));
    }

    async fn what_may_have_left_is_sent_again_unchanged(world: World) {
        let room = world.bob_opens_chat().await;
        world.relay.fail_next(SendError::Transient { reply: "connection lost after DATA".into(), uncertain: true });
        let event = world.says(&bob(), &room, "Helo").await;
        world.wait(Duration::from_secs(31)).await;
        world.homeserver.user_edits(&room, &bob(), &event, "Hello");
        world.settle().await;
        let mails = world.mails();
        assert_eq!(mails.len(), 3, "twice the same, then a correction: {mails:#?}");
        assert_eq!(mails[0].raw, mails[1].raw, "recognisably the same mail");
        assert!(mails[2].text.contains("Hello"));
    }

    async fn what_may_have_left_stays_the_same_whatever_comes_next(world: World) {
        let room = world.bob_opens_chat().await;
        world.relay.fail_next(SendError::Transient { reply: "connection lost after DATA".into(), uncertain: true });
        world.relay.fail_next(SendError::Transient { reply: "451 4.7.1 greylisted".into(), uncertain: false });
        let event = world.says(&bob(), &room, "Helo").await;
        world.wait(Duration::from_secs(40)).await;
        assert_eq!(world.relay.attempts(), 2);
        world.homeserver.user_edits(&room, &bob(), &event, "Hello");
        world.settle().await;
        let mails = world.mails();
        assert_eq!(mails.len(), 3, "twice the same, then a correction: {mails:#?}");
        assert_eq!(mails[0].raw, mails[1].raw, "recognisably the same mail");
    }

    async fn who_writes_on_does_not_hurry_a_relay_in_trouble(world: World) {
        let world = world.reconfigured(|settings| settings.settle = Duration::ZERO).await;
        let room = world.bob_opens_chat().await;
        for _ in 0..100 {
            world.relay.fail_next(SendError::Transient { reply: "451 4.3.0 later".into(), uncertain: false });
        }
        for number in 0..60 {
            world.says(&bob(), &room, &format!("line {number}")).await;
            world.wait(Duration::from_secs(1)).await;
        }
        let attempts = world.relay.attempts();
        assert!((3..=6).contains(&attempts), "after 5, 10, 20 and 40 seconds: {attempts}");
    }

    async fn a_clock_that_steps_forward_gives_nothing_up(world: World) {
        let room = world.bob_opens_chat().await;
        for _ in 0..3 {
            world.relay.fail_next(SendError::Transient { reply: "connection refused".into(), uncertain: false });
        }
        world.says(&bob(), &room, "hello?").await;
        world.wait(Duration::from_secs(31)).await;
        world.clock.advance(Duration::from_hours(24 * 30));
        world.settle().await;
        assert!(world.mail().text.contains("hello?"));
        assert!(world.said(&room, &alice()).is_empty());
    }

    async fn a_refused_mail_is_told_on_the_very_message(world: World) {
        let room = world.bob_opens_chat().await;
        let reply = "550 5.1.1 No such user here";
        world.relay.fail_next(SendError::Permanent { reply: reply.into() });
        let event = world.says(&bob(), &room, "hello?").await;
        world.settle().await;
        let notices = world.homeserver.messages(&room, &alice());
        assert_eq!(notices.len(), 1);
        let body = notices[0]["body"].as_str().unwrap();
        assert!(body.contains("alice@example.org") && body.contains(reply), "{body}");
        assert_eq!(notices[0]["msgtype"], "m.notice");
        assert_eq!(notices[0]["m.relates_to"]["m.in_reply_to"]["event_id"], event.as_str());
        // The admin mends the relay and tries again.
        let failed = world.jobs(JobState::Failed).await;
        assert_eq!(failed.len(), 1);
        let mut tx = world.database.store.begin().await.unwrap();
        assert!(tx.retry_job(failed[0].id, world.bridge.now()).await.unwrap());
        tx.commit().await.unwrap();
        world.settle().await;
        assert!(world.mail().text.contains("hello?"));
    }

    async fn a_relay_that_stays_away_is_told_after_two_days(world: World) {
        let room = world.bob_opens_chat().await;
        for _ in 0..200 {
            world.relay.fail_next(SendError::Transient { reply: "connection refused".into(), uncertain: false });
        }
        world.says(&bob(), &room, "hello?").await;
        world.settle().await;
        let said = world.said(&room, &alice());
        assert!(said.len() == 1 && said[0].contains("connection refused"), "{said:?}");
        let attempts = world.relay.attempts();
        assert!((90..150).contains(&attempts), "about every half hour for two days: {attempts}");
    }

    async fn pictures_travel_as_attachments(world: World) {
        let room = world.bob_opens_chat().await;
        let uri = ruma::OwnedMxcUri::from("mxc://lab.test/picture");
        let media = penpal::matrix::Media { content_type: Some("image/png".into()), bytes: b"\x89PNG\r\n\x1a\nrest".to_vec() };
        world.homeserver.add_media(uri.clone(), media.clone());
        world.sends(&bob(), &room, json!({"msgtype": "m.image", "body": "cat.png", "url": uri})).await;
        world.sends(&bob(), &room, json!({"msgtype": "m.image", "body": "gone.png", "url": "mxc://lab.test/gone"})).await;
        world.settle().await;
        let mail = world.mail();
        assert_eq!(mail.attachments, [("cat.png".into(), "image/png".into(), media.bytes)]);
        assert!(mail.text.contains("gone.png"), "what is missing is named: {}", mail.text);
    }

    async fn the_same_event_is_worked_once(world: World) {
        let room = world.bob_opens_chat().await;
        let event = world.homeserver.user_says(&room, &bob(), "once").unwrap();
        world.push([event.clone(), event.clone()]).await;
        world.push([event.clone()]).await;
        world.settle().await;
        assert_eq!(world.mails().len(), 1);
        world.push([event]).await;
        world.settle().await;
        assert!(world.mails().is_empty());
    }

    async fn a_restart_loses_nothing(world: World) {
        let mut world = world;
        let room = world.bob_opens_chat().await;
        world.says(&bob(), &room, "before").await;
        world.restart().await;
        world.says(&bob(), &room, "after").await;
        world.settle().await;
        let mail = world.mail();
        assert!(mail.text.contains("before") && mail.text.contains("after"), "{}", mail.text);
    }

    async fn one_broken_event_does_not_stop_the_others(world: World) {
        let room = world.bob_opens_chat().await;
        let good = world.homeserver.user_says(&room, &bob(), "good").unwrap();
        world.homeserver.take_pushed();
        let mut no_type = good.clone();
        no_type.as_object_mut().unwrap().remove("type");
        world.push([json!(5), json!({}), no_type, json!({"event_id": "$x", "type": 7}), good]).await;
        world.settle().await;
        assert!(world.mail().text.contains("good"));
    }

    async fn a_live_location_makes_one_mail(world: World) {
        let room = world.bob_opens_chat().await;
        for step in 0..5 {
            let content = json!({
                "m.relates_to": {"rel_type": "m.reference", "event_id": "$shared"},
                "org.matrix.msc3488.location": {"uri": format!("geo:52.5,13.{step}")},
            });
            world.homeserver.user_sends_event(&room, &bob(), "org.matrix.msc3672.beacon", content).unwrap();
            world.wait(Duration::from_mins(4)).await;
        }
        let mail = world.mail();
        assert!(mail.text.contains("geo:52.5,13.0"), "{}", mail.text);
    }

    async fn a_signature_stands_below_each_mail(world: World) {
        let bot = ruma::owned_user_id!("@penpal:lab.test");
        let (room, _) = world.bob_writes("hello").await;
        let (talk, _) = world.homeserver.user_creates_room(&bob(), &[&bot], &RoomOptions::default());
        world.settle().await;
        world.says(&bob(), &talk, "signature Bob Miller\nOak Street 5").await;
        let world = world.reconfigured(|_| {}).await;
        world.says(&bob(), &talk, "signature").await;
        assert_eq!(world.said(&talk, &bot).last().unwrap(), "Below your emails stands:\n\nBob Miller\nOak Street 5");
        world.says(&bob(), &room, "good morning").await;
        world.settle().await;
        let mail = world.mail();
        assert_eq!(mail.text.trim_end().replace("\r\n", "\n"), "good morning\n\n-- \nBob Miller\nOak Street 5");
        world.alice_mails(&mail.reply_to, &Letter::answering(&mail, "Thank you!")).await;
        assert_eq!(world.said(&room, &alice()).last().unwrap(), "Thank you!");
        let long = format!("signature {}", "line\n".repeat(11));
        world.says(&bob(), &talk, &long).await;
        assert!(world.said(&talk, &bot).last().unwrap().starts_with("That is too long"));
        world.says(&bob(), &talk, "signature off").await;
        assert_eq!(world.said(&talk, &bot).last().unwrap(), "Your emails have no signature.");
        world.says(&bob(), &room, "good night").await;
        world.settle().await;
        assert_eq!(world.mail().text.trim_end(), "good night");
    }
}
