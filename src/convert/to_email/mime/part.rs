//! Parts of a message, and how they are put together (RFC 2046).

use std::fmt::Write as _;

use super::{Headers, parameter, transfer};

/// Whether a part is shown in its place or kept apart (RFC 2183).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// Shown where it is referred to.
    Inline,
    /// Kept apart, to be saved.
    Attachment,
}

/// One part of a message, possibly of several parts itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// A text in UTF-8.
    Text {
        /// `text/plain` or another text type, in lower case.
        content_type: &'static str,
        /// `Content-Disposition`, where it is neither inline nor attachment (RFC 9078, section 2).
        disposition: Option<&'static str>,
        /// The text, with LF line ends.
        text: String,
    },
    /// A file.
    File {
        /// The media type, checked: `type/subtype` in tokens.
        content_type: String,
        /// How it is shown.
        disposition: Disposition,
        /// Its name: no path, no control characters.
        name: String,
        /// What an HTML part refers to it by (RFC 2392), without angle brackets.
        content_id: Option<String>,
        /// The bytes.
        body: FileBody<'a>,
    },
    /// Several parts.
    Several(Multipart, Vec<Part<'a>>),
}

/// The bytes of a file, which may be many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileBody<'a> {
    /// Borrowed until the message is written.
    Here(&'a [u8]),
    /// Kept elsewhere: the message only says where they belong.
    Kept {
        /// Which of the files that are kept elsewhere it is.
        number: usize,
        /// How many there are.
        size: u64,
    },
}

impl FileBody<'_> {
    /// How many bytes there are.
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Here(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Self::Kept { size, .. } => *size,
        }
    }
}

/// Where in the text of an email a file belongs that is kept elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnclosedFile {
    /// Before which byte of the text its base64 is to be written.
    pub at: usize,
    /// Which file.
    pub number: usize,
}

/// A message as it is written.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// All of it but the files that are kept elsewhere.
    pub(crate) text: String,
    /// Those, and where in the text the base64 of each belongs, in order.
    pub(crate) files: Vec<EnclosedFile>,
}

/// What several parts are to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Multipart {
    /// One after the other (RFC 2046, section 5.1.3).
    Mixed,
    /// The same in several forms, the best one last (RFC 2046, section 5.1.4).
    Alternative,
    /// A root and what it refers to (RFC 2387).
    Related,
}

impl Part<'_> {
    /// A part of plain text.
    pub(crate) fn plain(text: String) -> Self {
        Self::Text {
            content_type: "text/plain",
            disposition: None,
            text,
        }
    }

    /// A part of HTML.
    pub(crate) fn html(text: String) -> Self {
        Self::Text {
            content_type: "text/html",
            disposition: None,
            text,
        }
    }

    /// The whole message: `headers`, then this part.
    ///
    /// `seed` makes the boundaries: printable ASCII, the same for the same message and for no other. No encoded line
    /// can begin like a boundary.
    pub(crate) fn message(&self, headers: &Headers, seed: &str) -> Written {
        let mut out = Written::default();
        out.text.push_str(headers.as_str());
        out.text.push_str("MIME-Version: 1.0\r\n");
        self.write(seed, &mut 0, &mut out);
        out
    }

    fn write(&self, seed: &str, count: &mut u32, out: &mut Written) {
        let Written { text: lines, files } = out;
        let mut headers = Headers::default();
        match self {
            Self::Text {
                content_type,
                disposition,
                text,
            } => {
                let kind = format!("{content_type};");
                let (encoding, encoded) = transfer::text(text);
                headers
                    .words("Content-Type", [kind.as_str(), "charset=utf-8"])
                    .words("Content-Disposition", *disposition)
                    .words("Content-Transfer-Encoding", [encoding]);
                close(&headers, &encoded, lines);
            }
            Self::File {
                content_type,
                disposition,
                name,
                content_id,
                body,
            } => {
                file_headers(
                    &mut headers,
                    content_type,
                    *disposition,
                    name,
                    content_id.as_deref(),
                );
                close(&headers, "", lines);
                match *body {
                    FileBody::Here(bytes) => transfer::base64(bytes, lines),
                    FileBody::Kept { number, .. } => files.push(EnclosedFile {
                        at: lines.len(),
                        number,
                    }),
                }
            }
            Self::Several(kind, parts) => {
                *count += 1;
                let boundary = format!("=_{seed}_{count}");
                let kind = match kind {
                    Multipart::Mixed => "multipart/mixed;",
                    Multipart::Alternative => "multipart/alternative;",
                    Multipart::Related => "multipart/related; type=\"text/html\";",
                };
                let quoted = format!("boundary=\"{boundary}\"");
                headers.words("Content-Type", kind.split(' ').chain([quoted.as_str()]));
                lines.push_str(headers.as_str());
                for part in parts {
                    let _ = write!(out.text, "\r\n--{boundary}\r\n");
                    part.write(seed, count, out);
                }
                let _ = write!(out.text, "\r\n--{boundary}--\r\n");
            }
        }
    }
}

/// Writes a header, the blank line that ends it, and what follows.
fn close(headers: &Headers, body: &str, out: &mut String) {
    out.push_str(headers.as_str());
    out.push_str("\r\n");
    out.push_str(body);
}

fn file_headers(
    headers: &mut Headers,
    content_type: &str,
    disposition: Disposition,
    name: &str,
    content_id: Option<&str>,
) {
    let kind = format!("{content_type};");
    let old = parameter::encoded_word("name", name);
    let new = parameter::extended("filename", name);
    let disposition = match disposition {
        Disposition::Inline => "inline;",
        Disposition::Attachment => "attachment;",
    };
    headers
        .parameters("Content-Type", &kind, &old)
        .parameters("Content-Disposition", disposition, &new)
        .words("Content-Transfer-Encoding", ["base64"])
        .ids("Content-ID", content_id);
}
