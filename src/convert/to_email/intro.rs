//! The explanation at the end of the first mail of a thread.

use super::html;
use super::line::line;
use super::{EmailDraft, Intro};

/// The lines below `-- `: who writes, from where, what it is about, how to answer and how to stop.
pub(super) struct Note {
    lines: Vec<String>,
}

impl Note {
    /// Writes the note of a first mail.
    pub(super) fn new(draft: &EmailDraft, intro: &Intro) -> Self {
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
        lines.push("If you do not want these mails, say so in a reply, or ignore them.".to_owned());
        Self { lines }
    }

    /// In the plain part; the mark makes mail programs leave it out of answers (RFC 3676, section 4.3).
    pub(super) fn plain(&self) -> String {
        format!("-- \n{}", self.lines.join("\n"))
    }

    /// In the HTML part.
    pub(super) fn html(&self) -> String {
        let lines: Vec<String> = self.lines.iter().map(|line| html::from_text(line)).collect();
        format!(
            "<div><br></div>\n<div>-- <br>\n<small>{}</small></div>\n",
            lines.join("<br>\n")
        )
    }
}
