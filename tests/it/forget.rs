//! Who is forgotten leaves nothing in the database: not in any column of any table, and not in the bytes of the file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use penpal::mail::SendError;
use penpal::model::EmailAddress;
use penpal::replay::homeserver::RoomOptions;
use penpal::store::{Forgotten, JobState, Person, Store, Strangers};

use crate::harness::{Database, Letter, World, alice, bob, carol, erin};
use crate::large_mails::film;
use crate::stories;

/// What only the chat between Alice and Bob is about, what only Alice wrote to Carol, and what only Bob wrote in Carol's chat with Erin.
const THEIR_WORDS: &str = "marmalade";
const ALICES_WORDS: &str = "quince";
const BOBS_WORDS: &str = "damson";

/// What stands for Alice, and for Bob.
const ALICE: &[&str] = &[
    THEIR_WORDS,
    ALICES_WORDS,
    "alice@example.org",
    "alice=40example.org",
    "Liddell",
];
const BOB: &[&str] = &[
    THEIR_WORDS,
    BOBS_WORDS,
    "@bob:lab.test",
    "bob@mail.lab.test",
    "Bob",
];

/// Tables in which nothing about a person can be: what holds for the whole store or its mailboxes, and numbers, which lead nowhere
/// once the rest is gone.
const IMPERSONAL: &[&str] = &[
    "contents",
    "lost_leases",
    "mailboxes",
    "mailbox_messages",
    "settings",
];

/// What the features leave in tables that no story here fills by itself.
const ROWS: &[&str] = &[
    "UPDATE portals SET successor = '!marmalade:lab.test', topic = 'marmalade' WHERE address = 'alice@example.org' AND user_id = '@bob:lab.test'",
    "INSERT INTO files (id, event_id, uri, name, content_type, expires_at) SELECT 'f', event_id, 'mxc://lab.test/f', 'marmalade.pdf', 'text/plain', 9000000000000 \
     FROM messages WHERE body LIKE '%marmalade%' ORDER BY id LIMIT 1",
    "INSERT INTO files (id, event_id, uri, name, content_type, expires_at) SELECT 'g', event_id, 'mxc://lab.test/g', 'damson.pdf', 'text/plain', 9000000000000 \
     FROM messages WHERE body LIKE '%damson%' ORDER BY id LIMIT 1",
    "INSERT INTO uploads (job_id, position, uri) SELECT id, 9, 'mxc://lab.test/marmalade' FROM jobs WHERE kind = 'mail' AND state = 'waiting' \
     AND portal_id IN (SELECT id FROM portals WHERE user_id = '@bob:lab.test' AND address = 'alice@example.org') LIMIT 1",
    "INSERT INTO reports (message_id, portal_id, delivery, room_id, event_id) SELECT 'marmalade', id, 'delayed', room_id, '$marmalade' \
     FROM portals WHERE address = 'alice@example.org' AND user_id = '@bob:lab.test' LIMIT 1",
    "INSERT INTO retries (event_id, portal_id, job_id) SELECT '$marmalade2', id, 1 FROM portals WHERE address = 'alice@example.org' AND user_id = '@bob:lab.test' LIMIT 1",
    "UPDATE machines SET gist = 'marmalade', answers = 'marmalade@example.org' \
     WHERE portal_id IN (SELECT id FROM portals WHERE address = 'alice@example.org' AND user_id = '@bob:lab.test')",
    "INSERT INTO stops (user_id, address, stopped_at) VALUES ('@carol:lab.test', 'alice@example.org', 1), ('@bob:lab.test', 'erin@example.net', 1)",
    "INSERT INTO spending (user_id, resource, key, amount, spent_at) VALUES ('@carol:lab.test', 'correspondent', 'alice@example.org', 1, 1)",
    "INSERT INTO sender_rules (user_id, pattern, rule) VALUES ('@carol:lab.test', 'alice@example.org', 'allow'), ('@bob:lab.test', '*@example.com', 'block')",
    "INSERT INTO users (user_id, strangers) VALUES ('@bob:lab.test', 'anyone')",
    "INSERT INTO receipt_wishes (user_id) VALUES ('@bob:lab.test')",
    "INSERT INTO signatures (user_id, signature) VALUES ('@bob:lab.test', 'damson')",
    "INSERT INTO bot_rooms (room_id, user_id) VALUES ('!bot:lab.test', '@bob:lab.test')",
    "INSERT INTO jobs (lane, kind, key, payload, state, due_at, created_at, error) VALUES ('room:!bot:lab.test', 'event', 'event:$bot', \
     '{\"sender\": \"@bob:lab.test\", \"content\": {\"body\": \"signature damson\"}}', 'failed', 1, 1, 'damson')",
    "INSERT INTO jobs (lane, kind, key, state, due_at, created_at, error) VALUES ('room:!other:lab.test', 'event', 'event:$o', 'dropped', 1, 1, \
     'neither @_email_alice=40example.org:lab.test nor @bob:lab.test is in the room')",
    // Work in a room that a chat had before it moved, and in one that never became a chat.
    "INSERT INTO members (room_id, user_id, membership, display_name) VALUES ('!before:lab.test', '@bob:lab.test', 'join', 'Bob'), \
     ('!before:lab.test', '@_email_alice=40example.org:lab.test', 'join', 'Alice Liddell')",
    "INSERT INTO jobs (lane, kind, key, payload, state, due_at, created_at) VALUES ('room:!before:lab.test', 'event', 'event:$before', \
     '{\"sender\": \"@bob:lab.test\", \"content\": {\"body\": \"marmalade before\"}}', 'failed', 1, 1)",
    "INSERT INTO jobs (lane, kind, payload, state, due_at, created_at) VALUES ('direct:@_email_alice=40example.org:lab.test', 'direct', \
     '{\"owner\": \"@_email_alice=40example.org:lab.test\", \"peer\": \"@bob:lab.test\"}', 'dropped', 1, 1)",
    "INSERT INTO lanes (lane, class, due_at) VALUES ('direct:@_email_alice=40example.org:lab.test', 0, 1), ('direct:@bob:lab.test', 0, 1)",
    "INSERT INTO recorded (process, line) VALUES ('p', '{\"sender\": \"@bob:lab.test\", \"to\": \"@_email_alice=40example.org:lab.test\"}')",
];

fn unavailable() -> SendError {
    SendError::Transient {
        reply: "the connection broke".into(),
        uncertain: true,
    }
}

/// Alice and Bob use everything, and others write of them, and with them.
async fn filled(world: World) -> World {
    let world = world
        .reconfigured(|settings| settings.strangers = Strangers::Anyone)
        .await;
    // What was delivered, both ways.
    let (room, first) = world.bob_writes("marmalade one").await;
    let answer = Letter::answering(&first, "marmalade two").id("marmalade@example.org");
    world.alice_mails(&first.reply_to, &answer).await;
    // What failed, and was told.
    world.relay.fail_next(SendError::Permanent {
        reply: "550 no marmalade here".into(),
    });
    world.says(&bob(), &room, "marmalade three").await;
    world.settle().await;
    assert_eq!(world.jobs(JobState::Failed).await.len(), 1);

    // Carol's chat with Erin, in which Bob is the third, and to which Alice has got hold of the reply address.
    let carols = world.opens_chat(&carol(), &erin(), &RoomOptions::default()).await;
    world.homeserver.user_invites(&carols, &carol(), &bob(), false);
    world.homeserver.user_joins(&carols, &bob());
    world
        .says(&carol(), &carols, "ask @bob:lab.test, or alice@example.org")
        .await;
    world.settle().await;
    let to_erin = world.mail();
    world.says(&bob(), &carols, "damson tart").await;
    world.settle().await;
    world.mail();
    // Without the quotation of what Carol wrote.
    let quince = |id: &str| {
        let letter = Letter::by_alice("Re: jam").id(id).text("quince jelly");
        letter.with("In-Reply-To", &format!("<{}>", to_erin.message_id))
    };
    world
        .alice_mails(&to_erin.reply_to, &quince("q1@example.org"))
        .await;

    // What waits: an email that is perhaps taken, one that is not begun, a large mail, a mail to another's chat, and an invite.
    world.relay.fail_next(unavailable());
    world.says(&bob(), &room, "marmalade four").await;
    world.wait(Duration::from_secs(31)).await;
    world.says(&bob(), &carols, "damson jam").await;
    world.homeserver_is_away("upload", 3);
    world.homeserver_is_away("send", 5);
    world.homeserver_is_away("join", 5);
    let large = Letter::answering(&first, "marmalade film").id("film@example.org");
    let large = large.attach(&[("marmalade.bin", "application/octet-stream", &film())]);
    for (recipient, letter) in [
        (&first.reply_to, large),
        (&to_erin.reply_to, quince("q2@example.org")),
    ] {
        let taken = world
            .receives("alice@example.org", &[recipient], &letter.to_string())
            .await;
        assert_eq!(taken, [Ok(())]);
    }
    world
        .homeserver
        .user_creates_room(&bob(), &[&alice()], &RoomOptions::default());
    world.work().await;
    for sql in ROWS {
        world.database.run(sql).await;
    }
    world
}

/// The tables in which any of these words is.
fn found(dump: &BTreeMap<String, String>, words: &[&str]) -> BTreeSet<String> {
    let tables = dump
        .iter()
        .filter(|(_, text)| words.iter().any(|word| text.contains(word)));
    tables.map(|(table, _)| table.clone()).collect()
}

/// What is found of somebody afterwards, word by word, for who reads the failure.
fn traces(dump: &BTreeMap<String, String>, words: &[&str]) -> Vec<String> {
    let lines = dump
        .iter()
        .flat_map(|(table, text)| text.lines().map(move |line| (table, line)));
    let lines = lines.filter(|(_, line)| words.iter().any(|word| line.contains(word)));
    lines
        .map(|(table, line)| format!("{table}: {}", line.chars().take(300).collect::<String>()))
        .collect()
}

async fn forget(world: &World, person: &Person<'_>) -> Forgotten {
    let forgotten = world.database.store.forget(person, world.bridge.now()).await;
    forgotten.unwrap()
}

fn address() -> EmailAddress {
    "alice@example.org".parse().unwrap()
}

stories! {
    async fn nothing_is_left_of_an_address_but_its_wish_to_get_no_emails(world: World) {
        let world = Box::pin(filled(world)).await;
        let before = world.database.dump().await;
        let tables = found(&before, &[ALICE, BOB].concat());
        let all: BTreeSet<String> = before.keys().cloned().collect();
        let mut without = all.difference(&tables).map(String::as_str);
        assert_eq!(without.find(|table| !IMPERSONAL.contains(table)), None, "a table that this test does not fill");
        assert!(forget(&world, &Person::Address(&address(), Some(&alice()))).await.chats >= 1);
        let mut after = world.database.dump().await;
        let stops = after.remove("stops").unwrap();
        assert!(stops.contains("alice@example.org"), "{stops}");
        assert_eq!(traces(&after, ALICE), [""; 0]);
        let nobody = world.database.count("SELECT COUNT(*) FROM contents").await;
        assert_eq!(nobody, 0);
        assert!(found(&after, BOB).contains("signatures"), "Bob is not forgotten");
    }

    async fn nothing_is_left_of_a_user(world: World) {
        let world = Box::pin(filled(world)).await;
        assert!(forget(&world, &Person::User(&bob())).await.chats >= 1);
        let after = world.database.dump().await;
        assert_eq!(traces(&after, BOB), [""; 0]);
        assert!(after["stops"].contains("@carol:lab.test"), "what Alice wants of others stays");
        assert_eq!(world.database.count("SELECT COUNT(*) FROM contents").await, 0);
    }

    async fn what_others_wait_for_is_theirs(world: World) {
        let world = Box::pin(filled(world)).await;
        let joins = world.homeserver.requests_named("join");
        let erins = joins.iter().find(|join| join.user.as_ref() == Some(&erin())).unwrap();
        let room = erins.room.clone().unwrap();
        world.mails();
        // Her email waits behind that of Bob, for which there was no relay.
        world.relay.fail_next(SendError::Transient { reply: "connection refused".into(), uncertain: false });
        world.says(&carol(), &room, "no longer ask @bob:lab.test, or alice@example.org").await;
        assert_eq!(world.mails().len(), 0);
        forget(&world, &Person::User(&bob())).await;
        forget(&world, &Person::Address(&address(), Some(&alice()))).await;
        // Nor does it wait for the time at which his would have been tried again.
        world.wait(Duration::from_secs(31)).await;
        let mail = world.mail();
        assert_eq!(mail.text.trim(), "no longer ask @bob:lab.test, or alice@example.org");
        assert_eq!(mail.in_reply_to.len(), 1, "the thread goes on");
        assert_eq!(world.said(&room, &erin()).iter().filter(|said| said.contains("quince")).count(), 1, "what waited is not said");
        // Who goes on is met as anybody new.
        world.says(&bob(), &room, "it is me").await;
        world.settle().await;
        assert_eq!(world.mail().text.trim(), "it is me");
    }
}

/// A page of text, which no page of the file has room for beside others.
fn pages(number: usize) -> String {
    format!("marmalade {number}, and more of it\n").repeat(200)
}

/// Bytes of the database and its log.
fn raw(folder: &std::path::Path) -> Vec<u8> {
    let mut bytes = fs::read(folder.join("penpal.db")).unwrap();
    bytes.extend(fs::read(folder.join("penpal.db-wal")).unwrap_or_default());
    bytes
}

fn holds(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|window| window == word.as_bytes())
}

/// As `penpal forget` does it, beside a Penpal at work.
async fn forgotten_beside(world: &World, person: &Person<'_>, words: &[&str]) {
    let path = world.database.url.strip_prefix("sqlite:").unwrap();
    let folder = std::path::Path::new(path).parent().unwrap();
    assert!(holds(&raw(folder), THEIR_WORDS));
    let beside = Store::connect_existing(&world.database.url).await.unwrap();
    let forgotten = beside.forget(person, world.bridge.now()).await.unwrap();
    assert!(forgotten.overwritten);
    beside.close().await;
    let bytes = raw(folder);
    let left: Vec<&&str> = words.iter().filter(|word| holds(&bytes, word)).collect();
    assert_eq!(left, [&""; 0]);
}

/// What was long delivered and removed before is still in the file, in pages that are free, and beside what others have.
#[tokio::test]
async fn nothing_of_who_is_forgotten_is_left_in_the_bytes_of_the_file() {
    let world = World::on(Database::sqlite().await, |_| {}).await;
    let world = Box::pin(filled(world)).await;
    world.settle().await;
    let room = world.bob_opens_chat().await;
    let others = world.opens_chat(&carol(), &erin(), &RoomOptions::default()).await;
    for number in 0..30 {
        world.says(&bob(), &room, &pages(number)).await;
        world
            .says(&carol(), &others, &format!("{number}: roses").repeat(50))
            .await;
        world.settle().await;
    }
    world.mails();
    world.wait(Duration::from_hours(8 * 24)).await;
    world.worker.forget_delivered().await.unwrap();
    for number in 0..30 {
        world.says(&bob(), &room, &pages(number)).await;
        world.says(&carol(), &others, "more roses").await;
    }
    world.settle().await;
    forgotten_beside(&world, &Person::User(&bob()), BOB).await;
    // Penpal goes on, on what is whole.
    world.says(&carol(), &others, "only roses").await;
    world.settle().await;
    assert!(world.mails().iter().any(|mail| mail.text.contains("only roses")));
    let whole = world
        .database
        .count("SELECT COUNT(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'");
    assert_eq!(whole.await, 1);
}
