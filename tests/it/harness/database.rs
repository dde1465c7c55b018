//! A fresh database for each test, of both kinds.

use penpal::store::Store;
use tempfile::TempDir;

/// Where the tests find PostgreSQL; `skip` leaves those tests out.
const POSTGRES: &str = "PENPAL_TEST_POSTGRES";

/// An empty store, and what must live as long as it.
pub struct Database {
    pub store: Store,
    pub url: String,
    _folder: Option<TempDir>,
}

impl Database {
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("penpal.db").display());
        Self {
            store: Store::connect(&url).await.unwrap(),
            url,
            _folder: Some(folder),
        }
    }

    /// The same, for as long as this one lives.
    pub fn handle(&self) -> Self {
        Self {
            store: self.store.clone(),
            url: self.url.clone(),
            _folder: None,
        }
    }

    /// Connects anew, after the connections were closed.
    pub async fn reconnect(&mut self) {
        self.store = Store::connect(&self.url).await.unwrap();
    }

    /// A schema of its own; `None` when PostgreSQL was left out on purpose.
    pub async fn postgres(test: &str) -> Option<Self> {
        Some(Self::at(Self::empty_postgres(test).await?).await)
    }

    /// The PostgreSQL database with this URL.
    pub async fn at(url: String) -> Self {
        Self {
            store: Store::connect(&url).await.unwrap(),
            url,
            _folder: None,
        }
    }

    /// The URL of a schema with nothing in it.
    pub async fn empty_postgres(test: &str) -> Option<String> {
        let url = std::env::var(POSTGRES).unwrap_or_else(|_| {
            panic!("{POSTGRES} is not set: run the tests through scripts/test, or set it to a postgres:// URL, or to `skip`")
        });
        if url == "skip" {
            return None;
        }
        let schema = format!("t_{:x}", hash(test));
        let admin = sqlx::PgPool::connect(&url).await.unwrap();
        for sql in [
            format!("DROP SCHEMA IF EXISTS {schema} CASCADE"),
            format!("CREATE SCHEMA {schema}"),
        ] {
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
                .execute(&admin)
                .await
                .unwrap();
        }
        admin.close().await;
        let separator = if url.contains('?') { '&' } else { '?' };
        Some(format!("{url}{separator}options[search_path]={schema}"))
    }
}

impl Database {
    /// Runs a statement behind the store's back.
    pub async fn run(&self, sql: &'static str) {
        sqlx::any::install_default_drivers();
        let pool = sqlx::AnyPool::connect(&self.url).await.unwrap();
        sqlx::raw_sql(sql).execute(&pool).await.unwrap();
        pool.close().await;
    }

    /// The number that a query answers.
    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::any::install_default_drivers();
        let pool = sqlx::AnyPool::connect(&self.url).await.unwrap();
        let count = sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap();
        pool.close().await;
        count
    }
}

/// A short name that is the same for the same test: schemas are dropped when the test runs again.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
