//! `winmail.dat`: the files inside Outlook's own container (MS-OXTNEF).

use crate::convert::to_matrix::files::File;
use crate::convert::to_matrix::mime::charset;

const SIGNATURE: u32 = 0x223e_9f78;
const ATTACH_DATA: u32 = 0x0006_800f;
const ATTACH_TITLE: u32 = 0x0001_8010;
const ATTACH_START: u32 = 0x0006_9002;
const ATTACH_PROPERTIES: u32 = 0x0006_9005;
/// `PidTagAttachLongFilename` as text of a code page and as UTF-16, with its type.
const LONG_NAME: [u8; 4] = [0x1e, 0x00, 0x07, 0x37];
const LONG_NAME_UTF16: [u8; 4] = [0x1f, 0x00, 0x07, 0x37];
/// How many attributes are read; each attachment has five.
const MAX_ATTRIBUTES: usize = 5_000;

/// The files in a container; `None` when it is none, or holds none.
pub(in super::super) fn unpack(bytes: &[u8]) -> Option<Vec<File>> {
    let mut reader = Reader(bytes);
    if reader.u32()? != SIGNATURE {
        return None;
    }
    reader.take(2)?;
    let mut files: Vec<File> = Vec::new();
    for _ in 0..MAX_ATTRIBUTES {
        let Some((id, data)) = attribute(&mut reader) else {
            break;
        };
        if id == ATTACH_START {
            files.push(File {
                name: None,
                media_type: "application/octet-stream".to_owned(),
                content_id: None,
                bytes: Vec::new(),
            });
        }
        let Some(file) = files.last_mut() else { continue };
        match id {
            ATTACH_DATA => file.bytes = data.to_vec(),
            ATTACH_TITLE if file.name.is_none() => file.name = Some(text(data)),
            ATTACH_PROPERTIES => file.name = long_name(data).or(file.name.take()),
            _ => {}
        }
    }
    files.retain(|file| !file.bytes.is_empty());
    (!files.is_empty()).then_some(files)
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

/// The long name among the properties: tag, count of values, length, text padded to four bytes.
fn long_name(data: &[u8]) -> Option<String> {
    for (tag, wide) in [(LONG_NAME_UTF16, true), (LONG_NAME, false)] {
        let Some(at) = data.windows(4).position(|window| window == tag) else {
            continue;
        };
        let mut reader = Reader(data.get(at + 4..)?);
        reader.u32()?;
        let length = usize::try_from(reader.u32()?).ok()?;
        let value = reader.take(length)?;
        let name = if wide {
            charset::decode(value, Some("utf-16le"))
        } else {
            text(value)
        };
        let name = name.trim_matches('\0').to_owned();
        if !name.is_empty() {
            return Some(name);
        }
    }
    None
}

fn text(data: &[u8]) -> String {
    charset::decode(data, None).trim_matches('\0').to_owned()
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
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
    fn the_files_come_out_with_their_names() {
        let mut properties = vec![1, 0, 0, 0];
        properties.extend(LONG_NAME);
        properties.extend([1, 0, 0, 0, 13, 0, 0, 0]);
        properties.extend(b"quarterly.pdf");
        let bytes = container(&[
            (ATTACH_START, b"x"),
            (ATTACH_TITLE, b"QUARTE~1.PDF\0"),
            (ATTACH_DATA, b"%PDF-1"),
            (ATTACH_PROPERTIES, &properties),
            (ATTACH_START, b"x"),
            (ATTACH_TITLE, b"note.txt\0"),
            (ATTACH_DATA, b"hello"),
        ]);
        let files = unpack(&bytes).unwrap();
        let names: Vec<_> = files
            .iter()
            .map(|file| (file.name.as_deref().unwrap(), file.bytes.len()))
            .collect();
        assert_eq!(names, [("quarterly.pdf", 6), ("note.txt", 5)]);
        for end in 0..bytes.len() {
            unpack(&bytes[..end]);
        }
    }
}
