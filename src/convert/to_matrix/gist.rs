//! What a mail says, in a hash: enough to notice that the next one says the same.

use sha2::{Digest, Sha256};

use super::mime::{self, Part};
use super::read_mail;

/// How much of the text is read, in bytes, and how many lines of it count.
const MAX_TEXT: usize = 4 * 1024;
const MAX_LINES: usize = 6;

/// A hash of how a text begins, without what it quotes. `None` for a mail that brings more than a text, such as one picture after the
/// other, or nothing.
pub fn gist(raw: &[u8]) -> Option<String> {
    let bytes = read_mail(raw);
    let mail = mime::parse(&bytes);
    let text = match mail.media_type.as_str() {
        "text/plain" | "text/html" => &mail,
        "multipart/alternative" => mail.children.iter().find(|part| part.is("text/"))?,
        _ => return None,
    };
    let gist = beginning(text);
    (!gist.is_empty()).then(|| {
        let digest = Sha256::digest(gist);
        data_encoding::HEXLOWER.encode(digest.get(..16).unwrap_or_default())
    })
}

fn beginning(text: &Part<'_>) -> String {
    let text = text.text_head(MAX_TEXT).to_lowercase();
    let lines = text.lines().map(str::trim);
    let own = lines.filter(|line| !line.is_empty() && !line.starts_with('>'));
    let mut gist = String::new();
    for line in own.take(MAX_LINES) {
        gist.extend(line.chars().filter(|c| !c.is_whitespace()));
    }
    gist
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(content_type: &str, body: &str) -> Option<String> {
        gist(format!("From: a@example.org\nContent-Type: {content_type}\n\n{body}").as_bytes())
    }

    #[test]
    fn the_same_words_have_the_same_gist() {
        let first = of("text/plain", "Ticket 17: we have got it.\n\n> hello\n");
        assert!(first.is_some());
        assert_eq!(
            first,
            of(
                "text/plain",
                "ticket 17: We have got it.\n> hello again\n> and again\n"
            )
        );
        assert_ne!(first, of("text/plain", "No ticket."));
        let alternative = "--b\nContent-Type: text/plain\n\nTicket 17: we have got it.\n--b\nContent-Type: text/html\n\n<p>x\n--b--";
        assert_eq!(first, of("multipart/alternative; boundary=b", alternative));
        assert_eq!(of("text/plain", "\n> hello\n"), None);
        assert_eq!(
            of("multipart/mixed; boundary=b", alternative),
            None,
            "pictures with the same signature"
        );
    }
}
