//! A fresh database for each test, of both kinds.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER_PERMISSIVE;
use penpal::store::Store;
use sqlx::AssertSqlSafe;
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
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&admin).await.unwrap();
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

impl Database {
    /// All tables but sqlx's own, with all that is in each, as text: what is in a file or a dump. Bytes are read as text.
    pub async fn dump(&self) -> BTreeMap<String, String> {
        sqlx::any::install_default_drivers();
        let pool = sqlx::AnyPool::connect(&self.url).await.unwrap();
        let sqlite = self.url.starts_with("sqlite:");
        let tables = if sqlite {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        } else {
            "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = current_schema()"
        };
        let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&pool).await.unwrap();
        let mut dump = BTreeMap::new();
        for table in tables.into_iter().filter(|table| table != "_sqlx_migrations") {
            let columns = if sqlite {
                format!("SELECT 'hex(' || name || ')' FROM pragma_table_info('{table}')")
            } else {
                format!(
                    "SELECT CASE data_type WHEN 'bytea' THEN 'encode(' || column_name || ', ''hex'')' \
                     ELSE 'encode(convert_to(CAST(' || column_name || ' AS TEXT), ''UTF8''), ''hex'')' END \
                     FROM information_schema.columns WHERE table_name = '{table}' AND table_schema = current_schema()"
                )
            };
            let columns = sqlx::query_scalar(AssertSqlSafe(columns));
            let columns: Vec<String> = columns.fetch_all(&pool).await.unwrap();
            let cells: Vec<String> = columns
                .iter()
                .map(|column| format!("COALESCE({column}, '')"))
                .collect();
            let rows = format!("SELECT {} FROM {table}", cells.join(" || '7c' || "));
            let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(rows))
                .fetch_all(&pool)
                .await
                .unwrap();
            let text = |row: &String| {
                let bytes = HEXLOWER_PERMISSIVE.decode(row.as_bytes()).unwrap();
                String::from_utf8_lossy(&bytes).into_owned()
            };
            dump.insert(table, rows.iter().map(text).collect::<Vec<_>>().join("\n"));
        }
        pool.close().await;
        dump
    }
}

/// A short name that is the same for the same test: schemas are dropped when the test runs again.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
