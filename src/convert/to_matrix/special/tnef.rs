//! `winmail.dat`: text and files inside Outlook's own container (MS-OXTNEF).

use super::mapi;
use super::rtf::{self, Rtf};
use crate::convert::to_matrix::Content;
use crate::convert::to_matrix::body::Segment;
use crate::convert::to_matrix::files::File;
use crate::convert::to_matrix::mime::{charset, normalise_lines};

const SIGNATURE: u32 = 0x223e_9f78;
const BODY: u32 = 0x0002_800c;
const MESSAGE_PROPERTIES: u32 = 0x0006_9003;
const ATTACH_DATA: u32 = 0x0006_800f;
const ATTACH_TITLE: u32 = 0x0001_8010;
const ATTACH_START: u32 = 0x0006_9002;
const ATTACH_PROPERTIES: u32 = 0x0006_9005;
/// How many attributes are read; each attachment has five.
const MAX_ATTRIBUTES: usize = 5_000;

/// What is in a container.
#[derive(Debug, Default)]
pub(in super::super) struct Container {
    /// The text, which most senders put into the mail as well.
    pub(in super::super) text: Segment,
    /// The files.
    pub(in super::super) files: Vec<File>,
}

/// Opens a container; `None` when it is none, or holds nothing.
pub(in super::super) fn unpack(bytes: &[u8]) -> Option<Container> {
    let mut reader = Reader(bytes);
    if reader.u32()? != SIGNATURE {
        return None;
    }
    reader.take(2)?;
    let Container { mut text, mut files } = Container::default();
    for _ in 0..MAX_ATTRIBUTES {
        let Some((id, data)) = attribute(&mut reader) else {
            break;
        };
        match id {
            BODY => text.plain = Some(in_code_page(data)),
            MESSAGE_PROPERTIES => {
                text.plain = mapi::text(data, mapi::BODY).or(text.plain);
                text.html = mapi::text(data, mapi::HTML);
                if text.html.is_none() {
                    add_rtf(data, &mut text);
                }
            }
            ATTACH_START => files.push(File::unnamed("application/octet-stream", Vec::new())),
            _ => {}
        }
        let Some(file) = files.last_mut() else { continue };
        match id {
            ATTACH_DATA => file.content = Content::Here(data.to_vec()),
            ATTACH_TITLE if file.name.is_none() => file.name = Some(in_code_page(data)),
            ATTACH_PROPERTIES => {
                file.name = mapi::text(data, mapi::LONG_NAME).or(file.name.take());
                file.content_id = mapi::text(data, mapi::CONTENT_ID);
            }
            _ => {}
        }
    }
    files.retain(|file| file.content.len() > 0);
    for form in [&mut text.plain, &mut text.html] {
        *form = form
            .take()
            .map(|text| normalise_lines(&text))
            .filter(|text| !text.trim().is_empty());
    }
    let is_empty = files.is_empty() && text.plain.is_none() && text.html.is_none();
    (!is_empty).then_some(Container { text, files })
}

/// The text of a message that Outlook wrote as "rich text": often there is no other form of it.
fn add_rtf(properties: &[u8], text: &mut Segment) {
    let rtf = mapi::bytes(properties, mapi::RTF).and_then(rtf::expand);
    match rtf.as_deref().and_then(rtf::read) {
        Some(Rtf::Html(html)) => text.html = Some(html),
        Some(Rtf::Text(plain)) if text.plain.is_none() => text.plain = Some(plain),
        _ => {}
    }
}

fn attribute<'a>(reader: &mut Reader<'a>) -> Option<(u32, &'a [u8])> {
    reader.take(1)?;
    let id = reader.u32()?;
    let length = usize::try_from(reader.u32()?).ok()?;
    let data = reader.take(length)?;
    // The checksum is wrong in too many real files to be of use.
    reader.take(2)?;
    Some((id, data))
}

fn in_code_page(data: &[u8]) -> String {
    charset::decode(data, None).trim_matches('\0').to_owned()
}

/// Bytes that are taken from the front.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(attributes: &[(u32, &[u8])]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_le_bytes().to_vec();
        bytes.extend([1, 0]);
        for (id, data) in attributes {
            bytes.push(2);
            bytes.extend(id.to_le_bytes());
            bytes.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
            bytes.extend_from_slice(data);
            bytes.extend([0, 0]);
        }
        bytes
    }

    #[test]
    fn text_and_files_come_out_with_their_names() {
        let mut properties = vec![1, 0, 0, 0, 0x1e, 0, 0x07, 0x37];
        properties.extend([1, 0, 0, 0, 13, 0, 0, 0]);
        properties.extend(b"quarterly.pdf\0\0\0");
        let mut html = vec![1, 0, 0, 0, 0x02, 0x01, 0x13, 0x10, 1, 0, 0, 0, 8, 0, 0, 0];
        html.extend(b"<b>a</b>");
        let bytes = container(&[
            (BODY, b"Hello\r\nBob\0"),
            (MESSAGE_PROPERTIES, &html),
            (ATTACH_START, b"x"),
            (ATTACH_TITLE, b"QUARTE~1.PDF\0"),
            (ATTACH_DATA, b"%PDF-1"),
            (ATTACH_PROPERTIES, &properties),
            (ATTACH_START, b"x"),
            (ATTACH_TITLE, b"note.txt\0"),
            (ATTACH_DATA, b"hello"),
        ]);
        let found = unpack(&bytes).unwrap();
        let names: Vec<_> = found
            .files
            .iter()
            .map(|file| (file.name.as_deref().unwrap(), file.content.len()))
            .collect();
        assert_eq!(names, [("quarterly.pdf", 6), ("note.txt", 5)]);
        assert_eq!(found.text.plain.as_deref(), Some("Hello\nBob"));
        assert_eq!(found.text.html.as_deref(), Some("<b>a</b>"));
        for end in 0..bytes.len() {
            unpack(&bytes[..end]);
        }
    }

    /// Message properties with RTF that is not compressed.
    fn with_rtf(rtf: &str) -> Vec<u8> {
        let mut value = vec![0; 4];
        value.extend(u32::try_from(rtf.len()).unwrap().to_le_bytes());
        value.extend(b"MELA\0\0\0\0");
        value.extend(rtf.as_bytes());
        let mut properties = vec![1, 0, 0, 0, 0x02, 0x01, 0x09, 0x10, 1, 0, 0, 0];
        properties.extend(u32::try_from(value.len()).unwrap().to_le_bytes());
        properties.extend(&value);
        properties.resize(properties.len().next_multiple_of(4), 0);
        properties
    }

    #[test]
    fn a_message_that_is_rtf_alone_has_its_text() {
        let plain = with_rtf(r"{\rtf1\ansi\ansicpg1252 Caf\'e9 at ten?\par See you\par}");
        let found = unpack(&container(&[(MESSAGE_PROPERTIES, &plain)])).unwrap().text;
        assert_eq!(found.plain.as_deref(), Some("Café at ten?\nSee you\n"));
        let html = with_rtf(r"{\rtf1\ansi\fromhtml1{\*\htmltag64 <p>}Caf\'e9{\*\htmltag72 </p>}}");
        let both = container(&[(BODY, b"Cafe\0"), (MESSAGE_PROPERTIES, &html)]);
        let found = unpack(&both).unwrap().text;
        assert_eq!(
            (found.plain.as_deref(), found.html.as_deref()),
            (Some("Cafe"), Some("<p>Café</p>"))
        );
    }
}
