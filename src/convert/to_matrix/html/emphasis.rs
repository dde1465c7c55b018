//! Emphasis by style, which Matrix has elements for.

use super::style;
use crate::convert::html::Element;

/// Bold, italic and struck text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Emphasis {
    bold: bool,
    italic: bool,
    struck: bool,
}

impl Emphasis {
    /// What the style of an element says.
    pub(super) fn of(element: Element<'_>) -> Self {
        if element.attribute("style").is_none() {
            return Self::default();
        }
        Self {
            bold: style::is_bold(element),
            italic: style::is_italic(element),
            struck: style::is_struck(element),
        }
    }

    /// Both together.
    pub(super) fn and(self, inner: Self) -> Self {
        Self {
            bold: self.bold || inner.bold,
            italic: self.italic || inner.italic,
            struck: self.struck || inner.struck,
        }
    }

    /// What an element means by its name.
    pub(super) fn of_name(name: &str) -> Self {
        Self {
            bold: matches!(
                name,
                "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "b" | "strong" | "th"
            ),
            italic: matches!(name, "i" | "em"),
            struck: matches!(name, "s" | "del" | "strike"),
        }
    }

    /// What the other does not say yet.
    pub(super) fn without(self, other: Self) -> Self {
        Self {
            bold: self.bold && !other.bold,
            italic: self.italic && !other.italic,
            struck: self.struck && !other.struck,
        }
    }

    /// Matrix's elements for it.
    pub(super) fn tags(self) -> Vec<String> {
        let tags = [(self.bold, "strong"), (self.italic, "em"), (self.struck, "del")];
        let on = tags.into_iter().filter(|(on, _)| *on);
        on.map(|(_, tag)| tag.to_owned()).collect()
    }
}
