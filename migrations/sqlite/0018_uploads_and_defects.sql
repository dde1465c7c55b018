-- The same as migrations/postgres/0018_uploads_and_defects.sql.

-- 0: the URI is made, and perhaps nothing is there yet.
ALTER TABLE uploads ADD COLUMN complete BIGINT NOT NULL DEFAULT 1;

-- 1: the mail can't be converted, because of a defect, and is shown as it came.
ALTER TABLE jobs ADD COLUMN unreadable BIGINT NOT NULL DEFAULT 0;
