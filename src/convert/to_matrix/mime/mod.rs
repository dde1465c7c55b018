//! The MIME tree (RFC 2045 to 2049) of a mail, read leniently and in bounded time.
//!
//! The splitting is our own, because the tree must be bounded in depth, in parts and in work whatever the
//! bytes are, and because the raw bytes of each part are wanted; charsets and dates are mail-parser's.

pub(crate) mod charset;
mod code_pages;
mod fields;
mod large;
mod params;
mod skeleton;
mod transfer;
mod words;
mod yenc;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) use fields::{Field, read_fields};
pub use large::{Brought, LargeMail, LeftFile, Survey, Wanted};
pub(crate) use params::percent_decode;
pub use skeleton::{Cutter, Skeleton};
pub use transfer::Decoder;
use transfer::decode_base64_text;
pub(crate) use transfer::{TextFile, decode_base64, decode_quoted_printable, take_uuencoded};
pub(crate) use words::decode_words;
pub(crate) use yenc::take_yenc;

/// How deep multiparts are followed; mail programs need six, gateways that wrap add a few more.
const MAX_DEPTH: usize = 40;
/// How many parts are read; a digest of a busy list has some hundred.
const MAX_PARTS: usize = 1_000;

/// One part of a mail, or the mail itself.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    /// The header fields, in order.
    pub(crate) fields: Vec<Field>,
    /// The media type in lower case, such as `text/plain`; never without a slash.
    pub(crate) media_type: String,
    /// The parameters of the media type, decoded, names in lower case.
    pub(crate) parameters: BTreeMap<String, String>,
    /// `inline`, `attachment` or empty, in lower case.
    pub(crate) disposition: String,
    /// The declared name: `filename` of the disposition, else `name` of the type.
    pub(crate) name: Option<String>,
    /// The body as transferred.
    body: &'a [u8],
    /// `Content-Transfer-Encoding`, in lower case.
    encoding: String,
    /// What is known of a file that stays in a large mail, of which only the beginning is here.
    pub(crate) left: Option<Arc<LeftFile>>,
    /// The parts of a multipart.
    pub(crate) children: Vec<Part<'a>>,
}

impl<'a> Part<'a> {
    /// The value of the first field called `name` (in lower case).
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|field| field.name == name)
            .map(|field| field.value.as_str())
    }

    /// The values of all fields called `name` (in lower case).
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.fields
            .iter()
            .filter(move |field| field.name == name)
            .map(|field| field.value.as_str())
    }

    /// The body with the transfer encoding undone.
    pub(crate) fn bytes(&self) -> Cow<'a, [u8]> {
        match self.encoding.as_str() {
            "base64" if self.is("text/") => Cow::Owned(decode_base64_text(self.body)),
            "base64" => Cow::Owned(decode_base64(self.body)),
            "quoted-printable" => Cow::Owned(decode_quoted_printable(self.body)),
            encoding if transfer::is_uuencode(encoding) => transfer::decode_uuencode(self.body)
                .map_or(Cow::Borrowed(self.body), |file| Cow::Owned(file.bytes)),
            _ => Cow::Borrowed(self.body),
        }
    }

    /// Whether the body is encoded in a way that is undone as a whole.
    pub(crate) fn is_decoded_whole(&self) -> bool {
        match self.encoding.as_str() {
            "base64" => self.is("text/"),
            encoding => transfer::is_uuencode(encoding),
        }
    }

    /// Bytes out of the body as text with line feeds alone as line ends.
    pub(crate) fn text_of(&self, bytes: &[u8]) -> String {
        normalise_lines(&charset::decode(bytes, self.parameter("charset")))
    }

    /// The first `limit` bytes or so of the body as text.
    pub(crate) fn text_head(&self, limit: usize) -> String {
        let bytes = self.bytes();
        let head = bytes.get(..limit).unwrap_or(&bytes);
        self.text_of(head)
    }

    /// True for `text/…`, `image/…` and so on.
    pub(crate) fn is(&self, prefix: &str) -> bool {
        self.media_type.starts_with(prefix)
    }

    /// The parameter of the media type.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// This part and all below it, depth first.
    pub(crate) fn walk(&self) -> Vec<&Part<'a>> {
        let mut all = vec![self];
        for child in &self.children {
            all.extend(child.walk());
        }
        all
    }
}

/// CRLF and lone CR become LF; other control characters go, but for tabs: nobody sees them.
pub(crate) fn normalise_lines(text: &str) -> String {
    let mut pieces = text.split('\r');
    let mut text = String::with_capacity(text.len());
    text.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        if !piece.starts_with('\n') {
            text.push('\n');
        }
        text.push_str(piece);
    }
    let is_hidden = |byte: u8| byte.is_ascii_control() && byte != b'\n' && byte != b'\t';
    // To look at all bytes is faster than to stop at the first of these: several are compared at once.
    let any = |found: u8, byte| found | u8::from(is_hidden(byte));
    if text.bytes().fold(0, any) > 0 {
        text.retain(|c| !u8::try_from(c).is_ok_and(is_hidden));
    }
    text
}

/// What is left of the work that one mail may cause.
struct Budget {
    parts: usize,
    bytes: usize,
}

/// Reads the tree. Never fails: what is no MIME is one part of plain text.
pub(crate) fn parse(raw: &[u8]) -> Part<'_> {
    let mut budget = Budget {
        parts: MAX_PARTS,
        bytes: raw.len().saturating_mul(8).saturating_add(1 << 20),
    };
    parse_part(raw, 0, "text/plain", &mut budget)
}

fn parse_part<'a>(raw: &'a [u8], depth: usize, default_type: &str, budget: &mut Budget) -> Part<'a> {
    let (fields, body) = read_fields(raw);
    let field = |name: &str| {
        fields
            .iter()
            .find(|field| field.name == name)
            .map(|field| field.value.as_str())
    };
    let (mut media_type, parameters) = params::parse(field("content-type").unwrap_or(default_type));
    if !params::is_media_type(&media_type) {
        default_type.clone_into(&mut media_type);
    }
    let (disposition, disposition_parameters) =
        params::parse(field("content-disposition").unwrap_or_default());
    let encoding = field("content-transfer-encoding").unwrap_or_default();
    let encoding = encoding
        .split([';', ' ', '\t'])
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let name = disposition_parameters
        .get("filename")
        .or_else(|| parameters.get("name"))
        .filter(|name| !name.trim().is_empty())
        .cloned();
    let mut part = Part {
        children: Vec::new(),
        left: None,
        media_type,
        parameters,
        disposition,
        name,
        body,
        encoding,
        fields,
    };
    if part.is("multipart/") && depth < MAX_DEPTH && budget.bytes >= body.len() {
        budget.bytes -= body.len();
        let inner = if part.media_type == "multipart/digest" {
            "message/rfc822"
        } else {
            "text/plain"
        };
        let mut chunks = part
            .parameter("boundary")
            .map(|boundary| split(body, boundary))
            .unwrap_or_default();
        if chunks.is_empty()
            && let Some(boundary) = guess_boundary(body)
        {
            chunks = split(body, &boundary);
        }
        for chunk in chunks {
            if budget.parts == 0 {
                break;
            }
            budget.parts -= 1;
            part.children.push(parse_part(chunk, depth + 1, inner, budget));
        }
        if part.children.is_empty() {
            "text/plain".clone_into(&mut part.media_type);
        }
    }
    part
}

/// The parts between boundary lines (RFC 2046, section 5.1.1). A missing last boundary is forgiven.
fn split<'a>(body: &'a [u8], boundary: &str) -> Vec<&'a [u8]> {
    let boundary = boundary.as_bytes();
    let mut chunks = Vec::new();
    let mut start = None;
    let mut at = 0;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let begin = at;
        at += line.len();
        let Some(rest) = line
            .strip_prefix(b"--")
            .and_then(|rest| rest.strip_prefix(boundary))
        else {
            continue;
        };
        let last = match rest.trim_ascii_end() {
            b"" => false,
            b"--" => true,
            _ => continue,
        };
        if let Some(start) = start {
            chunks.push(without_line_end(body.get(start..begin).unwrap_or_default()));
        }
        start = Some(at);
        if last {
            start = None;
            break;
        }
    }
    if let Some(rest) = start
        .and_then(|start| body.get(start..))
        .filter(|rest| !rest.is_empty())
    {
        chunks.push(rest);
    }
    chunks
}

/// The line end before a boundary belongs to the boundary.
fn without_line_end(chunk: &[u8]) -> &[u8] {
    let chunk = chunk.strip_suffix(b"\n").unwrap_or(chunk);
    chunk.strip_suffix(b"\r").unwrap_or(chunk)
}

/// Finds the boundary in a body whose declaration is missing or wrong: the first line that starts with
/// `--` and is followed by a header field of a part.
fn guess_boundary(body: &[u8]) -> Option<String> {
    let mut lines = body.split(|byte| *byte == b'\n').take(2_000).peekable();
    while let Some(line) = lines.next() {
        let Some(rest) = line.trim_ascii_end().strip_prefix(b"--") else {
            continue;
        };
        let follows = lines
            .peek()
            .is_some_and(|next| next.to_ascii_lowercase().starts_with(b"content-"));
        if rest.len() > 2 && follows {
            return String::from_utf8(rest.to_vec()).ok();
        }
    }
    None
}
