//! Polls: question, answers, and how they end (MSC3381, stable and unstable names).

use std::collections::BTreeSet;

use serde_json::Value;

use super::Quoted;
use super::content::{self, Content};
use super::line::line;

/// More answers than this are not offered by any client (MSC3381, "m.poll.start").
const ANSWERS: usize = 20;
const LONGEST_QUESTION: usize = 500;
const LONGEST_ANSWER: usize = 200;
/// Where the votes stand in a poll's own content, by voter. In a direct chat there are few.
const VOTES: &str = "penpal.votes";
const VOTERS: usize = 100;

/// The question and its numbered answers; `None` when there is no question.
pub(super) fn start(content: &Content) -> Option<String> {
    let poll = poll(content)?;
    let mut lines = vec![format!("Poll: {}", question(poll)?)];
    for (index, answer) in answers(poll).enumerate() {
        lines.push(format!("{}. {}", index + 1, answer.label));
    }
    let choices = choices(poll);
    if choices > 1 && choices <= ANSWERS {
        lines.push(format!("(Up to {choices} answers.)"));
    }
    Some(lines.join("\n"))
}

/// The end of a poll: the client's own sentence on how it came out, and the votes for each answer where they are known.
pub(super) fn end(content: &Content, about: Option<&Quoted>) -> String {
    let started = about.and_then(|about| poll(about.content.as_ref()?));
    let asked = started.and_then(question).or_else(|| {
        let first = about?.text.lines().next()?;
        let asked = line(first.strip_prefix("Poll: ").unwrap_or(first), LONGEST_QUESTION);
        (!asked.is_empty()).then_some(asked)
    });
    let outcome = content::extensible_text(content).or_else(|| content::text(content, "body"));
    let outcome = outcome.map_or_else(
        || "The poll has ended.".to_owned(),
        |text| line(text, LONGEST_QUESTION),
    );
    let mut lines: Vec<String> = asked.into_iter().map(|asked| format!("Poll: {asked}")).collect();
    lines.push(outcome);
    if let Some(started) = started {
        let votes = about.and_then(|about| content::object(about.content.as_ref()?, VOTES));
        let results = content::either(content, ["m.poll.results", "org.matrix.msc3381.poll.results"]);
        lines.extend(tally(started, votes, results));
    }
    lines.join("\n")
}

/// The content of a poll with a vote folded in, as edits are; `None` where `poll` is no poll or `response` no vote. The latest vote
/// of each voter counts, and it is judged when they are counted (MSC3381).
pub fn with_vote(content: &Content, voter: &str, response: &Content) -> Option<Content> {
    poll(content)?;
    let stable = response.get("m.selections");
    let unstable = || content::object(response, "org.matrix.msc3381.poll.response")?.get("answers");
    let selections: Vec<Value> = stable
        .or_else(unstable)?
        .as_array()?
        .iter()
        .filter(|selected| selected.as_str().is_some_and(|id| id.len() <= LONGEST_ANSWER))
        .take(ANSWERS)
        .cloned()
        .collect();
    let mut content = content.clone();
    let kept = content.entry(VOTES).or_insert_with(|| Content::new().into());
    let kept = kept.as_object_mut()?;
    if kept.len() >= VOTERS && !kept.contains_key(voter) {
        return None;
    }
    kept.insert(voter.to_owned(), selections.into());
    Some(content)
}

/// One line for each answer, such as `1. Red: 3 votes`; none when nobody voted or nothing is known.
fn tally(poll: &Content, votes: Option<&Content>, results: Option<&Content>) -> Vec<String> {
    let answers: Vec<Answer> = answers(poll).collect();
    let counts: Vec<u64> = if let Some(votes) = votes {
        let is_known = |id: &str| answers.iter().any(|answer| answer.id == id);
        let valid: Vec<BTreeSet<&str>> = votes
            .values()
            .filter_map(Value::as_array)
            .map(|selected| {
                selected
                    .iter()
                    .filter_map(Value::as_str)
                    .take(choices(poll))
                    .collect()
            })
            .filter(|selected: &BTreeSet<&str>| selected.iter().all(|id| is_known(id)))
            .collect();
        let count = |answer: &Answer| {
            valid
                .iter()
                .filter(|selected| selected.contains(answer.id))
                .count()
        };
        answers.iter().map(|answer| count(answer) as u64).collect()
    } else {
        // What the client of whoever ended it has counted.
        let count = |answer: &Answer| results?.get(answer.id)?.as_u64();
        answers.iter().map(|answer| count(answer).unwrap_or(0)).collect()
    };
    if counts.iter().all(|count| *count == 0) {
        return Vec::new();
    }
    let lines = answers.iter().zip(counts).enumerate();
    lines
        .map(|(index, (answer, count))| {
            let votes = if count == 1 { "vote" } else { "votes" };
            format!("{}. {}: {count} {votes}", index + 1, answer.label)
        })
        .collect()
}

fn poll(content: &Content) -> Option<&Content> {
    content::either(content, ["m.poll", "org.matrix.msc3381.poll.start"])
}

fn question(poll: &Content) -> Option<String> {
    let asked = label(content::object(poll, "question")?)?;
    Some(line(asked, LONGEST_QUESTION))
}

/// One answer that may be given.
struct Answer<'a> {
    id: &'a str,
    label: String,
}

fn answers(poll: &Content) -> impl Iterator<Item = Answer<'_>> {
    let answers = poll.get("answers").and_then(Value::as_array);
    answers.into_iter().flatten().take(ANSWERS).filter_map(|answer| {
        let answer = answer.as_object()?;
        let id = content::text(answer, "m.id").or_else(|| content::text(answer, "id"));
        Some(Answer {
            id: id.unwrap_or_default(),
            label: line(label(answer)?, LONGEST_ANSWER),
        })
    })
}

/// How many answers a voter may give.
fn choices(poll: &Content) -> usize {
    let choices = poll.get("max_selections").and_then(Value::as_u64);
    choices
        .and_then(|choices| usize::try_from(choices).ok())
        .unwrap_or(1)
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
            content: None,
        };
        assert_eq!(
            end(ended.as_object().unwrap(), Some(&about)),
            "Poll: Lunch?\nThe poll has ended. Top answer: Soup"
        );
        assert_eq!(end(json!({}).as_object().unwrap(), None), "The poll has ended.");
    }

    #[test]
    fn votes_are_counted() {
        let poll = json!({"org.matrix.msc3381.poll.start": {
            "question": {"body": "Lunch?"}, "max_selections": 2,
            "answers": [{"id": "s", "org.matrix.msc1767.text": "Soup"}, {"id": "b", "org.matrix.msc1767.text": "Bread"}]
        }});
        let mut poll = poll.as_object().unwrap().clone();
        let unstable = |answers: Value| json!({"org.matrix.msc3381.poll.response": {"answers": answers}});
        for (voter, vote) in [
            ("@a:hs", unstable(json!(["b"]))),
            ("@a:hs", unstable(json!(["s", "s", "b"]))),
            ("@b:hs", json!({"m.selections": ["s", "b"]})),
            ("@c:hs", json!({"m.selections": ["s", "nonsense"]})),
            ("@d:hs", json!({"m.selections": []})),
        ] {
            poll = with_vote(&poll, voter, vote.as_object().unwrap()).unwrap();
        }
        let mut about = Quoted {
            sender_name: "Bob".to_owned(),
            text: String::new(),
            timestamp: Timestamp(0),
            content: Some(poll.clone()),
        };
        let ended = json!({"m.poll.results": {"s": 7, "b": 8}});
        let ended = ended.as_object().unwrap();
        assert_eq!(
            end(ended, Some(&about)),
            "Poll: Lunch?\nThe poll has ended.\n1. Soup: 2 votes\n2. Bread: 1 vote"
        );
        poll.remove(VOTES);
        about.content = Some(poll.clone());
        assert_eq!(
            end(ended, Some(&about)),
            "Poll: Lunch?\nThe poll has ended.\n1. Soup: 7 votes\n2. Bread: 8 votes"
        );
        assert_eq!(with_vote(&poll, "@a:hs", ended), None);
        assert_eq!(
            with_vote(
                ended,
                "@a:hs",
                json!({"m.selections": ["s"]}).as_object().unwrap()
            ),
            None
        );
    }
}
