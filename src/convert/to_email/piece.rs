//! What one event contributes to an email.

use super::content::{self, Content};
use super::correction;
use super::enclosures::Enclosures;
use super::quote::{self, Quote};
use super::{ChatMessage, attachment, body, html, location, poll, reaction};
use crate::convert::relation::{Relation, relation};

/// What one event contributes: a text in two forms. Its files are in the mail's [`Enclosures`].
#[derive(Debug, Default)]
pub(super) struct Piece {
    /// What was written, as plain text; empty when the event shows nothing.
    pub(super) text: String,
    /// The same as HTML, where there is more to it than text.
    pub(super) html: Option<String>,
    /// What it answers or corrects, shown before it.
    pub(super) quote: Option<Quote>,
    /// Emoji for programs that know reactions (RFC 9078).
    pub(super) reaction: Option<String>,
}

impl Piece {
    fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// Whether a reader would see nothing of it.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

/// Renders one event. `among_others` says that the mail holds other messages, between which a picture has its place.
pub(super) fn piece(message: &ChatMessage, among_others: bool, enclosures: &mut Enclosures<'_>) -> Piece {
    let relation = relation(&message.content);
    let new_content = content::object(&message.content, "m.new_content");
    let content = match (relation, new_content) {
        (Relation::Edit, Some(new)) => new,
        _ => &message.content,
    };
    let mut piece = shown(message, content, among_others, enclosures);
    if piece.is_empty() {
        return piece;
    }
    let about = message.about.as_ref();
    match (relation, about) {
        (Relation::Reply, Some(about)) => piece.quote = Some(quote::answered(about)),
        (Relation::Edit, about) => {
            let change = about.filter(|_| piece.html.is_none());
            match change.and_then(|about| correction::change(&about.text, &piece.text)) {
                Some(change) => {
                    piece.quote = Some(quote::correction(about, false));
                    piece.text = change;
                }
                None => piece.quote = Some(quote::correction(about, true)),
            }
        }
        _ => {}
    }
    piece
}

/// Renders a content by event type and msgtype.
fn shown(
    message: &ChatMessage,
    content: &Content,
    among_others: bool,
    enclosures: &mut Enclosures<'_>,
) -> Piece {
    let sender = super::line::line(&message.sender_name, super::LONGEST_NAME);
    let about = message.about.as_ref();
    match message.event_type.as_str() {
        "m.room.encrypted" | "m.room.redaction" => Piece::default(),
        "m.room.message" => match content::text(content, "msgtype").unwrap_or_default() {
            "m.key.verification.request" => Piece::default(),
            "m.image" | "m.file" | "m.audio" | "m.video" => media(message, content, among_others, enclosures),
            "m.emote" => written(content, &format!("* {sender} "), enclosures),
            "m.location" => Piece::plain(location::location(content).unwrap_or_default()),
            "m.server_notice" => server_notice(content, enclosures),
            _ => written(content, "", enclosures),
        },
        "m.sticker" => media(message, content, among_others, enclosures),
        "m.reaction" => Piece {
            text: reaction::sentence(content, &sender, about).unwrap_or_default(),
            reaction: reaction::emoji(content),
            ..Piece::default()
        },
        "m.poll.start" | "org.matrix.msc3381.poll.start" => match poll::start(content) {
            Some(text) => Piece::plain(text),
            None => written(content, "", enclosures),
        },
        "m.poll.end" | "org.matrix.msc3381.poll.end" => Piece::plain(poll::end(content, about)),
        _ => written(content, "", enclosures),
    }
}

/// Renders a file with its caption.
fn media(
    message: &ChatMessage,
    content: &Content,
    among_others: bool,
    enclosures: &mut Enclosures<'_>,
) -> Piece {
    let caption = if message.event_type != "m.sticker" && attachment::has_caption(content) {
        written(content, "", enclosures)
    } else {
        Piece::default()
    };
    let file = attachment::enclose(content, message, among_others, enclosures);
    let note =
        (caption.is_empty() || file.is_needed || (among_others && file.html.is_none())).then_some(file.note);
    let mut html: Vec<String> = file.html.into_iter().collect();
    if !html.is_empty() || caption.html.is_some() {
        let described = caption
            .html
            .or_else(|| (!caption.text.is_empty()).then(|| html::from_text(&caption.text)));
        html.extend(described);
        if html.len() < 2 && caption.text.is_empty() {
            // The picture alone: the note is for those who don't see it.
        } else {
            html.extend(note.as_deref().map(html::from_text));
        }
    }
    let text: Vec<String> = [caption.text, note.unwrap_or_default()]
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect();
    Piece {
        text: text.join("\n"),
        html: (!html.is_empty()).then(|| html.join("<br>\n")),
        ..Piece::default()
    }
}

/// Renders a notice of the homeserver's admin, with where to ask (client-server API, "Server Notices").
fn server_notice(content: &Content, enclosures: &mut Enclosures<'_>) -> Piece {
    let mut piece = written(content, "", enclosures);
    if let Some(contact) = content::text(content, "admin_contact").filter(|_| !piece.is_empty()) {
        let line = format!("Contact: {}", super::line::line(contact, 200));
        piece.html = piece
            .html
            .map(|markup| format!("{markup}<br>\n{}", html::escape(&line)));
        piece.text = format!("{}\n{line}", piece.text);
    }
    piece
}

/// Renders `body` and `formatted_body`, with `before` (an emote's `* name `) before both.
fn written(content: &Content, before: &str, enclosures: &mut Enclosures<'_>) -> Piece {
    if let Some(mut tree) = formatted(content) {
        if !html::plain(&tree).is_empty() {
            if !before.is_empty() {
                html::prefix_text(&mut tree, before);
            }
            return Piece {
                html: html::is_formatted(&tree).then(|| html::write(&tree, enclosures)),
                text: html::plain(&tree),
                ..Piece::default()
            };
        }
    }
    let body = content::text(content, "body").or_else(|| content::extensible_text(content));
    let mut body = body.unwrap_or_default();
    if content::answers_something(content) {
        body = body::without_reply_fallback(body);
    }
    let text = body::clean(body);
    if text.is_empty() {
        return Piece::default();
    }
    Piece::plain(format!("{before}{text}"))
}

/// `formatted_body`, when its format is the only one there is.
pub(super) fn formatted(content: &Content) -> Option<Vec<html::Node>> {
    if content::text(content, "format") != Some("org.matrix.custom.html") {
        return None;
    }
    html::parse(content::text(content, "formatted_body")?)
}
