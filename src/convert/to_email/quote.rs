//! Quoting what a message answers: a few lines, attributed.

use super::Quoted;
use super::body;
use super::html::{self, quoted};
use super::line::line;
use super::mime::CivilTime;

/// A quotation never has more lines than this: the reader has the whole in the mail before.
const LINES: usize = 4;
/// Nor more characters than this.
const CHARACTERS: usize = 320;
/// Its lines in the plain part have at most this many characters.
const WIDTH: usize = 72;

/// A quotation, or another line that stands before a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Quote {
    /// Who wrote it and when, or what this message is.
    pub(super) heading: String,
    /// The quoted lines; may be empty.
    pub(super) text: String,
}

/// The quotation above an answer.
pub(super) fn answered(about: &Quoted) -> Quote {
    let time = CivilTime::from(about.timestamp).for_people();
    Quote {
        heading: format!("On {time}, {} wrote:", line(&about.sender_name, 80)),
        text: shortened(&about.text),
    }
}

/// The lines above a correction that comes after the mail has left; `in_full` when the new text follows as a whole.
pub(super) fn correction(about: Option<&Quoted>, in_full: bool) -> Quote {
    let Some(about) = about else {
        return Quote {
            heading: "Correction of an earlier message:".to_owned(),
            text: String::new(),
        };
    };
    let time = CivilTime::from(about.timestamp).for_people();
    Quote {
        heading: format!("Correction of what I wrote on {time}:"),
        text: if in_full {
            shortened(&about.text)
        } else {
            String::new()
        },
    }
}

impl Quote {
    /// In the plain part.
    pub(super) fn plain(&self) -> String {
        if self.text.is_empty() {
            return self.heading.clone();
        }
        format!("{}\n{}", self.heading, quoted(&wrapped(&self.text)))
    }

    /// In the HTML part.
    pub(super) fn html(&self) -> String {
        let heading = html::escape(&self.heading);
        if self.text.is_empty() {
            return format!("<div>{heading}</div>\n");
        }
        format!(
            "<div>{heading}</div>\n<blockquote style=\"{}\" dir=\"auto\">{}</blockquote>\n",
            html::quote_style(&self.text),
            html::from_text(&self.text)
        )
    }
}

/// A text in lines that still fit with the mark before them: of a longer line most programs would show the rest unmarked, as if it
/// were new.
fn wrapped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / WIDTH);
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        if line.chars().count() <= WIDTH {
            out.push_str(line);
            continue;
        }
        let mut column = 0;
        for word in line.split(' ') {
            let width = word.chars().count();
            if column > 0 {
                let fits = column + 1 + width <= WIDTH;
                out.push(if fits { ' ' } else { '\n' });
                column = if fits { column + 1 } else { 0 };
            }
            out.push_str(word);
            column += width;
        }
    }
    out
}

/// The beginning of a text, cut between words. Quotations within it are left out when there is anything else.
fn shortened(text: &str) -> String {
    let text = body::clean(text);
    let own: Vec<&str> = text.lines().filter(|line| !line.starts_with('>')).collect();
    let lines: Vec<&str> = if own.iter().all(|line| line.trim().is_empty()) {
        text.lines().collect()
    } else {
        own
    };
    let lines: Vec<&str> = lines.into_iter().filter(|line| !line.trim().is_empty()).collect();
    let first = lines.iter().take(LINES).copied().collect::<Vec<_>>().join("\n");
    let mut kept: String = first.chars().take(CHARACTERS).collect();
    if kept.len() < first.len() {
        let word_end = kept.rfind(char::is_whitespace).unwrap_or(kept.len());
        kept.truncate(word_end);
        kept.push_str(" …");
    } else if lines.len() > LINES {
        kept.push_str(" …");
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    #[test]
    fn quotations_are_short_and_attributed() {
        let about = Quoted {
            sender_name: "Alice\r\nX: y".to_owned(),
            text: "> older\n\none\n\ntwo\nthree\nfour\nfive".to_owned(),
            timestamp: Timestamp(1_795_305_807_000),
            content: None,
        };
        assert_eq!(
            answered(&about).plain(),
            "On 22 Nov 2026, 00:03 UTC, Alice X: y wrote:\n> one\n> two\n> three\n> four …"
        );
        let long = Quoted {
            text: format!("{} {}", "word ".repeat(20).trim(), "x".repeat(90)),
            ..about
        };
        let shown = answered(&long).plain();
        let expected = format!(
            "> {}\n> {}\n> {}",
            "word ".repeat(14).trim(),
            "word ".repeat(6).trim(),
            "x".repeat(90)
        );
        assert_eq!(shown.split_once('\n').unwrap().1, expected);
        assert_eq!(shortened("> only a quotation"), "> only a quotation");
        let long = shortened(&"words ".repeat(1000));
        assert!(
            long.chars().count() <= CHARACTERS + 2 && long.ends_with("words …"),
            "{long}"
        );
    }
}
