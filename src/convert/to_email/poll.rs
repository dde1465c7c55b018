//! Polls: question, answers, and how they end (MSC3381, stable and unstable names).

use super::Quoted;
use super::content::{self, Content};
use super::line::line;

/// More answers than this are not offered by any client (MSC3381, "m.poll.start").
const ANSWERS: usize = 20;
const LONGEST_QUESTION: usize = 500;
const LONGEST_ANSWER: usize = 200;

/// The question and its numbered answers; `None` when there is no question.
pub(super) fn start(content: &Content) -> Option<String> {
    let poll = content::either(content, ["m.poll", "org.matrix.msc3381.poll.start"])?;
    let question = line(label(content::object(poll, "question")?)?, LONGEST_QUESTION);
    let answers = poll.get("answers").and_then(serde_json::Value::as_array);
    let answers = answers
        .into_iter()
        .flatten()
        .filter_map(|answer| label(answer.as_object()?));
    let mut lines = vec![format!("Poll: {question}")];
    for (index, answer) in answers.take(ANSWERS).enumerate() {
        lines.push(format!("{}. {}", index + 1, line(answer, LONGEST_ANSWER)));
    }
    let choices = poll
        .get("max_selections")
        .and_then(serde_json::Value::as_u64)
        .unwrap_or(1);
    if choices > 1 && choices <= ANSWERS as u64 {
        lines.push(format!("(Up to {choices} answers.)"));
    }
    Some(lines.join("\n"))
}

/// The end of a poll: the client's own sentence says how it came out.
pub(super) fn end(content: &Content, poll: Option<&Quoted>) -> String {
    let outcome = content::extensible_text(content).or_else(|| content::text(content, "body"));
    let outcome = outcome.map_or_else(
        || "The poll has ended.".to_owned(),
        |text| line(text, LONGEST_QUESTION),
    );
    match poll.and_then(|poll| poll.text.lines().next()) {
        Some(question) => {
            let question = question.strip_prefix("Poll: ").unwrap_or(question);
            format!("Poll: {}\n{outcome}", line(question, LONGEST_QUESTION))
        }
        None => outcome,
    }
}

fn label(holder: &Content) -> Option<&str> {
    content::extensible_text(holder).or_else(|| content::text(holder, "body"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Timestamp;

    #[test]
    fn polls_show_their_answers_and_their_end() {
        let stable = json!({"m.poll": {
            "question": {"m.text": [{"mimetype": "text/html", "body": "<b>Lunch?</b>"}, {"body": "Lunch?"}]},
            "answers": [{"m.id": "a", "m.text": [{"body": "Soup"}]}, 5, {"m.id": "b"}, {"m.text": [{"body": "Salad"}]}],
            "max_selections": 2
        }});
        let shown = start(stable.as_object().unwrap()).unwrap();
        assert_eq!(shown, "Poll: Lunch?\n1. Soup\n2. Salad\n(Up to 2 answers.)");
        let unstable = json!({"org.matrix.msc3381.poll.start": {
            "question": {"org.matrix.msc1767.text": "When?"}, "answers": [{"org.matrix.msc1767.text": "Now"}]
        }});
        assert_eq!(
            start(unstable.as_object().unwrap()).unwrap(),
            "Poll: When?\n1. Now"
        );
        assert_eq!(
            start(json!({"m.poll": {"answers": []}}).as_object().unwrap()),
            None
        );
        let ended = json!({"m.text": [{"body": "The poll has ended. Top answer: Soup"}]});
        let about = Quoted {
            sender_name: "Bob".to_owned(),
            text: shown,
            timestamp: Timestamp(0),
        };
        assert_eq!(
            end(ended.as_object().unwrap(), Some(&about)),
            "Poll: Lunch?\nThe poll has ended. Top answer: Soup"
        );
        assert_eq!(end(json!({}).as_object().unwrap(), None), "The poll has ended.");
    }
}
