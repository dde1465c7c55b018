//! From the inbound side's answers, one for each recipient, to the replies at the end of a message.

use super::reply::Reply;
use crate::model::Refusal;

const TAKEN: Reply = Reply::new(250, "2.0.0", "OK, the message is safe");
/// An answer that is missing is never success.
const UNANSWERED: Reply = Reply::new(451, "4.3.0", "The message could not be stored, try again later");
/// Refused recipients that are named in a reply, which is one line.
const NAMED: usize = 4;

/// LMTP: one reply for each recipient that RCPT accepted, in their order (RFC 2033, section 4.2).
pub(super) fn for_each(recipients: &[String], answers: &[Result<(), Refusal>]) -> Vec<Reply> {
    (0..recipients.len())
        .map(|at| match answers.get(at) {
            Some(Ok(())) => TAKEN,
            Some(Err(refusal)) => Reply::from(refusal),
            None => UNANSWERED,
        })
        .collect()
}

/// SMTP: one reply for all.
///
/// When the answers differ, what must not happen decides:
/// - One recipient failed for now: 4xx. The client keeps the mail and sends the same bytes to all again;
///   the inbound side knows those that it has already. A 250 would lose the mail for this one.
/// - Some were refused for good and the others taken: 5xx, with the names of the refused. The sender gets a
///   bounce that says which ones. A 250 would lose the mail for them without a word, and trying again would not help.
pub(super) fn for_all(recipients: &[String], answers: &[Result<(), Refusal>]) -> Reply {
    let replies = for_each(recipients, answers);
    if let Some(transient) = replies.iter().find(|reply| reply.is_transient()) {
        return transient.clone();
    }
    let refused: Vec<(&String, &Reply)> = recipients
        .iter()
        .zip(&replies)
        .filter(|(_, reply)| **reply != TAKEN)
        .collect();
    match refused.first() {
        None => TAKEN,
        Some((_, first)) if refused.len() == recipients.len() => (*first).clone(),
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
            first.and(&format!(
                "refused for {}{more}, delivered to the others",
                names.join(", ")
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(reply: &Reply) -> String {
        let mut out = Vec::new();
        reply.write(&mut out);
        String::from_utf8(out).unwrap().trim_end().to_owned()
    }

    fn all(answers: &[Result<(), Refusal>], recipients: usize) -> String {
        let names: Vec<String> = (0..recipients).map(|n| format!("user{n}@example.org")).collect();
        line(&for_all(&names, answers))
    }

    #[test]
    fn one_reply_for_all_never_hides_a_failure() {
        let no = || Err(Refusal::not_allowed("not wanted"));
        let later = || Err(Refusal::try_again("store away"));
        for (answers, reply) in [
            (vec![Ok(()), Ok(())], "250 2.0.0 OK, the message is safe"),
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
            assert_eq!(all(&answers, 2), reply);
        }
    }

    #[test]
    fn many_refused_recipients_are_counted() {
        let mut answers = vec![Ok(())];
        answers.extend((0..6).map(|_| Err(Refusal::not_allowed("no"))));
        let reply = all(&answers, 7);
        assert!(
            reply.contains("user4@example.org and 2 more, delivered"),
            "{reply}"
        );
    }
}
