//! What comes by email arrives in the chat, and in the right one.

use penpal::bridge::NewThread;
use penpal::replay::homeserver::RoomOptions;
use penpal::store::JobState;
use serde_json::{Value, json};

use crate::harness::{Letter, World, alice, bob, carol, erin};
use crate::stories;

stories! {
    async fn a_reply_arrives_as_the_person_who_wrote_it(world: World) {
        let (room, mail) = world.bob_writes("Shall we meet on Friday?").await;
        let letter = Letter::answering(&mail, "Friday is fine.\n\n-- \nAlice Liddell\nWonderland Ltd.");
        world.alice_mails(&mail.reply_to, &letter).await;
        assert_eq!(world.said(&room, &alice()), ["Friday is fine."], "without quotation and signature");
        assert_eq!(world.homeserver.display_name(&alice()).unwrap(), "Alice Liddell");
        let sent = world.homeserver.requests_named("send");
        assert_eq!(sent[0].detail("timestamp"), &json!(1_795_264_496_000_i64), "with the time of the email");
        assert!(world.mails().is_empty(), "what Alice wrote is not mailed back to her");
    }

    async fn a_reply_to_the_stable_address_finds_its_thread(world: World) {
        let (room, mail) = world.bob_writes("one").await;
        let (other, _) = world.bob_writes("two").await;
        world.alice_mails(&mail.from, &Letter::answering(&mail, "to one").with("To", &mail.from)).await;
        assert_eq!(world.said(&room, &alice()), ["to one"]);
        assert!(world.said(&other, &alice()).is_empty() && world.created_rooms().is_empty());
    }

    async fn references_lead_to_the_thread_as_well(world: World) {
        let (room, mail) = world.bob_writes("one").await;
        let (other, _) = world.bob_writes("two").await;
        let letter = Letter::answering(&mail, "found").without("In-Reply-To");
        world.alice_mails("bob@mail.lab.test", &letter).await;
        assert_eq!(world.said(&room, &alice()), ["found"]);
        assert!(world.said(&other, &alice()).is_empty());
    }

    async fn a_rewritten_message_id_falls_back_to_sender_recipient_and_subject(world: World) {
        let options = RoomOptions { name: Some("Tea"), ..Default::default() };
        let tea = world.opens_chat(&bob(), &alice(), &options).await;
        world.says(&bob(), &tea, "tea?").await;
        world.settle().await;
        let mail = world.mail();
        let (latest, _) = world.bob_writes("something else").await;
        let rewritten = Letter::answering(&mail, "yes, tea").with("In-Reply-To", "<rewritten@gateway.test>").without("References");
        world.alice_mails("bob@mail.lab.test", &rewritten).await;
        assert_eq!(world.said(&tea, &alice()), ["yes, tea"]);
        world.alice_mails("bob@mail.lab.test", &rewritten.with("Subject", "RE: unheard of").text("hm")).await;
        assert_eq!(world.said(&tea, &alice()), ["yes, tea", "hm"], "the last used chat with Alice");
        assert!(world.said(&latest, &alice()).is_empty() && world.created_rooms().is_empty());
    }

    async fn a_subject_alone_leads_nowhere(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        let letter = Letter::by_alice(&mail.subject).text("not an answer");
        world.alice_mails("bob@mail.lab.test", &letter).await;
        assert!(world.said(&room, &alice()).is_empty());
        assert_eq!(world.said(&world.created_room(), &alice()), ["not an answer"], "a chat of its own");
        let stranger = Letter::from("mallory@evil.test").with("Subject", &mail.subject).with("In-Reply-To", &format!("<{}>", mail.message_id));
        let answers = world.receives("mallory@evil.test", &["bob@mail.lab.test"], &stranger.text("hi").to_string()).await;
        assert!(answers[0].is_err(), "nor does somebody else's answer: {answers:?}");
        assert!(world.said(&room, &alice()).is_empty());
    }

    async fn a_first_mail_opens_a_chat(world: World) {
        let world = world.open_to_strangers().await;
        world.alice_mails("bob@mail.lab.test", &Letter::by_alice("Holiday plans").text("Hello Bob!").id("first@example.org")).await;
        let room = world.created_room();
        let created = &world.homeserver.requests_named("create_room")[0];
        assert_eq!(created.user.as_ref(), Some(&alice()), "by the puppet, with no third party");
        assert_eq!((created.detail("name"), created.detail("invite")), (&json!("Holiday plans"), &json!(bob())));
        assert_eq!(world.homeserver.membership(&room, &bob()).unwrap(), "invite");
        assert_eq!(world.direct(&alice()), json!({"@bob:lab.test": [room]}));
        assert_eq!(world.said(&room, &alice()), ["Hello Bob!"]);
        world.homeserver.user_joins(&room, &bob());
        world.says(&bob(), &room, "Hello Alice!").await;
        world.settle().await;
        let answer = world.mail();
        assert_eq!((answer.subject.as_str(), answer.to.as_str()), ("Re: Holiday plans", "alice@example.org"));
        assert_eq!(answer.in_reply_to, ["first@example.org"]);
    }

    async fn after_the_user_left_the_next_mail_opens_a_new_room_in_the_same_thread(world: World) {
        let (room, first) = world.bob_writes("one").await;
        world.homeserver.user_leaves(&room, &bob());
        world.settle().await;
        world.clock.advance(std::time::Duration::from_mins(1));
        world.alice_mails(&first.reply_to, &Letter::answering(&first, "still there?").id("back@example.org")).await;
        let again = world.created_room();
        assert_eq!(world.said(&again, &alice()), ["still there?"]);
        assert_eq!(world.direct(&alice()), json!({"@bob:lab.test": [again]}));
        world.homeserver.user_joins(&again, &bob());
        world.says(&bob(), &again, "back again").await;
        world.settle().await;
        let answer = world.mail();
        assert_eq!(answer.in_reply_to, ["back@example.org"]);
        assert_eq!(answer.references, [first.message_id, "back@example.org".into()]);
        assert_eq!(answer.reply_to, first.reply_to, "the same thread");
    }

    async fn a_kicked_puppet_gets_no_more_mail(world: World) {
        let (room, mail) = world.bob_writes("go away").await;
        world.homeserver.user_kicks(&room, &bob(), &alice());
        world.settle().await;
        let letter = Letter::answering(&mail, "no!");
        assert_eq!(world.alice_is_refused(&mail.reply_to, &letter).await, (550, "5.7.1"));
        assert_eq!(world.alice_is_refused(&mail.from, &letter).await, (550, "5.7.1"));
        assert!(world.bridge_refuses("", &mail.return_path).await, "nor does a bounce bring her back");
        assert!(world.created_rooms().is_empty());
    }

    async fn mail_that_waits_when_the_puppet_is_kicked_does_not_bring_it_back(world: World) {
        let (room, mail) = world.bob_writes("go away").await;
        world.homeserver_is_away("set_display_name", 1);
        let letter = Letter::answering(&mail, "no!").to_string();
        assert_eq!(world.receives("alice@example.org", &[&mail.reply_to], &letter).await, [Ok(())]);
        world.work().await;
        world.homeserver.user_kicks(&room, &bob(), &alice());
        world.settle().await;
        assert!(world.created_rooms().is_empty());
        assert_eq!(world.jobs(JobState::Failed).await.len(), 1, "kept, not lost");
    }

    async fn a_closed_chat_does_not_hide_the_open_ones(world: World) {
        let (open, _) = world.bob_writes("stay").await;
        let (kicked, mail) = world.bob_writes("go").await;
        world.homeserver.user_kicks(&kicked, &bob(), &alice());
        world.settle().await;
        let letter = Letter::answering(&mail, "hm").with("In-Reply-To", "<rewritten@gateway.test>").without("References").with("Subject", "Re: x");
        world.alice_mails("bob@mail.lab.test", &letter).await;
        assert_eq!(world.said(&open, &alice()), ["hm"]);
    }

    async fn somebody_else_with_the_address_is_labelled(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        world.alice_mails(&mail.reply_to, &Letter::answering(&mail, "hello")).await;
        let letter = Letter::answering(&mail, "I am her <b>colleague</b>").with("From", "Alice Liddell <mallory@evil.test>");
        world.receives_gladly("mallory@evil.test", &mail.reply_to, &letter.to_string()).await;
        let messages = world.homeserver.messages(&room, &alice());
        assert_eq!(messages[1]["msgtype"], "m.notice", "never the puppet's own words");
        let body = messages[1]["body"].as_str().unwrap();
        assert!(body.starts_with("mallory@evil.test wrote:\n") && body.contains("colleague"), "{body}");
        let renamed = Letter::answering(&mail, "again").with("From", "Queen of Hearts <mallory@evil.test>");
        world.receives_gladly("mallory@evil.test", &mail.reply_to, &renamed.to_string()).await;
        assert_eq!(world.homeserver.display_name(&alice()).unwrap(), "Alice Liddell");
    }

    async fn mail_from_our_own_domain_does_not_come_in(world: World) {
        let (_, mail) = world.bob_writes("hello").await;
        let letter = Letter::answering(&mail, "forged").with("From", "Carol <carol@mail.lab.test>");
        assert_eq!(world.alice_is_refused(&mail.reply_to, &letter).await, (550, "5.7.1"));
        assert_eq!(world.alice_is_refused("bob@mail.lab.test", &letter).await, (550, "5.7.1"));
    }

    async fn only_answers_to_older_messages_show_as_replies(world: World) {
        let room = world.bob_opens_chat().await;
        let older = world.says(&bob(), &room, "older").await;
        world.settle().await;
        let newer = world.says(&bob(), &room, "newer").await;
        world.settle().await;
        let mails = world.mails();
        world.alice_mails(&mails[1].reply_to, &Letter::answering(&mails[1], "to the newer")).await;
        world.alice_mails(&mails[0].reply_to, &Letter::answering(&mails[0], "to the older")).await;
        let messages = world.homeserver.messages(&room, &alice());
        assert_eq!(messages[0]["m.relates_to"], Value::Null, "it answers what stands above it");
        assert_eq!(messages[1]["m.relates_to"], json!({"m.in_reply_to": {"event_id": older}}));
        let read: Vec<_> = world.homeserver.requests_named("read_receipt").iter().map(|request| request.detail("event_id").clone()).collect();
        assert_eq!(read, [json!(newer), json!(older)], "what is answered was read");
    }

    async fn an_answer_to_a_burst_shows_as_an_answer_to_nothing(world: World) {
        let room = world.bob_opens_chat().await;
        for text in ["one", "two", "three"] {
            world.says(&bob(), &room, text).await;
        }
        world.settle().await;
        let mail = world.mail();
        world.alice_mails(&mail.reply_to, &Letter::answering(&mail, "indeed")).await;
        assert_eq!(world.homeserver.messages(&room, &alice())[0]["m.relates_to"], Value::Null);
    }

    async fn a_reaction_is_one_when_it_is_hers(world: World) {
        let room = world.bob_opens_chat().await;
        let event = world.says(&bob(), &room, "cake?").await;
        world.settle().await;
        let mail = world.mail();
        let reaction = Letter::answering(&mail, "")
            .with("Content-Type", "text/plain; charset=utf-8")
            .with("Content-Disposition", "reaction")
            .text("\u{1f44d}\n");
        let forged = reaction.clone().with("From", "mallory@evil.test");
        world.receives_gladly("mallory@evil.test", &mail.reply_to, &forged.to_string()).await;
        let said = world.said(&room, &alice());
        assert!(said.len() == 1 && said[0].starts_with("mallory@evil.test wrote:"), "{said:?}");
        world.alice_mails(&mail.reply_to, &reaction).await;
        let sent = world.homeserver.requests_named("send").pop().unwrap();
        assert_eq!(sent.detail("type"), "m.reaction");
        assert_eq!(sent.detail("content")["m.relates_to"], json!({"rel_type": "m.annotation", "event_id": event, "key": "\u{1f44d}"}));
    }

    async fn two_mails_of_one_person_stay_in_order(world: World) {
        let world = world.open_to_strangers().await;
        world.homeserver_is_away("create_room", 3);
        let first = Letter::by_alice("News").text("one").id("1@example.org").to_string();
        let second = Letter::by_alice("Re: News").text("two").id("2@example.org").with("In-Reply-To", "<1@example.org>").to_string();
        assert_eq!(world.receives("alice@example.org", &["bob@mail.lab.test"], &first).await, [Ok(())]);
        assert_eq!(world.receives("alice@example.org", &["bob@mail.lab.test"], &second).await, [Ok(())]);
        world.settle().await;
        assert_eq!(world.said(&world.created_room(), &alice()), ["one", "two"]);
    }

    async fn the_same_mail_to_two_users_reaches_both(world: World) {
        let world = world.open_to_strangers().await;
        let letter = Letter::by_alice("Party").text("You are invited").id("party@example.org").to_string();
        let recipients = ["bob@mail.lab.test", "carol@mail.lab.test", "nobody@mail.lab.test"];
        let answers = world.receives("alice@example.org", &recipients, &letter).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 2, "{answers:?}");
        world.settle().await;
        let rooms = world.created_rooms();
        assert_eq!(rooms.len(), 2);
        for (room, user) in rooms.iter().zip([bob(), carol()]) {
            assert_eq!(world.said(room, &alice()), ["You are invited"]);
            assert_eq!(world.homeserver.membership(room, &user).unwrap(), "invite");
        }
    }

    async fn the_same_mail_again_changes_nothing(world: World) {
        let world = world.open_to_strangers().await;
        let letter = Letter::by_alice("News").text("once").id("1@example.org");
        world.alice_mails("bob@mail.lab.test", &letter).await;
        let again = format!("Received: from mx2.example.org by mail.lab.test; Sat, 21 Nov 2026 13:00:00 +0000\n{letter}");
        world.receives_gladly("alice@example.org", "bob@mail.lab.test", &again).await;
        assert_eq!(world.receives("alice@example.org", &["bob@mail.lab.test", "bob@mail.lab.test"], &again).await, [Ok(()), Ok(())]);
        world.settle().await;
        assert_eq!(world.said(&world.created_room(), &alice()), ["once"]);
    }

    async fn attachments_are_uploaded_before_they_are_shown(world: World) {
        let (room, mail) = world.bob_writes("the plan?").await;
        let letter = Letter::answering(&mail, "x").text("Here it is").attach(&[("plan.txt", "application/pdf", "%PDF-1.4")]);
        world.alice_mails(&mail.reply_to, &letter).await;
        let messages = world.homeserver.messages(&room, &alice());
        let requests: Vec<_> = world.homeserver.requests().into_iter().filter(|request| matches!(request.name, "upload" | "send")).collect();
        assert_eq!(requests.iter().map(|request| request.name).collect::<Vec<_>>(), ["upload", "send", "send"]);
        assert_eq!(messages[0]["body"], "Here it is");
        assert_eq!((&messages[1]["msgtype"], &messages[1]["filename"]), (&json!("m.file"), &json!("plan.txt")));
        assert_eq!(&messages[1]["url"], requests[0].detail("uri"));
    }

    async fn an_attachment_that_the_homeserver_does_not_take_is_named(world: World) {
        let (room, mail) = world.bob_writes("the film?").await;
        let error = penpal::matrix::MatrixError::Refused { status: 413, errcode: "M_TOO_LARGE".into(), message: "too large".into() };
        world.homeserver.fail_next("upload", error);
        let files = [("film.bin", "application/octet-stream", "long"), ("notes.pdf", "application/pdf", "%PDF-1.4")];
        world.alice_mails(&mail.reply_to, &Letter::answering(&mail, "x").text("Here it is").attach(&files)).await;
        let messages = world.homeserver.messages(&room, &alice());
        assert_eq!(messages.len(), 3, "the text and the other file arrive: {messages:?}");
        assert_eq!((&messages[0]["body"], &messages[2]["filename"]), (&json!("Here it is"), &json!("notes.pdf")));
        let notice = messages[1]["body"].as_str().unwrap();
        assert!(messages[1]["msgtype"] == "m.notice" && notice.contains("film.bin") && notice.contains("too large"), "{notice}");
    }

    async fn one_broken_chat_does_not_hold_up_another(world: World) {
        let (bobs, mail) = world.bob_writes("hello").await;
        let carols = world.opens_chat(&carol(), &erin(), &RoomOptions::default()).await;
        world.says(&carol(), &carols, "hi").await;
        world.settle().await;
        let other = world.mail();
        world.homeserver.fail(penpal::replay::homeserver::Failure {
            request: "send", room: Some(bobs.clone()), spared: 0, times: 150, carried_out: false,
            error: penpal::matrix::MatrixError::Transient { retry_after: None, reason: "502".into() },
        });
        let letter = Letter::answering(&mail, "stuck").to_string();
        assert_eq!(world.receives("alice@example.org", &[&mail.reply_to], &letter).await, [Ok(())]);
        let letter = Letter::answering(&other, "swift").with("From", "erin@example.net").to_string();
        assert_eq!(world.receives("erin@example.net", &[&other.reply_to], &letter).await, [Ok(())]);
        world.work().await;
        assert_eq!(world.said(&carols, &erin()), ["swift"]);
        assert!(world.said(&bobs, &alice()).is_empty());
        world.settle().await;
        assert_eq!(world.jobs(JobState::Failed).await.len(), 1, "given up after two days, and kept");
    }

    async fn a_new_thread_may_reuse_the_chat(world: World) {
        let world = world.reconfigured(|settings| settings.new_thread = NewThread::Reuse).await;
        let (room, mail) = world.bob_writes("hello").await;
        let letter = Letter::by_alice("Something else").text("By the way").id("else@example.org");
        world.alice_mails("bob@mail.lab.test", &letter).await;
        assert!(world.created_rooms().is_empty());
        let messages = world.homeserver.messages(&room, &alice());
        let body = messages[0]["body"].as_str().unwrap();
        assert!(body.contains("Something else") && body.contains("By the way"), "named by its subject: {body}");
        assert_eq!(messages[0]["m.relates_to"], Value::Null, "it begins a thread");
        let beginning = world.homeserver.requests_named("send")[0].detail("event_id").clone();
        let next = Letter::by_alice("Re: Something else").text("and then").id("then@example.org").with("In-Reply-To", "<else@example.org>");
        world.alice_mails("bob@mail.lab.test", &next).await;
        let second = &world.homeserver.messages(&room, &alice())[1]["m.relates_to"];
        assert_eq!((&second["rel_type"], &second["event_id"]), (&json!("m.thread"), &beginning));
        // Bob answers in the thread; Alice gets it as an answer to her mail, and her answer stays in the thread.
        let relation = json!({"rel_type": "m.thread", "event_id": beginning, "is_falling_back": true, "m.in_reply_to": {"event_id": beginning}});
        world.sends(&bob(), &room, json!({"msgtype": "m.text", "body": "indeed", "m.relates_to": relation})).await;
        world.settle().await;
        let answer = world.mail();
        assert_eq!(answer.in_reply_to, ["else@example.org"]);
        assert_eq!(answer.subject, "Re: Something else");
        world.alice_mails(&answer.reply_to, &Letter::answering(&answer, "fine")).await;
        let third = &world.homeserver.messages(&room, &alice())[2]["m.relates_to"];
        assert_eq!((&third["rel_type"], &third["event_id"]), (&json!("m.thread"), &beginning));
        // What answers the chat's own thread stays outside.
        world.alice_mails(&mail.reply_to, &Letter::answering(&mail, "hello Bob")).await;
        assert_eq!(world.homeserver.messages(&room, &alice())[3]["m.relates_to"]["rel_type"], Value::Null);
    }
}
