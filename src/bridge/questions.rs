//! What the user asks Penpal in the chat itself: such a message is answered by a notice, and never mailed.

use ruma::{OwnedEventId, UserId};
use serde_json::{Map, Value};

use super::Bridge;
use super::sender_rules::{Decision, decide_here};
use crate::convert::{relation, to_matrix};
use crate::store::{Message, Portal, StoreError, Tx};

const HELP: &str = "Answer a message with !quoted, and I will show what was left out of that email: what it quotes, its signature, \
                    its footer. Without a message that you answer, it is about the last email. With !block no more mail of this \
                    person is taken, until you say !unblock. What begins with ! like this is for me, and is not mailed.";
const NOT_AN_EMAIL: &str =
    "That message did not come by email. Answer one that did with !quoted to see what was left out of it.";
const NO_EMAIL: &str = "No email has come into this chat yet.";
const NOTHING: &str = "Nothing was left out of this email.";
const FORGOTTEN: &str = "What was left out of this email, if anything, is not kept any more.";
const HEADING: &str = "Left out of this email:";

/// How much of what was left out is kept, in bytes: as much as one event shows.
const MOST_KEPT: usize = 24_000;

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// `!quoted`: what was left out of an email.
    LeftOut,
    /// `!help`: what can be asked.
    Help,
    /// `!block`, `!unblock`, `!allow`: whether the email user's mail is taken.
    Decide(Decision),
}

impl Question {
    /// Reads a message; `None` for one that is for the email user. Notices are never answered: the other side may be a bot.
    pub(super) fn read(event_type: &str, content: &Map<String, Value>) -> Option<Self> {
        let text = |field| content.get(field).and_then(Value::as_str);
        if event_type != "m.room.message" || text("msgtype") != Some("m.text") {
            return None;
        }
        // Old clients put what is answered above the answer (reply fallback).
        let mut lines = text("body")?
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('>'));
        match (lines.next()?.to_ascii_lowercase().as_str(), lines.next()) {
            ("!quoted", None) => Some(Self::LeftOut),
            ("!help", None) => Some(Self::Help),
            (line, None) => line.strip_prefix('!').and_then(Decision::named).map(Self::Decide),
            _ => None,
        }
    }
}

impl Bridge {
    /// Answers in the chat, in order with the emails that it shows.
    pub(super) async fn answer_question(
        &self,
        tx: &mut Tx,
        portal: &Portal,
        question: Question,
        sender: &UserId,
        content: &Map<String, Value>,
    ) -> Result<(), StoreError> {
        if let Question::Decide(decision) = question {
            let words = decide_here(tx, portal, decision, sender).await?;
            return self.add_notice(tx, portal.id, &words, None).await;
        }
        if question == Question::Help {
            return self.add_notice(tx, portal.id, HELP, None).await;
        }
        let answered: Option<OwnedEventId> =
            relation::referred(content).and_then(|event| event.try_into().ok());
        let message = match &answered {
            Some(event) => tx.message(event).await?,
            None => tx.last_received(portal.id).await?,
        };
        let about = message.filter(|message| message.portal == portal.id && !message.outgoing);
        let Some(about) = about else {
            let words = answered.as_ref().map_or(NO_EMAIL, |_| NOT_AN_EMAIL);
            return self.add_notice(tx, portal.id, words, answered.as_deref()).await;
        };
        // An email may be several messages: a text, and its files.
        let parts = tx.messages_with(&about.event_id).await?;
        let words = match parts.iter().find_map(|part| part.left_out.as_deref()) {
            Some(left_out) => format!("{HEADING}\n\n{left_out}"),
            None if is_forgotten(&about) => FORGOTTEN.to_owned(),
            None => NOTHING.to_owned(),
        };
        self.add_notice(tx, portal.id, &words, Some(&about.event_id))
            .await
    }
}

/// What is kept of what was left out of an email.
pub(super) fn kept(left_out: &str) -> String {
    match to_matrix::beginning(left_out, MOST_KEPT) {
        Some(beginning) => format!("{beginning}\n\n(The rest was too long to be kept.)"),
        None => left_out.to_owned(),
    }
}

/// Whether the texts of a message went some time after its delivery.
fn is_forgotten(message: &Message) -> bool {
    let content = message.content.as_ref();
    content.is_none_or(|content| !content.contains_key("body"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_command_alone_is_a_question() {
        for (kind, msgtype, body, question) in [
            ("m.room.message", "m.text", "!quoted", Some(Question::LeftOut)),
            ("m.room.message", "m.text", " !Quoted \n", Some(Question::LeftOut)),
            (
                "m.room.message",
                "m.text",
                "> <@_email_alice=40example.org:lab.test> Friday\n\n!quoted",
                Some(Question::LeftOut),
            ),
            ("m.room.message", "m.text", "!help", Some(Question::Help)),
            (
                "m.room.message",
                "m.text",
                "!Block",
                Some(Question::Decide(Decision::Block)),
            ),
            (
                "m.room.message",
                "m.text",
                "!unblock",
                Some(Question::Decide(Decision::TakeBack)),
            ),
            ("m.room.message", "m.text", "!block him", None),
            ("m.room.message", "m.text", "!quoted please", None),
            ("m.room.message", "m.text", "Try !quoted", None),
            ("m.room.message", "m.text", "!quoted\nand more", None),
            ("m.room.message", "m.text", "> nothing of my own", None),
            ("m.room.message", "m.notice", "!quoted", None),
            ("m.sticker", "m.text", "!quoted", None),
        ] {
            let content = json!({"msgtype": msgtype, "body": body});
            let read = Question::read(kind, content.as_object().unwrap());
            assert_eq!(read, question, "{kind} {msgtype} {body:?}");
        }
    }

    #[test]
    fn what_is_kept_is_bounded_and_says_so() {
        assert_eq!(kept("> short"), "> short");
        let long = kept(&"> a line of a very long thread\n".repeat(10_000));
        assert!(long.len() < 25_000 && long.ends_with("too long to be kept.)"));
    }
}
