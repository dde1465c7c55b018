//! Links by which an email user stops the emails of a Matrix user: in each email's `List-Unsubscribe` (RFC 2369, RFC 8058), and in the text of
//! a thread's first one.
//!
//! A link is `BASE/stop/TOKEN`, its token `THREAD.PAIR.SEAL`: the thread's number in the store, a hash of who writes to whom, and the seal over
//! both. It does not end, because people look for it in old mails, and it opens nothing else: the thread's reply address has a token of its own.

use url::Url;

use super::seal::{self, SealKey};
use crate::model::EmailAddress;

/// What a link's path begins with.
pub const PATH: &str = "stop";

/// What the subject of a mail begins with that does the same as the link.
const SUBJECT: &str = "unsubscribe";

/// Bytes of the hash that names a pair.
const PAIR_BYTES: usize = 10;

/// What makes tokens, and opens them.
#[derive(Clone, Debug)]
pub struct StopKey(SealKey);

/// Whose emails a token stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopTicket {
    /// A thread of the two.
    pub thread: i64,
    pair: String,
}

impl StopTicket {
    /// A ticket for the emails of a Matrix user to an address.
    pub fn new(thread: i64, user: &str, address: &EmailAddress) -> Self {
        Self {
            thread,
            pair: seal::name(&format!("{user}\n{address}"), PAIR_BYTES),
        }
    }

    /// A text without the tokens of this pair's threads, also where another program has written links anew; `None` when there are none.
    pub fn hidden_in(&self, text: &str) -> Option<String> {
        let lower = text.to_ascii_lowercase();
        let mut hidden = String::new();
        let mut from = 0;
        while let Some(at) = lower.get(from..)?.find(&self.pair) {
            let end = from + at + self.pair.len();
            hidden.push_str(text.get(from..end)?);
            let rest = text.get(end..)?;
            let seal = rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '%' | '='));
            hidden.push('\u{2026}');
            from = end + seal.unwrap_or(rest.len());
        }
        if from == 0 {
            return None;
        }
        hidden.push_str(text.get(from..)?);
        Some(hidden)
    }
}

impl StopKey {
    /// A key of its own, derived from another one.
    pub fn derived(from: &SealKey) -> Self {
        Self(from.derive(PATH))
    }

    /// The token for a ticket.
    pub fn token(&self, ticket: &StopTicket) -> String {
        let words = format!("{}.{}", ticket.thread, ticket.pair);
        let seal = self.0.seal(&words);
        format!("{words}.{seal}")
    }

    /// The ticket behind a token, in any case; `None` when this key did not make it.
    pub fn open(&self, token: &str) -> Option<StopTicket> {
        let token = token.to_ascii_lowercase();
        let (words, seal) = token.rsplit_once('.')?;
        if !self.0.holds(words, seal) {
            return None;
        }
        let (thread, pair) = words.split_once('.')?;
        Some(StopTicket {
            thread: thread.parse().ok()?,
            pair: pair.to_owned(),
        })
    }

    /// The ticket in the subject of a mail that asks to stop.
    pub fn in_subject(&self, subject: &str) -> Option<StopTicket> {
        let mut words = subject.split_whitespace();
        let begins = words.next()?.eq_ignore_ascii_case(SUBJECT);
        let token = words.next().filter(|_| begins)?;
        self.open(token).filter(|_| words.next().is_none())
    }
}

/// The link below `base`.
pub fn link(base: &Url, token: &str) -> String {
    format!("{}/{PATH}/{token}", base.as_str().trim_end_matches('/'))
}

/// The address of a mail that does the same (RFC 6068).
pub fn mailto(address: &EmailAddress, token: &str) -> String {
    let mut escaped = String::new();
    for byte in address.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~+@".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("mailto:{escaped}?subject={SUBJECT}%20{token}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::seal::KEY_BYTES;

    fn address(text: &str) -> EmailAddress {
        text.parse().unwrap()
    }

    #[test]
    fn a_token_opens_its_own_pair() {
        let key = StopKey::derived(&SealKey::new([7; KEY_BYTES]));
        let ticket = StopTicket::new(17, "@bob:lab.test", &address("alice@example.org"));
        let token = key.token(&ticket);
        assert_eq!(key.open(&token), Some(ticket.clone()));
        assert_eq!(key.open(&token.to_uppercase()), Some(ticket.clone()));
        assert_eq!(
            key.in_subject(&format!("Unsubscribe  {token}")),
            Some(ticket.clone())
        );
        for subject in [
            token.clone(),
            format!("Re: unsubscribe {token}"),
            format!("unsubscribe {token} x"),
            "unsubscribe".into(),
        ] {
            assert_eq!(key.in_subject(&subject), None, "{subject}");
        }
        let other = StopTicket::new(17, "@bob:lab.test", &address("erin@example.net"));
        assert_ne!(other, ticket);
        let (words, seal) = token.rsplit_once('.').unwrap();
        for forged in [
            String::new(),
            "..".into(),
            words.to_owned(),
            format!("{words}."),
            token.replacen("17", "18", 1),
            format!("{}.{seal}", key.token(&other).rsplit_once('.').unwrap().0),
            format!("x.{token}"),
            format!("{token}.x"),
        ] {
            assert_eq!(key.open(&forged), None, "{forged}");
        }
        let stranger = StopKey::derived(&SealKey::new([8; KEY_BYTES]));
        assert_eq!(stranger.open(&token), None);
    }

    #[test]
    fn tokens_are_hidden_however_they_are_written() {
        let key = StopKey::derived(&SealKey::new([7; KEY_BYTES]));
        let ticket = StopTicket::new(17, "@bob:lab.test", &address("alice@example.org"));
        let token = key.token(&ticket);
        let seal = token.rsplit('.').next().unwrap();
        let other = StopTicket::new(4, "@bob:lab.test", &address("alice@example.org"));
        for text in [
            format!("> or go to https://example.org/stop/{token}\n> bye"),
            format!("<a href=\"https://example.org/stop/{token}\">{token}</a> bye"),
            format!(
                "https://safe.example/?url=https%3A%2F%2Fexample.org%2Fstop%2F{}&data=1 bye",
                token.replace('.', "%2E")
            ),
            format!("{} bye", token.to_uppercase()),
        ] {
            let hidden = other.hidden_in(&text).unwrap();
            assert!(!hidden.to_ascii_lowercase().contains(seal), "{hidden}");
            assert!(hidden.ends_with("bye") && hidden.contains('\u{2026}'), "{hidden}");
        }
        assert_eq!(ticket.hidden_in("nothing of the kind, \u{e9}"), None);
    }

    #[test]
    fn links_are_links() {
        let base = Url::parse("https://example.org/penpal/").unwrap();
        assert_eq!(link(&base, "1.a.b"), "https://example.org/penpal/stop/1.a.b");
        assert_eq!(
            mailto(&address("zoe.z~2bx=matrix.org+k3jd@mail.lab.test"), "1.a.b"),
            "mailto:zoe.z~2bx%3Dmatrix.org+k3jd@mail.lab.test?subject=unsubscribe%201.a.b"
        );
    }
}
