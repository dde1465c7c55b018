//! Files in a text as yEnc puts them there (yenc.org, version 1.3), which news gateways and some archivers still send.

use super::TextFile;

/// Takes the files out of a text. `None` when there are none. Works on bytes, because yEnc uses all of them.
pub(crate) fn take_yenc(bytes: &[u8]) -> Option<(Vec<u8>, Vec<TextFile>)> {
    const BEGIN: &[u8] = b"=ybegin ";
    memchr::memmem::find(bytes, BEGIN)?;
    let mut kept = Vec::new();
    let mut files = Vec::new();
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    while let Some(line) = lines.next() {
        let Some(name) = line.strip_prefix(BEGIN).and_then(name) else {
            kept.extend_from_slice(line);
            continue;
        };
        let mut decoded = Vec::new();
        for line in lines.by_ref().take_while(|line| !line.starts_with(b"=yend")) {
            if !line.starts_with(b"=ypart ") {
                decode_line(line, &mut decoded);
            }
        }
        files.push(TextFile { name, bytes: decoded });
    }
    (!files.is_empty()).then_some((kept, files))
}

/// The name is the last field, and may hold blanks.
fn name(fields: &[u8]) -> Option<String> {
    let fields = String::from_utf8_lossy(fields);
    let (before, name) = fields.split_once("name=")?;
    let name = name.trim().trim_matches('"');
    (before.contains("line=") && !name.is_empty()).then(|| name.to_owned())
}

/// Each byte is moved by 42, and what could harm a line is escaped with `=` and moved by 64 more.
fn decode_line(line: &[u8], out: &mut Vec<u8>) {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut bytes = line.iter();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'=' => match bytes.next() {
                Some(byte) => byte.wrapping_sub(64),
                None => return,
            },
            byte => *byte,
        };
        out.push(byte.wrapping_sub(42));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_taken_out_of_the_text() {
        let mut text = b"before\r\n=ybegin line=128 size=5 name=a file.bin\r\n".to_vec();
        // 0xd6 and 0xe3 become NUL and CR, which must be escaped.
        text.extend([b'H' + 42, 0xff, b'=', 64, b'=', 0x0d + 64, b'!' + 42]);
        text.extend(b"\r\n=yend size=5\r\nafter\r\n");
        let (kept, files) = take_yenc(&text).unwrap();
        assert_eq!(kept, b"before\r\nafter\r\n");
        let expected = TextFile {
            name: "a file.bin".to_owned(),
            bytes: vec![b'H', 0xd5, 0xd6, 0xe3, b'!'],
        };
        assert_eq!(files, [expected]);
        for text in [
            "=ybegin without more",
            "Write =ybegin line=128 name=x there",
            "text",
        ] {
            assert_eq!(take_yenc(text.as_bytes()), None, "{text}");
        }
    }
}
