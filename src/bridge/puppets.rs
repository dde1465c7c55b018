//! The puppets' accounts.

use ruma::{OwnedUserId, UserId};

use super::Bridge;
use crate::convert::address::{address_of, puppet_of};
use crate::matrix::MatrixError;
use crate::model::EmailAddress;
use crate::store::StoreError;

/// Longest display name that a puppet gets, in characters; homeservers refuse more than 256 bytes or so.
const LONGEST_NAME: usize = 100;

/// Why a puppet could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PuppetError {
    /// Trouble with the store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Trouble with the homeserver.
    #[error(transparent)]
    Matrix(#[from] MatrixError),
}

impl From<PuppetError> for super::Failure {
    fn from(error: PuppetError) -> Self {
        match error {
            PuppetError::Store(error) => error.into(),
            PuppetError::Matrix(error) => error.into(),
        }
    }
}

impl Bridge {
    /// Makes sure that a puppet exists, under the name that the email user gave, or its address.
    pub(super) async fn ensure_puppet(
        &self,
        puppet: &UserId,
        address: &EmailAddress,
        name: Option<&str>,
    ) -> Result<(), PuppetError> {
        let known = self.store.read().await?.puppet_name(puppet).await?;
        self.name_puppet(puppet, address, known, name).await
    }

    /// The same for a puppet whose name in the store is known; it does not exist yet when it has none.
    pub(super) async fn name_puppet(
        &self,
        puppet: &UserId,
        address: &EmailAddress,
        known: Option<String>,
        name: Option<&str>,
    ) -> Result<(), PuppetError> {
        let name = name.map(display_name).filter(|name| !name.is_empty());
        let wanted = match (&known, &name) {
            (Some(known), None) => known.clone(),
            (_, Some(name)) => name.clone(),
            (None, None) => address.to_string(),
        };
        if known.as_ref() == Some(&wanted) {
            return Ok(());
        }
        if known.is_none() {
            self.homeserver.register(puppet).await?;
        }
        match self.homeserver.set_display_name(puppet, &wanted).await {
            // Homeservers can forbid changes of names: no reason to keep mail waiting.
            Err(error @ MatrixError::Refused { .. }) => {
                tracing::warn!(%puppet, %error, "the puppet keeps the display name that it has");
            }
            other => other?,
        }
        let mut tx = self.store.begin().await?;
        tx.set_puppet(puppet, address, &wanted).await?;
        Ok(tx.commit().await?)
    }

    /// Whether a user ID asked for by the homeserver is a puppet; then it exists afterwards:
    /// `GET /_matrix/app/v1/users/{userId}`.
    pub async fn query_user(&self, user: &str) -> Result<bool, PuppetError> {
        let Ok(user) = OwnedUserId::try_from(user) else {
            return Ok(false);
        };
        if user == self.settings.namespace.bot() {
            self.homeserver.register(&user).await?;
            return Ok(true);
        }
        let Some(address) = address_of(&self.settings.namespace, &user) else {
            return Ok(false);
        };
        self.ensure_puppet(&user, &address, None).await?;
        Ok(true)
    }

    /// The puppet of an address.
    pub fn puppet_of(&self, address: &EmailAddress) -> Option<OwnedUserId> {
        puppet_of(&self.settings.namespace, address)
    }
}

/// A name from a mail header as a display name: one line, no control or bidirectional characters, bounded.
fn display_name(name: &str) -> String {
    let clean: String = name
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !c.is_control() && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'))
        .take(LONGEST_NAME)
        .collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}
