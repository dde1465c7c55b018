//! What came out of a replay, as text for people and for `diff`: one line for each thing, nothing that
//! changes from run to run, nothing that a terminal would obey.

mod mail;
mod request;

#[cfg(test)]
mod tests;

use data_encoding::HEXLOWER;
use mail_parser::DateTime;
use sha2::{Digest, Sha256};

use crate::model::Timestamp;

pub use mail::render_mail;
pub use request::render_request;

/// Lines longer than this many characters are cut; length and hash of the rest still show any change.
const LONG_LINE: usize = 400;

/// A line as it may be printed: control and bidirectional characters in the form `\u{202e}`, long ones cut.
fn visible(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for (index, character) in line.chars().enumerate() {
        if index == LONG_LINE {
            let rest: String = line.chars().skip(index).collect();
            out.push_str(&format!(
                "… ({} more bytes, {})",
                rest.len(),
                hash(rest.as_bytes())
            ));
            break;
        }
        let hidden = character.is_control()
            || matches!(character, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}');
        if hidden {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    out
}

/// A text, each of its lines behind a bar.
fn block(out: &mut String, indent: &str, text: &str) {
    let text = text.strip_suffix('\n').unwrap_or(text);
    for line in text.split('\n') {
        let line = visible(line.strip_suffix('\r').unwrap_or(line));
        out.push_str(format!("{indent}| {line}").trim_end_matches(' '));
        let trailing = line.len() - line.trim_end_matches(' ').len();
        if trailing > 0 {
            out.push_str(&format!("{}\u{2420}", " ".repeat(trailing - 1)));
        }
        out.push('\n');
    }
}

/// The beginning of a SHA-256, enough to see a difference.
fn hash(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let beginning: Vec<u8> = digest.into_iter().take(6).collect();
    format!("sha256 {}", HEXLOWER.encode(&beginning))
}

/// A point in time in UTC, with milliseconds.
pub fn render_time(time: Timestamp) -> String {
    let seconds = DateTime::from_timestamp(time.seconds()).to_rfc3339();
    let millis = time.millis().rem_euclid(1000);
    format!("{}.{millis:03}Z", seconds.trim_end_matches('Z'))
}
