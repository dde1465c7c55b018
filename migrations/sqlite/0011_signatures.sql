-- The same tables, columns and meaning as migrations/postgres/0011_signatures.sql.

-- What Matrix users want below all their emails.
CREATE TABLE signatures (
    user_id   TEXT PRIMARY KEY,
    signature TEXT NOT NULL        -- plain text of some lines
);
