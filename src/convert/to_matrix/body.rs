//! Which parts of a mail are its text and which its files (RFC 2046, 2387, 8621 section 4.1.4).

use super::mime::Part;
use super::plain::unflow;

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
pub(super) struct Body<'m, 'a> {
    /// The text, in order.
    pub(super) segments: Vec<Segment>,
    /// The files, in order.
    pub(super) files: Vec<&'m Part<'a>>,
}

/// Sorts the parts of a mail.
pub(super) fn collect<'m, 'a>(mail: &'m Part<'a>) -> Body<'m, 'a> {
    let mut body = Body::default();
    add(mail, &mut body);
    body
}

fn add<'m, 'a>(part: &'m Part<'a>, body: &mut Body<'m, 'a>) {
    if part.media_type == "multipart/alternative" {
        add_alternative(part, body);
    } else if !part.children.is_empty() {
        for child in &part.children {
            add(child, body);
        }
    } else if part.is("multipart/") {
        // Nested too deeply to be followed.
        body.files.push(part);
    } else if is_text(part) {
        let text = part.text();
        body.segments.push(match part.media_type.as_str() {
            "text/html" | "application/xhtml+xml" => Segment {
                plain: None,
                html: Some(text),
            },
            _ => Segment {
                plain: Some(flowed(part, text)),
                html: None,
            },
        });
    } else {
        body.files.push(part);
    }
}

/// The forms of one text become one segment; files among them stay files.
fn add_alternative<'m, 'a>(part: &'m Part<'a>, body: &mut Body<'m, 'a>) {
    let mut inner = Body::default();
    for child in &part.children {
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
    body.files
        .extend(inner.files.into_iter().filter(|file| !is_other_form(file)));
}

/// Forms of the text that are of no use where there is another.
fn is_other_form(part: &Part<'_>) -> bool {
    matches!(
        part.media_type.as_str(),
        "text/x-amp-html" | "text/watch-html" | "text/enriched" | "text/richtext"
    )
}

fn is_text(part: &Part<'_>) -> bool {
    let shown = matches!(
        part.media_type.as_str(),
        "text/plain"
            | "text/html"
            | "application/xhtml+xml"
            | "text/enriched"
            | "text/richtext"
            | "text/markdown"
    );
    shown && part.disposition != "attachment" && part.name.is_none()
}

fn flowed(part: &Part<'_>, text: String) -> String {
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
