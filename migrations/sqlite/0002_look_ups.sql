-- Look-ups that would otherwise read a whole table: whether a user has any chat, which chat moves into a room, and in which rooms
-- a puppet is.
CREATE INDEX portals_user ON portals (user_id);
CREATE INDEX portals_successor ON portals (successor) WHERE successor IS NOT NULL;
CREATE INDEX members_user ON members (user_id);
