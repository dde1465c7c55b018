-- The same tables, columns and meaning as migrations/sqlite/0005_reports.sql.

-- What mail servers have reported about an email that we sent. What was said once is not said again.
CREATE TABLE reports (
    message_id TEXT NOT NULL,                -- the email
    portal_id  BIGINT NOT NULL,
    delivery   TEXT NOT NULL,                -- delayed, delivered or failed: each may follow the ones before
    room_id    TEXT,                         -- where a delay was told
    event_id   TEXT,                         -- and by which event, to be taken back there
    PRIMARY KEY (message_id, portal_id)
);
CREATE INDEX reports_portal ON reports (portal_id);

-- Matrix users whose emails ask for a read notification.
CREATE TABLE receipt_wishes (
    user_id TEXT PRIMARY KEY
);
