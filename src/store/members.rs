//! Members: who is in a portal's room, under which name.

use ruma::{OwnedUserId, RoomId, UserId};

use super::query::{Statement, read_one};
use super::{Row, StoreError, Tx, get, parse};

impl Tx {
    /// Notes who a member of a portal's room is.
    pub async fn set_member(
        &mut self,
        room: &RoomId,
        user: &UserId,
        membership: &str,
        display_name: Option<&str>,
    ) -> Result<(), StoreError> {
        self.sql(
            "INSERT INTO members (room_id, user_id, membership, display_name) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (room_id, user_id) DO UPDATE SET membership = $3, display_name = $4",
        )
        .bind(room.as_str())
        .bind(user.as_str())
        .bind(membership)
        .bind(display_name)
        .later()
        .await
    }

    /// Who is known to be in a room.
    pub async fn joined_members(&mut self, room: &RoomId) -> Result<Vec<OwnedUserId>, StoreError> {
        self.sql(
            "SELECT user_id FROM members WHERE room_id = $1 AND membership = 'join' ORDER BY user_id LIMIT 100",
        )
        .bind(room.as_str())
        .all(|row| parse(row, "members", "user_id")).await
    }
}

/// A member's name, and whether somebody else has it.
pub(super) fn member_name(room: &RoomId, user: &UserId) -> Statement {
    Statement::new(
        "SELECT display_name, CAST(EXISTS (SELECT 1 FROM members AS others WHERE others.room_id = $1 \
         AND others.user_id <> $2 AND others.display_name = members.display_name \
         AND others.membership IN ('join', 'invite')) AS INTEGER) AS shared \
         FROM members WHERE room_id = $1 AND user_id = $2",
    )
    .bind(room.as_str())
    .bind(user.as_str())
}

/// What [`member_name`] answers, as it is shown: with the user ID behind it when somebody else in the room has the same one, and
/// the user ID where there is none (Matrix 1.19, "Calculating the display name for a user").
pub(super) fn shown_name(rows: &[Row], user: &UserId) -> Result<String, StoreError> {
    let known = read_one(rows, |row| {
        let name: Option<String> = get(row, "members", "display_name")?;
        Ok((
            name.unwrap_or_default(),
            get::<i32>(row, "members", "shared")? != 0,
        ))
    })?;
    Ok(match known {
        Some((name, true)) if !name.trim().is_empty() => format!("{name} ({user})"),
        Some((name, false)) if !name.trim().is_empty() => name,
        _ => user.to_string(),
    })
}
