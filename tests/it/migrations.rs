//! Databases of earlier versions, of later ones, and of nobody yet.

use std::borrow::Cow;
use std::path::Path;

use penpal::model::Timestamp;
use penpal::store::{JobState, Store};
use ruma::room_id;
use sqlx::migrate::Migrator;
use sqlx::{AnyPool, Row as _};

use crate::harness::Database;

/// The checksum of each migration that a release may have run: the database remembers it, and Penpal refuses to start on another one.
const SUMS: &str = include_str!("migrations.sums");

/// What a version could store that the one before could not: its number, rows, and queries that answer 1 as long as they are there,
/// with what later versions made of them.
const CONTENTS: &[(i64, &[&str], &[&str])] = &[
    // A chat with its members, emails of its thread, a message with a picture, and an event that waits.
    (
        1,
        &[
            "INSERT INTO settings (name, value) VALUES ('server_name', 'lab.test')",
            "INSERT INTO portals (user_id, address, puppet_id, room_id, state, token, name, contacted, introduced, encrypted, created_at, touched_at) \
         VALUES ('@bob:lab.test', 'alice@example.org', '@_email_alice=40example.org:lab.test', '!r:lab.test', 'active', 'token', 'Tea', 1, 1, 0, 1, 2)",
            "INSERT INTO members (room_id, user_id, membership, display_name) VALUES ('!r:lab.test', '@bob:lab.test', 'join', 'Bob')",
            "INSERT INTO emails (message_id, portal_id, outgoing, subject, chain, created_at) VALUES ('m@mail.lab.test', 1, 1, 'Tea', '', 3)",
            "INSERT INTO emails (message_id, portal_id, outgoing, subject, chain, created_at) VALUES ('a@example.org', 1, 0, 'Tea', 'm@mail.lab.test', 3)",
            "INSERT INTO messages (portal_id, event_id, message_id, job_id, outgoing, sender, sender_name, event_type, content, body, sent_at) \
         VALUES (1, '$m', 'm@mail.lab.test', 1, 1, '@bob:lab.test', 'Bob', 'm.room.message', '{\"body\": \"Tea?\"}', 'Tea?', 3)",
            "INSERT INTO lanes (lane, class, due_at) VALUES ('room:!r:lab.test', 0, 4)",
            "INSERT INTO jobs (lane, kind, key, state, due_at, created_at) VALUES ('room:!r:lab.test', 'event', 'event:$e', 'waiting', 4, 4)",
            "INSERT INTO drafts (job_id, portal_id, sender, message_id, first_at, frozen) VALUES (2, 1, '@bob:lab.test', 'd@mail.lab.test', 4, {bytes})",
            "INSERT INTO puppets (user_id, address, display_name) VALUES ('@_email_alice=40example.org:lab.test', 'alice@example.org', 'Alice')",
            "INSERT INTO users (user_id, strangers) VALUES ('@bob:lab.test', 'nobody')",
            "INSERT INTO bot_rooms (room_id, user_id) VALUES ('!bot:lab.test', '@bob:lab.test')",
            "INSERT INTO uploads (job_id, position, uri) VALUES (1, 0, 'mxc://lab.test/a')",
        ],
        &[
            "SELECT COUNT(*) FROM portals WHERE name = 'Tea' AND domain IS NULL AND room_asked_at IS NULL",
            "SELECT COUNT(*) FROM emails WHERE message_id = 'a@example.org' AND chain = 'm@mail.lab.test'",
            "SELECT COUNT(*) FROM messages WHERE event_id = '$m' AND body = 'Tea?' AND left_out IS NULL",
            "SELECT COUNT(*) FROM drafts WHERE frozen = {bytes} AND held_until IS NULL AND enclosed IS NULL",
            "SELECT COUNT(*) FROM puppets WHERE display_name = 'Alice'",
            "SELECT COUNT(*) FROM users WHERE strangers = 'nobody'",
            "SELECT COUNT(*) FROM bot_rooms WHERE user_id = '@bob:lab.test'",
            "SELECT COUNT(*) FROM uploads WHERE uri = 'mxc://lab.test/a'",
            // Whoever has answered has written.
            "SELECT COUNT(*) FROM portals WHERE wrote = 1",
        ],
    ),
    (
        3,
        &[
            "INSERT INTO files (id, event_id, uri, name, content_type, expires_at) VALUES ('f', '$m', 'mxc://lab.test/f', 'tea.pdf', 'application/pdf', 9)",
        ],
        &["SELECT COUNT(*) FROM files WHERE id = 'f' AND name = 'tea.pdf' AND expires_at = 9"],
    ),
    (
        5,
        &[
            "INSERT INTO reports (message_id, portal_id, delivery, room_id, event_id) VALUES ('m@mail.lab.test', 1, 'delayed', '!r:lab.test', '$n')",
            "INSERT INTO receipt_wishes (user_id) VALUES ('@bob:lab.test')",
        ],
        &[
            "SELECT COUNT(*) FROM reports WHERE delivery = 'delayed' AND event_id = '$n'",
            "SELECT COUNT(*) FROM receipt_wishes",
        ],
    ),
    (
        6,
        &[
            "INSERT INTO machines (portal_id, since, messages, stopped_until, auto_reply_at, came, gist) VALUES (1, 1, 2, 3, 4, 1, 'g')",
        ],
        &[
            "SELECT COUNT(*) FROM machines WHERE messages = 2 AND stopped_until = 3 AND gist = 'g' AND answers IS NULL",
        ],
    ),
    (
        7,
        &[
            "INSERT INTO stops (user_id, address, stopped_at) VALUES ('@bob:lab.test', 'erin@example.net', 5)",
            "INSERT INTO spending (user_id, resource, key, amount, spent_at) VALUES ('@bob:lab.test', 'correspondent', 'erin@example.net', 1, 5)",
            "INSERT INTO sender_rules (user_id, pattern, rule) VALUES ('@bob:lab.test', '*@example.com', 'block')",
        ],
        &[
            "SELECT COUNT(*) FROM stops WHERE address = 'erin@example.net' AND stopped_at = 5",
            "SELECT COUNT(*) FROM spending WHERE key = 'erin@example.net' AND amount = 1",
            "SELECT COUNT(*) FROM sender_rules WHERE pattern = '*@example.com' AND rule = 'block'",
        ],
    ),
    (
        8,
        &[
            "INSERT INTO mailboxes (mailbox, uid_validity, history, last_uid) VALUES ('m', 7, 8, 9)",
            "INSERT INTO mailbox_messages (mailbox, uid, outcome, since, attempts, due_at) VALUES ('m', 9, 'later', 1, 2, 3)",
        ],
        &[
            "SELECT COUNT(*) FROM mailboxes WHERE uid_validity = 7 AND history = 8 AND last_uid = 9",
            "SELECT COUNT(*) FROM mailbox_messages WHERE uid = 9 AND outcome = 'later' AND attempts = 2",
        ],
    ),
    (
        11,
        &["INSERT INTO signatures (user_id, signature) VALUES ('@bob:lab.test', 'Bob, tea')"],
        &["SELECT COUNT(*) FROM signatures WHERE signature = 'Bob, tea'"],
    ),
    (
        12,
        &[
            "INSERT INTO contents (job_id, size, created_at) VALUES (1, 3, 6)",
            "INSERT INTO pieces (content_id, number, bytes) VALUES (1, 0, {bytes})",
        ],
        &[
            "SELECT COUNT(*) FROM contents JOIN pieces ON content_id = id WHERE job_id = 1 AND size = 3 AND bytes = {bytes}",
        ],
    ),
    (
        15,
        &["INSERT INTO retries (event_id, portal_id, job_id) VALUES ('$n', 1, 1)"],
        &["SELECT COUNT(*) FROM retries WHERE event_id = '$n' AND job_id = 1"],
    ),
];

/// The migrations of this kind of database, in order.
async fn migrations(url: &str) -> Migrator {
    let kind = if url.starts_with("sqlite:") {
        "sqlite"
    } else {
        "postgres"
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("migrations")
        .join(kind);
    Migrator::new(folder).await.unwrap()
}

async fn pool(url: &str) -> AnyPool {
    sqlx::any::install_default_drivers();
    AnyPool::connect(&url.replace("sqlite:", "sqlite://").replace(".db", ".db?mode=rwc"))
        .await
        .unwrap()
}

/// A statement with bytes as this kind of database writes them.
fn written(url: &str, sql: &str) -> sqlx::AssertSqlSafe<String> {
    let bytes = if url.starts_with("sqlite:") {
        "X'00ff0d'"
    } else {
        "'\\x00ff0d'::BYTEA"
    };
    sqlx::AssertSqlSafe(sql.replace("{bytes}", bytes))
}

/// Makes the database as the version with this many migrations left it, with something in it since each of those before. Answers
/// the number of the last one.
async fn old_version(url: &str, count: usize) -> i64 {
    let all = migrations(url).await;
    let pool = pool(url).await;
    let mut version = 0;
    for some in 1..=count {
        let migrator = Migrator {
            migrations: Cow::Owned(all.iter().take(some).cloned().collect()),
            ..Migrator::DEFAULT
        };
        migrator.run(&pool).await.unwrap();
        version = all.iter().nth(some - 1).unwrap().version;
        let rows = CONTENTS.iter().filter(|(since, ..)| *since == version);
        for sql in rows.flat_map(|(_, rows, _)| *rows) {
            let done = sqlx::raw_sql(written(url, sql)).execute(&pool).await;
            done.unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
    }
    pool.close().await;
    version
}

/// Everything that a version had stored is still found in the tables.
async fn rows_are_there(url: &str, version: i64) {
    let pool = pool(url).await;
    let stored = CONTENTS.iter().filter(|(since, ..)| *since <= version);
    for sql in stored.flat_map(|(.., found)| *found) {
        let found: i64 = sqlx::query_scalar(written(url, sql))
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(found, 1, "from version {version}: {sql}");
    }
    pool.close().await;
}

async fn everything_is_there(url: &str, count: usize) {
    let store = Store::connect(url)
        .await
        .unwrap_or_else(|error| panic!("from version {count}: {error}"));
    let mut tx = store.read().await.unwrap();
    let portal = tx.portal_by_room(room_id!("!r:lab.test")).await.unwrap().unwrap();
    assert_eq!(
        (
            portal.user.as_str(),
            portal.address.as_str(),
            portal.name.as_deref()
        ),
        ("@bob:lab.test", "alice@example.org", Some("Tea"))
    );
    assert!(
        portal.contacted && portal.introduced && portal.token == "token",
        "from version {count}"
    );
    assert_eq!(
        tx.joined_members(room_id!("!r:lab.test")).await.unwrap(),
        ["@bob:lab.test"]
    );
    assert_eq!(
        tx.setting("server_name").await.unwrap().as_deref(),
        Some("lab.test")
    );
    let jobs = tx.list_jobs(JobState::Waiting, 0, 10).await.unwrap();
    assert_eq!(jobs.len(), 1, "from version {count}");
    drop(tx);
    let mut tx = store.begin().await.unwrap();
    tx.touch_portal(portal.id, Timestamp(5)).await.unwrap();
    tx.commit().await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_sqlite_database_of_each_earlier_version_is_taken_over() {
    let count = migrations("sqlite:").await.iter().count();
    for version in 1..=count {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("penpal.db").display());
        let last = old_version(&url, version).await;
        everything_is_there(&url, version).await;
        rows_are_there(&url, last).await;
    }
}

#[tokio::test]
async fn a_postgres_database_of_each_earlier_version_is_taken_over() {
    let count = migrations("postgres:").await.iter().count();
    for version in 1..=count {
        let Some(url) = Database::empty_postgres("migrations-earlier").await else {
            return;
        };
        let last = old_version(&url, version).await;
        everything_is_there(&url, version).await;
        rows_are_there(&url, last).await;
    }
}

/// `sqlite 0001_init HEX` for each migration.
async fn sums() -> Vec<String> {
    let mut sums = Vec::new();
    for kind in ["postgres", "sqlite"] {
        for one in migrations(&format!("{kind}:")).await.iter() {
            let name = one.description.replace(' ', "_");
            let sum = data_encoding::HEXLOWER.encode(&one.checksum);
            sums.push(format!("{kind} {:04}_{name} {sum}", one.version));
        }
    }
    sums
}

/// Whoever has run a migration can't start with another one under its number.
#[tokio::test]
async fn a_migration_is_never_changed() {
    let present = sums().await;
    let listed: Vec<&str> = SUMS.lines().collect();
    for line in &listed {
        assert!(
            present.iter().any(|sum| sum == line),
            "migrations are forward-only: add a new one. Not as it was released, or gone: {line}"
        );
    }
    for sum in &present {
        assert!(
            listed.contains(&sum.as_str()),
            "a new migration belongs into tests/it/migrations.sums, as the line\n{sum}"
        );
    }
}

/// Several processes begin at the same time with an empty database: each migration is made once, and nobody fails.
async fn all_at_once(url: &str) {
    let starts: Vec<_> = (0..6)
        .map(|_| {
            let url = url.to_owned();
            // A thread for each, as processes would have.
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                runtime.block_on(async {
                    let store = Store::connect(&url).await.map_err(|error| error.to_string())?;
                    store.close().await;
                    Ok::<(), String>(())
                })
            })
        })
        .collect();
    for start in starts {
        assert_eq!(start.join().unwrap(), Ok(()));
    }
    let count = migrations(url).await.iter().count();
    let pool = pool(url).await;
    let row = sqlx::query("SELECT COUNT(*) AS count FROM _sqlx_migrations")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(usize::try_from(row.get::<i64, _>("count")).unwrap(), count);
    pool.close().await;
}

#[tokio::test]
async fn several_processes_begin_on_an_empty_sqlite_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::File::create(folder.path().join("penpal.db")).unwrap();
    all_at_once(&format!("sqlite:{}", folder.path().join("penpal.db").display())).await;
}

#[tokio::test]
async fn several_processes_begin_on_an_empty_postgres_database() {
    if let Some(url) = Database::empty_postgres("migrations-at-once").await {
        all_at_once(&url).await;
    }
}

/// An older Penpal does not touch what a newer one has left.
async fn a_newer_schema_is_refused(database: Database) {
    database
        .run(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             SELECT 9000, 'later', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1",
        )
        .await;
    let error = Store::connect(&database.url).await.unwrap_err().to_string();
    assert!(
        error.contains("the database was last used by a newer Penpal") && error.contains("number 9000"),
        "{error}"
    );
}

#[tokio::test]
async fn a_newer_sqlite_database_is_refused() {
    a_newer_schema_is_refused(Database::sqlite().await).await;
}

#[tokio::test]
async fn a_newer_postgres_database_is_refused() {
    if let Some(database) = Database::postgres("migrations-newer").await {
        a_newer_schema_is_refused(database).await;
    }
}
