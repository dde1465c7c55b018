//! The mark by which our own mail is known when it comes back.
//!
//! `X-Penpal-Loop: NAME.MAC`: `NAME` is a hash of the `Message-ID`, `MAC` is HMAC-SHA-256 over it, cut to 128 bits (RFC 2104, section 5).
//! So it holds where a server on the way has written a `Message-ID` or a `From` of its own, as relays of large providers and mailing lists
//! do. Nobody can make one for mail that is not ours; who copies one has nothing of it but that their own mail is refused.

use data_encoding::{BASE32_NOPAD, BASE32_NOPAD_NOCASE};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// The name of the field.
const FIELD: &str = "X-Penpal-Loop";
/// Bytes of the hash, and of the MAC, that are written.
const BYTES: usize = 16;
/// How many fields of a mail are looked at.
const MAX_MARKS: usize = 20;

/// Bytes of a key: one block of the hash, so that it is used as it is.
pub const KEY_BYTES: usize = 64;

/// The secret with which our mail is marked.
#[derive(Clone)]
pub struct LoopKey([u8; KEY_BYTES]);

impl std::fmt::Debug for LoopKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LoopKey(…)")
    }
}

impl LoopKey {
    /// A key out of random bytes.
    pub fn new(secret: [u8; KEY_BYTES]) -> Self {
        Self(secret)
    }

    /// Puts the mark on top of a mail with this `Message-ID`.
    pub fn mark(&self, mail: &mut Vec<u8>, message_id: &str) {
        let digest = Sha256::digest(message_id);
        let name = BASE32_NOPAD.encode(digest.get(..BYTES).unwrap_or_default());
        let name = name.to_ascii_lowercase();
        let mac = self.mac(&name).finalize().into_bytes();
        let mac = BASE32_NOPAD.encode(mac.get(..BYTES).unwrap_or_default());
        let field = format!("{FIELD}: {name}.{}\r\n", mac.to_ascii_lowercase());
        mail.splice(0..0, field.into_bytes());
    }

    /// Whether a mail bears a mark that this key has made.
    pub fn made(&self, mail: &[u8]) -> bool {
        super::trace::values(mail, FIELD)
            .take(MAX_MARKS)
            .any(|mark| self.signed(mark).is_some())
    }

    fn signed(&self, mark: &str) -> Option<()> {
        let (name, mac) = mark.split_once('.')?;
        let mac = BASE32_NOPAD_NOCASE.decode(mac.as_bytes()).ok()?;
        let whole = mac.len() == BYTES;
        self.mac(name).verify_truncated_left(&mac).ok().filter(|()| whole)
    }

    fn mac(&self, name: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new(&self.0.into());
        mac.update(format!("loop\n{name}").as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_makes_a_mark() {
        let key = LoopKey::new([7; KEY_BYTES]);
        let mut mail = b"Subject: hi\r\n\r\nhello".to_vec();
        assert!(!key.made(&mail));
        key.mark(&mut mail, "one@mail.example.org");
        assert!(key.made(&mail));
        let text = String::from_utf8(mail).unwrap();
        assert!(
            key.made(
                format!(
                    "Received: x\r\n{}",
                    text.replace("X-Penpal-Loop", "x-penpal-loop")
                )
                .as_bytes()
            )
        );
        assert!(!LoopKey::new([8; KEY_BYTES]).made(text.as_bytes()));
        let (mark, rest) = text.split_once("\r\n").unwrap();
        for forged in [
            format!("Subject: x\r\n\r\n{text}"),
            format!("{mark}a\r\n{rest}"),
            format!("{}\r\n{rest}", mark.get(..mark.len() - 8).unwrap()),
            format!("{}\r\n{rest}", mark.replace(": ", ": a")),
            format!("X-Penpal-Loop: \r\n{rest}"),
            format!("X-Penpal-Loop: .\r\n{rest}"),
        ] {
            assert!(!key.made(forged.as_bytes()), "{forged}");
        }
    }
}
