-- The same tables, columns and meaning as migrations/postgres/0007_consent.sql.

-- Email users who want no more mail of a Matrix user.
CREATE TABLE stops (
    user_id    TEXT NOT NULL,                -- the Matrix user
    address    TEXT NOT NULL,                -- the email user
    stopped_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, address)
);

-- What Matrix users have used of their limits, or will: each use has its time, which may be still to come.
CREATE TABLE spending (
    user_id  TEXT NOT NULL,
    resource TEXT NOT NULL,                  -- correspondent, message or file
    key      TEXT NOT NULL,                  -- counted once: the address of a correspondent, else the number of the job
    amount   BIGINT NOT NULL,                -- bytes of files, else 1
    spent_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, resource, key)
);
CREATE INDEX spending_latest ON spending (user_id, resource, spent_at);

-- Until when the limits hold an email back, as its chat was told.
ALTER TABLE drafts ADD COLUMN held_until BIGINT;

-- 1 when the email user has written, and it was verified that it was they.
ALTER TABLE portals ADD COLUMN wrote BIGINT NOT NULL DEFAULT 0;
UPDATE portals SET wrote = 1 WHERE EXISTS (SELECT 1 FROM emails WHERE emails.portal_id = portals.id AND emails.outgoing = 0);

-- Whose mail a Matrix user does not want, or wants although a machine writes it.
CREATE TABLE sender_rules (
    user_id TEXT NOT NULL,
    pattern TEXT NOT NULL,                   -- an address, a domain, or either with *
    rule    TEXT NOT NULL,                   -- block or allow
    PRIMARY KEY (user_id, pattern)
);
