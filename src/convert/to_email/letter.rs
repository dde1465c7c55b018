//! The pieces of all messages become one letter: header, parts, and their order.

use std::fmt::Write as _;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::enclosures::Enclosures;
use super::foot::Foot;
use super::html;
use super::line::line;
use super::mime::{CivilTime, Headers, Multipart, Part, Written};
use super::piece::Piece;
use super::{ChatMessage, EmailDraft, LONGEST_NAME};
use crate::convert::relation::referred;
use crate::model::Mailbox;

/// Longest subject, in characters.
const LONGEST_SUBJECT: usize = 200;
/// After a pause of this length, messages in one mail carry the time of day.
const PAUSE: Duration = Duration::from_mins(10);
/// After this one, the date as well.
const LONG_PAUSE: Duration = Duration::from_hours(12);

/// Writes the message: as simple as its content allows.
pub(super) fn letter(
    draft: &EmailDraft,
    pieces: &[Piece],
    enclosures: Enclosures<'_>,
    seed: &str,
) -> Written {
    let foot = Foot::new(draft);
    let headings = headings(draft, pieces);
    let mut text = Part::plain(plain(pieces, &headings, foot.as_ref()));
    if pieces.iter().any(|piece| piece.html.is_some()) {
        let body = markup(pieces, &headings, foot.as_ref());
        let html = Part::html(html::document(&body, !enclosures.in_place.is_empty()));
        let html = several(Multipart::Related, html, enclosures.in_place);
        text = several(Multipart::Alternative, text, vec![html]);
    }
    let rest = reaction(draft, pieces)
        .into_iter()
        .chain(enclosures.attached)
        .collect();
    several(Multipart::Mixed, text, rest).message(&headers(draft), seed)
}

fn several<'a>(kind: Multipart, first: Part<'a>, mut rest: Vec<Part<'a>>) -> Part<'a> {
    if rest.is_empty() {
        return first;
    }
    rest.insert(0, first);
    Part::Several(kind, rest)
}

/// The reaction by itself: when the mail is nothing but reactions to one message, which `In-Reply-To` names
/// (RFC 9078, section 3).
fn reaction(draft: &EmailDraft, pieces: &[Piece]) -> Option<Part<'static>> {
    draft.in_reply_to.as_ref()?;
    let first = draft.messages.first()?;
    let about = |message: &ChatMessage| referred(&message.content).map(str::to_owned);
    // A reaction to what nobody knows answers the last mail, and would be shown as one to that.
    let others = |message: &ChatMessage| message.about.is_none() || about(message) != about(first);
    if draft.messages.iter().any(others) {
        return None;
    }
    let emoji: Option<Vec<&str>> = pieces.iter().map(|piece| piece.reaction.as_deref()).collect();
    Some(Part::Text {
        content_type: "text/plain",
        disposition: Some("reaction"),
        text: emoji?.join(" "),
    })
}

/// What stands above each message: who wrote it where senders differ, and when where they lie far apart. A name also stands above a
/// link without a word: a mail that is nothing else looks like spam, to people and to filters (SpamAssassin's `BODY_SINGLE_URI`).
fn headings(draft: &EmailDraft, pieces: &[Piece]) -> Vec<Option<String>> {
    let shown = || {
        draft
            .messages
            .iter()
            .zip(pieces)
            .filter(|(_, piece)| !piece.is_empty())
    };
    let several_senders = shown().any(|(message, _)| {
        shown()
            .next()
            .is_some_and(|(first, _)| first.sender != message.sender)
    });
    let is_bare = draft.intro.is_none() && shown().count() == 1 && shown().all(|(_, piece)| piece.is_link());
    let mut before: Option<&ChatMessage> = None;
    let mut headings = Vec::new();
    for (message, piece) in draft.messages.iter().zip(pieces) {
        if piece.is_empty() {
            headings.push(None);
            continue;
        }
        let is_new_sender = before.is_none_or(|before| before.sender != message.sender);
        let sender =
            (is_bare || several_senders && is_new_sender).then(|| line(&message.sender_name, LONGEST_NAME));
        let pause = before
            .map(|before| message.timestamp.since(before.timestamp))
            .unwrap_or_default();
        let time = CivilTime::from(message.timestamp);
        let time = match pause {
            pause if pause >= LONG_PAUSE => Some(time.for_people()),
            pause if pause >= PAUSE => Some(time.time_of_day()),
            _ => None,
        };
        headings.push(match (sender, time) {
            (Some(sender), Some(time)) => Some(format!("{sender}, {time}:")),
            (Some(sender), None) => Some(format!("{sender}:")),
            (None, Some(time)) => Some(format!("({time})")),
            (None, None) => None,
        });
        before = Some(message);
    }
    headings
}

/// What boundaries are made of.
pub(super) fn seed(message_id: &str) -> String {
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
    if draft.ask_receipt {
        let address = draft.reply_to.as_ref().unwrap_or(&draft.from.address);
        headers.mailbox(
            "Disposition-Notification-To",
            &Mailbox {
                name: None,
                address: address.clone(),
            },
        );
    }
    headers
        .text("Subject", prefix, &subject)
        .ids("Message-ID", [draft.message_id.as_str()])
        .ids("In-Reply-To", draft.in_reply_to.as_deref())
        .ids("References", draft.references.iter().map(String::as_str));
    if let Some(unsubscribe) = &draft.unsubscribe {
        let page = unsubscribe.url.as_ref().map(|url| format!("<{url}>,"));
        let mail = format!("<{}>", unsubscribe.mailto);
        headers.words(
            "List-Unsubscribe",
            page.as_deref().into_iter().chain([mail.as_str()]),
        );
        // RFC 8058, section 3.1, wants HTTPS.
        if page.is_some_and(|page| page.starts_with("<https:")) {
            headers.words("List-Unsubscribe-Post", ["List-Unsubscribe=One-Click"]);
        }
    }
    // A notice must never be answered automatically (client-server API, "m.notice"); RFC 3834, section 5, says so to
    // whatever answers mail.
    let is_notice = |message: &ChatMessage| {
        message
            .content
            .get("msgtype")
            .is_some_and(|kind| kind == "m.notice")
    };
    if draft.messages.iter().all(is_notice) {
        headers.words("Auto-Submitted", ["auto-generated"]);
    }
    headers
}

fn named(mailbox: &Mailbox) -> Mailbox {
    let name = mailbox.name.as_deref().map(|name| line(name, LONGEST_NAME));
    Mailbox {
        name: name.filter(|name| !name.is_empty()),
        address: mailbox.address.clone(),
    }
}

fn plain(pieces: &[Piece], headings: &[Option<String>], foot: Option<&Foot>) -> String {
    let mut text = String::new();
    let mut before: Option<&Piece> = None;
    for (piece, heading) in pieces.iter().zip(headings).filter(|(piece, _)| !piece.is_empty()) {
        // Reactions are lines of one list, everything else is a paragraph.
        let is_list = piece.reaction.is_some() && before.is_some_and(|before| before.reaction.is_some());
        if before.is_some() {
            text.push_str(if is_list { "\n" } else { "\n\n" });
        }
        before = Some(piece);
        if let Some(heading) = heading {
            text.push_str(heading);
            text.push('\n');
        }
        if let Some(quote) = &piece.quote {
            text.push_str(&quote.plain());
            text.push_str("\n\n");
        }
        text.push_str(&piece.text);
    }
    if let Some(foot) = foot {
        text.push_str("\n\n");
        text.push_str(&foot.plain());
    }
    text
}

fn markup(pieces: &[Piece], headings: &[Option<String>], foot: Option<&Foot>) -> String {
    let mut out = String::new();
    for (piece, heading) in pieces.iter().zip(headings).filter(|(piece, _)| !piece.is_empty()) {
        if !out.is_empty() {
            out.push_str("<div><br></div>\n");
        }
        if let Some(heading) = heading {
            let _ = writeln!(out, "<div><b>{}</b></div>", html::escape(heading));
        }
        if let Some(quote) = &piece.quote {
            out.push_str(&quote.html());
        }
        let inner = piece.html.clone().unwrap_or_else(|| html::from_text(&piece.text));
        let _ = writeln!(out, "<div dir=\"auto\">{inner}</div>");
    }
    if let Some(foot) = foot {
        out.push_str(&foot.html());
    }
    out
}
