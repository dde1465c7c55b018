//! The configuration as the parts of Penpal want it.

use std::time::Duration;

use super::{Config, Dkim};
use crate::appservice::ServerSettings;
use crate::bridge::{BridgeSettings, DownloadSettings};
use crate::mail::authentication::Authentication;
use crate::mail::imap::MailboxSettings;
use crate::mail::listener::{Limits, ListenerSettings, TlsFiles};
use crate::mail::outgoing::WayOut;
use crate::mail::signing::{Signatures, SigningError};
use crate::mail::submit::RelaySettings;
use crate::matrix::client::ClientSettings;

/// How long requests in work may take to end: less than a service manager's patience.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(4);

impl Config {
    /// For the homeserver client.
    pub fn client_settings(&self) -> ClientSettings {
        ClientSettings {
            url: self.homeserver.url.clone(),
            appservice_id: self.appservice.id.clone(),
            as_token: self.appservice.as_token.clone(),
            namespace: self.puppets.clone(),
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
            permissions: self.permissions.levels(self.puppets.server_name()),
            recipients: self.limits.addresses(),
            limits: self.limits.amounts(),
            settle: self.chats.settle,
            settle_max: self.chats.settle_max,
            new_thread: self.chats.new_thread,
            strangers: self.chats.strangers,
            strangers_at_most: self.chats.strangers_at_most,
            unauthenticated: self.mail.authentication.unauthenticated,
            machines: self.mail.automatic.limits(),
            accept_plain_invites: self.chats.accept_plain_invites,
            history_limit: usize::try_from(self.chats.history_limit).unwrap_or(usize::MAX),
            give_up_after: self.queue.give_up_after,
            keep_delivered: self.queue.keep_delivered,
            first_retry: self.queue.first_retry,
            longest_retry: self.queue.longest_retry,
            max_attachment: self.max_attachment(),
            downloads: self.downloads.url.clone().map(|url| DownloadSettings {
                url,
                expire: self.downloads.expire,
            }),
            double_puppet: self.double_puppet.is_some(),
        }
    }

    /// How many bytes of files one email encloses.
    fn max_attachment(&self) -> u64 {
        // Base64 makes four bytes of three, with a line end after each 76: room for text and headers is left.
        let most = self.mail.max_size / 10 * 7;
        match self.downloads.url {
            Some(_) => most.min(self.downloads.above),
            None => most,
        }
    }

    /// For the endpoints that the homeserver calls.
    pub fn server_settings(&self) -> ServerSettings {
        ServerSettings {
            listen: self.appservice.listen,
            hs_token: self.appservice.hs_token.clone(),
            max_transaction_size: bytes(self.appservice.max_transaction_size),
            shutdown_timeout: SHUTDOWN_TIMEOUT,
        }
    }

    /// For the relay that all mail domains share which have none of their own.
    pub fn relay_settings(&self) -> RelaySettings {
        let folder = self.database.spool_folder();
        self.mail.relay.settings(self.addresses.domain(), &folder)
    }

    /// For the ways out of the mail domains, the main one first.
    pub fn ways_out(&self) -> Vec<WayOut> {
        let folder = self.database.spool_folder();
        let keys = |keys: &[Dkim]| keys.iter().map(Dkim::key_file).collect();
        let main = WayOut {
            domain: self.addresses.domain().to_owned(),
            relay: None,
            keys: keys(&self.mail.dkim),
        };
        // As the addresses have them: in ASCII.
        let others = self.addresses.domains().skip(1).zip(&self.mail.domains);
        let others = others.map(|(name, domain)| WayOut {
            domain: name.to_owned(),
            relay: domain.relay.as_ref().map(|relay| relay.settings(name, &folder)),
            keys: keys(&domain.dkim),
        });
        std::iter::once(main).chain(others).collect()
    }

    /// For what goes out from the main mail domain: its signatures. Reads the keys.
    pub fn signatures(&self) -> Result<Signatures, SigningError> {
        let keys: Vec<_> = self.mail.dkim.iter().map(Dkim::key_file).collect();
        Signatures::new(self.addresses.domain(), &keys)
    }

    /// For the gate behind the ways in.
    pub fn authentication(&self) -> Authentication {
        self.mail.authentication.settings()
    }

    /// For the ways in, one after the other.
    pub fn listener_settings(&self) -> Vec<ListenerSettings> {
        let doors = self.mail.listen.iter();
        doors
            .map(|door| ListenerSettings {
                protocol: door.protocol,
                address: door.address.clone(),
                hostname: door
                    .hostname
                    .clone()
                    .unwrap_or_else(|| self.addresses.domain().to_owned()),
                tls: door
                    .certificate
                    .clone()
                    .zip(door.key.clone())
                    .map(|(certificate, key)| TlsFiles { certificate, key }),
                limits: Limits {
                    max_size: bytes(self.mail.max_size),
                    spool: self.database.spool_folder().into(),
                    ..Limits::default()
                },
                rates: self.mail.rates.limits(),
            })
            .collect()
    }

    /// For the mailboxes from which mail is fetched, one after the other.
    pub fn mailbox_settings(&self) -> Vec<MailboxSettings> {
        let folder = self.database.spool_folder();
        let mailboxes = self.mail.imap.iter().enumerate();
        mailboxes
            .filter_map(|(index, mailbox)| mailbox.settings(index, bytes(self.mail.max_size), &folder))
            .collect()
    }
}

fn bytes(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}
