//! The configuration as the parts of Penpal want it.

use super::Config;
use crate::bridge::BridgeSettings;
use crate::matrix::client::{ClientSettings, UserNamespace};

impl Config {
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
            double_puppet_token: self
                .double_puppet
                .as_ref()
                .map(|registration| registration.as_token.clone()),
            request_timeout: self.homeserver.request_timeout,
            media_timeout: self.homeserver.media_timeout,
        }
    }

    /// For the bridge.
    pub fn bridge_settings(&self) -> BridgeSettings {
        BridgeSettings {
            namespace: self.puppets.clone(),
            addresses: self.addresses.clone(),
            default_user: self.mail.addresses.default_user.clone(),
            settle: self.chats.settle,
            settle_max: self.chats.settle_max,
            new_thread: self.chats.new_thread,
            strangers: self.chats.strangers,
            accept_plain_invites: self.chats.accept_plain_invites,
            history_limit: usize::try_from(self.chats.history_limit).unwrap_or(usize::MAX),
            give_up_after: self.queue.give_up_after,
            first_retry: self.queue.first_retry,
            longest_retry: self.queue.longest_retry,
            // Base64 makes four bytes of three, with a line end after each 76: room for text and headers is left.
            max_attachment: self.mail.max_size / 10 * 7,
            double_puppet: self.double_puppet.is_some(),
        }
    }
}
