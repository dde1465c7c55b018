//! From the inbound side's answers, one for each recipient, to one answer for all of them.

use super::Inbound;
use crate::model::{IncomingMail, Refusal};

/// Refused recipients that are named in an answer, which is one line.
const NAMED: usize = 4;

/// Recipients that are refused before no more are asked about: each may be a question to the homeserver, and what names so many who
/// do not exist goes through a dictionary.
const MOST_REFUSED: usize = 100;

/// Hands a mail over for doors that learn of its recipients and of its text at once: asks about each recipient, has the mail taken for
/// those that exist, and gives one answer for all.
pub async fn hand_over(inbound: &dyn Inbound, mail: IncomingMail) -> Result<(), Refusal> {
    let names = mail.recipients.clone();
    let mut answers = Vec::with_capacity(names.len());
    let mut refused = 0;
    for recipient in &names {
        let answer = if refused < MOST_REFUSED {
            inbound.check_recipient(&mail.sender, recipient).await
        } else {
            Err(too_many())
        };
        refused += usize::from(answer.is_err());
        answers.push(answer);
    }
    let known = names.iter().zip(&answers).filter(|(_, answer)| answer.is_ok());
    let recipients: Vec<String> = known.map(|(name, _)| name.clone()).collect();
    if !recipients.is_empty() {
        let taken = inbound.accept(&IncomingMail { recipients, ..mail }).await;
        let asked = answers.iter_mut().filter(|answer| answer.is_ok());
        for (at, answer) in asked.enumerate() {
            *answer = for_one(&taken, at);
        }
    }
    for_all(&names, &answers)
}

/// 550 5.5.3: RFC 3463, section 3.6.
fn too_many() -> Refusal {
    Refusal {
        code: 550,
        enhanced: "5.5.3",
        text: "Too many unknown recipients".into(),
    }
}

/// The answer for one recipient. One that is missing is never success.
pub(super) fn for_one(answers: &[Result<(), Refusal>], at: usize) -> Result<(), Refusal> {
    answers.get(at).cloned().unwrap_or_else(|| {
        Err(Refusal::try_again(
            "The message could not be stored, try again later",
        ))
    })
}

/// One answer for all, for doors that can't give one for each recipient: SMTP, the exit code of a program.
///
/// When the answers differ, what must not happen decides:
/// - One recipient failed for now: 4xx. The client keeps the mail and sends the same bytes to all again;
///   the inbound side knows those that it has already. A success would lose the mail for this one.
/// - Some were refused for good and the others taken: 5xx, with the names of the refused. The sender gets a
///   bounce that says which ones. A success would lose the mail for them without a word, and trying again would not help.
pub fn for_all(recipients: &[String], answers: &[Result<(), Refusal>]) -> Result<(), Refusal> {
    let mut refused = Vec::new();
    for (at, name) in recipients.iter().enumerate() {
        match for_one(answers, at) {
            Ok(()) => {}
            Err(refusal) if refusal.is_transient() => return Err(refusal),
            Err(refusal) => refused.push((name, refusal)),
        }
    }
    match refused.first() {
        None => Ok(()),
        Some((_, first)) if refused.len() == recipients.len() => Err(first.clone()),
        Some((_, first)) => {
            let names: Vec<&str> = refused
                .iter()
                .take(NAMED)
                .map(|(name, _)| name.as_str())
                .collect();
            let more = match refused.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            Err(Refusal {
                text: format!(
                    "{}; refused for {}{more}, delivered to the others",
                    first.text,
                    names.join(", ")
                ),
                ..first.clone()
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(answers: &[Result<(), Refusal>], recipients: usize) -> String {
        let names: Vec<String> = (0..recipients).map(|n| format!("user{n}@example.org")).collect();
        for_all(&names, answers).map_or_else(|refusal| refusal.to_string(), |()| "taken".to_owned())
    }

    #[test]
    fn one_answer_for_all_never_hides_a_failure() {
        let no = || Err(Refusal::not_allowed("not wanted"));
        let later = || Err(Refusal::try_again("store away"));
        for (answers, answer) in [
            (vec![Ok(()), Ok(())], "taken"),
            (vec![Ok(()), later()], "451 4.3.0 store away"),
            (vec![no(), later()], "451 4.3.0 store away"),
            (vec![no(), no()], "550 5.7.1 not wanted"),
            (
                vec![Ok(()), no()],
                "550 5.7.1 not wanted; refused for user1@example.org, delivered to the others",
            ),
            (
                vec![Ok(())],
                "451 4.3.0 The message could not be stored, try again later",
            ),
            (
                vec![],
                "451 4.3.0 The message could not be stored, try again later",
            ),
        ] {
            assert_eq!(all(&answers, 2), answer);
        }
    }

    #[test]
    fn many_refused_recipients_are_counted() {
        let mut answers = vec![Ok(())];
        answers.extend((0..6).map(|_| Err(Refusal::not_allowed("no"))));
        let answer = all(&answers, 7);
        assert!(
            answer.contains("user4@example.org and 2 more, delivered"),
            "{answer}"
        );
    }
}
