//! An email as text: what the recipient's mail program would read in it.

use std::fmt::Write as _;

use mail_parser::{Addr, Address, HeaderName, HeaderValue, Message, MessageParser, MimeHeaders, PartType};

use super::super::mail::SentMail;
use super::{block, hash, visible};

/// The headers that come first, in this order; all others follow as they stand in the message.
const FIRST: [HeaderName<'static>; 8] = [
    HeaderName::From,
    HeaderName::ReplyTo,
    HeaderName::To,
    HeaderName::Subject,
    HeaderName::Date,
    HeaderName::MessageId,
    HeaderName::InReplyTo,
    HeaderName::References,
];

/// How deep parts are shown.
const MAX_DEPTH: usize = 16;

/// The mail: envelope, headers decoded, then each part with its type, name, size, and text if it is text.
pub fn render_mail(mail: &SentMail) -> String {
    let sender = mail.envelope.sender.as_ref().map_or("", |sender| sender.as_str());
    let mut out = format!(
        "mail <{}> to <{}>\n",
        visible(sender),
        visible(mail.envelope.recipient.as_str())
    );
    let Some(message) = MessageParser::default().parse(&mail.message) else {
        let _written = writeln!(
            out,
            "    unreadable, {} bytes, {}",
            mail.message.len(),
            hash(&mail.message)
        );
        return out;
    };
    let headers = message.headers();
    let first = FIRST
        .iter()
        .flat_map(|name| headers.iter().filter(move |header| header.name == *name));
    let rest = headers
        .iter()
        .filter(|header| !FIRST.contains(&header.name) && !of_mime(&header.name));
    for header in first.chain(rest) {
        let value = header_text(&header.name, &header.value);
        let _written = writeln!(out, "    {}: {}", visible(header.name.as_str()), visible(&value));
    }
    part(&mut out, &message, 0, 0);
    out
}

/// Headers that the lines of the parts show.
fn of_mime(name: &HeaderName<'_>) -> bool {
    matches!(
        name,
        HeaderName::MimeVersion
            | HeaderName::ContentType
            | HeaderName::ContentTransferEncoding
            | HeaderName::ContentDisposition
            | HeaderName::ContentId
    )
}

fn header_text(name: &HeaderName<'_>, value: &HeaderValue<'_>) -> String {
    let is_id = matches!(
        name,
        HeaderName::MessageId | HeaderName::InReplyTo | HeaderName::References
    );
    let id = |text: &str| {
        if is_id {
            format!("<{text}>")
        } else {
            text.to_owned()
        }
    };
    match value {
        HeaderValue::Address(Address::List(list)) => addresses(list),
        HeaderValue::Address(Address::Group(groups)) => groups
            .iter()
            .map(|group| {
                format!(
                    "{}: {};",
                    group.name.as_deref().unwrap_or_default(),
                    addresses(&group.addresses)
                )
            })
            .collect::<Vec<_>>()
            .join(" "),
        HeaderValue::Text(text) => id(text),
        HeaderValue::TextList(list) => list.iter().map(|text| id(text)).collect::<Vec<_>>().join(" "),
        HeaderValue::DateTime(time) => time.to_rfc3339(),
        HeaderValue::ContentType(content_type) => content_type.c_type.to_string(),
        HeaderValue::Received(_) => "(received)".to_owned(),
        HeaderValue::Empty => String::new(),
    }
}

fn addresses(list: &[Addr<'_>]) -> String {
    let one = |address: &Addr<'_>| {
        let text = address.address.as_deref().unwrap_or_default();
        match address.name.as_deref() {
            Some(name) => format!("{name:?} <{text}>"),
            None => format!("<{text}>"),
        }
    };
    list.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn part(out: &mut String, message: &Message<'_>, index: usize, depth: usize) {
    let Some(part_) = message.parts.get(index).filter(|_| depth < MAX_DEPTH) else {
        return;
    };
    let indent = "    ".repeat(depth + 1);
    let mut line = match part_.content_type() {
        Some(kind) => {
            let subtype = kind.c_subtype.as_deref().unwrap_or("*");
            let mut text = format!("{}/{subtype}", kind.c_type);
            for attribute in kind.attributes.iter().flatten() {
                // Boundaries say nothing, names come with the disposition.
                if !matches!(&*attribute.name, "boundary" | "name") {
                    let _written = write!(text, "; {}={}", attribute.name, attribute.value);
                }
            }
            text
        }
        None => "text/plain".to_owned(),
    };
    if let Some(encoding) = part_.content_transfer_encoding() {
        let _written = write!(line, ", {encoding}");
    }
    if let Some(disposition) = part_.content_disposition() {
        let _written = write!(line, ", {}", disposition.c_type);
    }
    if let Some(name) = part_.attachment_name() {
        let _written = write!(line, " {name:?}");
    }
    if let Some(id) = part_.content_id() {
        let _written = write!(line, ", id <{id}>");
    }
    match &part_.body {
        PartType::Multipart(children) => {
            let _written = writeln!(out, "{indent}{}", visible(&line));
            for child in children {
                part(
                    out,
                    message,
                    usize::try_from(*child).unwrap_or(usize::MAX),
                    depth + 1,
                );
            }
        }
        PartType::Text(text) | PartType::Html(text) => {
            let _written = writeln!(out, "{indent}{}", visible(&line));
            block(out, &indent, text);
        }
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
            let _written = writeln!(
                out,
                "{indent}{}, {} bytes, {}",
                visible(&line),
                bytes.len(),
                hash(bytes)
            );
        }
        PartType::Message(inner) => {
            let _written = writeln!(out, "{indent}{}", visible(&line));
            part(out, inner, 0, depth + 1);
        }
    }
}
