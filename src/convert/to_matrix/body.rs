//! Which parts of a mail are its text and which its files (RFC 2046, 2387, 8621 section 4.1.4).

use super::files::File;
use super::length::MAX_BODY;
use super::mime::{self, Part, take_uuencoded, take_yenc};
use super::pictures::take_data;
use super::plain::{undo_mailbox_marks, unflow};
use super::special::{self, Cms, Pgp};

/// One stretch of text, in the forms in which the mail has it.
#[derive(Debug, Default)]
pub(super) struct Segment {
    /// As plain text, soft breaks undone.
    pub(super) plain: Option<String>,
    /// As HTML.
    pub(super) html: Option<String>,
}

/// The parts of a mail, sorted.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// The text, in order.
    pub(super) segments: Vec<Segment>,
    /// The files, in order.
    pub(super) files: Vec<File>,
    /// There is a part that only the recipient's key could open.
    pub(super) encrypted: bool,
    /// The text inside Outlook's container, for a mail that has no other.
    contained: Segment,
    /// How many signed envelopes were opened.
    opened: usize,
}

/// How many signed envelopes of one mail are opened: one is usual, a gateway may add another.
const MAX_OPENED: usize = 5;

/// Sorts the parts of a mail.
pub(super) fn collect(mail: &Part<'_>) -> Body {
    let mut body = Body::default();
    add(mail, &mut body);
    let is_empty = |segment: &Segment| {
        let empty = |text: &Option<String>| text.as_ref().is_none_or(|text| text.trim().is_empty());
        empty(&segment.plain) && empty(&segment.html)
    };
    if body.segments.iter().all(is_empty) && !is_empty(&body.contained) {
        body.segments = vec![std::mem::take(&mut body.contained)];
    }
    drop_twin_calendars(&mut body.files);
    body
}

/// Google sends an invitation as a form of the text and as a file: the file is enough.
fn drop_twin_calendars(files: &mut Vec<File>) {
    let is_calendar = |file: &File| matches!(file.media_type.as_str(), "text/calendar" | "application/ics");
    let content = |file: &File| -> Vec<u8> {
        let bytes = file
            .content
            .at_hand()
            .iter()
            .filter(|byte| !byte.is_ascii_whitespace());
        bytes.copied().collect()
    };
    let named: Vec<Vec<u8>> = files
        .iter()
        .filter(|file| is_calendar(file) && file.name.is_some())
        .map(content)
        .collect();
    // One that is too large to be at hand is nobody's twin.
    files.retain(|file| {
        let may_be = file.name.is_none() && is_calendar(file) && !file.content.at_hand().is_empty();
        !may_be || !named.contains(&content(file))
    });
}

fn add(part: &Part<'_>, body: &mut Body) {
    if part.media_type == "multipart/alternative" {
        add_alternative(part, body);
    } else if !part.children.is_empty() {
        for child in &part.children {
            add(child, body);
        }
    } else if is_text(part) {
        add_text(part, body);
    } else {
        add_file(part, body);
    }
}

/// A file, or what is in it. Among the files are multiparts that are nested too deeply to be followed.
fn add_file(part: &Part<'_>, body: &mut Body) {
    match part.media_type.as_str() {
        // Too large to be opened.
        media_type if part.left.is_some() && is_container(media_type) => {
            body.encrypted |= is_cms(media_type) && part.parameter("smime-type") != Some("signed-data");
            body.files.push(File::from_part(part));
        }
        // Says only that the next part is encrypted (RFC 3156, section 4).
        "application/pgp-encrypted" => body.encrypted = true,
        media_type if is_cms(media_type) => match special::open_cms(&part.bytes()) {
            Cms::Signed(content) if body.opened < MAX_OPENED => {
                body.opened += 1;
                add(&mime::parse(&content), body);
            }
            Cms::Other if part.parameter("smime-type") == Some("signed-data") => {
                body.files.push(File::from_part(part));
            }
            Cms::Signed(_) => body.files.push(File::from_part(part)),
            Cms::Encrypted | Cms::Other => {
                body.encrypted = true;
                body.files.push(File::from_part(part));
            }
        },
        // Signatures say nothing to a person, and Macintosh's resource forks neither (RFC 1740).
        "application/pgp-signature"
        | "application/pkcs7-signature"
        | "application/x-pkcs7-signature"
        | "application/applefile" => {}
        "application/ms-tnef" | "application/vnd.ms-tnef" => {
            let file = File::from_part(part);
            match special::unpack_tnef(file.content.at_hand()) {
                Some(container) => {
                    body.files.extend(container.files);
                    body.contained = container.text;
                }
                None => body.files.push(file),
            }
        }
        _ => {
            let mut file = File::from_part(part);
            file.note = special::note(part);
            body.files.push(file);
        }
    }
}

fn is_cms(media_type: &str) -> bool {
    matches!(media_type, "application/pkcs7-mime" | "application/x-pkcs7-mime")
}

/// Files that are opened, because there are others in them.
fn is_container(media_type: &str) -> bool {
    is_cms(media_type) || matches!(media_type, "application/ms-tnef" | "application/vnd.ms-tnef")
}

/// Parts whose content is read, and not only shown as a file: of a large mail they are wanted as a whole.
pub(super) fn is_read(part: &Part<'_>) -> bool {
    is_text(part)
        || is_container(&part.media_type)
        || matches!(part.media_type.as_str(), "text/calendar" | "application/ics")
        || part.is_decoded_whole()
}

fn add_text(part: &Part<'_>, body: &mut Body) {
    if part.left.is_some() {
        return add_long_text(part, body);
    }
    let bytes = part.bytes();
    let embedded = take_yenc(&bytes);
    let text = part.text_of(embedded.as_ref().map_or(&bytes, |(kept, _)| kept));
    body.files.extend(
        embedded
            .into_iter()
            .flat_map(|(_, files)| files)
            .map(File::from_text),
    );
    if matches!(part.media_type.as_str(), "text/html" | "application/xhtml+xml") {
        let (html, pictures) = take_data(text);
        body.files.extend(pictures);
        body.segments.push(Segment {
            plain: None,
            html: Some(html),
        });
        return;
    }
    let text = match special::open_pgp(&text) {
        Some(Pgp::Signed(text)) => text,
        Some(Pgp::Encrypted(around, message)) => {
            body.encrypted = true;
            let file = File::unnamed("application/pgp-encrypted", message.into_bytes());
            body.files.push(File {
                name: Some("encrypted.asc".to_owned()),
                ..file
            });
            around
        }
        None => text,
    };
    let (text, files) = take_uuencoded(text);
    body.segments.push(Segment {
        plain: Some(flowed(part, text)),
        html: None,
    });
    body.files.extend(files.into_iter().map(File::from_text));
}

/// Of a text of megabytes the beginning is shown; all of it is a file.
fn add_long_text(part: &Part<'_>, body: &mut Body) {
    let head = part.text_head(MAX_BODY / 2);
    body.segments
        .push(if part.is("text/plain") || part.is("text/markdown") {
            Segment {
                plain: Some(head),
                html: None,
            }
        } else {
            Segment {
                plain: None,
                html: Some(head),
            }
        });
    body.files.push(File::from_long_text(part));
}

/// The forms of one text become one segment; files among them stay files.
fn add_alternative(part: &Part<'_>, body: &mut Body) {
    let mut inner = Body {
        opened: body.opened,
        ..Body::default()
    };
    for child in part.children.iter().filter(|child| !is_other_form(child)) {
        add(child, &mut inner);
    }
    let join = |pieces: Vec<String>| (!pieces.is_empty()).then(|| pieces.join("\n"));
    let mut plain = Vec::new();
    let mut html = Vec::new();
    for segment in inner.segments {
        plain.extend(segment.plain);
        html.extend(segment.html);
    }
    body.segments.push(Segment {
        plain: join(plain),
        html: join(html),
    });
    body.files.extend(inner.files);
    body.encrypted |= inner.encrypted;
    body.opened = inner.opened;
    if inner.contained.plain.is_some() || inner.contained.html.is_some() {
        body.contained = inner.contained;
    }
}

/// Forms of the text that are of no use where there is another.
fn is_other_form(part: &Part<'_>) -> bool {
    matches!(
        part.media_type.as_str(),
        "text/x-amp-html" | "text/watch-html" | special::GOOGLE_REACTION
    )
}

fn is_text(part: &Part<'_>) -> bool {
    let shown = matches!(
        part.media_type.as_str(),
        "text/plain" | "text/html" | "application/xhtml+xml" | "text/markdown"
    );
    shown && part.disposition != "attachment" && part.name.is_none()
}

fn flowed(part: &Part<'_>, text: String) -> String {
    let text = undo_mailbox_marks(text);
    let is = |name: &str, value: &str| {
        part.parameter(name)
            .is_some_and(|given| given.eq_ignore_ascii_case(value))
    };
    if is("format", "flowed") {
        unflow(&text, is("delsp", "yes"))
    } else {
        text
    }
}
