//! Who brought a mail, and whether its author is who it says.

use std::net::IpAddr;

use super::EmailAddress;

/// The other side of a door, as far as the door knows it: what `Received` says (RFC 5321, section 4.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// Its address; `None` where there is none: a unix socket, a mailbox, standard input.
    pub address: Option<IpAddr>,
    /// The name by which it greeted, as given.
    pub hello: String,
    /// How the mail came: `ESMTP`, `LMTPS`, … (RFC 3848); empty where no protocol was spoken.
    pub with: &'static str,
    /// Our own name in that conversation.
    pub by: String,
}

impl Peer {
    /// The address of a server on the internet that hands its mail to us itself. `None` for a mail server of our own in front
    /// of us: LMTP is spoken by nobody else (RFC 2033, section 5), and a private address is a server beside us or, in a
    /// container, the machine around it.
    pub fn on_the_internet(&self) -> Option<IpAddr> {
        self.address
            .filter(|address| !self.with.contains("LMTP") && is_public(*address))
    }
}

fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(ip) => {
            let shared = ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64;
            !(ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified() || shared)
        }
        IpAddr::V6(ip) => {
            !(ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local())
        }
    }
}

/// What is known of the one author of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody looked, because the admin wants it so: the mail server in front refuses forged mail.
    Unchecked,
    /// The domain of this address, the only one in `From`, stands by the mail.
    Authenticated(EmailAddress),
    /// Nothing says that the author wrote it, and nothing says that somebody else did.
    Unauthenticated(Reason),
    /// The domain in `From` asks to have such mail refused or put aside (DMARC, RFC 9989).
    Forged {
        /// What was wrong.
        reason: Reason,
        /// Whether the one who gets the refusal is the one who sent the mail. A mail server of our own would make a
        /// bounce of it, to whomever the forger named.
        refusable: bool,
    },
    /// It takes an answer of the DNS that did not come.
    Undecided(Reason),
}

/// In a few words, for the log: `dmarc=fail`.
pub type Reason = std::borrow::Cow<'static, str>;

impl Verdict {
    /// Whether this address may speak for itself.
    pub fn vouches_for(&self, author: &EmailAddress) -> bool {
        match self {
            Self::Unchecked => true,
            Self::Authenticated(address) => address == author,
            Self::Unauthenticated(_) | Self::Forged { .. } | Self::Undecided(_) => false,
        }
    }

    /// One word, for the log, metrics and the trace field.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Unchecked => "unchecked",
            Self::Authenticated(_) => "authenticated",
            Self::Unauthenticated(_) => "unauthenticated",
            Self::Forged { .. } => "forged",
            Self::Undecided(_) => "undecided",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_on_the_internet() {
        for (address, with, expected) in [
            ("192.0.2.1", "ESMTP", true),
            ("2001:db8::1", "SMTP", true),
            ("192.0.2.1", "LMTP", false),
            ("127.0.0.1", "ESMTP", false),
            ("::ffff:127.0.0.1", "ESMTP", false),
            ("10.1.2.3", "ESMTP", false),
            ("172.17.0.1", "ESMTPS", false),
            ("100.64.0.1", "ESMTP", false),
            ("100.128.0.1", "ESMTP", true),
            ("fd00::1", "ESMTP", false),
            ("fe80::1", "ESMTP", false),
        ] {
            let peer = Peer {
                address: Some(address.parse().unwrap()),
                with,
                ..Peer::default()
            };
            assert_eq!(peer.on_the_internet().is_some(), expected, "{address} {with}");
        }
        assert_eq!(Peer::default().on_the_internet(), None);
    }

    #[test]
    fn who_may_speak() {
        let alice: EmailAddress = "alice@example.org".parse().unwrap();
        let mallory: EmailAddress = "mallory@example.org".parse().unwrap();
        assert!(Verdict::Authenticated(alice.clone()).vouches_for(&alice));
        assert!(!Verdict::Authenticated(mallory).vouches_for(&alice));
        assert!(Verdict::Unchecked.vouches_for(&alice));
        for verdict in [
            Verdict::Unauthenticated("none".into()),
            Verdict::Undecided("dns".into()),
            Verdict::Forged {
                reason: "dmarc=fail".into(),
                refusable: true,
            },
        ] {
            assert!(!verdict.vouches_for(&alice));
        }
    }
}
