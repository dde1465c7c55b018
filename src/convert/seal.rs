//! Words with a seal: HMAC-SHA-256 over them, cut to 128 bits (RFC 2104, section 5), in base32. Nobody without the key makes one.

use data_encoding::{BASE32_NOPAD, BASE32_NOPAD_NOCASE};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Bytes of a key: one block of the hash, so that it is used as it is.
pub const KEY_BYTES: usize = 64;

/// Bytes of a seal that are written.
const SEAL_BYTES: usize = 16;

/// A secret with which words are sealed.
#[derive(Clone)]
pub struct SealKey([u8; KEY_BYTES]);

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKey(…)")
    }
}

impl SealKey {
    /// A key out of random bytes.
    pub fn new(secret: [u8; KEY_BYTES]) -> Self {
        Self(secret)
    }

    /// A key for another purpose, from which this one can't be found out.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Self {
        let mut derived = [0; KEY_BYTES];
        for (number, half) in derived.chunks_mut(KEY_BYTES / 2).enumerate() {
            half.copy_from_slice(
                &self
                    .mac(&format!("derive\n{purpose}\n{number}"))
                    .finalize()
                    .into_bytes(),
            );
        }
        Self(derived)
    }

    /// The seal of some words.
    pub fn seal(&self, words: &str) -> String {
        let mac = self.mac(words).finalize().into_bytes();
        let mac = BASE32_NOPAD.encode(mac.get(..SEAL_BYTES).unwrap_or_default());
        mac.to_ascii_lowercase()
    }

    /// Whether this is the seal of these words, in any case.
    pub fn holds(&self, words: &str, seal: &str) -> bool {
        BASE32_NOPAD_NOCASE
            .decode(seal.as_bytes())
            .is_ok_and(|mac| mac.len() == SEAL_BYTES && self.mac(words).verify_truncated_left(&mac).is_ok())
    }

    fn mac(&self, words: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new(&self.0.into());
        mac.update(words.as_bytes());
        mac
    }
}

/// A name for something, made of a hash, that tells nothing about it: so many bytes of it in base32.
pub(super) fn name(of: &str, bytes: usize) -> String {
    let digest = Sha256::digest(of);
    let name = BASE32_NOPAD.encode(digest.get(..bytes).unwrap_or_default());
    name.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_makes_a_seal() {
        let key = SealKey::new([7; KEY_BYTES]);
        let seal = key.seal("words");
        assert!(key.holds("words", &seal) && key.holds("words", &seal.to_uppercase()));
        let reversed: String = seal.chars().rev().collect();
        for (words, forged) in [
            ("word", seal.as_str()),
            ("words", ""),
            ("words", "a"),
            ("words", &reversed),
            ("words", seal.get(..24).unwrap()),
            ("words", &format!("{seal}a")),
            ("words", "not base32!"),
        ] {
            assert!(!key.holds(words, forged), "{words} {forged}");
        }
        assert!(!SealKey::new([8; KEY_BYTES]).holds("words", &seal));
        assert!(!key.derive("one").holds("words", &seal));
        assert_ne!(key.derive("one").seal("words"), key.derive("two").seal("words"));
        assert_eq!(key.derive("one").seal("words"), key.derive("one").seal("words"));
    }
}
