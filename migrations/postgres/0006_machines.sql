-- The same tables, columns and meaning as migrations/sqlite/0006_machines.sql.

-- In settings: loop_key, random, with which our own mail is marked.

-- What machines have sent into a thread lately, so that it comes to an end.
CREATE TABLE machines (
    portal_id     BIGINT PRIMARY KEY,
    since         BIGINT NOT NULL,           -- when the count began
    messages      BIGINT NOT NULL,           -- machine-like messages since then
    stopped_until BIGINT NOT NULL,           -- until when the thread takes no more of them
    auto_reply_at BIGINT NOT NULL,           -- when an automatic reply was shown last
    came          BIGINT NOT NULL,           -- 1 when a mail has come since a program of the chat answered one
    gist          TEXT,                      -- a hash of what the last mail says
    answers       TEXT                       -- the Message-ID that it answers
);
