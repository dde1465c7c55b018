//! Which token a user acts with.
//!
//! An appservice may act for the users of its namespace; with a second registration, whose namespace covers
//! the humans of the homeserver, also for those (double puppeting).

use ruma::{OwnedServerName, UserId};
use secrecy::SecretString;

use super::ClientSettings;
use crate::matrix::MatrixError;

/// The users that are Penpal's own: the bot and every puppet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserNamespace {
    /// The homeserver's name, the part of its user IDs after the colon.
    pub server_name: OwnedServerName,
    /// What the localpart of every puppet begins with, such as `_email_`.
    pub user_prefix: String,
    /// The localpart of the appservice's own user (`sender_localpart`).
    pub bot: String,
}

impl UserNamespace {
    /// Whether `user` is the bot or a puppet.
    pub fn contains(&self, user: &UserId) -> bool {
        user.server_name() == self.server_name
            && (user.localpart() == self.bot || user.localpart().starts_with(&self.user_prefix))
    }
}

/// As whom a request is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Actor<'a> {
    /// The appservice itself, with its token and no user: registering users, pinging.
    Appservice,
    /// A user of our namespace, with the appservice's token.
    Puppet(&'a UserId),
    /// A human of the homeserver, with the double-puppeting token.
    Human(&'a UserId),
    /// Nobody: no token is sent.
    Anonymous,
}

impl<'a> Actor<'a> {
    /// How to act as `user`, if that is allowed.
    pub(super) fn for_user(settings: &ClientSettings, user: &'a UserId) -> Result<Self, MatrixError> {
        if settings.namespace.contains(user) {
            return Ok(Self::Puppet(user));
        }
        let local = user.server_name() == settings.namespace.server_name;
        if local && settings.double_puppet_token.is_some() {
            return Ok(Self::Human(user));
        }
        let message = if local {
            format!("{user} is not a puppet, and no double_puppet.as_token is configured to act as a person")
        } else {
            format!(
                "{user} lives on another homeserver than {}",
                settings.namespace.server_name
            )
        };
        // The specification's code for an appservice that reaches outside its namespace.
        Err(MatrixError::Refused {
            status: 403,
            errcode: "M_EXCLUSIVE".to_owned(),
            message,
        })
    }

    /// The token to send.
    pub(super) fn token(self, settings: &ClientSettings) -> Option<&SecretString> {
        match self {
            Self::Appservice | Self::Puppet(_) => Some(&settings.as_token),
            Self::Human(_) => settings.double_puppet_token.as_ref(),
            Self::Anonymous => None,
        }
    }

    /// The user to name in the `user_id` query parameter.
    pub(super) fn user(self) -> Option<&'a UserId> {
        match self {
            Self::Puppet(user) | Self::Human(user) => Some(user),
            Self::Appservice | Self::Anonymous => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    #[test]
    fn only_the_bot_and_the_prefix_on_our_server_are_ours() {
        let namespace = UserNamespace {
            server_name: "hs.test".try_into().unwrap(),
            user_prefix: "_email_".to_owned(),
            bot: "penpal".to_owned(),
        };
        for (user, ours) in [
            (user_id!("@_email_alice=40example.org:hs.test"), true),
            (user_id!("@penpal:hs.test"), true),
            (user_id!("@penpal2:hs.test"), false),
            (user_id!("@bob:hs.test"), false),
            (user_id!("@_email_alice=40example.org:other.test"), false),
            (user_id!("@_email_alice=40example.org:hs.test:8448"), false),
            (user_id!("@penpal:hs.test.evil.test"), false),
        ] {
            assert_eq!(namespace.contains(user), ours, "{user}");
        }
    }
}
