//! An email user stops the emails of a Matrix user, by a word or by a link; what is written then is told as not sent.

use std::time::Duration;

use penpal::appservice::{Correspondence, NoCorrespondence, Service};
use penpal::bridge::DownloadSettings;
use penpal::mail::{Inbound, SendError};
use penpal::model::{IncomingMail, Peer, Refusal, Verdict};
use penpal::replay::homeserver::RoomOptions;
use penpal::store::{FrozenEmail, JobState, Person};
use ruma::{OwnedRoomId, UserId};

use crate::harness::{Letter, ReceivedMail, World, alice, bob, carol, erin};
use crate::stories;

const BASE: &str = "https://penpal.lab.test";
const STOPPED: &str = "alice@example.org has asked for no more email from you. What you write here is not sent, unless they allow it again.";
const NOT_SENT: &str = "This was not sent. alice@example.org has asked for no more email from you.";
const AGAIN: &str = "alice@example.org takes email from you again.";

async fn with_page(world: World) -> World {
    let downloads = DownloadSettings {
        url: BASE.parse().unwrap(),
        expire: Duration::from_hours(48),
    };
    world
        .reconfigured(|settings| settings.downloads = Some(downloads))
        .await
}

/// A field of a mail, unfolded.
fn field(mail: &ReceivedMail, name: &str) -> Option<String> {
    let head = mail.raw.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
    let value = head
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name}: ")))?;
    Some(value.to_owned())
}

/// The token of the link in a mail's header.
fn token(mail: &ReceivedMail) -> String {
    let links = field(mail, "List-Unsubscribe").expect("each mail can be stopped");
    let link = links.strip_prefix(&format!("<{BASE}/stop/")).expect(&links);
    link.split('>').next().unwrap().to_owned()
}

async fn press(world: &World, token: &str, stop: bool) -> Result<bool, NoCorrespondence> {
    let found = world.bridge.correspondence(token, Some(stop)).await?;
    assert_eq!(
        (found.user.as_str(), found.address.as_str()),
        ("@bob:lab.test", "alice@example.org")
    );
    world.settle().await;
    Ok(found.stopped)
}

/// Everything that Alice's puppet has said in notices, oldest first.
fn notices(world: &World, room: &OwnedRoomId, puppet: &UserId) -> Vec<String> {
    let said = world.homeserver.messages(room, puppet);
    let notices = said.iter().filter(|content| content["msgtype"] == "m.notice");
    notices
        .map(|notice| notice["body"].as_str().unwrap().to_owned())
        .collect()
}

/// A mail whose author nobody vouches for.
async fn unverified(world: &World, to: &str, letter: &Letter) -> Result<(), Refusal> {
    let bytes = letter.to_string().replace('\n', "\r\n").into_bytes().into();
    let mut mail = IncomingMail::new(
        Peer::default(),
        "alice@example.org".into(),
        vec![to.to_owned()],
        bytes,
    );
    mail.verdict = Verdict::Unauthenticated("none".into());
    let answer = world.bridge.accept(&mail).await.remove(0);
    world.settle().await;
    answer
}

stories! {
    async fn who_answers_stop_gets_no_more_mail(world: World) {
        let (room, mail) = world.bob_writes("Shall we meet?").await;
        let other = world.bob_opens_chat().await;
        world.relay.fail_next(SendError::Transient { reply: "451 later".into(), uncertain: false });
        world.says(&bob(), &room, "I wait for the relay").await;
        world.wait(Duration::from_secs(31)).await;
        world.alice_mails(&mail.reply_to, &Letter::answering(&mail, "Stop.").with("From", "Alice <ALICE@Example.ORG>")).await;
        assert_eq!(world.said(&room, &alice())[0], "Stop.", "what she wrote is shown");
        let told = notices(&world, &room, &alice());
        assert!(told.contains(&STOPPED.to_owned()), "{told:?}");
        for room in [&room, &other] {
            world.says(&bob(), room, "But why?").await;
            world.settle().await;
            assert_eq!(notices(&world, room, &alice()).last().unwrap(), NOT_SENT);
        }
        assert!(world.mails().is_empty(), "neither what was written before nor after");
        assert!(world.jobs(JobState::Waiting).await.is_empty());
        let third = world.bob_opens_chat().await;
        assert_eq!(world.homeserver.membership(&third, &alice()).unwrap(), "leave", "nor in a new chat");
        // Others go on.
        let carols = world.opens_chat(&carol(), &alice(), &RoomOptions::default()).await;
        world.says(&carol(), &carols, "Hello Alice").await;
        world.settle().await;
        assert_eq!(world.mail().from, "carol@mail.lab.test");
        // Her own mail still arrives, and is no permission; START is.
        world.alice_mails(&mail.reply_to, &Letter::answering(&mail, "Sorry, I am busy")).await;
        world.says(&bob(), &room, "I see").await;
        world.settle().await;
        assert!(world.mails().is_empty());
        world.alice_mails(&mail.reply_to, &Letter::answering(&mail, "START")).await;
        assert_eq!(notices(&world, &room, &alice()).last().unwrap(), AGAIN);
        world.says(&bob(), &room, "Here I am").await;
        world.settle().await;
        assert_eq!(world.mail().text.trim(), "Here I am");
    }

    async fn what_was_rendered_before_she_said_so_stays_here(world: World) {
        let world = with_page(world).await;
        let (room, mail) = world.bob_writes("hello").await;
        world.says(&bob(), &room, "a film that takes a while").await;
        world.work().await;
        let job = world.jobs(JobState::Waiting).await.remove(0).id;
        let store = world.bridge.store();
        let draft = store.read().await.unwrap().draft(job).await.unwrap().expect("an email that has not left");
        world.bridge.correspondence(&token(&mail), Some(true)).await.unwrap();
        let mut tx = store.begin().await.unwrap();
        assert!(!tx.freeze_draft(job, draft.revision, &FrozenEmail::default()).await.unwrap());
        tx.commit().await.unwrap();
        world.wait(Duration::from_secs(31)).await;
        assert!(world.mails().is_empty());
        assert_eq!(notices(&world, &room, &alice()).last().unwrap(), NOT_SENT);
    }

    async fn the_whole_message_must_say_so(world: World) {
        let (room, mail) = world.bob_writes("Shall we meet?").await;
        for (text, stops) in [
            ("Please stop by on Friday.", false),
            ("Stop it, you! And bring cake.", false),
            ("Bitte abmelden!\n\n-- \nAlice Liddell\nWonderland Ltd.", true),
            ("DÉSINSCRIRE\n\nSent from my iPhone", true),
            ("baja", true),
        ] {
            let letter = Letter::answering(&mail, text).with("Content-Type", "text/plain; charset=utf-8");
            world.alice_mails(&mail.reply_to, &letter).await;
            world.says(&bob(), &room, "still there?").await;
            world.settle().await;
            assert_eq!(world.mails().is_empty(), stops, "{text}");
            world.alice_mails(&mail.reply_to, &Letter::answering(&mail, "start").id(&format!("{}@x.example", text.len()))).await;
        }
        // An answer without words, as some programs make of a button.
        let empty = Letter::by_alice("unsubscribe").with("In-Reply-To", &format!("<{}>", mail.message_id)).text("");
        world.alice_mails(&mail.reply_to, &empty).await;
        assert_eq!(notices(&world, &room, &alice()).iter().filter(|text| *text == STOPPED).count(), 1, "told once an hour");
        world.says(&bob(), &room, "still there?").await;
        world.settle().await;
        assert!(world.mails().is_empty());
    }

    async fn nobody_else_can_say_it(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        let stop = Letter::answering(&mail, "STOP");
        assert_eq!(unverified(&world, &mail.from, &stop).await, Ok(()));
        world.says(&bob(), &room, "still there?").await;
        world.settle().await;
        assert_eq!(world.mails().len(), 1, "a forger does not know the reply address");
        let vacation = stop.clone().id("machine@example.org").with("Auto-Submitted", "auto-replied");
        world.alice_mails(&mail.reply_to, &vacation).await;
        let erins = Letter::from("Erin <erin@example.net>").with("In-Reply-To", &format!("<{}>", mail.message_id)).text("STOP");
        let answers = world.receives("erin@example.net", &[&mail.from], &erins.to_string()).await;
        assert_eq!(answers[0].as_ref().unwrap_err().enhanced, "5.7.1");
        world.says(&bob(), &room, "still there?").await;
        world.settle().await;
        assert_eq!(world.mails().len(), 1, "nor does a machine count");
        // Who has the reply address had the mail: an account to which she forwards it.
        assert_eq!(unverified(&world, &mail.reply_to, &stop.id("really@example.org")).await, Ok(()));
        // But to take mail again is for herself to say.
        assert_eq!(unverified(&world, &mail.reply_to, &Letter::answering(&mail, "START")).await, Ok(()));
        world.says(&bob(), &room, "still there?").await;
        world.settle().await;
        assert!(world.mails().is_empty());
    }

    async fn the_link_in_each_mail_stops_and_undoes(world: World) {
        let mut world = with_page(world).await;
        let (room, mail) = world.bob_writes("hello").await;
        let token = token(&mail);
        assert!(mail.text.trim_end().ends_with(&format!("To get no more of these mails, reply STOP or go to {BASE}/stop/{token}")), "{}", mail.text);
        assert_eq!(field(&mail, "List-Unsubscribe-Post").as_deref(), Some("List-Unsubscribe=One-Click"));
        assert!(!token.contains(mail.reply_to.split(['+', '@']).nth(1).unwrap()), "the link is not the reply address");
        let looked = world.bridge.correspondence(&token, None).await.unwrap();
        assert_eq!(looked, Correspondence { user: "@bob:lab.test".into(), address: "alice@example.org".into(), stopped: false });
        world.restart().await;
        assert_eq!(press(&world, &token, true).await, Ok(true));
        assert_eq!(notices(&world, &room, &alice()), [STOPPED]);
        world.says(&bob(), &room, "still there?").await;
        world.settle().await;
        assert!(world.mails().is_empty());
        for _ in 0..20 {
            assert_eq!(press(&world, &token, false).await, Ok(false));
            assert_eq!(press(&world, &token, true).await, Ok(true));
        }
        assert_eq!(press(&world, &token.to_uppercase(), false).await, Ok(false));
        assert_eq!(notices(&world, &room, &alice()), [STOPPED, NOT_SENT, AGAIN], "nobody fills the chat");
        world.says(&bob(), &room, "still there?").await;
        world.settle().await;
        let second = world.mail();
        assert!(!second.text.contains("STOP"), "once in a thread");
        assert_eq!(field(&second, "List-Unsubscribe"), field(&mail, "List-Unsubscribe"));
    }

    async fn foreign_tokens_open_nothing(world: World) {
        let world = with_page(world).await;
        let (_, mail) = world.bob_writes("hello").await;
        let token = token(&mail);
        let carols = world.opens_chat(&carol(), &erin(), &RoomOptions::default()).await;
        world.says(&carol(), &carols, "hello").await;
        world.settle().await;
        let other = self::token(&world.mail());
        let (rest, seal) = token.rsplit_once('.').unwrap();
        let (others, others_seal) = other.rsplit_once('.').unwrap();
        let reply = mail.reply_to.split(['+', '@']).nth(1).unwrap();
        for forged in [
            "", ".", "..", "1", reply, rest, &format!("{others}.{seal}"), &format!("{rest}.{others_seal}"),
            &format!("{rest}.{}", "a".repeat(26)), &format!("{token}.{token}"), &"9".repeat(10_000), "1.\u{0}.x",
        ] {
            for change in [None, Some(true)] {
                assert_eq!(world.bridge.correspondence(forged, change).await, Err(NoCorrespondence::Unknown), "{forged}");
            }
            let letter = Letter::by_alice(&format!("unsubscribe {forged}")).text("x");
            let _ = world.receives("alice@example.org", &["bob@mail.lab.test"], &letter.to_string()).await;
        }
        let mut tx = world.database.store.begin().await.unwrap();
        assert!(!tx.is_stopped(&bob(), &"alice@example.org".parse().unwrap()).await.unwrap());
        assert!(!tx.is_stopped(&carol(), &"erin@example.net".parse().unwrap()).await.unwrap());
        tx.commit().await.unwrap();
        // A link of another installation, whose thread and pair have the same number and names.
        let elsewhere = with_page(World::on(crate::harness::Database::sqlite().await, |_| {}).await).await;
        let (_, mail) = elsewhere.bob_writes("hello").await;
        let theirs = self::token(&mail);
        assert_eq!(theirs.rsplit_once('.').unwrap().0, rest);
        assert_eq!(world.bridge.correspondence(&theirs, Some(true)).await, Err(NoCorrespondence::Unknown));
    }

    async fn the_mail_that_programs_write_does_it_too(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        let links = field(&mail, "List-Unsubscribe").unwrap();
        assert!(mail.text.trim_end().ends_with("To get no more of these mails, reply STOP."), "{}", mail.text);
        assert_eq!(field(&mail, "List-Unsubscribe-Post"), None, "without a page there is nothing to post to");
        let mailto = links.strip_prefix("<mailto:").unwrap().strip_suffix('>').unwrap();
        let (to, subject) = mailto.split_once("?subject=").unwrap();
        assert_eq!(to, mail.reply_to);
        // From whatever account, verified or not, with whatever text.
        let letter = Letter::from("Somebody <somebody@example.net>")
            .with("Subject", &subject.replace("%20", " "))
            .text("This message was automatically generated by a mail program.");
        assert_eq!(unverified(&world, to, &letter).await, Ok(()));
        assert_eq!(world.said(&room, &alice()), [STOPPED], "it is not shown");
        world.says(&bob(), &room, "still there?").await;
        world.settle().await;
        assert!(world.mails().is_empty());
    }

    async fn what_was_perhaps_delivered_before_is_not_told_as_not_sent(world: World) {
        let world = with_page(world).await;
        let (room, mail) = world.bob_writes("one").await;
        world.relay.fail_next(SendError::Transient { reply: "connection lost after DATA".into(), uncertain: true });
        world.says(&bob(), &room, "two").await;
        world.wait(Duration::from_secs(31)).await;
        let perhaps = world.mail();
        press(&world, &token(&mail), true).await.unwrap();
        let said = notices(&world, &room, &alice());
        assert_eq!(said.last().unwrap(), &NOT_SENT.replace("not sent.", "perhaps delivered, and will not be sent again."), "{said:?}");
        // It was, and she answers it.
        press(&world, &token(&mail), false).await.unwrap();
        world.alice_mails("bob@mail.lab.test", &Letter::answering(&perhaps, "got both").without("To")).await;
        assert_eq!(world.said(&room, &alice()).last().unwrap(), "got both");
    }

    async fn one_who_left_is_told_elsewhere_and_called_by_nobody(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        let other = world.bob_opens_chat().await;
        let leave = world.homeserver.user_leaves(&room, &bob()).unwrap();
        world.push([leave]).await;
        world.settle().await;
        world.alice_mails(&mail.reply_to, &Letter::answering(&mail, "stop")).await;
        assert!(world.created_rooms().is_empty());
        let told = notices(&world, &other, &alice());
        assert!(told[0].starts_with("About the chat") && told[0].ends_with(STOPPED), "{told:?}");
    }

    async fn what_is_forgotten_about_an_address_leaves_its_will(world: World) {
        let (_, mail) = world.bob_writes("hello").await;
        world.alice_mails(&mail.reply_to, &Letter::answering(&mail, "stop")).await;
        let address = "alice@example.org".parse().unwrap();
        let store = &world.database.store;
        for (person, is_stopped) in [(Person::Address(&address, None), true), (Person::User(&bob()), false)] {
            store.forget(&person, world.bridge.now()).await.unwrap();
            let mut tx = store.read().await.unwrap();
            assert_eq!(tx.is_stopped(&bob(), &address).await.unwrap(), is_stopped);
        }
    }

    async fn our_own_footer_comes_back_unnoticed(world: World) {
        let world = with_page(world).await;
        let (room, mail) = world.bob_writes("Shall we meet on Friday at the station?").await;
        let unmarked = |text: &str| {
            Letter::by_alice(&format!("Re: {}", mail.subject))
                .with("In-Reply-To", &format!("<{}>", mail.message_id))
                .text(&format!("{text}\n\n{}", mail.text))
        };
        world.alice_mails(&mail.reply_to, &Letter::answering(&mail, "Friday is fine.")).await;
        world.alice_mails(&mail.reply_to, &unmarked("Friday is still fine.")).await;
        let below = format!("{}\n\nAt eight?", mail.text.lines().map(|line| format!("> {line}\n")).collect::<String>());
        let letter = Letter::by_alice("Re: Chat").with("In-Reply-To", &format!("<{}>", mail.message_id)).text(&below);
        world.alice_mails(&mail.reply_to, &letter).await;
        assert_eq!(world.said(&room, &alice()), ["Friday is fine.", "Friday is still fine.", "At eight?"]);
        // What he is shown of it on demand does not let him undo what she wants.
        world.says(&bob(), &room, "!quoted").await;
        world.settle().await;
        let quoted = notices(&world, &room, &alice()).pop().unwrap();
        assert!(quoted.contains("reply STOP or go to") && !quoted.contains(&token(&mail)), "{quoted}");
        world.alice_mails(&mail.reply_to, &unmarked("STOP").id("x@example.org")).await;
        assert_eq!(notices(&world, &room, &alice()).pop().unwrap(), STOPPED);
    }

    async fn people_with_a_penpal_of_their_own_are_people(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        let letter = Letter::answering(&mail, "Hello from my chat")
            .with("List-Unsubscribe", "<https://penpal.example.org/stop/1.a.b>, <mailto:alice+x@example.org?subject=unsubscribe%201.a.b>")
            .with("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
            .with("X-Penpal-Loop", "name.seal");
        world.alice_mails(&mail.reply_to, &letter).await;
        assert_eq!(world.homeserver.messages(&room, &alice())[0]["msgtype"], "m.text");
        for number in 0..30 {
            let letter = letter.clone().id(&format!("{number}@example.org"));
            world.alice_mails(&mail.reply_to, &letter.text(&format!("line {number}"))).await;
        }
        assert_eq!(world.said(&room, &alice()).len(), 31, "no machine is stopped");
    }
}
