//! Section `homeserver`: where it is and how long to wait for it.

use std::time::Duration;

use ruma::OwnedServerName;
use serde::{Deserialize, Deserializer};
use url::Url;

use super::value;

/// The homeserver.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Homeserver {
    /// Where its Client-Server API is, as Penpal reaches it.
    #[serde(deserialize_with = "value::url")]
    pub url: Url,
    /// Its name: the part of its user IDs after the colon.
    #[serde(deserialize_with = "server_name")]
    pub server_name: OwnedServerName,
    /// The longest a request may take, other than for media. Default 30s.
    #[serde(default = "request_timeout", deserialize_with = "value::duration")]
    pub request_timeout: Duration,
    /// The longest an upload or a download may take. Default 2m.
    #[serde(default = "media_timeout", deserialize_with = "value::duration")]
    pub media_timeout: Duration,
}

fn request_timeout() -> Duration {
    Duration::from_secs(30)
}

fn media_timeout() -> Duration {
    Duration::from_mins(2)
}

fn server_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OwnedServerName, D::Error> {
    value::parsed(
        deserializer,
        "a server name: give what stands after the colon in user IDs, such as example.org",
    )
}
