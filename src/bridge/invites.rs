//! A puppet is invited: a direct chat begins, goes on, or is declined.

use std::time::Duration;

use ruma::{EventId, RoomId, UserId};
use serde_json::Value;

use super::inbox::event_key;
use super::rooms::{predecessor, state_text};
use super::{Bridge, Failure};
use crate::convert::address::{address_of, new_token};
use crate::matrix::MatrixError;
use crate::model::{EmailAddress, RoomEvent};
use crate::store::{Job, Lane, NewPortal, Portal, PortalState, Tx};

const NOT_DIRECT: &str = "I only take part in direct chats. Please start a direct chat with me.";
const OTHERS_INSIDE: &str = "I only take part in direct chats, and there are other people in this room.";
const USER_LEFT: &str = "The person whose chat this is has left.";
const OWN_DOMAIN: &str = "This address belongs to a Matrix user. Please invite that user instead.";
const SECOND_PUPPET: &str = "This chat is an email thread with somebody else already. A thread has one correspondent: please start another chat.";

/// How long an invite into a room waits for what came before in the room that it replaces.
const PATIENCE: Duration = Duration::from_secs(5);

/// Pages of history that are read back at most, whatever they hold.
const HISTORY_PAGES: usize = 20;

impl Bridge {
    /// Works an invite of a puppet.
    ///
    /// The flag `is_direct` is read from the invite: later membership events lose it. Without the flag, a room in which
    /// there would be only the inviter and the puppet counts as direct as well, where the admin allows it.
    pub(super) async fn work_invite(
        &self,
        job: &Job,
        event: &RoomEvent,
        puppet: &UserId,
    ) -> Result<(), Failure> {
        let Some(address) = address_of(&self.settings.namespace, puppet) else {
            return self
                .ignore(job, event, "an invite of a user ID that stands for no address")
                .await;
        };
        let earlier = self.earlier_portal(job, event, puppet).await?;
        self.ensure_puppet(puppet, &address, None).await?;
        let portal = match earlier {
            Earlier::OtherPuppet => return self.decline(job, event, puppet, SECOND_PUPPET).await,
            Earlier::Portal(portal) => Some(*portal),
            Earlier::None if self.settings.addresses.is_ours(&address) => {
                return self.decline(job, event, puppet, OWN_DOMAIN).await;
            }
            Earlier::None => {
                if let Some(reason) = self.no_chat(&event.sender, &address).await? {
                    return self.decline(job, event, puppet, &reason).await;
                }
                None
            }
        };
        let direct = portal.is_some() || event.content.get("is_direct") == Some(&Value::Bool(true));
        let public = state_text(&event.invite_state, "m.room.join_rules", "join_rule") == Some("public");
        if !direct && (public || !self.settings.accept_plain_invites) {
            return self.decline(job, event, puppet, NOT_DIRECT).await;
        }
        match self.homeserver.join(puppet, &event.room_id).await {
            Ok(()) => {}
            // The invite was withdrawn, or everybody is gone: there is nothing to take part in.
            Err(MatrixError::Refused { message, .. }) => {
                return self
                    .ignore(job, event, &format!("the room can't be joined: {message}"))
                    .await;
            }
            Err(error) => return Err(error.into()),
        }
        let facts = self.room_facts(puppet, &event.room_id).await?;
        if !direct && facts.others_than(puppet, &event.sender) > 0 {
            return self.decline(job, event, puppet, OTHERS_INSIDE).await;
        }
        let history = self
            .read_back(puppet, &event.room_id, Some(&event.event_id))
            .await?;
        // Whose thread it is must be there to read it: mail for one person must never come up before another. Who left when an earlier
        // attempt had let the puppet in may have said something before, which waits behind this, as does that they left.
        let user = portal.as_ref().map_or(&event.sender, |portal| &portal.user);
        if !facts.inside().any(|member| member.user_id == *user)
            && (facts.others_than(puppet, user) > 0 || !self.waits_to_leave(&history, user).await?)
        {
            return self.decline(job, event, puppet, USER_LEFT).await;
        }
        let mut tx = self.settle(job).await?;
        let portal = if let Some(portal) = portal {
            portal
        } else {
            self.new_portal(&mut tx, event, puppet, &address).await?
        };
        self.begin_portal(&mut tx, &portal, &event.room_id, &facts)
            .await?;
        self.apply_history(&mut tx, job, &history).await?;
        self.finish(tx, job).await
    }

    /// A portal for the room and the sender of an event.
    pub(super) async fn new_portal(
        &self,
        tx: &mut Tx,
        event: &RoomEvent,
        puppet: &UserId,
        address: &EmailAddress,
    ) -> Result<Portal, Failure> {
        // The thread of a puppet that was removed, or that left with its user, gets a room of its own when it goes on.
        tx.vacate_room(&event.room_id).await?;
        let new = NewPortal {
            user: &event.sender,
            address,
            puppet,
            room: Some(&event.room_id),
            token: &new_token(&*self.random),
            domain: self.settings.addresses.domain_of(&event.sender),
            subject: None,
        };
        let id = tx.create_portal(&new, self.now()).await?;
        tx.portal(id)
            .await?
            .ok_or_else(|| Failure::Fail(format!("portal {id} is not there")))
    }

    /// Whether the room, or the one that it replaces, is a portal already.
    async fn earlier_portal(
        &self,
        job: &Job,
        event: &RoomEvent,
        puppet: &UserId,
    ) -> Result<Earlier, Failure> {
        let mut tx = self.store.read().await?;
        if let Some(portal) = tx.portal_by_room(&event.room_id).await? {
            // A puppet that was removed has made place for another one.
            return Ok(match portal.state {
                _ if portal.puppet == puppet => Earlier::Portal(Box::new(portal)),
                PortalState::Removed | PortalState::Closed => Earlier::None,
                PortalState::Active => Earlier::OtherPuppet,
            });
        }
        let mut moved = tx.portal_by_successor(&event.room_id).await?;
        if let (None, Some(old)) = (&moved, predecessor(&event.invite_state)) {
            // Anybody can make a room and name any other as its predecessor: only the user can take a thread along.
            let portal = tx.portal_by_room(&old).await?;
            // The old room has not come as far as that yet, for it waits for the homeserver: the thread would be torn.
            if portal.is_none() && tx.waits_before(job, &Lane::room(&old)).await? {
                return Err(Failure::Later(self.now() + PATIENCE));
            }
            moved = portal.filter(|portal| portal.user == event.sender);
        }
        Ok(match moved {
            Some(portal) if portal.puppet == puppet => Earlier::Portal(Box::new(portal)),
            _ => Earlier::None,
        })
    }

    /// Whether the work behind this has that a user left the room, of which this is the history.
    async fn waits_to_leave(&self, history: &[RoomEvent], user: &UserId) -> Result<bool, Failure> {
        let mut tx = self.store.read().await?;
        for event in history {
            let is_theirs =
                event.event_type == "m.room.member" && event.state_key.as_deref() == Some(user.as_str());
            let leaves = is_theirs && matches!(event.text("membership"), Some("leave" | "ban"));
            if leaves && tx.is_waiting(&event_key(event)).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads a room's history back to the invite, or all of it: homeservers push nothing that was sent before the puppet
    /// joined, and clients that create a room with the first message send exactly then. Oldest event first.
    pub(super) async fn read_back(
        &self,
        puppet: &UserId,
        room: &RoomId,
        invite: Option<&EventId>,
    ) -> Result<Vec<RoomEvent>, Failure> {
        let mut history = Vec::new();
        let mut from: Option<String> = None;
        for _ in 0..HISTORY_PAGES {
            let page = match self.homeserver.history(puppet, room, from.as_deref()).await {
                Ok(page) => page,
                // The room hides what was said before: then it was not meant for us.
                Err(MatrixError::Refused { .. }) => break,
                Err(error) => return Err(error.into()),
            };
            for event in &page.events {
                let id = event.get("event_id").and_then(Value::as_str);
                if invite.is_some_and(|invite| id == Some(invite.as_str()))
                    || history.len() >= self.settings.history_limit
                {
                    history.reverse();
                    return Ok(history);
                }
                history.extend(RoomEvent::from_json(event).ok());
            }
            match page.next {
                Some(next) if !page.events.is_empty() => from = Some(next),
                _ => break,
            }
        }
        history.reverse();
        Ok(history)
    }
}

/// What is known of a room to which a puppet is invited.
enum Earlier {
    None,
    /// The thread goes on here.
    Portal(Box<Portal>),
    /// Another puppet has its thread here.
    OtherPuppet,
}
