-- The same tables, columns and meaning as migrations/sqlite/0015_recording_and_retries.sql; only the type of the key differs.

-- What the homeserver sent while somebody records it, until `penpal record` has fetched it: seconds.
CREATE TABLE recorded (
    id      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    process TEXT NOT NULL,   -- which process it was sent to
    line    TEXT             -- a line of the recording; NULL when the process says that it records
);

-- Notices that say that something was given up: who reacts to one with 🔁 has it tried again.
CREATE TABLE retries (
    event_id  TEXT PRIMARY KEY,   -- the notice
    portal_id BIGINT NOT NULL,    -- in whose room it stands
    job_id    BIGINT NOT NULL     -- what was given up
);
CREATE INDEX retries_job ON retries (job_id);
CREATE INDEX retries_portal ON retries (portal_id);
