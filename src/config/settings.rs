//! What each layer is told of the configuration.

use super::{Config, ListenAddress, NewThread, Protocol, Strangers, Tls};
use crate::appservice::ServerSettings;
use crate::bridge::{self, BridgeSettings};
use crate::mail::listener::{self, Limits, ListenerSettings, TlsFiles};
use crate::mail::submit::{MESSAGE_TIMEOUT, RelayCredentials, RelaySettings, RelayTls};
use crate::matrix::client::{ClientSettings, UserNamespace};
use crate::store;

/// How long requests and mails under way may take to end once Penpal is stopped.
const STOP_TIME: std::time::Duration = std::time::Duration::from_secs(20);

/// Connections to the relay that are kept.
const RELAY_CONNECTIONS: usize = 16;

impl Config {
    /// For the bridge.
    pub fn bridge_settings(&self) -> BridgeSettings {
        BridgeSettings {
            namespace: self.puppets.clone(),
            addresses: self.addresses.clone(),
            default_user: self.mail.addresses.default_user.clone(),
            settle: self.chats.settle,
            settle_max: self.chats.settle_max,
            new_thread: match self.chats.new_thread {
                NewThread::Room => bridge::NewThread::Room,
                NewThread::Reuse => bridge::NewThread::Reuse,
            },
            strangers: match self.chats.strangers {
                Strangers::Anyone => store::Strangers::Anyone,
                Strangers::Contacts => store::Strangers::Contacts,
                Strangers::Nobody => store::Strangers::Nobody,
            },
            accept_plain_invites: self.chats.accept_plain_invites,
            history_limit: usize::try_from(self.chats.history_limit).unwrap_or(usize::MAX),
            give_up_after: self.queue.give_up_after,
            first_retry: self.queue.first_retry,
            longest_retry: self.queue.longest_retry,
            // Base64 adds a third, and the text needs room as well.
            max_attachment: self.mail.max_size / 10 * 7,
            double_puppet: self.double_puppet.is_some(),
        }
    }

    /// For the homeserver client.
    pub fn client_settings(&self) -> ClientSettings {
        ClientSettings {
            url: self.homeserver.url.clone(),
            appservice_id: self.appservice.id.clone(),
            as_token: self.appservice.as_token.clone(),
            namespace: UserNamespace {
                server_name: self.homeserver.server_name.clone(),
                user_prefix: self.appservice.user_prefix.clone(),
                bot: self.appservice.bot.clone(),
            },
            double_puppet_token: self.double_puppet.as_ref().map(|section| section.as_token.clone()),
            request_timeout: self.homeserver.request_timeout,
            media_timeout: self.homeserver.media_timeout,
        }
    }

    /// For the appservice's endpoints.
    pub fn server_settings(&self) -> ServerSettings {
        ServerSettings {
            listen: self.appservice.listen,
            hs_token: self.appservice.hs_token.clone(),
            max_transaction_size: usize::try_from(self.appservice.max_transaction_size).unwrap_or(usize::MAX),
            shutdown_timeout: STOP_TIME,
        }
    }

    /// For the relay.
    pub fn relay_settings(&self) -> RelaySettings {
        let relay = &self.mail.relay;
        RelaySettings {
            host: relay.host.clone(),
            port: relay.port(),
            tls: match relay.tls {
                Tls::None => RelayTls::None,
                Tls::Starttls => RelayTls::Starttls,
                Tls::Tls => RelayTls::Tls,
            },
            ca_file: relay.ca_file.clone(),
            credentials: relay.username.clone().zip(relay.password.clone()).map(|(username, password)| {
                RelayCredentials { username, password }
            }),
            hello_name: self.mail.domain.clone(),
            timeout: relay.timeout,
            message_timeout: MESSAGE_TIMEOUT,
            pool_size: RELAY_CONNECTIONS,
        }
    }

    /// For each door.
    pub fn listener_settings(&self) -> Vec<ListenerSettings> {
        let max_size = usize::try_from(self.mail.max_size).unwrap_or(usize::MAX);
        self.mail
            .listen
            .iter()
            .map(|door| ListenerSettings {
                protocol: match door.protocol {
                    Protocol::Lmtp => listener::Protocol::Lmtp,
                    Protocol::Smtp => listener::Protocol::Smtp,
                },
                address: match &door.address {
                    ListenAddress::Tcp(address) => {
                        listener::ListenAddress::Tcp { host: address.ip().to_string(), port: address.port() }
                    }
                    ListenAddress::Unix(path) => listener::ListenAddress::Unix(path.clone()),
                },
                hostname: door.hostname.clone().unwrap_or_else(|| self.mail.domain.clone()),
                tls: door
                    .certificate
                    .clone()
                    .zip(door.key.clone())
                    .map(|(certificate, key)| TlsFiles { certificate, key }),
                limits: Limits { max_size, max_buffered: max_size.saturating_mul(4), stop_time: STOP_TIME, ..Limits::default() },
            })
            .collect()
    }
}
