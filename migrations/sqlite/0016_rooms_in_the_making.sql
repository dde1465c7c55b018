-- The same columns and meaning as migrations/postgres/0016_rooms_in_the_making.sql.

-- When the homeserver was last asked to make the portal's room, until the room is known: milliseconds since the epoch.
ALTER TABLE portals ADD COLUMN room_asked_at BIGINT;
