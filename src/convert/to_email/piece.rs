//! What one event contributes to an email.

use super::content::{self, Content};
use super::correction;
use super::enclosures::Enclosures;
use super::line::line;
use super::quote::{self, Quote};
use super::{ChatMessage, LONGEST_NAME, Place, attachment, body, gallery, html, location, media_uri};
use super::{poll, reaction};
use crate::convert::html::Tree;
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

    /// The same with a line below.
    fn with_line(self, line: &str) -> Self {
        let html = self
            .html
            .map(|html| format!("{html}<br>\n{}", html::escape(line)));
        let text = format!("{}\n{line}", self.text).trim_start().to_owned();
        Self { text, html, ..self }
    }

    /// Whether it is a link, or what programs take for one, and nothing else.
    pub(super) fn is_link(&self) -> bool {
        let text = self.text.trim();
        let host = text.split('/').next().unwrap_or_default();
        let is_host = host
            .rsplit_once('.')
            .is_some_and(|(_, top)| top.len() > 1 && top.chars().all(char::is_alphabetic));
        !text.contains(char::is_whitespace) && (text.contains("://") || is_host)
    }

    /// Whether there are words in its HTML, for programs that count them: SpamAssassin knows those with a letter or digit of ASCII, and
    /// finds pictures without words suspicious (`MPART_ALT_DIFF`).
    pub(super) fn has_words(&self) -> bool {
        let mut is_markup = false;
        let html = self.html.as_deref().unwrap_or(&self.text).replace("&nbsp;", "");
        html.chars().any(|c| {
            is_markup = c == '<' || (is_markup && c != '>');
            !is_markup && c.is_ascii_alphanumeric()
        })
    }

    /// Whether a reader would see nothing of it.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

/// Renders one event.
pub(super) fn piece<'a>(message: &'a ChatMessage, place: Place, enclosures: &mut Enclosures<'a>) -> Piece {
    let relation = relation(&message.content);
    let new_content = content::object(&message.content, "m.new_content");
    let content = match (relation, new_content) {
        (Relation::Edit, Some(new)) => new,
        _ => &message.content,
    };
    let mut renderer = Renderer {
        message,
        content,
        relation,
        place,
        enclosures,
    };
    let mut piece = renderer.shown();
    if piece.is_empty() {
        return piece;
    }
    let about = message.about.as_ref();
    match (relation, about) {
        (Relation::Reply, Some(about)) if !about.text.trim().is_empty() => {
            piece.quote = Some(quote::answered(about));
        }
        (Relation::Edit, about) => {
            let change = about.filter(|_| piece.html.is_none());
            let change = change.and_then(|about| correction::change(&about.text, &piece.text));
            piece.quote = Some(quote::correction(about, change.is_none()));
            piece.text = change.unwrap_or(piece.text);
        }
        _ => {}
    }
    piece
}

/// The rendering of one event.
struct Renderer<'a, 'b> {
    message: &'a ChatMessage,
    /// What is shown: the message's content, or the new content of an edit.
    content: &'a Content,
    relation: Relation,
    place: Place,
    enclosures: &'b mut Enclosures<'a>,
}

impl Renderer<'_, '_> {
    /// Renders by event type and msgtype.
    fn shown(&mut self) -> Piece {
        let sender = line(&self.message.sender_name, LONGEST_NAME);
        let about = self.message.about.as_ref();
        let msgtype = content::text(self.content, "msgtype").unwrap_or_default();
        match (self.message.event_type.as_str(), msgtype) {
            ("m.room.encrypted" | "m.room.redaction", _)
            | ("m.room.message", "m.key.verification.request") => Piece::default(),
            (kind, _) if attachment::is_file(kind, self.content) => self.media(),
            ("m.room.message", "m.emote") => self.written(&format!("* {sender} ")),
            ("m.room.message", "m.text" | "m.notice") => self.written(""),
            ("m.room.message", "m.location") => {
                Piece::plain(location::location(self.content).unwrap_or_default())
            }
            ("m.beacon" | "org.matrix.msc3672.beacon", _) => {
                Piece::plain(location::beacon(self.content).unwrap_or_default())
            }
            ("m.room.message", "m.server_notice") => self.server_notice(),
            ("m.reaction", _) => Piece {
                text: reaction::sentence(self.content, &sender, about).unwrap_or_default(),
                reaction: reaction::emoji(self.content),
                ..Piece::default()
            },
            ("m.poll.start" | "org.matrix.msc3381.poll.start", _) => {
                poll::start(self.content).map_or_else(|| self.written(""), Piece::plain)
            }
            ("m.poll.end" | "org.matrix.msc3381.poll.end", _) => Piece::plain(poll::end(self.content, about)),
            _ => self.unknown(),
        }
    }

    /// A file with its caption.
    fn media(&mut self) -> Piece {
        let mut caption = Piece::default();
        if self.message.event_type != "m.sticker" && attachment::has_caption(self.content) {
            caption = self.written("");
        }
        if self.relation == Relation::Edit && !caption.is_empty() {
            // Clients let people edit captions, not files: the file has been sent before.
            return caption;
        }
        let media = self.message.media.as_ref();
        let kind = &self.message.event_type;
        let file = attachment::enclose(self.content, kind, media, self.place, self.enclosures);
        self.with_files(caption, vec![file])
    }

    /// Several files with one caption.
    fn gallery(&mut self) -> Piece {
        let caption = self.written("");
        let mut files = Vec::new();
        for item in gallery::items(self.content) {
            let media = content::text(item, "url").and_then(|uri| self.enclosures.media_within(uri));
            let item = gallery::message(item);
            files.push(attachment::enclose(
                &item,
                "m.room.message",
                media,
                self.place,
                self.enclosures,
            ));
        }
        let piece = self.with_files(caption, files);
        match gallery::beyond(self.content) {
            0 => piece,
            more => piece.with_line(&format!("[{more} more files could not be attached]")),
        }
    }

    /// A caption and the files that it is about: pictures that are shown in their places stand above it.
    fn with_files(&self, caption: Piece, files: Vec<attachment::Shown>) -> Piece {
        let alone = self.place == Place::Alone && !caption.is_empty();
        let is_html = caption.html.is_some() || files.iter().any(|file| file.html.is_some());
        let (mut pictures, mut below, mut notes) = (Vec::new(), Vec::new(), Vec::new());
        for file in files {
            let note = (!alone || file.is_needed).then_some(file.note);
            match file.html {
                Some(picture) => pictures.push(picture),
                None => below.extend(note.as_deref().map(html::from_text)),
            }
            notes.extend(note);
        }
        let has_caption = !caption.text.is_empty();
        let markup = caption
            .html
            .or_else(|| has_caption.then(|| html::from_text(&caption.text)));
        let html: Vec<String> = pictures.into_iter().chain(markup).chain(below).collect();
        let text = Some(caption.text).filter(|_| has_caption);
        let text: Vec<String> = text.into_iter().chain(notes).collect();
        Piece {
            text: text.join("\n"),
            html: is_html.then(|| html.join("<br>\n")),
            ..Piece::default()
        }
    }

    /// A text, or whatever else has a text; a file that an unknown kind of message brings is not lost.
    fn unknown(&mut self) -> Piece {
        if gallery::items(self.content).next().is_some() {
            return self.gallery();
        }
        let piece = self.written("");
        if media_uri(self.content).is_none() {
            return piece;
        }
        let media = self.message.media.as_ref();
        let kind = &self.message.event_type;
        let file = attachment::enclose(self.content, kind, media, Place::Alone, self.enclosures);
        piece.with_line(&file.note)
    }

    /// A notice of the homeserver's admin, with where to ask (client-server API, "Server Notices").
    fn server_notice(&mut self) -> Piece {
        let piece = self.written("");
        match content::text(self.content, "admin_contact") {
            Some(contact) if !piece.is_empty() => {
                piece.with_line(&format!("Contact: {}", line(contact, 200)))
            }
            _ => piece,
        }
    }

    /// `formatted_body` or `body`, with `before` (an emote's `* name `) before it.
    fn written(&mut self, before: &str) -> Piece {
        if let Some(mut tree) = formatted(self.content).filter(|tree| !html::plain(tree.nodes()).is_empty()) {
            if !before.is_empty() {
                tree.prepend_text(before);
            }
            return Piece {
                html: html::is_formatted(tree.nodes()).then(|| html::write(tree.nodes(), self.enclosures)),
                text: html::plain(tree.nodes()),
                ..Piece::default()
            };
        }
        let body = content::text(self.content, "body").or_else(|| content::extensible_text(self.content));
        let mut body = body.unwrap_or_default();
        if content::answers_something(self.content) {
            body = body::without_reply_fallback(body);
        }
        let text = body::clean(body);
        if text.is_empty() {
            return Piece::default();
        }
        Piece::plain(format!("{before}{text}"))
    }
}

/// `formatted_body`, when its format is the only one there is, or the HTML of an extensible event.
pub(super) fn formatted(content: &Content) -> Option<Tree> {
    let html = match content::text(content, "format") {
        Some("org.matrix.custom.html") => content::text(content, "formatted_body"),
        _ => content::extensible_html(content),
    };
    html::parse(html?)
}
