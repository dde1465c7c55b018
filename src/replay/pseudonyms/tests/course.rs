//! Every recording, under pseudonyms, takes the same course.

use super::*;
use crate::replay::golden::difference;
use crate::replay::run::replay;
use crate::replay::tests::recordings;

/// What happens in a replay, without what is said: when, which request, by whom and in which room; and emails from whom to whom.
fn course(outcome: &str) -> Vec<String> {
    let mut course = Vec::new();
    for line in outcome.lines().skip(1) {
        if line.is_empty() || (line.starts_with(' ') && !line.starts_with("    From: ")) {
            continue;
        }
        match line.strip_prefix("mail <") {
            // The return path holds a token.
            Some(mail) => course.push(format!("mail {}", mail.split_once(' ').unwrap().1)),
            None => match line.strip_prefix("    From: ") {
                Some(from) => course.push(format!(
                    "from {}",
                    from.rsplit_once(' ').map_or(from, |from| from.1)
                )),
                None => course.push(line.to_owned()),
            },
        }
    }
    course
}

/// Everything in a recording that names somebody or something, and that must not be found again.
fn private_words(recording: &Recording) -> Vec<String> {
    fn collect(value: &Value, words: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::String(text)
                            if matches!(
                                name.as_str(),
                                "room_id"
                                    | "event_id"
                                    | "sender"
                                    | "displayname"
                                    | "body"
                                    | "formatted_body"
                                    | "topic"
                            ) =>
                        {
                            words.push(text.clone());
                        }
                        value => collect(value, words),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, words)),
            _ => {}
        }
    }
    let mut words = Vec::new();
    for exchange in &recording.exchanges {
        if let Exchange::Transaction { body, .. } = exchange {
            collect(&serde_json::from_str(body).unwrap(), &mut words);
        }
    }
    // What is shorter comes about by itself, or is a word of the specification as well.
    words.retain(|word| word.len() > 8 && word.contains(char::is_alphabetic) && !word.contains("emailbot"));
    words.extend(["lab.test", "example.org", "alice"].map(str::to_owned));
    words.sort();
    words.dedup();
    words
}

#[tokio::test]
async fn every_recording_takes_the_same_course_under_pseudonyms() {
    let mut wrong = String::new();
    for recording in recordings() {
        let mut names = pseudonyms(Removal::ALL, &recording.context.namespace);
        let text = names.recording(&recording).to_text();
        for word in private_words(&recording) {
            let escaped = Value::from(word.as_str()).to_string();
            if text.contains(escaped.trim_matches('"')) {
                wrong += &format!("{}: {word:?} is still there\n", recording.name);
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(format!("{}.jsonl", recording.name));
        std::fs::write(&path, text).unwrap();
        let renamed = Recording::read(&path).unwrap();

        let original = replay(&recording, &mut || {}).await.unwrap();
        let expected: Vec<String> = course(&original)
            .iter()
            .map(|line| names.course_line(line))
            .collect();
        let outcome = course(&replay(&renamed, &mut || {}).await.unwrap());
        assert!(!expected.is_empty(), "{}", recording.name);
        wrong += &difference(&recording.name, &expected.join("\n"), &outcome.join("\n")).unwrap_or_default();
    }
    assert!(wrong.is_empty(), "{wrong}");
}

impl Pseudonyms {
    /// A line of a course under pseudonyms: what the emails' own text becomes is none of it.
    fn course_line(&mut self, line: &str) -> String {
        if line.starts_with("== ") || line.starts_with("given up") {
            return line.to_owned();
        }
        let words = line.split(' ').map(|word| {
            let bare = word.trim_matches(|c| c == '<' || c == '>');
            let renamed = match bare.rsplit_once('/') {
                Some((path, user)) if path.ends_with("/users") => {
                    format!(
                        "{path}/{}",
                        percent_encoded(&self.identifier(&percent_decoded(user)))
                    )
                }
                _ if bare.starts_with(['@', '!', '$', '#']) || bare.contains("://") => self.identifier(bare),
                _ if bare.contains('@') => self.names.address(&bare.parse().unwrap()).as_str().to_owned(),
                _ => bare.to_owned(),
            };
            word.replace(bare, &renamed)
        });
        words.collect::<Vec<_>>().join(" ")
    }
}
