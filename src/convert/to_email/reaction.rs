//! Reactions: an RFC 9078 part for programs that know it, a line for everybody else.

use super::Quoted;
use super::content::{self, Content};
use super::line::line;

/// Longest reaction and longest excerpt of what it is about, in characters.
const LONGEST: usize = 60;

/// The line for people: `Bob reacted with 👍 to "Shall we meet?"`; `None` when there is no key.
pub(super) fn sentence(content: &Content, sender_name: &str, about: Option<&Quoted>) -> Option<String> {
    let key = content::text(content::object(content, "m.relates_to")?, "key")?;
    // Custom pictures are keyed by their address; clients add a name for those who can't show them (MSC4027).
    let name = ["shortcode", "com.beeper.reaction.shortcode"]
        .iter()
        .find_map(|field| content::text(content, field));
    let shown = match (key.starts_with("mxc://"), name) {
        (true, Some(name)) => line(name, LONGEST),
        (true, None) => "a picture".to_owned(),
        (false, _) => line(key, LONGEST),
    };
    if shown.is_empty() {
        return None;
    }
    let sentence = format!("{} reacted with {shown}", line(sender_name, 80));
    let excerpt = about.and_then(|about| {
        let own = about
            .text
            .lines()
            .find(|line| !line.starts_with('>') && !line.trim().is_empty());
        own.map(|text| line(text, LONGEST))
            .filter(|text| !text.is_empty())
    });
    Some(match excerpt {
        Some(excerpt) => format!("{sentence} to “{excerpt}”"),
        None => sentence,
    })
}

/// The reaction by itself, when it is emoji and nothing else (RFC 9078, section 2: only those may be sent).
pub(super) fn emoji(content: &Content) -> Option<String> {
    let key = content::text(content::object(content, "m.relates_to")?, "key")?.trim();
    let is_part = |c: char| {
        matches!(c,
            '\u{200d}' | '\u{20e3}' | '\u{fe0f}' | '\u{a9}' | '\u{ae}' | '\u{203c}'..='\u{27bf}'
            | '\u{2900}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}' | '\u{1f000}'..='\u{1faff}' | '\u{e0020}'..='\u{e007f}')
    };
    let keycap = key.ends_with('\u{20e3}');
    let fits = key
        .chars()
        .all(|c| is_part(c) || (keycap && (c.is_ascii_digit() || c == '#' || c == '*')));
    let has_base = key
        .chars()
        .any(|c| is_part(c) && !matches!(c, '\u{200d}' | '\u{fe0f}'));
    (fits && has_base && key.chars().count() <= 20).then(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_emoji_are_reactions_for_programs() {
        for (key, is_emoji) in [
            ("👍", true),
            ("❤️", true),
            ("👩‍👩‍👧", true),
            ("1️⃣", true),
            ("🏴\u{e0067}\u{e0062}\u{e007f}", true),
            ("+1", false),
            ("lol", false),
            ("👍 yes", false),
            ("mxc://hs.example/x", false),
            ("\u{200d}", false),
            ("é", false),
        ] {
            let content = json!({"m.relates_to": {"key": key}});
            assert_eq!(emoji(content.as_object().unwrap()).is_some(), is_emoji, "{key}");
        }
    }
}
