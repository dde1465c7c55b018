//! File names that are safe to show and to save.

use crate::convert::media_type::extension;

/// The longest name, in bytes: what common file systems take.
const MAX_BYTES: usize = 200;

/// Makes a name safe: no path, no control, no bidirectional character, not too long, never empty.
pub(super) fn safe(name: &str, media_type: &str) -> String {
    let last = name
        .rsplit(['/', '\\'])
        .find(|piece| !piece.trim().is_empty())
        .unwrap_or_default();
    let cleaned: String = last
        .chars()
        .filter(|c| !c.is_control() && !is_invisible(*c))
        .map(|c| {
            if matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*') {
                '_'
            } else {
                c
            }
        })
        .collect();
    let trimmed = cleaned.trim().trim_end_matches('.').trim();
    if trimmed.is_empty() || trimmed.chars().all(|c| c == '.') {
        return format!("{}{}", stem(media_type), extension(media_type));
    }
    shorten(trimmed)
}

/// How programs name what was recorded to be a message by itself, in lower case, without blanks and marks.
const VOICE: &[&str] = &[
    "audiomessage",
    "mensagemdevoz",
    "mensajedevoz",
    "messagevocal",
    "messaggiovocale",
    "notadevoz",
    "ptt2",
    "spraakbericht",
    "sprachnachricht",
    "voicemail",
    "voicememo",
    "voicemessage",
    "voicenote",
];

/// Whether a name is that of a voice message.
pub(super) fn is_voice(name: &str) -> bool {
    let letters = name.chars().filter(|c| c.is_alphanumeric()).take(40);
    let letters = letters.collect::<String>().to_lowercase();
    VOICE.iter().any(|start| letters.starts_with(start))
}

/// Characters that hide or turn the rest of a name: bidirectional controls (`exe.gpj` tricks), zero-width ones.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{2028}' | '\u{2029}')
}

fn shorten(name: &str) -> String {
    if name.len() <= MAX_BYTES {
        return name.to_owned();
    }
    let extension = name
        .rsplit_once('.')
        .map(|(_, extension)| extension)
        .filter(|extension| extension.len() <= 16);
    let room = MAX_BYTES - extension.map_or(0, |extension| extension.len() + 1);
    let head = name
        .get(..name.floor_char_boundary(room))
        .unwrap_or_default()
        .trim_end();
    extension.map_or_else(|| head.to_owned(), |extension| format!("{head}.{extension}"))
}

fn stem(media_type: &str) -> &'static str {
    if media_type == "text/calendar" {
        return "calendar";
    }
    match media_type.split('/').next().unwrap_or_default() {
        "image" => "image",
        "audio" => "audio",
        "video" => "video",
        "message" => "message",
        "text" => "text",
        _ => "file",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_are_made_harmless() {
        for (given, expected) in [
            ("../../etc/passwd", "passwd"),
            ("C:\\photos\\cat.jpg", "cat.jpg"),
            ("photo\u{202e}gpj.exe", "photogpj.exe"),
            ("a\r\nb.txt", "ab.txt"),
            ("", "image.png"),
            ("..", "image.png"),
            ("what?.png", "what_.png"),
        ] {
            assert_eq!(safe(given, "image/png"), expected);
        }
        for (name, voice) in [
            ("Voice message.ogg", true),
            ("PTT-20240514-WA0001.opus", true),
            ("voices.mp3", false),
        ] {
            assert_eq!(is_voice(name), voice);
        }
        let long = safe(&format!("{}.jpeg", "é".repeat(300)), "image/jpeg");
        assert!(long.len() <= MAX_BYTES && long.ends_with("é.jpeg"));
    }
}
