//! Tokens and keys: they are of no use to a replay, and of much use to whoever should not have them.

/// What stands in their place.
pub(super) const REMOVED: &str = "removed";

/// Fields that hold tokens or keys, whatever the event: invitations by token (`m.room.third_party_invite`), keys of encrypted files
/// (`k`) and of sessions.
const FIELDS: &[&str] = &[
    "k",
    "one_time_keys",
    "private_key",
    "session_key",
    "signatures",
    "signed",
];

/// What the names of other such fields hold, such as `access_token`.
const MARKS: &[&str] = &["token", "secret", "password", "passphrase", "credential"];

/// How tokens of homeservers and of their account services begin.
const PREFIXES: &[&str] = &["syt_", "syr_", "mct_", "mcr_", "mat_"];

/// The shortest secret that is looked for. Shorter ones would be found in words.
const SHORTEST: usize = 8;

/// Secrets that are known.
pub(super) struct Secrets {
    known: Vec<String>,
}

/// Whether a field of this name holds a token or a key.
pub(super) fn holds_secret(field: &str) -> bool {
    let lower = field.to_ascii_lowercase();
    FIELDS.contains(&field) || MARKS.iter().any(|mark| lower.contains(mark))
}

impl Secrets {
    pub(super) fn new(known: Vec<String>) -> Self {
        let known = known
            .into_iter()
            .filter(|secret| secret.len() >= SHORTEST)
            .collect();
        Self { known }
    }

    /// The text without secrets.
    pub(super) fn removed_from(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.known {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), REMOVED);
            }
        }
        text
    }
}

/// A word without what is a token by its looks: one of a homeserver, one in a link (`access_token=…`), and what stands in Penpal's own
/// links behind `/file/` and `/stop/`.
pub(super) fn without_token(word: &str) -> String {
    let mut word = word.to_owned();
    for prefix in PREFIXES {
        let begins = |(at, _): &(usize, &str)| {
            let before = word.get(..*at).unwrap_or_default();
            !before.ends_with(|character: char| character.is_alphanumeric())
        };
        if let Some((at, _)) = word.match_indices(prefix).find(begins) {
            word = format!("{}{REMOVED}", word.get(..at).unwrap_or_default());
        }
    }
    for mark in ["token=", "password=", "secret=", "/file/", "/stop/"] {
        if let Some((before, after)) = word.split_once(mark)
            && !after.is_empty()
        {
            let end = after.find(['&', '#', '/']).unwrap_or(after.len());
            let rest = after.get(end..).unwrap_or_default();
            word = format!("{before}{mark}{REMOVED}{rest}");
        }
    }
    word
}
