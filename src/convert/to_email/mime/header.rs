//! Header fields: encoded, folded, and closed to whatever a text would smuggle in.

use super::word;
use crate::model::Mailbox;

/// A line should have at most this many characters (RFC 5322, section 2.1.1).
const LINE: usize = 78;
/// A line must have at most 998; a word that could not be folded below that is left out.
const LONGEST_WORD: usize = 900;

/// The header of a message or of a part, with CRLF line ends.
///
/// Names and structured values come from this program; every other text is encoded so that no character of it
/// can end the field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Headers {
    text: String,
}

impl Headers {
    /// Adds a field whose value is ASCII of our own making, in words between which a line may be folded.
    /// A word that is too long for a line, or holds anything but printable ASCII, is left out.
    pub(crate) fn words<'a>(
        &mut self,
        name: &'static str,
        words: impl IntoIterator<Item = &'a str>,
    ) -> &mut Self {
        let mut words = words.into_iter().filter(|word| is_word(word)).peekable();
        if words.peek().is_some() {
            self.fold(name, words);
        }
        self
    }

    /// Adds a structured field with parameters that were encoded already; a quoted one may hold blanks.
    pub(super) fn parameters(&mut self, name: &'static str, value: &str, parameters: &[String]) -> &mut Self {
        self.fold(
            name,
            [value].into_iter().chain(parameters.iter().map(String::as_str)),
        );
        self
    }

    /// Adds an unstructured field (`Subject`): any text, in one line; `prefix` stands before it as it is.
    pub(crate) fn text(&mut self, name: &'static str, prefix: &'static str, value: &str) -> &mut Self {
        let value: String = value
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let prefix = prefix.split_whitespace();
        if word::needs_encoding(&value) || value.split(' ').any(|word| word.len() > LONGEST_WORD) {
            let encoded = word::encode(value.trim());
            self.fold(name, prefix.chain(encoded.iter().map(String::as_str)));
        } else {
            self.fold(name, prefix.chain(value.split_whitespace()));
        }
        self
    }

    /// Adds an address field with one mailbox.
    pub(crate) fn mailbox(&mut self, name: &'static str, mailbox: &Mailbox) -> &mut Self {
        let address = mailbox.address.as_str();
        let phrase = phrase(mailbox.name.as_deref().unwrap_or_default());
        if phrase.is_empty() {
            self.fold(name, [address].into_iter());
        } else {
            let address = format!("<{address}>");
            self.fold(name, phrase.iter().map(String::as_str).chain([address.as_str()]));
        }
        self
    }

    /// Adds a field of message identifiers (RFC 5322, section 3.6.4), given without angle brackets.
    /// What is not one is left out: the IDs of foreign mails hold all sorts of things.
    pub(crate) fn ids<'a>(
        &mut self,
        name: &'static str,
        ids: impl IntoIterator<Item = &'a str>,
    ) -> &mut Self {
        let ids: Vec<String> = ids
            .into_iter()
            .filter(|id| is_word(id) && !id.contains(['<', '>']))
            .map(|id| format!("<{id}>"))
            .collect();
        self.words(name, ids.iter().map(String::as_str))
    }

    /// The fields as they stand in the message, each ended by CRLF.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    fn fold<'a>(&mut self, name: &'static str, words: impl Iterator<Item = &'a str>) {
        self.text.push_str(name);
        self.text.push(':');
        let mut column = name.len() + 1;
        for (index, word) in words.enumerate() {
            if index > 0 && column + 1 + word.len() > LINE {
                self.text.push_str("\r\n");
                column = 0;
            }
            self.text.push(' ');
            self.text.push_str(word);
            column += 1 + word.len();
        }
        self.text.push_str("\r\n");
    }
}

fn is_word(word: &str) -> bool {
    !word.is_empty() && word.len() <= LONGEST_WORD && word.bytes().all(|byte| (b'!'..=b'~').contains(&byte))
}

/// A display name as a phrase (RFC 5322, section 3.2.5): atoms, a quoted string, or encoded words.
fn phrase(name: &str) -> Vec<String> {
    let name: String = name
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let name = name.trim();
    let is_atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    if name.is_empty() {
        Vec::new()
    } else if word::needs_encoding(name) || name.len() > LINE {
        word::encode(name)
    } else if name.chars().all(|c| is_atom(c) || c == ' ') {
        name.split_whitespace().map(str::to_owned).collect()
    } else {
        vec![format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EmailAddress;

    fn mailbox(name: &str) -> String {
        let mut headers = Headers::default();
        let address = EmailAddress::parse("bob@example.org").unwrap();
        headers.mailbox(
            "From",
            &Mailbox {
                name: Some(name.to_owned()),
                address,
            },
        );
        headers.as_str().to_owned()
    }

    #[test]
    fn names_are_phrases() {
        for (name, field) in [
            ("Bob", "From: Bob <bob@example.org>\r\n"),
            ("", "From: bob@example.org\r\n"),
            (
                "Bob J. \"Bo\"",
                "From: \"Bob J. \\\"Bo\\\"\" <bob@example.org>\r\n",
            ),
            ("a@b.example", "From: \"a@b.example\" <bob@example.org>\r\n"),
            ("Björn", "From: =?UTF-8?Q?Bj=C3=B6rn?= <bob@example.org>\r\n"),
            ("x\r\nBcc: y", "From: \"x  Bcc: y\" <bob@example.org>\r\n"),
            (
                "=?utf-8?q?x?=",
                "From: =?UTF-8?Q?=3D=3Futf-8=3Fq=3Fx=3F=3D?= <bob@example.org>\r\n",
            ),
        ] {
            assert_eq!(mailbox(name), field);
        }
    }

    #[test]
    fn long_fields_are_folded() {
        let mut headers = Headers::default();
        let ids: Vec<String> = (0..20)
            .map(|n| format!("{n}.abcdefghijklmnopqrstuvwxyz@example.org"))
            .collect();
        headers.ids("References", ids.iter().map(String::as_str));
        headers.text("Subject", "Re:", &"word ".repeat(40));
        headers.text("Subject", "", &"x".repeat(5000));
        headers.text("Subject", "", &"ü".repeat(5000));
        assert!(headers.as_str().lines().all(|line| line.len() <= LINE));
    }

    #[test]
    fn what_is_no_id_is_left_out() {
        let mut headers = Headers::default();
        headers.ids("References", ["a@b", "", "a b", "x>\r\nBcc: y", "ü@b", "c@d"]);
        headers.ids("In-Reply-To", ["\0"]);
        assert_eq!(headers.as_str(), "References: <a@b> <c@d>\r\n");
    }
}
