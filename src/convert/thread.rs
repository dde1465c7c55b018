//! What ties emails into a thread: `Message-ID` and `References` (RFC 5322, section 3.6.4).

use data_encoding::BASE32_NOPAD;
use sha2::{Digest, Sha256};

/// Entries of `References` that are written: the first and the newest ones. Mail servers refuse header fields that
/// grow without end, and mail programs need no more.
const LONGEST_CHAIN: usize = 30;

/// The `Message-ID`, without angle brackets, of the email that begins with an event: the same in every attempt.
///
/// Hashed, because an event ID holds characters that mail programs break IDs at, and need not be told to strangers.
/// `instance` tells two installations apart that bridge the same event.
pub fn message_id(instance: &str, event_id: &str, domain: &str) -> String {
    let digest = Sha256::digest(format!("{instance}\n{event_id}"));
    let name = BASE32_NOPAD.encode(digest.get(..20).unwrap_or_default());
    format!("{}@{domain}", name.to_lowercase())
}

/// `References` of an answer to the email `parent` whose own `References` are `chain`: the first one stays, because
/// it names the thread; the middle goes.
pub fn references_after(chain: &[String], parent: &str) -> Vec<String> {
    let mut references: Vec<String> = chain.iter().filter(|id| *id != parent).cloned().collect();
    references.push(parent.to_owned());
    if references.len() > LONGEST_CHAIN {
        references.drain(1..=references.len() - LONGEST_CHAIN);
    }
    references
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_ids_are_stable_and_their_own() {
        let id = message_id("one", "$abc:hs.example", "mail.example.org");
        assert_eq!(id, message_id("one", "$abc:hs.example", "mail.example.org"));
        assert_ne!(id, message_id("two", "$abc:hs.example", "mail.example.org"));
        assert_eq!(id.len(), 32 + "@mail.example.org".len());
    }

    #[test]
    fn chains_keep_their_ends() {
        assert_eq!(references_after(&[], "a"), ["a"]);
        assert_eq!(references_after(&["a".into(), "b".into()], "b"), ["a", "b"]);
        let mut chain = Vec::new();
        for n in 0..100 {
            chain = references_after(&chain, &n.to_string());
        }
        assert_eq!(
            (
                chain.len(),
                chain[0].as_str(),
                chain[1].as_str(),
                chain[29].as_str()
            ),
            (30, "0", "71", "99")
        );
    }
}
