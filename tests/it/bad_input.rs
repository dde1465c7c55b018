//! Whatever comes in, the outcome is safe, and everybody else goes on being served.

use penpal::matrix::MatrixError;
use penpal::replay::homeserver::RoomOptions;
use penpal::store::JobState;
use ruma::OwnedUserId;
use serde_json::{Value, json};

use crate::harness::{Letter, World, alice, bob, carol, erin};
use crate::stories;

/// Carol and Erin still reach each other.
async fn others_are_served(world: &World) {
    let room = world.opens_chat(&carol(), &erin(), &RoomOptions::default()).await;
    world.says(&carol(), &room, "still there?").await;
    world.settle().await;
    let mail = world
        .mails()
        .into_iter()
        .find(|mail| mail.to == "erin@example.net")
        .unwrap();
    let letter = Letter::answering(&mail, "of course").with("From", "erin@example.net");
    world
        .receives_gladly("erin@example.net", &mail.reply_to, &letter.to_string())
        .await;
    assert_eq!(world.said(&room, &erin()), ["of course"]);
}

/// The lines of the header: nothing that came from outside has begun one of its own.
fn assert_header_is_whole(raw: &str) {
    let (header, _) = raw.split_once("\r\n\r\n").unwrap();
    for line in header.split("\r\n") {
        assert!(
            line.len() <= 998 && !line.contains(['\r', '\n', '\0']),
            "{line:?}"
        );
        assert!(
            !line.to_lowercase().starts_with("bcc:") && !line.to_lowercase().starts_with("x-evil"),
            "{line:?}"
        );
    }
}

stories! {
    async fn what_no_database_can_hold_stops_nobody(world: World) {
        let room = world.bob_opens_chat().await;
        let target = "$a\u{0}b";
        for relation in [json!({"m.in_reply_to": {"event_id": target}}), json!({"rel_type": "m.reference", "event_id": target}), json!({"rel_type": "m.replace", "event_id": target})] {
            world.sends(&bob(), &room, json!({"msgtype": "m.text", "body": "a\u{0}b", "m.new_content": {"body": "c"}, "m.relates_to": relation})).await;
        }
        let beacon = json!({"m.relates_to": {"rel_type": "m.reference", "event_id": format!("${}", "b".repeat(9_000))}, "org.matrix.msc3488.location": {"uri": "geo:1,2"}});
        let beacon = world.homeserver.user_sends_event(&room, &bob(), "org.matrix.msc3672.beacon", beacon).unwrap();
        world.push([beacon]).await;
        world.says(&bob(), &room, "after all that").await;
        world.settle().await;
        assert!(world.mails().iter().any(|mail| mail.text.contains("after all that")));
        assert!(world.jobs(JobState::Waiting).await.is_empty() && world.jobs(JobState::Failed).await.is_empty());
    }

    async fn events_that_are_none_stop_nobody(world: World) {
        let room = world.bob_opens_chat().await;
        let good = world.homeserver.user_says(&room, &bob(), "good").unwrap();
        world.homeserver.take_pushed();
        let mut events: Vec<Value> = vec![json!(null), json!([]), json!("x"), json!({"type": {}})];
        for (field, value) in [
            ("type", json!(5)), ("content", json!("text")), ("event_id", json!(7)), ("event_id", json!("")), ("event_id", json!("$a\u{0}b")),
            ("sender", json!("nobody")), ("sender", json!("@a\u{0}b:lab.test")), ("room_id", json!({})), ("room_id", json!("!\u{0}:lab.test")),
            ("state_key", json!(5)), ("type", json!("m.\u{0}")), ("origin_server_ts", json!("yesterday")), ("unsigned", json!(0)),
        ] {
            let mut event = good.clone();
            event["event_id"] = json!(format!("${}", events.len()));
            event[field] = value;
            events.push(event);
        }
        for field in ["type", "content", "event_id", "sender", "room_id", "origin_server_ts"] {
            let mut event = good.clone();
            event["event_id"] = json!(format!("${}", events.len()));
            event.as_object_mut().unwrap().remove(field);
            events.push(event);
        }
        events.push(good);
        world.push(events).await;
        world.settle().await;
        let texts: String = world.mails().iter().map(|mail| mail.text.clone()).collect();
        assert!(texts.contains("good"), "{texts}");
        assert!(world.jobs(JobState::Failed).await.is_empty());
        others_are_served(&world).await;
    }

    async fn contents_of_wrong_types_stop_nobody(world: World) {
        let room = world.bob_opens_chat().await;
        for content in [
            json!({}), json!({"msgtype": 5, "body": 5}), json!({"msgtype": "m.text", "body": {"a": 1}}), json!({"msgtype": "m.text", "body": null}),
            json!({"msgtype": "m.text", "body": "no html", "format": "org.matrix.custom.html", "formatted_body": 5}),
            json!({"msgtype": "m.text", "body": "no relation", "m.relates_to": "x"}),
            json!({"msgtype": "m.text", "body": "no answer", "m.relates_to": {"m.in_reply_to": {"event_id": 5}}}),
            json!({"msgtype": "m.text", "body": "no edit", "m.relates_to": {"rel_type": "m.replace", "event_id": "nothing"}, "m.new_content": 5}),
            json!({"msgtype": "m.image", "body": "no picture", "url": 5, "info": []}),
            json!({"msgtype": "m.text", "body": "nul \u{0} inside"}),
        ] {
            world.sends(&bob(), &room, content).await;
        }
        world.homeserver.user_sends_event(&room, &bob(), "m.room.redaction", json!({"redacts": 5}));
        world.homeserver.user_sends_event(&room, &bob(), "m.reaction", json!({"m.relates_to": {"rel_type": "m.annotation"}}));
        world.settle().await;
        let mail = world.mail();
        for text in ["no html", "no relation", "no answer", "no picture", "inside"] {
            assert!(mail.text.contains(text), "{text}: {}", mail.text);
        }
        assert!(!mail.raw.contains('\0'));
        assert!(world.jobs(JobState::Failed).await.is_empty());
        others_are_served(&world).await;
    }

    async fn names_reach_no_header_unescaped(world: World) {
        let long = "N".repeat(60 * 1024);
        for name in [long.as_str(), "Bob\r\nBcc: x@evil.test", "Bob\nX-Evil: 1\n\nbody", "\"Bob\" <x@evil.test>", "Bob\u{0}", "=?utf-8?q?=0D=0ABcc:x?=", "\u{202e}boB"] {
            world.homeserver.user_renames(&bob(), name);
            let options = RoomOptions { name: Some(name), topic: Some(name), ..RoomOptions::default() };
            let room = world.opens_chat(&bob(), &alice(), &options).await;
            let uri = ruma::OwnedMxcUri::from("mxc://lab.test/file");
            let media = penpal::matrix::Media { content_type: Some("text/plain\r\nX-Evil: 1".into()), bytes: b"data".to_vec() };
            world.homeserver.add_media(uri.clone(), media);
            world.sends(&bob(), &room, json!({"msgtype": "m.file", "body": name, "filename": name, "url": uri})).await;
            world.settle().await;
            let mail = world.mail();
            assert_header_is_whole(&mail.raw);
            assert_eq!((mail.from.as_str(), mail.to.as_str()), ("bob@mail.lab.test", "alice@example.org"));
            assert_eq!(mail.attachments.len(), 1);
            let (file, kind, bytes) = &mail.attachments[0];
            assert!(file.len() < 300 && !file.contains(char::is_control) && !kind.contains("vil") && bytes == b"data", "{file} {kind}");
        }
        others_are_served(&world).await;
    }

    async fn puppets_of_nonsense_do_not_exist(world: World) {
        for user in ["@_email_=4:lab.test", "@_email_=zz:lab.test", "@_email_a=40b=40c:lab.test", "@_email_:lab.test", "@_email_a=00=40b.org:lab.test", "@_email_a=40b.org:elsewhere.test", "nonsense", "", "@\u{0}:lab.test"] {
            assert!(!world.bridge.query_user(user).await.unwrap(), "{user}");
        }
        let long = format!("@_email_{}=40example.org:lab.test", "a".repeat(300));
        assert!(!world.bridge.query_user(&long).await.unwrap());
        assert!(world.homeserver.requests_named("register").is_empty());
    }

    async fn mail_without_one_author_is_refused(world: World) {
        let (_, mail) = world.bob_writes("hello").await;
        let letter = Letter::answering(&mail, "hello");
        for (from, enhanced) in [
            (None, "5.6.0"), (Some(""), "5.6.0"), (Some("Alice"), "5.6.0"), (Some("<>"), "5.6.0"),
            (Some("alice@example.org, mallory@evil.test"), "5.6.0"), (Some("alice@example.org\nFrom: mallory@evil.test"), "5.6.0"),
        ] {
            let letter = match from {
                Some(from) => letter.clone().with("From", from),
                None => letter.clone().without("From"),
            };
            assert_eq!(world.alice_is_refused(&mail.reply_to, &letter).await, (550, enhanced), "{from:?}");
        }
        others_are_served(&world).await;
    }

    async fn hostile_mails_are_shown_safely(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        let letter = Letter::answering(&mail, "x").without("References");
        let mut nested = String::new();
        for level in 0..10_000 {
            nested += &format!("Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n");
        }
        let many = format!("{}--sep--\n", "--sep\nContent-Type: text/plain\n\npart\n".repeat(10_000));
        let recipients = vec!["someone@example.org"; 10_000].join(",\n ");
        let mails = [
            letter.clone().text("nul \0 inside").with("Subject", "nul \0 there").id("nul\0@example.org"),
            letter.clone().with("From", "Ali\0ce <alice@example.org>").text("another nul \0"),
            letter.clone().text(&format!("before {} after", "x".repeat(1_000_000))),
            letter.clone().with("Subject", &"s".repeat(1_000_000)).text("long subject"),
            letter.clone().with("Content-Type", "multipart/mixed; boundary=sep").text(&many),
            letter.clone().with("Content-Type", "multipart/mixed; boundary=b").text(&format!("--b\n{nested}\n")),
            letter.clone().with("To", &recipients).text("to many"),
            letter.clone().with("From", &format!("{} <alice@example.org>", "Alice\u{202e} ".repeat(10_000))).text("long name"),
            letter.clone().with("Content-Type", "text/html").text("<script>alert(1)</script><p onclick=x>clicked</p><img src=https://evil.test/pixel>"),
            letter.clone().with("References", &"<x@example.org>\n ".repeat(50_000)).text("many references"),
            letter.clone().with("Date", "Fri, 99 Foo 99999 99:99:99 +9999").text("no date"),
            letter.clone().text("file").attach(&[("../../etc/passwd", "application/x-sh", "rm"), ("a\u{202e}gpj.exe", "image/png", "MZ")]),
        ];
        let count = mails.len();
        for letter in mails {
            world.alice_mails(&mail.reply_to, &letter).await;
        }
        let messages = world.homeserver.messages(&room, &alice());
        assert!(messages.len() >= count, "{}", messages.len());
        for content in &messages {
            let text = content.to_string();
            assert!(text.len() < 65_000 && !text.contains("<script") && !text.contains("onclick") && !text.contains("evil.test/pixel"), "{text}");
            assert!(!text.contains("..") || !text.contains("passwd") || !text.contains('/'), "{text}");
        }
        let name = world.homeserver.display_name(&alice()).unwrap();
        assert!(name.starts_with("Alice") && name.len() < 300 && !name.contains('\u{202e}'), "{name}");
        assert!(world.jobs(JobState::Failed).await.is_empty());
        others_are_served(&world).await;
    }

    async fn bytes_that_are_no_mail_are_refused(world: World) {
        for mail in ["", "\n", "no header at all", ":\n\n", "\0\0\0", &"x".repeat(1_000_000)] {
            let answers = world.receives("alice@example.org", &["bob@mail.lab.test"], mail).await;
            assert_eq!(answers[0].as_ref().unwrap_err().code, 550, "{:?}", mail.get(..20));
        }
        others_are_served(&world).await;
    }

    async fn a_homeserver_that_answers_garbage_is_waited_for(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        let garbage = || MatrixError::Transient { retry_after: None, reason: "502 with a page of HTML".into() };
        for request in ["register", "set_display_name", "join", "members", "state", "history", "create_room", "send", "upload", "account_data"] {
            for _ in 0..3 {
                world.homeserver.fail_next(request, garbage());
            }
        }
        let letter = Letter::answering(&mail, "x").text("look").attach(&[("a.pdf", "application/pdf", "%PDF-1.4")]);
        world.alice_mails(&mail.reply_to, &letter).await;
        assert_eq!(world.said(&room, &alice()), ["look", "a.pdf"]);
        others_are_served(&world).await;
        assert!(world.jobs(JobState::Failed).await.is_empty());
    }

    async fn garbage_in_a_rooms_state_and_history_stops_nobody(world: World) {
        let (room, _) = world.homeserver.user_creates_room(&bob(), &[&alice()], &RoomOptions::default());
        for (kind, key, content) in [
            ("m.room.name", "", json!({"name": 5})), ("m.room.topic", "", json!({"topic": {"a": 1}})), ("m.room.member", "nobody", json!({"membership": 5})),
            ("m.room.create", "x", json!({"predecessor": "x"})), ("m.room.join_rules", "", json!({"join_rule": 5})),
        ] {
            world.homeserver.user_sets_state(&room, &bob(), kind, key, content);
        }
        world.homeserver.user_sends(&room, &bob(), json!({"body": 5}));
        world.homeserver.user_says(&room, &bob(), "before the join");
        world.settle().await;
        world.homeserver.user_sets_state(&room, &bob(), "m.room.name", "", json!({"name": "\u{0}"}));
        world.homeserver.user_sets_state(&room, &bob(), "m.room.topic", "", json!({"topic": "a\u{0}b"}));
        world.homeserver.user_sets_state(&room, &bob(), "m.room.member", "@x:lab.test", json!({"membership": "\u{0}", "displayname": "\u{0}"}));
        world.homeserver.user_sets_state(&room, &bob(), "m.room.tombstone", "", json!({"replacement_room": 5}));
        world.says(&bob(), &room, "after it").await;
        world.settle().await;
        let texts: String = world.mails().iter().map(|mail| mail.text.clone()).collect();
        assert!(texts.contains("before the join") && texts.contains("after it"), "{texts}");
        assert!(world.jobs(JobState::Failed).await.is_empty());
        others_are_served(&world).await;
    }

    async fn one_user_with_endless_chatter_gets_bounded_mails(world: World) {
        let room = world.bob_opens_chat().await;
        let long = "x".repeat(50_000);
        for _ in 0..30 {
            world.says(&bob(), &room, &long).await;
        }
        world.settle().await;
        let mails = world.mails();
        assert!(mails.len() > 1 && mails.iter().all(|mail| mail.raw.len() < 2_000_000), "{}", mails.len());
        assert_eq!(mails.iter().map(|mail| mail.text.matches('x').count()).sum::<usize>() / 50_000, 30);
    }

    async fn user_ids_too_long_for_an_address_are_told_so(world: World) {
        let user = OwnedUserId::try_from(format!("@{}:lab.test", "u".repeat(100))).unwrap();
        world.homeserver.add_user(&user, "Long");
        let room = world.opens_chat(&user, &alice(), &RoomOptions::default()).await;
        world.says(&user, &room, "hello").await;
        world.settle().await;
        assert!(world.mails().is_empty());
        let said = world.said(&room, &alice());
        assert!(said.len() == 1 && said[0].contains("too long"), "{said:?}");
        others_are_served(&world).await;
    }
}
