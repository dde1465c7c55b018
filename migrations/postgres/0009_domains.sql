-- The same tables, columns and meaning as migrations/sqlite/0009_domains.sql.

-- The mail domain from which the thread's Matrix user writes; NULL in threads that began when there was but one.
ALTER TABLE portals ADD COLUMN domain TEXT;
