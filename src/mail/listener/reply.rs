//! SMTP replies: a code, an enhanced status code and one line for a person (RFC 5321, section 4.2; RFC 2034).

use std::borrow::Cow;

use crate::model::Refusal;

/// A reply line holds at most 512 octets with its line end (RFC 5321, section 4.5.3.1.5); the text gets
/// what the codes leave.
const MAX_TEXT: usize = 490;

/// One reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    code: u16,
    /// Empty where RFC 2034 wants none: in greetings and in 354.
    enhanced: &'static str,
    text: Cow<'static, str>,
}

impl Reply {
    /// A reply with a fixed text.
    pub(super) const fn new(code: u16, enhanced: &'static str, text: &'static str) -> Self {
        Self {
            code,
            enhanced,
            text: Cow::Borrowed(text),
        }
    }

    /// A reply with a text made for the occasion.
    pub(super) fn with_text(code: u16, enhanced: &'static str, text: String) -> Self {
        Self {
            code,
            enhanced,
            text: Cow::Owned(text),
        }
    }

    /// Appends the reply as it goes over the wire. Whatever the text holds, it stays one line of ASCII:
    /// a reply with other characters needs a client that asked for SMTPUTF8 (RFC 6531, section 3.7.4).
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.code.to_string().as_bytes());
        if !self.enhanced.is_empty() {
            out.push(b' ');
            out.extend_from_slice(self.enhanced.as_bytes());
        }
        out.push(b' ');
        out.extend(self.text.chars().take(MAX_TEXT).map(|c| match c {
            ' '..='~' => c as u8,
            c if c.is_control() => b' ',
            _ => b'?',
        }));
        out.extend_from_slice(b"\r\n");
    }
}

impl From<&Refusal> for Reply {
    /// A refusal whose code refuses nothing would be taken for success: it becomes 451.
    fn from(refusal: &Refusal) -> Self {
        let (code, enhanced) = match refusal.code {
            400..=599 => (refusal.code, refusal.enhanced),
            _ => (451, "4.3.0"),
        };
        Self::with_text(code, enhanced, refusal.text.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(reply: &Reply) -> String {
        let mut out = Vec::new();
        reply.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn replies_are_one_line_of_ascii() {
        assert_eq!(line(&Reply::new(250, "2.0.0", "OK")), "250 2.0.0 OK\r\n");
        assert_eq!(line(&Reply::new(354, "", "Go on")), "354 Go on\r\n");
        let hostile = Reply::with_text(550, "5.1.1", "no \r\n250 fine ü".to_owned());
        assert_eq!(line(&hostile), "550 5.1.1 no   250 fine ?\r\n");
        let long = line(&Reply::with_text(550, "5.1.1", "x".repeat(5000)));
        assert!(long.len() <= 512, "{}", long.len());
    }

    #[test]
    fn a_refusal_is_never_a_success() {
        let mut refusal = Refusal::try_again("store");
        refusal.code = 250;
        assert_eq!(line(&Reply::from(&refusal)), "451 4.3.0 store\r\n");
    }
}
