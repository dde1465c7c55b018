//! The homeserver or the database is away, and nothing is lost or doubled.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use penpal::appservice::Service as _;
use penpal::bridge::{Bridge, LEASE};
use penpal::mail::{Accepted, Leave, MailTransport, SendError};
use penpal::matrix::MatrixError;
use penpal::model::{Clock, Envelope, ManualClock, SeededRandom, Timestamp};
use penpal::replay::homeserver::Failure;
use penpal::store::{Expired, JobKind, JobState, Lane, LaneClass, NewJob, Store};
use penpal::worker::Worker;

use crate::harness::{Database, Letter, World, alice, bob};
use crate::stories;

/// A request that fails twice, carried out or not.
fn trouble(request: &'static str, carried_out: bool) -> Failure {
    Failure {
        request,
        room: None,
        spared: 0,
        times: 2,
        error: MatrixError::Transient {
            retry_after: None,
            reason: "502 from the proxy".into(),
        },
        carried_out,
    }
}

stories! {
    async fn a_homeserver_that_fails_at_any_step_gets_each_message_once(world: World) {
        let world = world.open_to_strangers().await;
        let steps = ["register", "set_display_name", "create_room", "reserve_media", "upload", "send", "read_receipt", "account_data", "set_account_data"];
        for (number, (step, carried_out)) in steps.iter().flat_map(|step| [(step, false), (step, true)]).enumerate() {
            let (who, puppet) = (format!("p{number}@example.org"), format!("@_email_p{number}=40example.org:lab.test"));
            let puppet = ruma::OwnedUserId::try_from(puppet).unwrap();
            world.homeserver.take_requests();
            world.homeserver.fail(trouble(step, carried_out));
            let letter = Letter::from(&who).with("Subject", &who).text("look").attach(&[("plan.pdf", "application/pdf", "%PDF-1.4")]);
            world.receives_gladly(&who, "bob@mail.lab.test", &letter.to_string()).await;
            let room = world.created_rooms().pop().unwrap();
            assert_eq!(world.said(&room, &puppet), ["look", "plan.pdf"], "{step} {carried_out}");
            assert_eq!(world.uploaded().len(), 1, "{step} {carried_out}");
            assert_eq!(world.direct(&puppet)["@bob:lab.test"][0], room.as_str(), "{step} {carried_out}");
            // Bob's answer to it is marked as read by the next mail; so are failures of that.
            world.homeserver.user_joins(&room, &bob());
            world.says(&bob(), &room, "seen").await;
            world.settle().await;
            let mail = world.mail();
            world.receives_gladly(&who, &mail.reply_to, &Letter::answering(&mail, "good").with("From", &who).to_string()).await;
            assert_eq!(world.said(&room, &puppet), ["look", "plan.pdf", "good"], "{step} {carried_out}");
        }
        assert!(world.jobs(JobState::Failed).await.is_empty());
        assert!(world.mails().is_empty());
    }

    async fn a_homeserver_that_makes_no_uris_in_advance_gets_files_in_one_step(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        let refused = |status: u16, code: &str| MatrixError::Refused { status, errcode: code.into(), message: "no".into() };
        world.homeserver.fail_next("reserve_media", refused(404, "M_UNRECOGNIZED"));
        let letter = Letter::answering(&mail, "look").attach(&[("plan.pdf", "application/pdf", "%PDF-1.4")]);
        world.alice_mails(&mail.reply_to, &letter).await;
        assert_eq!(world.said(&room, &alice()), ["look", "plan.pdf"]);
        // A day later, nobody knows the URI that was made.
        world.homeserver.fail_next("upload", refused(404, "M_NOT_FOUND"));
        world.alice_mails(&mail.reply_to, &letter.id("2@example.org")).await;
        assert_eq!(world.said(&room, &alice())[2..], ["look", "plan.pdf"]);
        assert_eq!(world.homeserver.requests_named("reserve_media").len(), 3);
        assert_eq!(world.uploaded().len(), 2);
    }

    async fn a_mail_that_was_shown_in_part_goes_on_with_the_rest(world: World) {
        let world = world.open_to_strangers().await;
        for (number, spared) in [1, 2].into_iter().enumerate() {
            let who = format!("p{number}@example.org");
            let card = "Alice Smith<br>Head of Sales<br><img src=\"cid:logo\"><br>Acme Ltd.<br>Tel. +44 1865 123456<br>www.acme.example";
            let body = format!(
                "--sep\nContent-Type: text/html\n\n<p>Dear Bob,</p><p>here is our offer.</p><p>{card}</p>\n\
                 --sep\nContent-Type: image/png\nContent-ID: <logo>\nContent-Disposition: inline; filename=logo.png\n\nlogo\n\
                 --sep\nContent-Type: application/pdf\nContent-Disposition: attachment; filename=offer.pdf\n\n%PDF-1.4\n--sep--\n"
            );
            let letter = Letter::from(&format!("Alice Smith <{who}>")).with("Subject", "Offer").with("MIME-Version", "1.0");
            let letter = letter.with("Content-Type", "multipart/mixed; boundary=sep").text(&body);
            world.homeserver.fail(Failure { spared, times: 1, ..trouble("send", true) });
            world.receives_gladly(&who, "bob@mail.lab.test", &letter.to_string()).await;
            let room = world.created_rooms().pop().unwrap();
            let puppet = ruma::OwnedUserId::try_from(format!("@_email_p{number}=40example.org:lab.test")).unwrap();
            let messages = world.homeserver.messages(&room, &puppet);
            let files: Vec<_> = messages[1..].iter().map(|message| (&message["filename"], &message["url"])).collect();
            let uploads = world.homeserver.requests_named("upload");
            let sent: Vec<_> = uploads.iter().rev().take(2).rev().map(|upload| (upload.detail("name"), upload.detail("uri"))).collect();
            assert_eq!(files, sent, "{messages:#?}");
            assert_eq!(files[1].0, "offer.pdf");
        }
    }

    async fn a_lost_answer_leaves_no_second_room_behind(world: World) {
        let world = world.open_to_strangers().await;
        world.homeserver.fail(trouble("create_room", true));
        world.alice_mails("bob@mail.lab.test", &Letter::by_alice("News").text("hello")).await;
        let rooms = world.created_rooms();
        let used: Vec<_> = rooms.iter().filter(|room| world.homeserver.membership(room, &alice()).as_deref() == Some("join")).collect();
        assert_eq!(used.len(), 1, "the others are left: {rooms:?}");
        assert_eq!(world.said(used[0], &alice()), ["hello"]);
    }

    async fn a_room_that_the_homeserver_has_not_pushed_yet_is_found(world: World) {
        let world = world.open_to_strangers().await;
        world.homeserver.fail(Failure { times: 1, ..trouble("create_room", true) });
        let taken = world.receives("alice@example.org", &["bob@mail.lab.test"], &Letter::by_alice("News").text("hello").to_string()).await;
        assert_eq!(taken, [Ok(())]);
        for _ in 0..2 {
            world.worker.run_due().await.unwrap();
            if let Some(due) = world.worker.next_due().await.unwrap() {
                world.clock.advance_to(due);
            }
        }
        assert_eq!(world.homeserver.requests_named("create_room").len(), 1);
        assert_eq!(world.said(&world.created_room(), &alice()), ["hello"]);
    }

    async fn a_homeserver_that_may_be_making_a_room_is_not_asked_for_another(world: World) {
        let world = world.open_to_strangers().await;
        world.homeserver.fail(Failure { times: 1, ..trouble("create_room", false) });
        world.alice_mails("bob@mail.lab.test", &Letter::by_alice("News").text("hello")).await;
        let asked = world.homeserver.requests_named("create_room");
        assert_eq!(asked.len(), 2);
        assert!(asked[1].at.since(asked[0].at) >= Duration::from_secs(10), "{asked:?}");
        assert_eq!(world.said(&world.created_room(), &alice()), ["hello"]);
    }

    async fn a_name_that_the_homeserver_refuses_does_not_stop_the_mail(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        let refused = MatrixError::Refused { status: 400, errcode: "M_FORBIDDEN".into(), message: "Changing display name is disabled on this server".into() };
        world.homeserver.fail_next("set_display_name", refused);
        world.alice_mails(&mail.reply_to, &Letter::answering(&mail, "hello Bob")).await;
        assert_eq!(world.said(&room, &alice()), ["hello Bob"]);
    }

    async fn a_message_that_the_homeserver_refuses_does_not_end_the_chat(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        world.homeserver.fail_next("send", MatrixError::Refused { status: 413, errcode: "M_TOO_LARGE".into(), message: "event too large".into() });
        world.alice_mails(&mail.reply_to, &Letter::answering(&mail, "odd")).await;
        assert_eq!(world.jobs(JobState::Failed).await.len(), 1, "kept for the admin");
        world.alice_mails(&mail.reply_to, &Letter::answering(&mail, "fine").id("2@example.org")).await;
        let said = world.said(&room, &alice());
        assert!(said.len() == 2 && said[0].contains("could not be shown") && said[1] == "fine", "{said:?}");
        assert!(world.created_rooms().is_empty());
    }

    async fn who_can_not_be_told_in_the_chat_is_told_in_another(world: World) {
        let room = world.bob_opens_chat().await;
        let other = world.bob_opens_chat().await;
        world.relay.fail_next(SendError::Permanent { reply: "550 5.1.1 no such user".into() });
        world.homeserver.fail_next("send", MatrixError::Refused { status: 403, errcode: "M_FORBIDDEN".into(), message: "muted".into() });
        world.says(&bob(), &room, "hello").await;
        world.settle().await;
        assert!(world.said(&room, &alice()).is_empty());
        let told = world.said(&other, &alice());
        assert!(told[0].starts_with("About the chat") && told[0].contains("no such user"), "{told:?}");
        assert!(!told[0].contains("🔁"), "{told:?}");
    }

    async fn a_room_that_is_gone_is_replaced_even_after_an_outage(world: World) {
        let (room, mail) = world.bob_writes("hello").await;
        world.homeserver.fail(trouble("set_display_name", false));
        world.homeserver.fail(Failure {
            request: "send", room: Some(room.clone()), spared: 0, times: 100, carried_out: false,
            error: MatrixError::Refused { status: 403, errcode: "M_FORBIDDEN".into(), message: "User not in room".into() },
        });
        world.alice_mails(&mail.reply_to, &Letter::answering(&mail, "anybody?")).await;
        assert_eq!(world.said(&world.created_room(), &alice()), ["anybody?"]);
        assert!(world.jobs(JobState::Failed).await.is_empty());
    }

    async fn a_user_who_cannot_be_invited_keeps_the_mail_for_the_admin(world: World) {
        let world = world.open_to_strangers().await;
        for _ in 0..10 {
            world.homeserver.fail_next("create_room", MatrixError::Refused { status: 403, errcode: "M_FORBIDDEN".into(), message: "no invites".into() });
        }
        world.alice_mails("bob@mail.lab.test", &Letter::by_alice("News").text("hello")).await;
        assert_eq!(world.jobs(JobState::Failed).await.len(), 1);
        assert_eq!(world.homeserver.requests_named("create_room").len(), 1, "not again and again");
    }

    async fn without_a_database_mail_is_put_off_and_not_lost(world: World) {
        let mut world = world;
        let (room, mail) = world.bob_writes("hello").await;
        let letter = Letter::answering(&mail, "hello Bob");
        world.database.store.close().await;
        assert_eq!(world.alice_is_refused(&mail.reply_to, &letter).await, (451, "4.3.0"));
        let raw = letter.to_string().replace('\n', "\r\n").into_bytes().into();
        let incoming = penpal::model::IncomingMail::new(penpal::model::Peer::default(), "alice@example.org".into(), vec![mail.reply_to.clone()], raw);
        let answers = penpal::mail::Inbound::accept(&*world.bridge, &incoming).await;
        assert_eq!(answers[0].as_ref().unwrap_err().code, 451, "also after RCPT");
        let event = world.homeserver.user_says(&room, &bob(), "are you there?").unwrap();
        let body = serde_json::json!({"events": [event]});
        assert!(world.bridge.accept_transaction("x", &body).await.is_err(), "the homeserver keeps it as well");
        world.database.reconnect().await;
        world.restart().await;
        world.alice_mails(&mail.reply_to, &letter).await;
        assert_eq!(world.said(&room, &alice()), ["hello Bob"]);
        assert!(world.mail().text.contains("are you there?"));
    }
}

/// A clock by which a minute passes between any two looks at it, while the machine sleeps.
struct SleepyClock {
    clock: Arc<ManualClock>,
    asleep: AtomicBool,
}

impl Clock for SleepyClock {
    fn now(&self) -> Timestamp {
        let now = self.clock.now();
        if self.asleep.load(Ordering::SeqCst) {
            self.clock.advance_to(now + Duration::from_mins(1));
        }
        now
    }
}

/// A way out that is so slow that another process takes the message over meanwhile.
struct SlowRelay {
    store: Store,
    clock: Arc<SleepyClock>,
    asked: AtomicBool,
}

#[async_trait]
impl MailTransport for SlowRelay {
    async fn send(&self, _: &Envelope, _: &[u8], leave: &dyn Leave) -> Result<Accepted, SendError> {
        assert!(leave.is_given().await, "as long as nobody else has it");
        self.clock.asleep.store(true, Ordering::SeqCst);
        assert!(!leave.is_given().await, "the answer is a minute old");
        self.clock.asleep.store(false, Ordering::SeqCst);
        let mut tx = self.store.begin().await.unwrap();
        tx.end_all_leases().await.unwrap();
        let (taken, _) = tx
            .lease_lanes(
                LaneClass::Relay,
                "other",
                1,
                Timestamp(i64::MAX),
                LEASE,
                Expired::Taken,
            )
            .await
            .unwrap();
        assert_eq!(taken.len(), 1);
        assert!(!leave.is_given().await, "another process has it");
        self.asked.store(true, Ordering::SeqCst);
        Err(SendError::Withdrawn)
    }
}

/// A way out that takes longer than a lease runs without a sign of life. Meanwhile it has the right to write, as much else that works.
struct LongRelay {
    database: Database,
    clock: Arc<ManualClock>,
}

#[async_trait]
impl MailTransport for LongRelay {
    async fn send(&self, _: &Envelope, _: &[u8], _: &dyn Leave) -> Result<Accepted, SendError> {
        let lease = "SELECT MAX(lease_until) FROM lanes";
        let before = self.database.count(lease).await;
        let tx = self.database.store.begin().await.unwrap();
        self.clock.advance_to(self.clock.now() + LEASE / 2);
        tokio::time::pause();
        tokio::time::advance(LEASE / 2).await;
        tokio::time::resume();
        // The renewal is on its way, and waits.
        tokio::task::yield_now().await;
        tx.commit().await.unwrap();
        while self.database.count(lease).await == before {
            tokio::task::yield_now().await;
        }
        Ok(Accepted {
            reply: "250 at last".to_owned(),
        })
    }
}

/// Adds a job to a lane of the homeserver's side.
async fn add_job(world: &World, store: &Store, number: i64) {
    let job = NewJob {
        lane: Lane::portal(number),
        kind: JobKind::Notice,
        key: None,
        portal: None,
        payload: b"{}",
        due_at: world.bridge.now(),
    };
    let mut tx = store.begin().await.unwrap();
    tx.enqueue(&job, world.bridge.now()).await.unwrap();
    tx.commit().await.unwrap();
}

stories! {
    async fn who_asks_whether_it_is_ready_hears_that_it_can_not_write(world: World) {
        world.bridge.ready().await.unwrap();
        world.database.run("ALTER TABLE settings RENAME TO away").await;
        let reason = world.bridge.ready().await.unwrap_err();
        assert!(reason.contains("database"), "{reason}");
        world.database.run("ALTER TABLE away RENAME TO settings").await;
        world.bridge.ready().await.unwrap();
    }

    async fn a_process_whose_clock_is_ahead_takes_no_lane_that_is_in_work(world: World) {
        let store = &world.database.store;
        if store.is_single_process() {
            return;
        }
        add_job(&world, store, 1).await;
        let now = world.bridge.now();
        let lease = async |owner, now| {
            let tx = store.begin().await.unwrap();
            let (lanes, _) = tx.lease_lanes(LaneClass::Homeserver, owner, 1, now, LEASE, Expired::Taken).await.unwrap();
            lanes.len()
        };
        assert_eq!(lease("one", now).await, 1);
        let tomorrow = now + Duration::from_hours(24);
        assert_eq!(lease("two", tomorrow).await, 0, "the database's clock decides");
        let mut tx = store.begin().await.unwrap();
        tx.end_leases_of("one").await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(lease("two", now).await, 1);
    }

    async fn after_trouble_with_the_database_everybody_finds_their_lanes_again(world: World) {
        let store = &world.database.store;
        add_job(&world, store, 1).await;
        let now = world.bridge.now();
        let lease = async |owner, expired| {
            let tx = store.begin().await.unwrap();
            let leased = tx.lease_lanes(LaneClass::Homeserver, owner, 1, now, Duration::ZERO, expired).await;
            leased.unwrap().0.len()
        };
        assert_eq!(lease("one", Expired::Taken).await, 1);
        assert_eq!(lease("two", Expired::Spared).await, 0, "the lease has run out, but the first process may come back");
        assert_eq!(lease("two", Expired::Taken).await, 1);
    }

    async fn a_process_that_stands_still_holds_up_nobody_for_long(world: World) {
        let store = &world.database.store;
        if store.is_single_process() {
            return;
        }
        add_job(&world, store, 1).await;
        let mut frozen = store.begin().await.unwrap();
        frozen.lock_lane(&Lane::portal(1)).await.unwrap();
        // Whoever takes the lane over needs the lock that the frozen transaction has.
        let taking_over = tokio::time::timeout(Duration::from_secs(30), async {
            let mut tx = store.begin().await.unwrap();
            tx.lock_lane(&Lane::portal(1)).await.unwrap();
            tx.commit().await.unwrap();
        });
        taking_over.await.expect("PostgreSQL ends the frozen transaction");
        assert!(frozen.commit().await.is_err(), "its late writes are refused");
    }

    async fn an_email_that_another_process_has_taken_over_does_not_leave(world: World) {
        let mut world = world;
        if world.database.store.is_single_process() {
            return;
        }
        let room = world.bob_opens_chat().await;
        let clock = Arc::new(SleepyClock { clock: world.clock.clone(), asleep: AtomicBool::default() });
        let slow = Arc::new(SlowRelay { store: world.database.store.clone(), clock: clock.clone(), asked: AtomicBool::default() });
        let bridge = Bridge::open(
            world.database.store.clone(),
            world.homeserver.clone(),
            slow.clone(),
            clock,
            Arc::new(SeededRandom::new(7)),
            world.settings.clone(),
        );
        world.worker = Worker::new(Arc::new(bridge.await.unwrap()));
        world.says(&bob(), &room, "once").await;
        world.settle().await;
        assert!(slow.asked.load(Ordering::SeqCst), "it got as far as the relay");
        let mut tx = world.database.store.begin().await.unwrap();
        tx.end_leases_of("other").await.unwrap();
        tx.commit().await.unwrap();
        world.restart().await;
        world.settle().await;
        assert!(world.mail().text.contains("once"), "the other process sends it");
        assert!(world.mails().is_empty());
    }

    async fn an_email_that_takes_long_keeps_its_lane(world: World) {
        let mut world = world;
        let room = world.bob_opens_chat().await;
        let relay = LongRelay { database: world.database.handle(), clock: world.clock.clone() };
        let bridge = Bridge::open(
            world.database.store.clone(),
            world.homeserver.clone(),
            Arc::new(relay),
            world.clock.clone(),
            Arc::new(SeededRandom::new(8)),
            world.settings.clone(),
        );
        world.worker = Worker::new(Arc::new(bridge.await.unwrap()));
        world.says(&bob(), &room, "patience").await;
        tokio::time::timeout(Duration::from_mins(1), world.settle()).await.expect("nothing waits for itself");
        assert!(world.jobs(JobState::Waiting).await.is_empty());
        assert!(world.jobs(JobState::Failed).await.is_empty());
    }

    async fn a_room_that_was_made_in_vain_is_left(world: World) {
        if world.database.store.is_single_process() {
            return;
        }
        let world = world.open_to_strangers().await;
        let letter = Letter::from("alice@example.org").text("hello Bob");
        let answers = world.receives("alice@example.org", &["bob@mail.lab.test"], &letter.to_string()).await;
        assert_eq!(answers, [Ok(())]);
        let (asked_for, go_on) = world.homeserver.slow_next_room();
        let other = async {
            asked_for.await.unwrap();
            // The first process stands still for so long that its leases run out, and that no room can be on its way any more.
            let mut tx = world.database.store.begin().await.unwrap();
            tx.end_all_leases().await.unwrap();
            tx.commit().await.unwrap();
            let (bridge, _) = world.neighbour(Duration::from_mins(5)).await;
            Worker::new(bridge).run_due().await.unwrap();
            go_on.send(()).unwrap();
        };
        let (worked, ()) = tokio::join!(world.worker.run_due(), other);
        worked.unwrap();
        world.settle().await;
        let rooms = world.created_rooms();
        assert_eq!(rooms.len(), 2);
        assert_eq!(world.said(&rooms[0], &alice()), ["hello Bob"], "once, in the room that the other process has made");
        assert!(world.said(&rooms[1], &alice()).is_empty());
        let left = world.homeserver.requests_named("leave");
        assert_eq!(left.len(), 1);
        assert_eq!((left[0].user.as_ref(), left[0].room.as_ref()), (Some(&alice()), Some(&rooms[1])));
    }

    async fn a_process_that_ends_tells_of_the_work_that_it_leaves(world: World) {
        let store = &world.database.store;
        if store.is_single_process() {
            return;
        }
        let leaving = async {
            // Until the neighbour listens.
            loop {
                let command = Store::connect(&world.database.url).await.unwrap();
                command.tell_neighbours().await.unwrap();
                command.close().await;
            }
        };
        let heard = async {
            tokio::select! {
                () = leaving => {}
                _ = store.meet_neighbours() => panic!("nobody listens any more"),
                () = store.work_added(LaneClass::Relay) => {}
            }
        };
        tokio::time::timeout(Duration::from_mins(1), Box::pin(heard)).await.expect("it is heard of");
    }

    async fn a_process_hears_of_work_that_another_one_adds(world: World) {
        let store = &world.database.store;
        if store.is_single_process() {
            return;
        }
        let neighbour = Store::connect(&world.database.url).await.unwrap();
        let adding = async {
            for number in 0.. {
                add_job(&world, &neighbour, number).await;
            }
        };
        let heard = async {
            tokio::select! {
                () = adding => {}
                _ = neighbour.meet_neighbours() => panic!("the neighbour tells no more"),
                _ = store.meet_neighbours() => panic!("nobody listens any more"),
                () = store.work_added(LaneClass::Homeserver) => {}
            }
        };
        tokio::time::timeout(Duration::from_mins(1), Box::pin(heard)).await.expect("it is heard of");
    }
}

#[tokio::test]
async fn a_commit_of_postgres_waits_for_its_disk_whatever_its_admin_has_set() {
    let Some(url) = Database::empty_postgres("outages_durable").await else {
        return;
    };
    let database = Database::at(format!("{url}&options[synchronous_commit]=off")).await;
    database
        .run(
            "CREATE TABLE waited (how TEXT); \
             CREATE FUNCTION note() RETURNS TRIGGER LANGUAGE plpgsql AS \
             $$ BEGIN INSERT INTO waited VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$; \
             CREATE TRIGGER note AFTER INSERT ON settings EXECUTE FUNCTION note()",
        )
        .await;
    let mut tx = database.store.begin().await.unwrap();
    tx.keep_setting("color", "red").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        database
            .count("SELECT count(*) FROM waited WHERE how = 'on'")
            .await,
        1
    );
}
