//! What stands below `-- ` at the end of a mail: the sender's signature, and in the first mail of a thread the explanation.

use super::html;
use super::line::line;
use super::{EmailDraft, Intro};

/// How many lines a signature has at most, and how many characters each of them.
pub const LONGEST_SIGNATURE: (usize, usize) = (10, 200);

/// The lines below `-- `, which mail programs leave out of answers (RFC 3676, section 4.3).
pub(super) struct Foot {
    signature: Vec<String>,
    note: Vec<String>,
}

impl Foot {
    /// The foot of a mail; `None` where there is nothing to say.
    pub(super) fn new(draft: &EmailDraft) -> Option<Self> {
        let (lines, length) = LONGEST_SIGNATURE;
        let signature = draft.signature.as_deref().unwrap_or_default().trim();
        let foot = Self {
            signature: signature
                .lines()
                .take(lines)
                .map(|text| line(text, length))
                .collect(),
            note: draft
                .intro
                .as_ref()
                .map(|intro| note(draft, intro))
                .unwrap_or_default(),
        };
        (!foot.signature.is_empty() || !foot.note.is_empty()).then_some(foot)
    }

    /// In the plain part.
    pub(super) fn plain(&self) -> String {
        let blocks = [&self.signature, &self.note];
        let blocks: Vec<String> = blocks
            .iter()
            .filter(|lines| !lines.is_empty())
            .map(|lines| lines.join("\n"))
            .collect();
        format!("-- \n{}", blocks.join("\n\n"))
    }

    /// In the HTML part.
    pub(super) fn html(&self) -> String {
        let joined = |lines: &[String]| {
            let lines: Vec<String> = lines.iter().map(|line| html::from_text(line)).collect();
            lines.join("<br>\n")
        };
        let between = if self.signature.is_empty() || self.note.is_empty() {
            ""
        } else {
            "<br>\n<br>\n"
        };
        let note = if self.note.is_empty() {
            String::new()
        } else {
            format!("<small>{}</small>", joined(&self.note))
        };
        format!(
            "<div><br></div>\n<div>-- <br>\n{}{between}{note}</div>\n",
            joined(&self.signature)
        )
    }
}

/// Who writes, from where, what it is about, how to answer and how to stop.
fn note(draft: &EmailDraft, intro: &Intro) -> Vec<String> {
    let id = line(&intro.matrix_id, 255);
    let name = draft
        .from
        .name
        .as_deref()
        .map(|name| line(name, 80))
        .unwrap_or_default();
    let who = if name.is_empty() || name == id {
        id
    } else {
        format!("{name} ({id})")
    };
    let mut lines = vec![format!(
        "{who} wrote this in a chat on Matrix, https://matrix.org."
    )];
    if let Some(topic) = intro
        .topic
        .as_deref()
        .map(|topic| line(topic, 300))
        .filter(|topic| !topic.is_empty())
    {
        lines.push(format!("The chat is about: {topic}"));
    }
    lines.push("To answer, just reply to this mail: your reply appears in the chat.".to_owned());
    let page = draft
        .unsubscribe
        .as_ref()
        .and_then(|unsubscribe| unsubscribe.url.as_deref());
    // No mark behind the address: some mail programs take it for a part of that.
    let page = page.map_or_else(|| ".".to_owned(), |page| format!(" or go to {page}"));
    lines.push(format!("To get no more of these mails, reply STOP{page}"));
    lines
}
