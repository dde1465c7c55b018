//! Why a mail did not arrive, in words that a person understands.

const NOBODY: &str = "there is no such mailbox";
const NO_SERVER: &str = "there is no mail server for this address";
const SWITCHED_OFF: &str = "the mailbox is switched off";
const FULL: &str = "the mailbox is full";
const TOO_LARGE: &str = "the message is too large";
const UNREACHABLE: &str = "the mail server can't be reached";
const LATER: &str = "the mail server wants it to be tried again later";
const LOOP: &str = "the message goes round in circles";
const TOO_MANY: &str = "the mail server takes no more messages for now";
const UNVERIFIED: &str = "the mail server could not verify the sender";
const UNREADABLE: &str = "the mail server can't handle this kind of message";
const ASCII_ONLY: &str = "a mail server on the way can't handle addresses with letters outside ASCII";
const UNWANTED: &str = "the mail server does not take this message";

/// The reason, by the server's own words where they are plain, else by its status code: codes are often mere habit (Microsoft says
/// 5.4.1 of users that it does not know, and many say 5.0.0 of everything).
pub(super) fn reason(status: Option<&str>, words: &str) -> Option<&'static str> {
    let said = words.to_lowercase();
    let found = WORDS.iter().find(|(phrase, _)| said.contains(phrase));
    found.map(|(_, reason)| *reason).or_else(|| {
        let own = status.and_then(by_status);
        own.or_else(|| by_status(&status_in(words)?))
    })
}

/// RFC 3463, sections 3.2 to 3.8, and what was registered since.
fn by_status(status: &str) -> Option<&'static str> {
    let (_, detail) = status.split_once('.')?;
    Some(match detail {
        "1.2" | "1.10" | "4.4" => NO_SERVER,
        "2.1" => SWITCHED_OFF,
        "2.2" | "3.1" => FULL,
        "2.3" | "3.4" => TOO_LARGE,
        // RFC 6531, section 3.7.4.
        "6.7" | "6.8" | "6.9" => ASCII_ONLY,
        "4.6" => LOOP,
        "4.5" => LATER,
        "1.7" | "1.8" | "7.20" | "7.21" | "7.22" | "7.23" | "7.24" | "7.25" | "7.26" | "7.27" | "7.29" => {
            UNVERIFIED
        }
        "7.28" => TOO_MANY,
        _ => match detail.split_once('.')?.0 {
            "1" => NOBODY,
            "4" => UNREACHABLE,
            "6" => UNREADABLE,
            "7" => UNWANTED,
            _ => return None,
        },
    })
}

/// What servers say, in lower case; the first that fits counts, so the plainer ones stand above.
#[rustfmt::skip]
const WORDS: &[(&str, &str)] = &[
    ("smtputf8", ASCII_ONLY), ("non-ascii address", ASCII_ONLY),
    ("domain not found", NO_SERVER), ("host not found", NO_SERVER), ("domain name not found", NO_SERVER),
    ("host unknown", NO_SERVER), ("unknown host", NO_SERVER), ("domain does not exist", NO_SERVER),
    ("no such domain", NO_SERVER), ("doesn't receive email", NO_SERVER), ("no smtp service", NO_SERVER),
    ("couldn't find any host", NO_SERVER), ("nullmx", NO_SERVER), ("no mx", NO_SERVER), ("name service error", NO_SERVER),
    ("is disabled", SWITCHED_OFF), ("mailbox disabled", SWITCHED_OFF), ("account disabled", SWITCHED_OFF),
    ("has been disabled", SWITCHED_OFF), ("is inactive", SWITCHED_OFF), ("inactive user", SWITCHED_OFF),
    ("suspended", SWITCHED_OFF), ("no longer in use", SWITCHED_OFF),
    ("over quota", FULL), ("overquota", FULL), ("over its quota", FULL), ("quota exceeded", FULL), ("exceeded its quota", FULL),
    ("quota exceed", FULL), ("exceeded storage", FULL), ("mailbox full", FULL), ("mailbox is full", FULL),
    ("mailbox exceeds", FULL), ("inbox is full", FULL), ("out of storage", FULL), ("insufficient storage", FULL), ("storage limit", FULL),
    ("too large", TOO_LARGE), ("exceeds size", TOO_LARGE), ("size exceeds", TOO_LARGE), ("size limit", TOO_LARGE),
    ("maximum message size", TOO_LARGE), ("too big", TOO_LARGE),
    ("user unknown", NOBODY), ("unknown user", NOBODY), ("no such user", NOBODY), ("user not found", NOBODY),
    ("no such recipient", NOBODY), ("recipientnotfound", NOBODY), ("recipient not found", NOBODY),
    ("recipient unknown", NOBODY), ("unknown recipient", NOBODY), ("invalid recipient", NOBODY),
    ("unknown or illegal alias", NOBODY), ("does not exist", NOBODY), ("doesn't exist", NOBODY), ("mailbox not found", NOBODY),
    ("no mailbox", NOBODY), ("mailbox unavailable", NOBODY), ("no such person", NOBODY), ("not a valid mailbox", NOBODY),
    ("couldn't be found", NOBODY), ("wasn't found", NOBODY), ("not listed in", NOBODY), ("address unknown", NOBODY), ("unknown address", NOBODY), ("doesn't have a", NOBODY), ("no account by that name", NOBODY),
    ("recipient address rejected: access denied", NOBODY), ("unrouteable address", NOBODY),
    ("too many hops", LOOP), ("hop count", LOOP), ("mail loop", LOOP), ("loops back", LOOP),
    ("dmarc", UNVERIFIED), ("dkim", UNVERIFIED), ("spf", UNVERIFIED), ("unauthenticated", UNVERIFIED),
    ("greylist", LATER), ("graylist", LATER), ("try again later", LATER),
    ("timed out", UNREACHABLE), ("connection refused", UNREACHABLE), ("no route to host", UNREACHABLE),
    ("unreachable", UNREACHABLE), ("not reachable", UNREACHABLE), ("lost connection", UNREACHABLE), ("retry timeout exceeded", UNREACHABLE),
    ("could not connect", UNREACHABLE), ("no immediate delivery", UNREACHABLE),
    ("rate limit", TOO_MANY), ("too many messages", TOO_MANY), ("too much mail", TOO_MANY), ("too many recipients", TOO_MANY),
    ("spam", UNWANTED), ("blocked", UNWANTED), ("blacklist", UNWANTED), ("block list", UNWANTED), ("denylist", UNWANTED),
    ("reputation", UNWANTED), ("policy", UNWANTED), ("banned", UNWANTED), ("denied", UNWANTED),
    ("sender rejected", UNWANTED), ("virus", UNWANTED), ("reverse dns", UNWANTED), ("ptr record", UNWANTED), ("not allowed", UNWANTED),
];

/// The first status code of a text (RFC 3463, section 2).
pub(super) fn status_in(text: &str) -> Option<String> {
    let mut words = text.split(|c: char| !c.is_ascii_digit() && c != '.');
    let word = words.find(|word| is_status(word.trim_end_matches('.')))?;
    Some(word.trim_end_matches('.').to_owned())
}

/// Whether a word is a status code.
pub(super) fn is_status(word: &str) -> bool {
    let mut numbers = word.split('.');
    let short = |number: Option<&str>| {
        number.is_some_and(|number| {
            (1..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    numbers
        .next()
        .is_some_and(|class| matches!(class, "2" | "4" | "5"))
        && short(numbers.next())
        && short(numbers.next())
        && numbers.next().is_none()
}

/// Whether a word is the reply code of a refusal (RFC 5321, section 4.2.1).
pub(super) fn is_reply_code(word: &str) -> bool {
    word.len() == 3 && word.starts_with(['4', '5']) && word.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_by_words_and_by_codes() {
        for (status, words, expected) in [
            (Some("5.1.1"), "", Some(NOBODY)),
            (Some("5.2.2"), "", Some(FULL)),
            (Some("4.4.1"), "", Some(UNREACHABLE)),
            (
                Some("5.4.1"),
                "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)",
                Some(NOBODY),
            ),
            (Some("5.0.0"), "550 User unknown", Some(NOBODY)),
            (None, "550 5.2.2 whatever", Some(FULL)),
            (Some("5.7.1"), "554 5.7.1 Message rejected", Some(UNWANTED)),
            (Some("5.7.26"), "550 5.7.26 sorry", Some(UNVERIFIED)),
            (Some("5.0.0"), "no", None),
            (None, "no", None),
        ] {
            assert_eq!(reason(status, words), expected, "{status:?} {words}");
        }
    }

    #[test]
    fn codes_are_told_from_other_numbers() {
        assert_eq!(
            status_in("host 192.0.2.1 said: 550 5.1.1 no").as_deref(),
            Some("5.1.1")
        );
        assert_eq!(status_in("(#5.1.1)").as_deref(), Some("5.1.1"));
        assert_eq!(status_in("Postfix 3.7.11 at 5.1.1.1"), None);
        assert!(!is_status("5.1") && !is_status("5.1.1111") && !is_status("5..1"));
    }
}
