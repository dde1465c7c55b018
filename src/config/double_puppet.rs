//! Section `double_puppet`: acting for the homeserver's own people.

use secrecy::SecretString;
use serde::Deserialize;

use super::value;

/// The second registration, whose namespace covers the homeserver's people: with it Penpal accepts invites for them
/// and keeps their lists of direct chats right.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoublePuppet {
    /// The `as_token` of that registration.
    #[serde(deserialize_with = "value::secret")]
    pub as_token: SecretString,
}
