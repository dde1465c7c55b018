-- The same columns and meaning as migrations/sqlite/0013_enclosed.sql.

-- The large files of a frozen email, which are contents of its job: a list in JSON of where in `frozen` the base64 of each belongs, its
-- content and its size in bytes. NULL where `frozen` is all of it.
ALTER TABLE drafts ADD COLUMN enclosed TEXT;
