-- The same as migrations/sqlite/0017_speed.sql, without the table lost_leases, which only SQLite needs.

-- Whom the bot talks to.
CREATE INDEX bot_rooms_user ON bot_rooms (user_id);
