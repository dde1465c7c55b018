//! HTML: its tags stay, what they hold is text. Nothing is mended: a replay is to see what was wrong with it.

use super::Pseudonyms;
use super::words::is_one_of;

/// Elements in messages.
const ELEMENTS: &str = "\
    a b blockquote br caption center code col colgroup dd del details div dl dt em figcaption figure font h1 h2 h3 h4 h5 h6 hr i img ins \
    li mx-reply ol p pre s script small span strike strong style sub summary sup table tbody td tfoot th thead title tr tt u ul";

/// Their attributes.
const ATTRIBUTES: &str = "\
    align alt bgcolor border class color colspan data-md data-mx-bg-color data-mx-color data-mx-emoticon data-mx-maths data-mx-spoiler \
    dir height href name onclick onerror rel rowspan src start style target title type width";

/// Attributes whose values say how something looks.
const LOOKS: &str =
    "align bgcolor border color colspan data-mx-bg-color data-mx-color dir height rowspan start type width";

/// Words among these values.
const POSITIONS: &str = "auto bottom center justify left ltr middle right rtl top";

impl Pseudonyms {
    /// HTML under pseudonyms.
    pub(super) fn markup(&mut self, html: &str) -> String {
        let mut out = String::with_capacity(html.len());
        let mut rest = html;
        while let Some((text, tag)) = rest.split_once('<') {
            out.push_str(&self.characters(text));
            let Some(end) = end_of_tag(tag) else {
                // No tag, or one that never ends.
                out.push('<');
                rest = tag;
                continue;
            };
            let (inside, behind) = tag.split_at_checked(end).unwrap_or((tag, ""));
            out.push('<');
            out.push_str(&self.tag(inside));
            out.push('>');
            rest = behind.strip_prefix('>').unwrap_or(behind);
        }
        out.push_str(&self.characters(rest));
        out
    }

    /// Text between tags, or the value of an attribute.
    fn characters(&mut self, text: &str) -> String {
        let text = self.text(&decoded(text));
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        text.replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('\'', "&#39;")
    }

    /// What stands between `<` and `>`.
    fn tag(&mut self, tag: &str) -> String {
        let end = tag
            .find(|character: char| {
                !character.is_ascii_alphanumeric() && character != '/' && character != '-'
            })
            .unwrap_or(tag.len());
        let (name, mut rest) = tag.split_at_checked(end).unwrap_or((tag, ""));
        if !is_one_of(ELEMENTS, &name.trim_matches('/').to_ascii_lowercase()) {
            return self.characters(tag);
        }
        let mut out = name.to_owned();
        // NAME="VALUE", NAME='VALUE', or anything else.
        while let Some((before, behind)) = rest.split_once(['"', '\'']) {
            let quote = rest.get(before.len()..=before.len()).unwrap_or_default();
            let Some((value, next)) = behind.split_once(quote) else {
                break;
            };
            let (names, attribute) = self.attributes(before);
            let looks = is_one_of(LOOKS, &attribute) && is_look(value);
            let value = if looks {
                value.to_owned()
            } else {
                self.characters(value)
            };
            out.push_str(&format!("{names}{quote}{value}{quote}"));
            rest = next;
        }
        out.push_str(&self.attributes(rest).0);
        out
    }

    /// What stands before a value: the attribute's name, and others that have none; and the last of the names.
    fn attributes(&mut self, names: &str) -> (String, String) {
        let mut last = String::new();
        let mut out = String::with_capacity(names.len());
        let is_end = |character: char| character.is_ascii_whitespace() || character == '=';
        for part in names.split_inclusive(is_end) {
            let name = part.trim_end_matches(is_end);
            let end = part.get(name.len()..).unwrap_or_default();
            let lower = name.to_ascii_lowercase();
            if name.is_empty() || name == "/" || is_one_of(ATTRIBUTES, &lower) {
                out.push_str(name);
            } else {
                out.push_str(&self.characters(name));
            }
            out.push_str(end);
            if !name.is_empty() {
                last = lower;
            }
        }
        (out, last)
    }
}

/// The text with its characters in place of their references (HTML, section 13.2.5.72), as far as these hide anything.
fn decoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        out.push_str(before);
        let reference = behind.split_once(';').filter(|(name, _)| name.len() <= 10);
        if let Some((character, behind)) =
            reference.and_then(|(name, behind)| Some((referred(name)?, behind)))
        {
            out.push(character);
            rest = behind;
        } else {
            out.push('&');
            rest = behind;
        }
    }
    out.push_str(rest);
    out
}

/// The character that a reference names.
fn referred(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "apos" => Some('\''),
        "commat" => Some('@'),
        "colon" => Some(':'),
        "gt" => Some('>'),
        "lt" => Some('<'),
        "nbsp" => Some('\u{a0}'),
        "period" => Some('.'),
        "quot" => Some('"'),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(number) => u32::from_str_radix(number, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}

/// Where a tag ends: its `>` outside quotation marks. `None` when this is no tag.
fn end_of_tag(tag: &str) -> Option<usize> {
    if !tag.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/') {
        return None;
    }
    let mut quote = None;
    for (at, character) in tag.char_indices() {
        match (quote, character) {
            (None, '>') => return Some(at),
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), character) if open == character => quote = None,
            _ => {}
        }
    }
    None
}

/// Whether a value says how something looks, and nothing else.
fn is_look(value: &str) -> bool {
    let is_measure = |byte: u8| byte.is_ascii_hexdigit() || b"#%.".contains(&byte);
    is_one_of(POSITIONS, value) || (value.len() <= 9 && value.bytes().all(is_measure))
}
