//! Where in a letter a mail server speaks.

use super::reason::{is_reply_code, is_status, status_in};
use crate::convert::to_matrix::headers::one_line;
use crate::model::EmailAddress;

/// How many lines below an address belong to it.
const MAX_LINES: usize = 8;

/// What the server says in its letter: below the address that failed, else where a status or reply code stands, else as it begins.
pub(super) fn of_letter(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().take_while(|line| !begins_returned(line)).collect();
    below_address(&lines)
        .or_else(|| with_code(&lines))
        .or_else(|| Some(one_line(&lines.join(" "))))
        .filter(|words| !words.is_empty())
}

/// The line above the mail that is returned: "--- Below this line is a copy of the message." (qmail), "------ This is a copy of
/// the message, including all the headers. ------" (Exim).
fn begins_returned(line: &str) -> bool {
    let line = line.trim().to_lowercase();
    let returned = [
        "copy of",
        "below this line",
        "original message",
        "unsent message",
        "returned message",
        "message header",
        "message follows",
    ];
    line == "original message follows."
        || line.starts_with("--") && returned.iter().any(|words| line.contains(words))
}

/// The paragraph that begins with an address: `<alice@example.org>: host mx said: 550 …` (Postfix), `<alice@example.org>:` above it
/// (qmail, Yahoo), the address alone (Exim, Sendmail), `'alice@example.org' on 1/2/2026 9:30` (Exchange).
fn below_address(lines: &[&str]) -> Option<String> {
    lines.iter().enumerate().find_map(|(at, line)| {
        let line = line.trim();
        let (address, rest) = match line.split_once(">:") {
            Some((address, rest)) if address.starts_with('<') => (address, rest.trim()),
            _ => line.split_once(' ').unwrap_or((line, "")),
        };
        let address = address.trim_matches(|c: char| "<>'\":,;".contains(c));
        let dated = rest.starts_with("on ");
        let alone = rest.is_empty() || dated || line.contains(">:");
        if !alone || !address.contains('@') || EmailAddress::parse(address).is_err() {
            return None;
        }
        let below = lines.iter().skip(at + 1).take(MAX_LINES);
        let below = below.map(|line| line.trim()).take_while(|line| !line.is_empty());
        let first = if dated { "" } else { rest };
        let words = std::iter::once(first).chain(below).collect::<Vec<_>>().join(" ");
        // Another address below means that this is the list of those concerned, which says nothing.
        Some(one_line(&words)).filter(|words| words.contains(' '))
    })
}

/// The line with a status code, else the one with a reply code (RFC 5321, section 4.2) near its beginning.
fn with_code(lines: &[&str]) -> Option<String> {
    let replies = |line: &&&str| {
        let mut words = line.split_whitespace().take(8);
        words.any(|word| is_reply_code(word.trim_matches(|c: char| !c.is_ascii_digit())))
    };
    let line = lines
        .iter()
        .find(|line| status_in(line).is_some())
        .or_else(|| lines.iter().find(replies))?;
    Some(one_line(line))
}

/// In one line, each code once: the lines of a long reply bear it all (`550-5.1.1 The account … 550-5.1.1 does not exist`).
pub(super) fn tidy(text: &str) -> String {
    let text = one_line(text);
    let mut words: Vec<&str> = Vec::new();
    let mut known = None;
    let mut rest = text.split(' ').peekable();
    while let Some(word) = rest.next() {
        let code = match word.split_once('-') {
            Some((code, status)) if is_reply_code(code) && is_status(status) => Some((code, status)),
            _ if is_reply_code(word) => rest.next_if(|next| is_status(next)).map(|status| (word, status)),
            _ => None,
        };
        match code {
            Some(code) if known == Some(code) => {}
            Some((code, status)) => {
                known = Some((code, status));
                words.extend([code, status]);
            }
            None => words.push(word),
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reply_bears_its_code_once() {
        for (said, tidied) in [
            (
                "550-5.1.1 The email account that you tried to reach does\n not exist. Please try 550-5.1.1 again 550 5.1.1 https://example.org - gsmtp",
                "550 5.1.1 The email account that you tried to reach does not exist. Please try again https://example.org - gsmtp",
            ),
            ("550 5.1.1 a 550 5.2.1 b", "550 5.1.1 a 550 5.2.1 b"),
            ("550 mailbox full", "550 mailbox full"),
            ("room 550 of 550", "room 550 of 550"),
        ] {
            assert_eq!(tidy(said), tidied);
        }
    }

    #[test]
    fn the_server_speaks_below_the_address() {
        for (letter, words) in [
            (
                "Sorry.\n\n<a@example.org>: 550 no\n such user\n\nbye",
                Some("550 no such user"),
            ),
            (
                "Sorry.\n\n<a@example.org>:\nIt is\nfull.\n\n--- Below this line is a copy of the message.\n\n550 x",
                Some("It is full."),
            ),
            (
                "Sorry:\n\n  a@example.org\n    retry timeout exceeded\n",
                Some("retry timeout exceeded"),
            ),
            (
                "Sorry:\n\n  'a@example.org' on 1/2/2026 9:30\n    No such account.\n",
                Some("No such account."),
            ),
            (
                "Sorry:\n\n a@example.org\n\nIt said:\n550 5.1.1 nobody",
                Some("550 5.1.1 nobody"),
            ),
            ("It said: 452 wait", Some("It said: 452 wait")),
            ("It  did\nnot arrive.", Some("It did not arrive.")),
            ("---- Original message ----\n550 hello", None),
            ("", None),
        ] {
            assert_eq!(of_letter(letter).as_deref(), words, "{letter}");
        }
    }
}
