//! Colours that say something: answers in red between the lines of others, not the ink of a mail program.

use std::collections::{BTreeMap, BTreeSet};

use super::style;
use crate::convert::html::elements::is_block;
use crate::convert::html::{Element, Node, NodeId, Tree};

/// How far the strongest and the weakest of red, green and blue are apart in a colour that stands out. Greys, the near black of most
/// programs and the navy of Outlook's answers do not, and could not be read in a dark client.
const COLOURFUL: u8 = 0x60;

/// The names that composers offer.
const NAMES: &[(&str, [u8; 3])] = &[
    ("red", [255, 0, 0]),
    ("crimson", [220, 20, 60]),
    ("orange", [255, 165, 0]),
    ("yellow", [255, 255, 0]),
    ("lime", [0, 255, 0]),
    ("green", [0, 128, 0]),
    ("teal", [0, 128, 128]),
    ("cyan", [0, 255, 255]),
    ("aqua", [0, 255, 255]),
    ("blue", [0, 0, 255]),
    ("purple", [128, 0, 128]),
    ("magenta", [255, 0, 255]),
    ("fuchsia", [255, 0, 255]),
];

/// The colour that an element gives its text, as Matrix writes it, when it stands out. Links have colours everywhere.
pub(super) fn of(element: Element<'_>) -> Option<String> {
    let given = style::property(element, "color");
    let given = given.or_else(|| Some(element.attribute("color")?.trim().to_lowercase()))?;
    let [red, green, blue] = read(&given)?;
    let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
    let is_link = element.name() == "a";
    let is_around_blocks = || element.children().iter().any(|child| is_block(child.name()));
    (most - least >= COLOURFUL && !is_link && !is_around_blocks())
        .then(|| format!("#{red:02x}{green:02x}{blue:02x}"))
}

/// The colours of the text for which `kept` holds, without those in which most of it stands: somebody's taste.
pub(super) fn shown(tree: &Tree, kept: &dyn Fn(NodeId) -> bool) -> BTreeSet<String> {
    let mut count = Count {
        tree,
        kept,
        all: 0,
        by_colour: BTreeMap::new(),
    };
    for id in tree.nodes().ids() {
        count.walk(*id, None);
    }
    let all = count.all;
    let some = count
        .by_colour
        .into_iter()
        .filter(|(_, length)| length * 2 <= all);
    some.map(|(colour, _)| colour).collect()
}

/// How much text has which colour, in bytes.
struct Count<'a> {
    tree: &'a Tree,
    kept: &'a dyn Fn(NodeId) -> bool,
    all: usize,
    by_colour: BTreeMap<String, usize>,
}

impl Count<'_> {
    fn walk(&mut self, id: NodeId, colour: Option<&str>) {
        match self.tree.node(id) {
            Node::Text(text) if (self.kept)(id) => {
                let length = text.trim().len();
                self.all += length;
                if let Some(colour) = colour {
                    *self.by_colour.entry(colour.to_owned()).or_default() += length;
                }
            }
            Node::Text(_) => {}
            Node::Element(element) => {
                let own = of(element);
                for child in element.children().ids() {
                    self.walk(*child, own.as_deref().or(colour));
                }
            }
        }
    }
}

/// `#f00`, `#ff0000`, `rgb(255, 0, 0)` or a name.
fn read(value: &str) -> Option<[u8; 3]> {
    if let Some(digits) = value.strip_prefix('#') {
        let digit =
            |index: usize| u8::try_from(char::from(*digits.as_bytes().get(index)?).to_digit(16)?).ok();
        return match digits.len() {
            3 => Some([digit(0)? * 17, digit(1)? * 17, digit(2)? * 17]),
            6 => Some([
                digit(0)? * 16 + digit(1)?,
                digit(2)? * 16 + digit(3)?,
                digit(4)? * 16 + digit(5)?,
            ]),
            _ => None,
        };
    }
    if let Some(list) = value.strip_prefix("rgb(").and_then(|rest| rest.strip_suffix(')')) {
        let mut parts = list
            .split([',', ' '])
            .filter(|part| !part.is_empty())
            .map(str::parse);
        let mut next = || parts.next()?.ok();
        return Some([next()?, next()?, next()?]);
    }
    NAMES
        .iter()
        .find(|(name, _)| *name == value)
        .map(|(_, colour)| *colour)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colours(html: &str) -> Vec<String> {
        shown(&Tree::parse(html), &|_| true).into_iter().collect()
    }

    #[test]
    fn colours_are_shown_where_they_stand_out() {
        for (value, expected) in [
            ("red", Some("#ff0000")),
            ("#00B050", Some("#00b050")),
            ("#c00", Some("#cc0000")),
            ("rgb(0, 112, 192)", Some("#0070c0")),
            ("black", None),
            ("#1f497d", None),
            ("#222222", None),
            ("white", None),
            ("windowtext", None),
            ("#ff00", None),
            ("red;background:url(x)", Some("#ff0000")),
            ("rgb(1,2", None),
        ] {
            let html = format!("<p>Text of the mail <span style='color:{value}'>and a word</span></p>");
            assert_eq!(
                colours(&html),
                expected.into_iter().collect::<Vec<_>>(),
                "{value}"
            );
        }
    }

    #[test]
    fn a_mail_in_one_colour_has_none() {
        assert!(colours("<p><font color=red>All of it</font> but this</p>").is_empty());
        assert!(
            colours("<p>See <a href='https://x.example' style='color:red'>this</a> and that</p>").is_empty()
        );
    }
}
