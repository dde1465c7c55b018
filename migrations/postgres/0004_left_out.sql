-- The same as migrations/sqlite/0004_left_out.sql.

-- What was left out of an email that came in: quotation, signature, footer. On the first message that the email became; NULL when it was
-- nothing, and once the message's text is forgotten.
ALTER TABLE messages ADD COLUMN left_out TEXT;
