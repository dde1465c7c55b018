//! The pieces of all messages become one letter: header, parts, and their order.

use sha2::{Digest, Sha256};

use super::EmailDraft;
use super::html;
use super::intro::Note;
use super::line::line;
use super::piece::Piece;
use crate::convert::mime::{CivilTime, Headers, Multipart, Part};
use crate::model::Mailbox;

/// Longest display name in a header, in characters.
const LONGEST_NAME: usize = 80;
/// Longest subject, in characters.
const LONGEST_SUBJECT: usize = 200;

/// Writes the message.
pub(super) fn letter(draft: &EmailDraft, pieces: Vec<Piece>) -> Vec<u8> {
    let note = draft.intro.as_ref().map(|intro| Note::new(draft, intro));
    let plain = plain(&pieces, note.as_ref());
    let html = pieces
        .iter()
        .any(|piece| piece.html.is_some())
        .then(|| html::document(&markup(&pieces, note.as_ref())));
    let text = match html {
        Some(html) => Part::Several(Multipart::Alternative, vec![Part::plain(plain), Part::html(html)]),
        None => Part::plain(plain),
    };
    let files: Vec<Part> = pieces.into_iter().flat_map(|piece| piece.files).collect();
    let whole = if files.is_empty() {
        text
    } else {
        Part::Several(Multipart::Mixed, [vec![text], files].concat())
    };
    whole.message(&headers(draft), &seed(&draft.message_id))
}

/// What boundaries are made of.
fn seed(message_id: &str) -> String {
    let digest = Sha256::digest(message_id.as_bytes());
    let digest = data_encoding::HEXLOWER.encode(&digest);
    digest.chars().take(24).collect()
}

fn headers(draft: &EmailDraft) -> Headers {
    let follows = draft.in_reply_to.is_some() || !draft.references.is_empty();
    let from = named(&draft.from);
    let subject = line(&draft.subject, LONGEST_SUBJECT);
    let subject = if subject.is_empty() {
        format!(
            "Message from {}",
            from.name.as_deref().unwrap_or(from.address.as_str())
        )
    } else {
        subject
    };
    let has_prefix = subject
        .get(..3)
        .is_some_and(|start| start.eq_ignore_ascii_case("re:"));
    let prefix = if follows && !has_prefix { "Re:" } else { "" };
    let mut headers = Headers::default();
    let date = CivilTime::from(draft.date).rfc5322();
    headers
        .words("Date", date.split(' '))
        .mailbox("From", &from)
        .mailbox("To", &named(&draft.to));
    if let Some(address) = &draft.reply_to {
        headers.mailbox(
            "Reply-To",
            &Mailbox {
                name: from.name.clone(),
                address: address.clone(),
            },
        );
    }
    headers
        .text("Subject", prefix, &subject)
        .ids("Message-ID", [draft.message_id.as_str()])
        .ids("In-Reply-To", draft.in_reply_to.as_deref())
        .ids("References", draft.references.iter().map(String::as_str));
    headers
}

fn named(mailbox: &Mailbox) -> Mailbox {
    let name = mailbox.name.as_deref().map(|name| line(name, LONGEST_NAME));
    Mailbox {
        name: name.filter(|name| !name.is_empty()),
        address: mailbox.address.clone(),
    }
}

fn plain(pieces: &[Piece], note: Option<&Note>) -> String {
    let mut paragraphs = Vec::new();
    for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
        paragraphs.extend(piece.quote.as_ref().map(super::quote::Quote::plain));
        if !piece.text.is_empty() {
            paragraphs.push(piece.text.clone());
        }
    }
    paragraphs.extend(note.map(Note::plain));
    paragraphs.join("\n\n")
}

fn markup(pieces: &[Piece], note: Option<&Note>) -> String {
    let mut out = String::new();
    for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
        if !out.is_empty() {
            out.push_str("<div><br></div>\n");
        }
        if let Some(quote) = &piece.quote {
            out.push_str(&quote.html());
        }
        let inner = piece.html.clone().unwrap_or_else(|| html::from_text(&piece.text));
        out.push_str(&format!("<div>{inner}</div>\n"));
    }
    if let Some(note) = note {
        out.push_str(&note.html());
    }
    out
}
