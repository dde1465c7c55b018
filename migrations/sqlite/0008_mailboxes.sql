-- The same tables, columns and meaning as migrations/postgres/0008_mailboxes.sql.

-- Mailboxes from which mail is fetched (IMAP).
CREATE TABLE mailboxes (
    mailbox      TEXT PRIMARY KEY,            -- user, server and folder
    uid_validity BIGINT NOT NULL DEFAULT 0,   -- with another one, all numbers of messages mean something else; 0 is none
    history      BIGINT NOT NULL DEFAULT 0,   -- up to this UID messages were there before Penpal: only unread ones are taken
    last_uid     BIGINT NOT NULL DEFAULT 0,   -- up to this UID it is decided what becomes of each message
    lease_owner  TEXT,                        -- the process that works on it
    lease_until  BIGINT NOT NULL DEFAULT 0    -- until when the others keep their hands off
);

-- Messages of a mailbox with which something is still to be done.
CREATE TABLE mailbox_messages (
    mailbox  TEXT NOT NULL,
    uid      BIGINT NOT NULL,
    outcome  TEXT NOT NULL,                   -- taken or refused: to be marked on the server; later: to be tried again
    since    BIGINT NOT NULL,                 -- when it was seen first
    attempts BIGINT NOT NULL,                 -- how often it was put off
    due_at   BIGINT NOT NULL,
    PRIMARY KEY (mailbox, uid)
);
