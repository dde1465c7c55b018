//! Which token a user acts with.
//!
//! An appservice may act for the users of its namespace; with a second registration, whose namespace covers
//! the humans of the homeserver, also for those (double puppeting).

use ruma::UserId;
use secrecy::SecretString;

use super::ClientSettings;
use crate::matrix::MatrixError;

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
        if settings.namespace.is_ours(user) {
            return Ok(Self::Puppet(user));
        }
        let local = user.server_name() == settings.namespace.server_name();
        if local && settings.double_puppet_token.is_some() {
            return Ok(Self::Human(user));
        }
        let message = if local {
            format!("{user} is not a puppet, and no double_puppet.as_token is configured to act as a person")
        } else {
            format!(
                "{user} lives on another homeserver than {}",
                settings.namespace.server_name()
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
