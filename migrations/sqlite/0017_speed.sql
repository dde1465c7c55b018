-- The same as migrations/postgres/0017_speed.sql, and a table that PostgreSQL does not need.

-- Whom the bot talks to.
CREATE INDEX bot_rooms_user ON bot_rooms (user_id);

-- Always empty: an insert fails. A transaction that writes the outcome of a job inserts here when the lane is not its own any more, and so
-- fails as a whole without asking first.
CREATE TABLE lost_leases (
    job_id BIGINT NOT NULL,
    CHECK (job_id IS NULL)
);
