//! Whose mail a Matrix user takes: senders whom they block, and those, also lists and other machines, that they let in.

use ruma::UserId;

use super::receive::{Reading, Refused};
use crate::convert::to_matrix::Auto;
use crate::model::{AddressPattern, EmailAddress, IncomingMail, Refusal};
use crate::store::{Portal, SenderRule, StoreError, Tx};

const EVERYBODY: &str =
    "That would be everybody. To be written to by nobody but those to whom you write, say: strangers nobody";
const TOO_MANY: &str =
    "You have a thousand rules, which is as many as I keep. Please take some back first, with unblock.";

/// How many rules of a kind are listed.
const MOST_SHOWN: usize = 100;

/// What a user decides about a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Block,
    Allow,
    /// Neither: as it was before.
    TakeBack,
}

impl Decision {
    /// The decision of this name, as in `block spam@example.org`.
    pub(super) fn named(word: &str) -> Option<Self> {
        match word {
            "block" => Some(Self::Block),
            "allow" => Some(Self::Allow),
            "unblock" => Some(Self::TakeBack),
            _ => None,
        }
    }
}

/// What becomes of a blocked sender's mail.
pub(super) enum Blocked {
    Refused(Refusal),
    /// It is thrown away: a refusal would reach nobody, or the wrong one.
    Dropped,
}

/// Refuses a recipient whose user, with these rules, blocks the envelope's sender.
pub(super) fn refuse_blocked(sender: &str, rules: &[(AddressPattern, SenderRule)]) -> Result<(), Refused> {
    let Ok(sender) = EmailAddress::parse(sender) else {
        return Ok(());
    };
    if decided(rules, &sender) == Some(SenderRule::Block) {
        count("envelope");
        return Err(refusal().into());
    }
    Ok(())
}

/// What becomes of a mail whose author is blocked by these rules. Reports about the user's own emails come in all the same.
pub(super) fn blocked(
    mail: &IncomingMail,
    reading: &Reading,
    rules: &[(AddressPattern, SenderRule)],
) -> Option<Blocked> {
    let report = matches!(reading.headers.auto, Auto::Bounce | Auto::Mdn);
    let author = reading.author.as_ref().filter(|_| !report)?;
    if decided(rules, author) != Some(SenderRule::Block) {
        return None;
    }
    count("author");
    // A mail server of our own would make a bounce of a refusal, which is for the author alone.
    let refusable = mail.peer.on_the_internet().is_some() || mail.verdict.vouches_for(author);
    Some(if refusable && !mail.peer.with.is_empty() {
        Blocked::Refused(refusal())
    } else {
        tracing::info!("a mail by a blocked sender was dropped");
        Blocked::Dropped
    })
}

/// A user's rules, in words.
pub(super) async fn rules_in_words(tx: &mut Tx, user: &UserId) -> Result<String, StoreError> {
    let rules = tx.sender_rules(user).await?;
    let those = |wanted: SenderRule| {
        let patterns = rules.iter().filter(|(_, rule)| *rule == wanted);
        let patterns: Vec<&str> = patterns.map(|(pattern, _)| pattern.as_str()).collect();
        let more = patterns.len().saturating_sub(MOST_SHOWN);
        let mut words = patterns
            .into_iter()
            .take(MOST_SHOWN)
            .collect::<Vec<_>>()
            .join(", ");
        if words.is_empty() {
            words.push_str("nobody");
        } else if more > 0 {
            words.push_str(&format!(", and {more} more"));
        }
        words
    };
    Ok(format!(
        "Blocked: {}.\nAllowed: {}.",
        those(SenderRule::Block),
        those(SenderRule::Allow)
    ))
}

/// What a user has decided about a sender: the closest rule counts.
pub(super) async fn rule_for(
    tx: &mut Tx,
    user: &UserId,
    sender: &EmailAddress,
) -> Result<Option<SenderRule>, StoreError> {
    Ok(decided(&tx.sender_rules(user).await?, sender))
}

fn decided(rules: &[(AddressPattern, SenderRule)], sender: &EmailAddress) -> Option<SenderRule> {
    closest(rules, sender).map(|(_, rule)| *rule)
}

/// Notes what a user decides about the senders that fit `pattern`, and answers in words.
pub(super) async fn decide(
    tx: &mut Tx,
    user: &UserId,
    decision: Decision,
    pattern: &str,
) -> Result<String, StoreError> {
    // As it comes when it is copied from a mail.
    let pattern = pattern
        .trim_matches(|c: char| "<>\"'`,;".contains(c))
        .trim_end_matches('.');
    let pattern = match AddressPattern::parse(pattern) {
        Ok(pattern) => pattern,
        Err(error) => return Ok(format!("I can't read that: {error}.")),
    };
    let rule = match decision {
        Decision::TakeBack => return take_back(tx, user, &pattern).await,
        Decision::Block => SenderRule::Block,
        Decision::Allow => SenderRule::Allow,
    };
    if pattern.is_everything() {
        return Ok(EVERYBODY.to_owned());
    }
    if !tx.set_sender_rule(user, &pattern, rule).await? {
        return Ok(TOO_MANY.to_owned());
    }
    let whom = whom(&pattern);
    Ok(match rule {
        SenderRule::Block => {
            format!("Mail from {whom} is not taken any more. To take it again: unblock {pattern}")
        }
        SenderRule::Allow => format!(
            "Mail from {whom} may begin a chat with you, also that of lists and notifications, as long as it can be verified \
             that it is from there. To take this back: unblock {pattern}"
        ),
    })
}

/// The same in the chat with the very person, where whose chat it is decides.
pub(super) async fn decide_here(
    tx: &mut Tx,
    portal: &Portal,
    decision: Decision,
    sender: &UserId,
) -> Result<String, StoreError> {
    if sender != portal.user {
        return Ok(format!("Only {} can do that here.", portal.user));
    }
    let address = portal.address.as_str();
    let words = decide(tx, &portal.user, decision, address).await?;
    Ok(words.replace(&format!("unblock {address}"), "!unblock"))
}

async fn take_back(tx: &mut Tx, user: &UserId, pattern: &AddressPattern) -> Result<String, StoreError> {
    let had = tx.remove_sender_rule(user, pattern).await?;
    let rules = tx.sender_rules(user).await?;
    let still = EmailAddress::parse(pattern.as_str())
        .ok()
        .and_then(|address| closest(&rules, &address).cloned());
    let whom = whom(pattern);
    Ok(match (had, still) {
        (_, Some((wider, SenderRule::Block))) => {
            format!("Mail from {whom} is still not taken, because {wider} is blocked.")
        }
        (true, _) => format!("Mail from {whom} is treated like all other again."),
        (false, _) => format!("There is no rule for {whom}."),
    })
}

/// The rule that describes a sender most closely; of two that do so equally, the one that blocks.
fn closest<'a>(
    rules: &'a [(AddressPattern, SenderRule)],
    sender: &EmailAddress,
) -> Option<&'a (AddressPattern, SenderRule)> {
    let fitting = rules.iter().filter(|(pattern, _)| pattern.fits(sender));
    fitting.max_by_key(|(pattern, rule)| (pattern.closeness(), *rule == SenderRule::Block))
}

/// Those who fit a pattern, in words.
fn whom(pattern: &AddressPattern) -> String {
    let text = pattern.as_str();
    if text.contains('*') {
        format!("those who fit {text}")
    } else if text.contains('@') {
        text.to_owned()
    } else {
        format!("everybody at {text} and the domains below")
    }
}

fn refusal() -> Refusal {
    Refusal::not_allowed("The recipient does not take mail from this sender")
}

fn count(by: &'static str) {
    metrics::counter!("penpal_mails_blocked_total", "by" => by).increment(1);
}
