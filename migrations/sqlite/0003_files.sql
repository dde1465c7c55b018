-- The same tables, columns and meaning as migrations/postgres/0003_files.sql.

-- In settings: link_key, random, with which links are signed.

-- Files that were too large for an email, behind the links in it. A row goes when its message is redacted, or its time is over.
CREATE TABLE files (
    id           TEXT PRIMARY KEY,           -- in the link; a hash
    event_id     TEXT NOT NULL,              -- the message that brought it
    uri          TEXT NOT NULL,              -- mxc://
    name         TEXT NOT NULL,              -- safe as a file name
    content_type TEXT NOT NULL,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX files_event ON files (event_id);
CREATE INDEX files_expiry ON files (expires_at);
