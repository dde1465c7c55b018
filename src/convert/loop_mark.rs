//! The mark by which our own mail is known when it comes back.
//!
//! `X-Penpal-Loop: NAME.MAC`: `NAME` is a hash of the `Message-ID`, `MAC` is HMAC-SHA-256 over it, cut to 128 bits (RFC 2104, section 5).
//! So it holds where a server on the way has written a `Message-ID` or a `From` of its own, as relays of large providers and mailing lists
//! do. Nobody can make one for mail that is not ours; who copies one has nothing of it but that their own mail is refused.

use super::seal::{self, KEY_BYTES, SealKey};

/// The name of the field.
const FIELD: &str = "X-Penpal-Loop";
/// Bytes of the hash that are written.
const NAME_BYTES: usize = 16;
/// How many fields of a mail are looked at.
const MAX_MARKS: usize = 20;

/// The secret with which our mail is marked.
#[derive(Clone, Debug)]
pub struct LoopKey(SealKey);

impl LoopKey {
    /// A key out of random bytes.
    pub fn new(secret: [u8; KEY_BYTES]) -> Self {
        Self(SealKey::new(secret))
    }

    /// The field that marks a mail with this `Message-ID`, to be put on top of it.
    pub fn mark(&self, message_id: &str) -> String {
        let name = seal::name(message_id, NAME_BYTES);
        let mac = self.0.seal(&words(&name));
        format!("{FIELD}: {name}.{mac}\r\n")
    }

    /// Whether a mail bears a mark that this key has made.
    pub fn made(&self, mail: &[u8]) -> bool {
        super::trace::values(mail, FIELD)
            .take(MAX_MARKS)
            .filter_map(|mark| mark.split_once('.'))
            .any(|(name, mac)| self.0.holds(&words(name), mac))
    }
}

/// What is sealed.
fn words(name: &str) -> String {
    format!("loop\n{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_makes_a_mark() {
        let key = LoopKey::new([7; KEY_BYTES]);
        let mail = "Subject: hi\r\n\r\nhello";
        assert!(!key.made(mail.as_bytes()));
        let text = key.mark("one@mail.example.org") + mail;
        assert!(key.made(text.as_bytes()));
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
