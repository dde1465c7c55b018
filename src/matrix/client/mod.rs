//! The homeserver over HTTP: [`HttpHomeserver`] speaks the [Client-Server API] with the appservice's token.
//!
//! Every request goes through one private function (`send.rs`), which sets the token in the `Authorization`
//! header and nowhere else, the user to act as in the `user_id` query parameter ([identity assertion]), the
//! time limit and the size limit, and turns what comes back into an answer or a [`MatrixError`]. Nothing is
//! tried again here: that is the work of the durable queue, which knows the order of jobs and their age.
//!
//! | file | what |
//! | --- | --- |
//! | `actor.rs` | which token a user acts with |
//! | `request.rs` | method, path, query and body of a request |
//! | `send.rs` | the one way to the network |
//! | `verdict.rs` | which errors are final |
//! | `homeserver.rs` | the endpoints |
//! | `media.rs` | download and upload |
//! | `new_room.rs` | the body of `createRoom` |
//!
//! [Client-Server API]: https://spec.matrix.org/latest/client-server-api/
//! [identity assertion]: https://spec.matrix.org/latest/application-service-api/#identity-assertion
//! [`MatrixError`]: super::MatrixError

mod actor;
mod homeserver;
mod media;
mod new_room;
mod request;
mod send;
#[cfg(test)]
mod tests;
mod verdict;

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::model::PuppetNamespace;

/// How to reach the homeserver, and as whom.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// Where the homeserver's Client-Server API is, such as `http://127.0.0.1:8008`; a path is kept as a prefix.
    pub url: Url,
    /// The `id` of the registration: the homeserver wants it in a ping.
    pub appservice_id: String,
    /// The registration's `as_token`.
    pub as_token: SecretString,
    /// Whose users the `as_token` may act for.
    pub namespace: PuppetNamespace,
    /// The `as_token` of the double-puppeting registration, whose namespace covers the homeserver's humans.
    pub double_puppet_token: Option<SecretString>,
    /// The longest a request may take, from connecting to the last byte of the answer.
    pub request_timeout: Duration,
    /// The same for uploads and downloads.
    pub media_timeout: Duration,
}

/// Why a client could not be built.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The homeserver's URL is of no use.
    #[error(
        "homeserver.url: {url} is not the address of a homeserver: give http:// or https:// and a host, without user, query and fragment"
    )]
    Url {
        /// The URL, without a password.
        url: String,
    },
    /// The TLS library could not be set up: most often there are no root certificates on the machine.
    #[error("the HTTP client could not be set up (are the system's CA certificates installed?): {0}")]
    Tls(String),
}

/// The homeserver, over HTTP. Cheap to share; holds a pool of connections.
pub struct HttpHomeserver {
    client: reqwest::Client,
    settings: ClientSettings,
}

impl HttpHomeserver {
    /// Builds the client. Nothing is sent yet.
    pub fn new(settings: ClientSettings) -> Result<Self, ClientError> {
        let url = &settings.url;
        let is_plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !is_plain {
            let mut shown = url.clone();
            // Fails only for URLs that can't have a password.
            let _cannot_have_one = shown.set_password(None);
            return Err(ClientError::Url {
                url: shown.to_string(),
            });
        }
        // Fails when a provider is installed already, which is as good.
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .user_agent(concat!("Penpal/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.request_timeout)
            // A redirect is followed where the specification allows it (media), and never with the token.
            .redirect(reqwest::redirect::Policy::none())
            // The token is for the homeserver, not for whatever `http_proxy` names in the environment.
            .no_proxy()
            .build()
            .map_err(|error| ClientError::Tls(send::causes(&error)))?;
        Ok(Self { client, settings })
    }
}
