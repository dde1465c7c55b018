-- The same tables, columns and meaning as migrations/sqlite/0001_init.sql; only the types of keys and bytes differ.
-- Times are milliseconds since the Unix epoch; truth values are 0 and 1.

-- What holds for the whole store.
CREATE TABLE settings (
    name  TEXT PRIMARY KEY,  -- server_name: whose store this is; instance: random, part of every Matrix transaction ID
    value TEXT NOT NULL
);

-- A lane is a queue of jobs that are worked one after another. It has a row while a job waits in it.
CREATE TABLE lanes (
    lane        TEXT PRIMARY KEY,            -- room:ID, portal:ID, thread:ID or direct:USER
    class       BIGINT NOT NULL,             -- 0: its jobs talk to the homeserver, 1: to the mail relay
    due_at      BIGINT NOT NULL,             -- when its first job is due
    lease_owner TEXT,                        -- the process that works on it
    lease_until BIGINT NOT NULL DEFAULT 0    -- until when the others keep their hands off
);
CREATE INDEX lanes_due ON lanes (class, due_at);

-- The inbox and the outbox: every piece of work, from the moment it is acknowledged. The key of work that came
-- from outside stays for ever, so that it is worked once.
CREATE TABLE jobs (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lane        TEXT NOT NULL,
    kind        TEXT NOT NULL,               -- event, mail, email, notice or direct
    key         TEXT UNIQUE,                 -- event:ID or mail:HASH; NULL for work of our own
    portal_id   BIGINT,                      -- the portal it belongs to, where that is known
    payload     BYTEA,                        -- event JSON, raw mail or the job's own JSON; NULL once done
    state       TEXT NOT NULL,               -- waiting, done, failed or dropped
    due_at      BIGINT NOT NULL,
    attempts    BIGINT NOT NULL DEFAULT 0,   -- begun so far; counted before the attempt
    created_at  BIGINT NOT NULL,
    finished_at BIGINT,
    error       TEXT                         -- what the last attempt failed with
);
CREATE INDEX jobs_waiting ON jobs (lane, id) WHERE state = 'waiting';
CREATE INDEX jobs_failed ON jobs (id) WHERE state = 'failed';

-- Puppets that exist on the homeserver.
CREATE TABLE puppets (
    user_id      TEXT PRIMARY KEY,
    address      TEXT NOT NULL,              -- the email address it stands for
    display_name TEXT NOT NULL               -- as last set
);

-- Matrix users who chose something.
CREATE TABLE users (
    user_id   TEXT PRIMARY KEY,
    strangers TEXT NOT NULL                  -- anyone, contacts or nobody: who may start a thread by email
);

-- Rooms in which a user talks to the bot.
CREATE TABLE bot_rooms (
    room_id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL
);

-- One thread with one person, and the room that shows it.
CREATE TABLE portals (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    TEXT NOT NULL,                -- the Matrix user
    address    TEXT NOT NULL,                -- the email user
    puppet_id  TEXT NOT NULL,                -- the puppet, as the homeserver spells it
    room_id    TEXT UNIQUE,                  -- NULL until the room is there
    successor  TEXT,                         -- the room that a tombstone names, until the puppet is in it
    state      TEXT NOT NULL,                -- active, closed (the user left) or removed (the puppet was kicked)
    token      TEXT NOT NULL UNIQUE,         -- the reply token
    name       TEXT,                         -- of the room
    topic      TEXT,                         -- of the room
    subject    TEXT,                         -- of the thread: fixed by its first email
    contacted  BIGINT NOT NULL,              -- 1 when the Matrix user wrote to this person
    introduced BIGINT NOT NULL,              -- 1 when the first email went out, with its introduction
    encrypted  BIGINT NOT NULL,              -- 1 when the room is encrypted and the user was told
    created_at BIGINT NOT NULL,
    touched_at BIGINT NOT NULL               -- when the last message came, either way
);
CREATE INDEX portals_pair ON portals (address, user_id, touched_at);

-- Who is in a portal's room, under which name.
CREATE TABLE members (
    room_id      TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    membership   TEXT NOT NULL,
    display_name TEXT,
    PRIMARY KEY (room_id, user_id)
);

-- The emails of a thread, both ways: what a Message-ID belongs to.
CREATE TABLE emails (
    message_id   TEXT NOT NULL,              -- without angle brackets
    portal_id    BIGINT NOT NULL,
    outgoing     BIGINT NOT NULL,            -- 1: we sent it
    subject      TEXT NOT NULL,              -- without Re:
    chain        TEXT NOT NULL,              -- its References, oldest first, separated by blanks
    bounce_token TEXT UNIQUE,                -- in the return path of an email that we sent
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (message_id, portal_id)
);
CREATE INDEX emails_portal ON emails (portal_id, created_at);

-- Emails on their way out: gathering messages until the sender is quiet, then frozen while they are handed over.
CREATE TABLE drafts (
    job_id     BIGINT PRIMARY KEY,
    portal_id  BIGINT NOT NULL,
    sender     TEXT NOT NULL,                -- whose messages it gathers
    message_id TEXT NOT NULL,                -- fixed from the beginning
    first_at   BIGINT NOT NULL,              -- when the first message came: it does not wait for ever
    revision   BIGINT NOT NULL DEFAULT 0,    -- counts changes, so that what was rendered meanwhile is thrown away
    frozen     BYTEA                          -- the finished email; NULL while it may still change
);
CREATE INDEX drafts_portal ON drafts (portal_id);

-- The messages of a portal, both ways: which event is which email.
CREATE TABLE messages (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    portal_id   BIGINT NOT NULL,
    event_id    TEXT NOT NULL UNIQUE,
    message_id  TEXT NOT NULL,               -- the email it is part of
    job_id      BIGINT NOT NULL,             -- the job that delivers or delivered it
    outgoing    BIGINT NOT NULL,             -- 1: from Matrix to email
    sender      TEXT NOT NULL,
    sender_name TEXT NOT NULL,               -- at that moment, disambiguated
    event_type  TEXT NOT NULL,
    content     TEXT,                        -- JSON, edits folded in; NULL once redacted or no longer needed
    body        TEXT,                        -- plain text, to recognise it when it is quoted
    sent_at     BIGINT NOT NULL
);
CREATE INDEX messages_job ON messages (job_id, id);
CREATE INDEX messages_portal ON messages (portal_id, id);
CREATE INDEX messages_email ON messages (message_id, portal_id);

-- Attachments that are on the homeserver already, so that a retry does not upload them again.
CREATE TABLE uploads (
    job_id   BIGINT NOT NULL,
    position BIGINT NOT NULL,                -- which attachment of the job's mail
    uri      TEXT NOT NULL,
    PRIMARY KEY (job_id, position)
);
