//! The header fields that say who wrote to whom, about what, when, and in answer to what.

use crate::convert::to_matrix::mime::{Part, decode_words};
use crate::convert::to_matrix::{Auto, EmailHeaders, Sign, notification, returned};
use crate::model::{EmailAddress, Mailbox, Timestamp};

/// How many addresses of a field are read.
const MAX_ADDRESSES: usize = 10_000;
/// How many IDs of `References` are kept, the newest; mail programs keep far fewer.
const MAX_IDS: usize = 1_000;
/// The longest ID that is believed, in bytes (RFC 5322, section 2.1.1, allows lines of 998).
const MAX_ID: usize = 998;
/// The longest subject that is kept, in characters.
const MAX_SUBJECT: usize = 1_000;

/// A name and an address as they stand in a field, before the address is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RawMailbox {
    pub(super) name: Option<String>,
    pub(super) address: String,
}

/// Reads the fields of a mail.
pub(super) fn read(mail: &Part<'_>, (auto, sign): (Auto, Sign)) -> EmailHeaders {
    let mailboxes = |names: &[&str]| {
        addresses(mail, names)
            .into_iter()
            .filter_map(|raw| {
                let address = EmailAddress::parse(&raw.address).ok()?;
                Some(Mailbox {
                    name: raw.name,
                    address,
                })
            })
            .collect()
    };
    EmailHeaders {
        from: mailboxes(&["from"]),
        to: mailboxes(&["to", "cc"]),
        subject: subject(mail),
        date: mail.field("date").and_then(date),
        message_id: mail
            .all("message-id")
            .find_map(|value| ids(value, true).into_iter().next()),
        in_reply_to: mail
            .all("in-reply-to")
            .flat_map(|value| ids(value, false))
            .take(MAX_IDS)
            .collect(),
        references: references(mail),
        auto,
        sign,
        reported: match auto {
            Auto::Bounce => returned::message_ids(mail),
            Auto::Mdn => notification::displayed_message(mail),
            _ => Vec::new(),
        },
    }
}

/// The addresses of all fields with one of the names, in the order of the names.
pub(super) fn addresses(mail: &Part<'_>, names: &[&str]) -> Vec<RawMailbox> {
    names
        .iter()
        .flat_map(|name| mail.all(name))
        .flat_map(parse_addresses)
        .take(MAX_ADDRESSES)
        .collect()
}

/// The subject, decoded, in one line.
pub(super) fn subject(mail: &Part<'_>) -> String {
    let text = decode_words(mail.field("subject").unwrap_or_default());
    one_line(&text).chars().take(MAX_SUBJECT).collect()
}

/// Runs of blanks and control characters become one space.
pub(super) fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// `Date`, in any of the forms that are in use.
fn date(value: &str) -> Option<Timestamp> {
    let parsed =
        mail_parser::DateTime::parse_rfc822(value).or_else(|| mail_parser::DateTime::parse_rfc3339(value))?;
    (parsed.is_valid() && parsed.year >= 1970).then(|| Timestamp(parsed.to_timestamp().saturating_mul(1000)))
}

fn references(mail: &Part<'_>) -> Vec<String> {
    let mut all: Vec<String> = mail
        .all("references")
        .flat_map(|value| ids(value, false))
        .collect();
    let surplus = all.len().saturating_sub(MAX_IDS);
    all.drain(..surplus);
    all
}

/// The IDs in angle brackets; white space inside is folding gone wrong. Where there are no brackets, words
/// with an `@` count, and with `any_word` any single word (RFC 5322, section 3.6.4, forbids all of this).
pub(super) fn ids(value: &str, any_word: bool) -> Vec<String> {
    let mut found = bracketed(&without_comments(value));
    if found.is_empty() {
        // Some programs put the ID itself into a comment.
        found = bracketed(value);
    }
    if found.is_empty() {
        found = value
            .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';'))
            .map(|word| word.trim_matches(['<', '>']).to_owned())
            .filter(|word| word.contains('@') || any_word)
            .collect();
    }
    found.retain(|id| !id.is_empty() && id.len() <= MAX_ID && !id.contains(char::is_control));
    found
}

/// A field without what stands in parentheses (RFC 5322, section 3.2.2), but for those in an ID. One that nobody closed is none.
fn without_comments(value: &str) -> String {
    let (mut kept, mut depth, mut in_id) = (String::with_capacity(value.len()), 0_usize, false);
    for c in value.chars() {
        match c {
            '(' if !in_id => depth += 1,
            ')' if !in_id && depth > 0 => {
                depth -= 1;
                continue;
            }
            '<' | '>' if depth == 0 => in_id = c == '<',
            _ => {}
        }
        if depth == 0 {
            kept.push(c);
        }
    }
    if depth == 0 { kept } else { value.to_owned() }
}

fn bracketed(value: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = value;
    while let Some((_, after)) = rest.split_once('<') {
        let end = after.find(['<', '>']).unwrap_or(after.len());
        let (inside, next) = after.split_at(end);
        let id: String = inside.chars().filter(|c| !c.is_whitespace()).collect();
        // An opening bracket within an ID starts it anew: `<<a@b>>`.
        if next.starts_with('>') || next.is_empty() {
            found.push(id);
        }
        rest = next.strip_prefix('>').unwrap_or(next);
    }
    found
}

/// Splits an address field (RFC 5322, section 3.4): groups are flattened, comments may serve as names.
pub(super) fn parse_addresses(value: &str) -> Vec<RawMailbox> {
    let mut found = Vec::new();
    for item in split_items(value) {
        if let Some(mailbox) = parse_item(&item).or_else(|| {
            // Some programs encode name and address together.
            let decoded = decode_words(&item);
            (decoded != item).then(|| parse_item(&decoded)).flatten()
        }) {
            found.push(mailbox);
        }
        if found.len() >= MAX_ADDRESSES {
            break;
        }
    }
    found
}

/// Splits at commas and semicolons outside quotes, comments, brackets and encoded words; drops group names.
fn split_items(value: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let (mut quoted, mut comment, mut angle, mut escaped) = (false, 0_usize, false, false);
    let mut word_end = 0;
    for (at, c) in value.char_indices() {
        let Some(item) = items.last_mut() else { break };
        if escaped || at < word_end {
            escaped = false;
            item.push(c);
            continue;
        }
        if c == '=' && !quoted && comment == 0 && !angle {
            let word = value.get(at..).and_then(encoded_word);
            word_end = at + word.map_or(0, str::len);
        }
        match c {
            '\\' if quoted || comment > 0 => escaped = true,
            '"' if comment == 0 => quoted = !quoted,
            '(' if !quoted => comment += 1,
            ')' if !quoted && comment > 0 => comment -= 1,
            '<' if !quoted && comment == 0 => angle = true,
            '>' if !quoted && comment == 0 => angle = false,
            ':' if !quoted && comment == 0 && !angle => {
                item.clear();
                continue;
            }
            ',' | ';' if !quoted && comment == 0 && !angle => {
                items.push(String::new());
                continue;
            }
            _ => {}
        }
        item.push(c);
    }
    items
}

/// The encoded word with which `text` begins. Scripts that send mail leave commas and colons in it as they are, which RFC 2047, section 5,
/// forbids in names.
fn encoded_word(text: &str) -> Option<&str> {
    let (charset, rest) = text.strip_prefix("=?")?.split_once('?')?;
    let (encoding, rest) = rest.split_once('?')?;
    let (data, rest) = rest.split_once('?')?;
    let after = rest.strip_prefix('=')?;
    let plain = |part: &str| !part.contains(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"'));
    let is_word = encoding.len() == 1 && plain(charset) && plain(data);
    text.strip_suffix(after).filter(|_| is_word)
}

fn parse_item(item: &str) -> Option<RawMailbox> {
    let (text, comment) = take_comments(item);
    let bracketed = text.rsplit_once('<').filter(|(_, address)| address.contains('@'));
    let (name, address) = if let Some((name, address)) = bracketed {
        let (address, after) = address.split_once('>').unwrap_or((address, ""));
        // A source route (RFC 5322, section 4.4): `<@relay:alice@example.org>`.
        let address = address.rsplit_once(':').map_or(address, |(_, address)| address);
        let name = if name.trim().is_empty() { after } else { name };
        (name.to_owned(), address.to_owned())
    } else {
        let address = text.split_whitespace().find(|word| word.contains('@'))?;
        (text.replacen(address, "", 1), address.to_owned())
    };
    let address: String = address
        .trim_matches(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '\'' | ','))
        .chars()
        .filter(|c| !c.is_whitespace() && !c.is_control())
        .collect();
    if !address.contains('@') {
        return None;
    }
    let name = display_name(&name);
    let name = if name.is_empty() {
        display_name(&comment)
    } else {
        name
    };
    Some(RawMailbox {
        name: (!name.is_empty()).then_some(name),
        address: address.to_lowercase(),
    })
}

fn display_name(text: &str) -> String {
    let text = text.trim();
    let inner = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text);
    let mut plain = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => plain.extend(chars.next()),
            '"' => {}
            _ => plain.push(c),
        }
    }
    one_line(&decode_words(&plain))
}

/// The text without its comments, and the comments.
fn take_comments(item: &str) -> (String, String) {
    let (mut text, mut comment) = (String::new(), String::new());
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for c in item.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' if depth == 0 => quoted = !quoted,
            '(' if !quoted => {
                depth += 1;
                if depth == 1 {
                    continue;
                }
            }
            ')' if !quoted && depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    continue;
                }
            }
            _ => {}
        }
        if depth > 0 { comment.push(c) } else { text.push(c) }
    }
    (text, comment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_all_forms_are_read() {
        for (field, name, address) in [
            ("alice@example.org", None, "alice@example.org"),
            ("Alice <alice@example.org>", Some("Alice"), "alice@example.org"),
            (
                "\"Doe, Jane\" <Jane@Example.ORG>",
                Some("Doe, Jane"),
                "jane@example.org",
            ),
            (
                "jane@example.org (Jane \\(work\\))",
                Some("Jane (work)"),
                "jane@example.org",
            ),
            (
                "=?utf-8?Q?J=C3=BCrgen?= <j@example.org>",
                Some("Jürgen"),
                "j@example.org",
            ),
            (
                "=?utf-8?q?Doe,_Jane:_work;?= <jane@example.org>",
                Some("Doe, Jane: work;"),
                "jane@example.org",
            ),
            (
                "=?utf-8?Q?Ann_=3Cann=40example=2Eorg=3E?=",
                Some("Ann"),
                "ann@example.org",
            ),
            ("<@relay.example:bob@example.org>", None, "bob@example.org"),
            ("team: bob@example.org;", None, "bob@example.org"),
        ] {
            let mailboxes = parse_addresses(field);
            let [mailbox] = mailboxes.as_slice() else {
                panic!("{field}: {mailboxes:?}")
            };
            assert_eq!(
                (mailbox.name.as_deref(), mailbox.address.as_str()),
                (name, address),
                "{field}"
            );
        }
        assert_eq!(parse_addresses("undisclosed-recipients:;"), []);
        assert_eq!(parse_addresses("a@x.org, \"b, c\" <b@x.org>; d@x.org").len(), 3);
        assert_eq!(
            parse_addresses("=?a@x.org, b?q?c@x.org, =?utf-8?q?d_<d@x.org>, e@x.org?=").len(),
            4
        );
    }

    #[test]
    fn ids_are_found_in_damaged_fields() {
        for (field, expected) in [
            ("<a@b>", vec!["a@b"]),
            ("<a@b> <c@d>", vec!["a@b", "c@d"]),
            ("<a@b><c@\td>", vec!["a@b", "c@d"]),
            ("a@b", vec!["a@b"]),
            ("Your mail of Monday <a@b>", vec!["a@b"]),
            ("Your mail of Monday", vec![]),
            ("<<a@b>>", vec!["a@b"]),
            ("<a@b", vec!["a@b"]),
            ("<a@b> (or (is it) <x@y>) <c(1)@d>", vec!["a@b", "c(1)@d"]),
            ("<a@b> (of Bob <c@d>", vec!["a@b", "c@d"]),
            ("mail of Bob (<a@b>)", vec!["a@b"]),
            ("a@b,c@d", vec!["a@b", "c@d"]),
            ("", vec![]),
        ] {
            assert_eq!(ids(field, false), expected, "{field}");
        }
    }
}
