//! HTML: its tags stay, what they hold is text. Nothing is mended: a replay is to see what was wrong with it.

use super::Pseudonyms;

/// Attributes whose values say how something looks.
const LOOKS: &[&str] = &[
    "align",
    "class",
    "color",
    "colspan",
    "data-mx-bg-color",
    "data-mx-color",
    "dir",
    "height",
    "rowspan",
    "start",
    "style",
    "type",
    "width",
];

/// Characters that HTML can't hold otherwise.
const ENTITIES: &[&str] = &["&amp;", "&lt;", "&gt;", "&quot;", "&nbsp;", "&#39;", "&apos;"];

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
            rest = behind;
        }
        out.push_str(&self.characters(rest));
        out
    }

    /// Text between tags, with its entities.
    fn characters(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('&') {
            let (before, behind) = rest.split_at_checked(at).unwrap_or((rest, ""));
            out.push_str(&self.text(before));
            let entity = ENTITIES
                .iter()
                .find(|entity| behind.starts_with(**entity))
                .unwrap_or(&"&");
            out.push_str(entity);
            rest = behind.get(entity.len()..).unwrap_or_default();
        }
        out.push_str(&self.text(rest));
        out
    }

    /// What stands between `<` and `>`.
    fn tag(&mut self, tag: &str) -> String {
        let end = tag
            .find(|character: char| {
                !character.is_ascii_alphanumeric() && character != '/' && character != '-'
            })
            .unwrap_or(tag.len());
        let (name, mut rest) = tag.split_at_checked(end).unwrap_or((tag, ""));
        let mut out = name.to_owned();
        // NAME="VALUE", NAME='VALUE', or anything else.
        while let Some((before, behind)) = rest.split_once(['"', '\'']) {
            let quote = rest.get(before.len()..=before.len()).unwrap_or_default();
            let Some((value, next)) = behind.split_once(quote) else {
                break;
            };
            // Attributes without a value may stand before the one that has this.
            let names = before.trim().trim_end_matches('=').trim().to_ascii_lowercase();
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"- ".contains(&byte);
            out.push_str(if names.bytes().all(is_name) { before } else { " x=" });
            let attribute = names.rsplit(' ').next().unwrap_or_default();
            let looks = LOOKS.contains(&attribute) && is_look(value);
            let value = if looks {
                value.to_owned()
            } else {
                self.characters(value)
            };
            out.push_str(&format!("{quote}{value}{quote}"));
            rest = next;
        }
        out.push_str(&self.text(rest));
        out
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
    value.len() <= 64
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"#-:;%. ".contains(&byte))
}
