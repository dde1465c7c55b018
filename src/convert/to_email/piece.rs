//! What one event contributes to an email.

use super::content::{self, Content, Relation};
use super::html::{self, ImagePlaces};
use super::{ChatMessage, attachment, body, quote};
use crate::convert::mime::Part;

/// What one event contributes: a text in two forms, and files.
#[derive(Debug, Default)]
pub(super) struct Piece {
    /// What was written, as plain text.
    pub(super) text: String,
    /// The same as HTML, where there is more to it than text.
    pub(super) html: Option<String>,
    /// What it answers or corrects, shown before it.
    pub(super) quote: Option<quote::Quote>,
    /// Its files.
    pub(super) files: Vec<Part>,
}

impl Piece {
    fn plain(text: String) -> Self {
        Self {
            text,
            ..Self::default()
        }
    }

    /// Whether a reader would see anything of it.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.html.is_none() && self.files.is_empty()
    }
}

/// Renders one event; empty when there is nothing to show.
pub(super) fn piece(message: &ChatMessage, images: &mut dyn ImagePlaces) -> Piece {
    let relation = content::relation(&message.content);
    let new_content = content::object(&message.content, "m.new_content");
    let content = match (relation, new_content) {
        (Relation::Edit, Some(new)) => new,
        _ => &message.content,
    };
    let mut piece = shown(message, content, images);
    if piece.is_empty() {
        return piece;
    }
    match relation {
        Relation::Reply => piece.quote = message.about.as_ref().map(quote::answered),
        Relation::Edit => piece.quote = Some(quote::corrected(message.about.as_ref())),
        Relation::None | Relation::Annotation | Relation::Reference => {}
    }
    piece
}

/// Renders a content by event type and msgtype.
fn shown(message: &ChatMessage, content: &Content, images: &mut dyn ImagePlaces) -> Piece {
    let msgtype = content::text(content, "msgtype").unwrap_or_default();
    match (message.event_type.as_str(), msgtype) {
        ("m.room.message", "m.key.verification.request") => Piece::default(),
        ("m.room.message", "m.image" | "m.file" | "m.audio" | "m.video") | ("m.sticker", _) => {
            let described = attachment::describe(content, message);
            let mut piece = Piece {
                files: described.file.into_iter().collect(),
                ..Piece::default()
            };
            if described.has_caption {
                let caption = written(content, "", images);
                (piece.text, piece.html) = (caption.text, caption.html);
            }
            if let Some(note) = described.note {
                piece.html = piece
                    .html
                    .map(|html| format!("{html}<br>\n{}", html::escape(&note)));
                piece.text = [piece.text.as_str(), &note].join("\n").trim_start().to_owned();
            }
            piece
        }
        ("m.room.message", "m.emote") => written(content, &format!("* {} ", message.sender_name), images),
        ("m.room.message", _) => written(content, "", images),
        _ => written(content, "", images),
    }
}

/// Renders `body` and `formatted_body`, with `before` (an emote's `* name `) before both.
fn written(content: &Content, before: &str, images: &mut dyn ImagePlaces) -> Piece {
    let fallback = content::text(content, "body").or_else(|| content::extensible_text(content));
    let mut plain = fallback.unwrap_or_default();
    if content::answers_something(content) {
        plain = body::without_reply_fallback(plain);
    }
    let plain = body::clean(plain);
    if let Some(mut tree) = formatted(content) {
        let text = html::plain(&tree);
        if !text.is_empty() {
            if !before.is_empty() {
                html::prefix_text(&mut tree, before);
            }
            return Piece {
                html: html::is_formatted(&tree).then(|| html::write(&tree, images)),
                text: html::plain(&tree),
                ..Piece::default()
            };
        }
    }
    if plain.is_empty() {
        return Piece::default();
    }
    Piece::plain(format!("{before}{plain}"))
}

/// `formatted_body`, when its format is the only one there is.
fn formatted(content: &Content) -> Option<Vec<html::Node>> {
    if content::text(content, "format") != Some("org.matrix.custom.html") {
        return None;
    }
    html::parse(content::text(content, "formatted_body")?)
}
