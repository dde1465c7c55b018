//! Tokens: the unguessable part of reply and bounce addresses.

use data_encoding::{BASE32_NOPAD, BASE32_NOPAD_NOCASE};

use crate::model::Random;

/// How many random bytes a token holds.
const TOKEN_BYTES: usize = 16;

/// A fresh token: 128 random bits as 26 characters of lower-case base32 (RFC 4648, section 6, unpadded).
///
/// Base32 and not base64, because mail servers change the case of local parts.
pub fn new_token(random: &dyn Random) -> String {
    let mut bytes = [0; TOKEN_BYTES];
    random.fill(&mut bytes);
    BASE32_NOPAD.encode(&bytes).to_ascii_lowercase()
}

/// Whether `text`, in lower case, could have come from [`new_token`].
pub(super) fn is_token(text: &str) -> bool {
    BASE32_NOPAD_NOCASE
        .decode(text.as_bytes())
        .is_ok_and(|bytes| bytes.len() == TOKEN_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SeededRandom;

    #[test]
    fn tokens_are_26_characters_and_differ() {
        let random = SeededRandom::new(1);
        let (first, second) = (new_token(&random), new_token(&random));
        assert_eq!(first.len(), 26);
        assert_ne!(first, second);
        assert!(is_token(&first) && is_token(&second));
        assert_eq!(first, first.to_lowercase());
    }

    #[test]
    fn what_is_no_token() {
        for text in [
            "",
            "newsletter",
            "abcdefghijklmnopqrstuvwxy",
            "0bcdefghijklmnopqrstuvwxya",
        ] {
            assert!(!is_token(text), "{text}");
        }
    }
}
