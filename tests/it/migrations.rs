//! Databases of earlier versions, of later ones, and of nobody yet.

use std::borrow::Cow;
use std::path::Path;

use penpal::model::Timestamp;
use penpal::store::{JobState, Store};
use ruma::room_id;
use sqlx::migrate::Migrator;
use sqlx::{AnyPool, Row as _};

use crate::harness::Database;

/// What the first version could store: a chat with its members, one email of its thread, and an event that waits.
const CONTENTS: &[&str] = &[
    "INSERT INTO settings (name, value) VALUES ('server_name', 'lab.test')",
    "INSERT INTO portals (user_id, address, puppet_id, room_id, state, token, name, contacted, introduced, encrypted, created_at, touched_at) \
     VALUES ('@bob:lab.test', 'alice@example.org', '@_email_alice=40example.org:lab.test', '!r:lab.test', 'active', 'token', 'Tea', 1, 1, 0, 1, 2)",
    "INSERT INTO members (room_id, user_id, membership, display_name) VALUES ('!r:lab.test', '@bob:lab.test', 'join', 'Bob')",
    "INSERT INTO emails (message_id, portal_id, outgoing, subject, chain, created_at) VALUES ('m@mail.lab.test', 1, 1, 'Tea', '', 3)",
    "INSERT INTO lanes (lane, class, due_at) VALUES ('room:!r:lab.test', 0, 4)",
    "INSERT INTO jobs (lane, kind, key, state, due_at, created_at) VALUES ('room:!r:lab.test', 'event', 'event:$e', 'waiting', 4, 4)",
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

/// Makes the database as the version with this many migrations left it, with something in it since the first.
async fn old_version(url: &str, count: usize) {
    let all = migrations(url).await;
    let pool = pool(url).await;
    for some in [1, count] {
        let migrator = Migrator {
            migrations: Cow::Owned(all.iter().take(some).cloned().collect()),
            ..Migrator::DEFAULT
        };
        migrator.run(&pool).await.unwrap();
        if some == 1 && pool_is_empty(&pool).await {
            for sql in CONTENTS {
                sqlx::raw_sql(*sql).execute(&pool).await.unwrap();
            }
        }
    }
    pool.close().await;
}

async fn pool_is_empty(pool: &AnyPool) -> bool {
    let row = sqlx::query("SELECT COUNT(*) AS count FROM portals")
        .fetch_one(pool)
        .await
        .unwrap();
    row.get::<i64, _>("count") == 0
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
        old_version(&url, version).await;
        everything_is_there(&url, version).await;
    }
}

#[tokio::test]
async fn a_postgres_database_of_each_earlier_version_is_taken_over() {
    let count = migrations("postgres:").await.iter().count();
    for version in 1..=count {
        let Some(url) = Database::empty_postgres("migrations-earlier").await else {
            return;
        };
        old_version(&url, version).await;
        everything_is_there(&url, version).await;
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
