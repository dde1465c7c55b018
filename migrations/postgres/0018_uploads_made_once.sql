-- The same as migrations/sqlite/0018_uploads_made_once.sql.

-- 0: the URI is made, and perhaps nothing is there yet.
ALTER TABLE uploads ADD COLUMN complete BIGINT NOT NULL DEFAULT 1;
