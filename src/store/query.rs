//! Statements, the values bound to them, and the rows that they answer, alike for both databases.

use std::fmt::Display;
use std::str::FromStr;

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, Decode, Postgres, Row as _, Sqlite, Type};

use super::{StoreError, Tx};

/// A value that is bound to a placeholder. NULL has a type as well: PostgreSQL wants to know it.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Int(i64),
    Text(Option<String>),
    Bytes(Vec<u8>),
    NoInt,
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        value.map_or(Self::NoInt, Self::Int)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        value.as_str().into()
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<Option<&str>> for Value {
    fn from(value: Option<&str>) -> Self {
        Self::Text(value.map(str::to_owned))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

/// A statement with its values.
#[derive(Debug)]
pub(super) struct Statement {
    /// Written here or in a file beside it, never made of foreign text.
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

impl Statement {
    pub(super) fn new(sql: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            values: Vec::new(),
        }
    }

    /// Binds the next placeholder.
    pub(super) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Several statements as one for SQLite, which runs them one after another: each gets placeholders of its own.
    pub(super) fn join(statements: Vec<Self>) -> Self {
        let mut joined = Self::new(String::with_capacity(
            statements.iter().map(|one| one.sql.len() + 8).sum(),
        ));
        for Self { sql, values } in statements {
            let before = joined.values.len();
            let mut pieces = sql.split('$');
            joined.sql.push_str(pieces.next().unwrap_or_default());
            for piece in pieces {
                let rest = piece.trim_start_matches(|c: char| c.is_ascii_digit());
                let digits = piece.strip_suffix(rest).unwrap_or_default();
                let number = before + digits.parse::<usize>().unwrap_or_default();
                joined.sql.push_str(&format!("${number}{rest}"));
            }
            joined.sql.push(';');
            joined.values.extend(values);
        }
        joined
    }

    pub(super) fn for_sqlite(self) -> Result<(String, SqliteArguments), sqlx::Error> {
        let mut arguments = SqliteArguments::default();
        arguments.reserve(self.values.len(), 0);
        for value in self.values {
            match value {
                Value::Int(value) => arguments.add(value),
                Value::Text(value) => arguments.add(value),
                Value::Bytes(value) => arguments.add(value),
                Value::NoInt => arguments.add(None::<i64>),
            }
            .map_err(sqlx::Error::Encode)?;
        }
        Ok((self.sql, arguments))
    }

    pub(super) fn for_postgres(self) -> Result<(String, PgArguments), sqlx::Error> {
        let mut arguments = PgArguments::default();
        for value in self.values {
            match value {
                Value::Int(value) => arguments.add(value),
                // PostgreSQL knows no U+0000, and nobody misses it.
                Value::Text(mut value) => {
                    if let Some(text) = &mut value {
                        text.retain(|c| c != '\0');
                    }
                    arguments.add(value)
                }
                Value::Bytes(value) => arguments.add(value),
                Value::NoInt => arguments.add(None::<i64>),
            }
            .map_err(sqlx::Error::Encode)?;
        }
        Ok((self.sql, arguments))
    }
}

/// A statement on its way into a transaction: made by [`Tx::sql`].
#[derive(Debug)]
pub(super) struct Query<'t> {
    tx: &'t mut Tx,
    statement: Statement,
}

impl Tx {
    /// Begins a statement.
    pub(super) fn sql(&mut self, sql: impl Into<String>) -> Query<'_> {
        let statement = Statement::new(sql);
        Query { tx: self, statement }
    }
}

impl Tx {
    /// Begins a statement that ends in a column, for the rows in which it is one of these numbers.
    pub(super) fn about(&mut self, sql: impl Into<String>, numbers: &[i64]) -> Query<'_> {
        let list: Vec<String> = (1..=numbers.len()).map(|number| format!("${number}")).collect();
        let mut query = self.sql(format!("{} IN ({})", sql.into(), list.join(", ")));
        for number in numbers {
            query = query.bind(*number);
        }
        query
    }
}

impl Query<'_> {
    /// Binds the next placeholder.
    pub(super) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.statement = self.statement.bind(value);
        self
    }

    /// Writes without asking for an answer: with the next statement that has one, or with the commit, which is where an
    /// error may come up. Going to SQLite and back costs more than most statements.
    pub(super) async fn later(self) -> Result<(), StoreError> {
        self.tx.defer(self.statement).await
    }

    /// All rows.
    pub(super) async fn rows(self) -> Result<Vec<Row>, StoreError> {
        self.tx.fetch(self.statement).await
    }

    /// All rows, each read by `read`.
    pub(super) async fn all<T>(
        self,
        read: impl Fn(&Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        read_all(&self.rows().await?, read)
    }

    /// The one row, or none, read by `read`.
    pub(super) async fn one<T>(
        self,
        read: impl FnOnce(&Row) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        read_one(&self.rows().await?, read)
    }

    /// The row of a statement that always has one, read by `read`.
    pub(super) async fn only<T>(
        self,
        read: impl FnOnce(&Row) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.one(read)
            .await?
            .ok_or_else(|| sqlx::Error::RowNotFound.into())
    }

    /// Whether there is a row: for a write, with `RETURNING 1`, whether it found something to write to.
    pub(super) async fn any(self) -> Result<bool, StoreError> {
        Ok(!self.rows().await?.is_empty())
    }
}

/// All rows, each read by `read`.
pub(super) fn read_all<T>(
    rows: &[Row],
    read: impl Fn(&Row) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    rows.iter().map(read).collect()
}

/// The one row, or none, read by `read`.
pub(super) fn read_one<T>(
    rows: &[Row],
    read: impl FnOnce(&Row) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    rows.first().map(read).transpose()
}

/// Parts of a list, for statements about many rows: at most 64 each, and only powers of two, so that there are few
/// different statements to prepare.
pub(super) fn in_batches<T>(mut list: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = list.len().checked_ilog2()?.min(6);
        let (batch, rest) = list.split_at_checked(1 << size)?;
        list = rest;
        Some(batch)
    })
}

/// `($1, $2, more), ($3, $4, more)` for two rows of two values and something that is the same for all.
pub(super) fn placeholders(rows: usize, values: usize, more: &str) -> String {
    let row = |row: usize| {
        let numbers: Vec<String> = (1..=values)
            .map(|value| format!("${}", row * values + value))
            .collect();
        format!("({}{more})", numbers.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

/// A row of either database.
#[derive(Debug)]
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What a column holds, in both databases.
pub(super) trait Cell:
    for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

impl<T> Cell for T where
    T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

/// Reads a column and says where the trouble is when it holds something else than the schema promises.
pub(super) fn get<T: Cell>(row: &Row, table: &'static str, column: &'static str) -> Result<T, StoreError> {
    match row {
        Row::Sqlite(row) => row.try_get(column),
        Row::Postgres(row) => row.try_get(column),
    }
    .map_err(|error| corrupt(table, column, &error))
}

/// Reads a text column that holds something typed: an ID, an address, a state.
pub(super) fn parse<T: FromStr>(row: &Row, table: &'static str, column: &'static str) -> Result<T, StoreError>
where
    T::Err: Display,
{
    let text: String = get(row, table, column)?;
    text.parse().map_err(|error| corrupt(table, column, &error))
}

/// [`parse`] for a column that may be NULL.
pub(super) fn parse_optional<T: FromStr>(
    row: &Row,
    table: &'static str,
    column: &'static str,
) -> Result<Option<T>, StoreError>
where
    T::Err: Display,
{
    let text: Option<String> = get(row, table, column)?;
    text.map(|text| text.parse())
        .transpose()
        .map_err(|error| corrupt(table, column, &error))
}

pub(super) fn corrupt(table: &'static str, column: &'static str, reason: &dyn Display) -> StoreError {
    StoreError::Corrupt {
        table,
        column,
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_taken_in_few_sizes() {
        let sizes =
            |length: usize| -> Vec<usize> { in_batches(&vec![0; length]).map(<[i32]>::len).collect() };
        assert_eq!(sizes(0), Vec::<usize>::new());
        assert_eq!(sizes(1), [1]);
        assert_eq!(sizes(100), [64, 32, 4]);
        assert_eq!(sizes(200), [64, 64, 64, 8]);
        assert_eq!(placeholders(2, 2, ", 'x'"), "($1, $2, 'x'), ($3, $4, 'x')");
    }

    #[test]
    fn joined_statements_keep_their_own_placeholders() {
        let with = |sql: &str, values: &[i64]| Statement {
            sql: sql.to_owned(),
            values: values.iter().map(|value| Value::Int(*value)).collect(),
        };
        let joined = Statement::join(vec![
            with("BEGIN", &[]),
            with("UPDATE a SET b = $2 WHERE c = $1", &[1, 2]),
            with("SELECT $1, $10", &[3]),
        ]);
        assert_eq!(
            joined.sql,
            "BEGIN;UPDATE a SET b = $2 WHERE c = $1;SELECT $3, $12;"
        );
        assert_eq!(joined.values.len(), 3);
    }
}
