-- The same tables, columns and meaning as migrations/postgres/0012_contents.sql; only the types of keys and bytes differ.

-- Payloads that are too large for the row of their job. They are written before it, and belong to it from the moment at which it is
-- committed.
CREATE TABLE contents (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id     BIGINT,                       -- whose it is; NULL while it is written, 0 once nobody needs it
    size       BIGINT NOT NULL,              -- bytes in all its pieces; 0 while it is written
    created_at BIGINT NOT NULL
);
CREATE INDEX contents_job ON contents (job_id);

-- Their bytes, 256 KiB in each but the last.
CREATE TABLE pieces (
    content_id BIGINT NOT NULL,
    number     BIGINT NOT NULL,              -- from 0 on
    bytes      BLOB NOT NULL,
    PRIMARY KEY (content_id, number)
);
