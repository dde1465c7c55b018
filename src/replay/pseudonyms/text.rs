//! What people write: names and addresses in it get their pseudonyms, and when contents are removed, other words get other letters. A
//! line comes to the same letters wherever it stands, so that what is quoted is still what was said.

use hmac::{Hmac, KeyInit as _, Mac as _};
use ruma::UserId;
use sha2::Sha256;

use super::Pseudonyms;
use super::secrets::without_token;
use crate::bridge::COMMANDS;
use crate::model::{EmailAddress, Random};

/// What may follow a command.
const CHOICES: &[&str] = &["anyone", "contacts", "nobody", "on", "off"];

/// The shortest identifier of a room or an event that is one without naming a server (room version 12, and 4).
const SHORTEST_HASH: usize = 40;

/// Makes letters of letters.
pub(super) struct Masks {
    key: [u8; 32],
}

impl Masks {
    pub(super) fn new(random: &dyn Random) -> Self {
        let mut key = [0; 32];
        random.fill(&mut key);
        Self { key }
    }

    /// The letters for a line; they follow from it, and it does not follow from them.
    fn letters(&self, line: &str) -> Letters {
        let mut seed = [0; 8];
        if let Ok(mut mac) = <Hmac<Sha256>>::new_from_slice(&self.key) {
            mac.update(line.trim().as_bytes());
            for (to, from) in seed.iter_mut().zip(mac.finalize().into_bytes()) {
                *to = from;
            }
        }
        Letters(u64::from_le_bytes(seed))
    }
}

/// A sequence of letters: `SplitMix64`.
struct Letters(u64);

impl Letters {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((mixed ^ (mixed >> 31)) % u64::from(bound.max(1))).unwrap_or_default()
    }

    /// Another character of the same kind and length.
    fn instead_of(&mut self, character: char) -> char {
        let (first, count) = match character {
            'a'..='z' => ('a', 26),
            'A'..='Z' => ('A', 26),
            '0'..='9' => ('0', 10),
            '\u{590}'..='\u{8ff}' if character.is_alphanumeric() => ('\u{5d0}', 27),
            _ if character.is_alphanumeric() => match character.len_utf8() {
                1 | 2 => ('\u{430}', 32),
                3 => ('\u{4e00}', 4096),
                _ => ('\u{20000}', 4096),
            },
            // What is between the words.
            other if other.is_ascii() || other.is_whitespace() || is_punctuation(other) => return other,
            // Pictures say something as well, and so do signs that nobody sees.
            other => match other.len_utf8() {
                2 => ('\u{430}', 32),
                3 => ('\u{2600}', 64),
                _ => ('\u{1f600}', 64),
            },
        };
        char::from_u32(u32::from(first) + self.below(count)).unwrap_or(first)
    }
}

impl Pseudonyms {
    /// Text of any length.
    pub(super) fn text(&mut self, text: &str) -> String {
        let text = self.secrets.removed_from(text);
        text.split_inclusive('\n').map(|line| self.line(line)).collect()
    }

    fn line(&mut self, line: &str) -> String {
        let mut letters = self.masks.letters(line);
        let first = line
            .trim_start()
            .split(char::is_whitespace)
            .next()
            .unwrap_or_default();
        let is_command = COMMANDS.contains(&first.trim_start_matches('!').to_ascii_lowercase().as_str());
        let mut out = String::with_capacity(line.len());
        let mut rest = line;
        while let Some(next) = rest.chars().next() {
            if let Some((length, name)) = self.names.spoken(rest) {
                out.push_str(&name);
                rest = rest.get(length..).unwrap_or_default();
                continue;
            }
            if is_separator(next) {
                out.push(next);
                rest = rest.get(next.len_utf8()..).unwrap_or_default();
                continue;
            }
            let end = rest.find(is_separator).unwrap_or(rest.len());
            let (word, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
            if is_command && is_said_to_penpal(word) {
                out.push_str(word);
                rest = behind;
            } else {
                out.push_str(&self.word(word, is_command, &mut letters));
                rest = behind;
            }
        }
        out
    }

    /// What stands between separators, without the punctuation around it.
    fn word(&mut self, word: &str, is_command: bool, letters: &mut Letters) -> String {
        let around = |character: char| ".:!?*_~'".contains(character);
        // A sigil, and a pattern that Penpal is told.
        let is_whole = word.starts_with('!') || (is_command && word.starts_with('*'));
        let core = if is_whole {
            word
        } else {
            word.trim_start_matches(around)
        };
        let (before, _) = word.split_at_checked(word.len() - core.len()).unwrap_or_default();
        let core = core.trim_end_matches(around);
        let behind = word.get(before.len() + core.len()..).unwrap_or_default();
        let known = self.known(core, is_command);
        let core = match known {
            Some(known) => known,
            None if self.removal.any() && core.contains("://") => link(core, letters),
            None if self.removal.contents || (self.removal.any() && may_name(core)) => core
                .chars()
                .map(|character| letters.instead_of(character))
                .collect(),
            None => without_token(core),
        };
        format!("{before}{core}{behind}")
    }

    /// The pseudonym of a word that is an identifier or an address.
    fn known(&mut self, word: &str, is_command: bool) -> Option<String> {
        let on_server = word
            .split_once(':')
            .is_some_and(|(_, server)| server.contains('.'));
        let long = on_server || word.len() >= SHORTEST_HASH;
        if let Some(rest) = word.strip_prefix("https://matrix.to/#/") {
            return Some(format!("https://matrix.to/#/{}", self.matrix_to(rest)));
        }
        if let Some(address) = word.strip_prefix("mailto:") {
            let address = address.split('?').next().unwrap_or_default();
            let address = EmailAddress::parse(&super::percent_decoded(address)).ok()?;
            return Some(format!("mailto:{}", self.names.address(&address)));
        }
        if word.starts_with("mxc://") {
            return Some(self.names.media(word));
        }
        match word.chars().next()? {
            '@' => {
                let user = <&UserId>::try_from(word).ok()?;
                return Some(self.names.user(user).into());
            }
            '!' if long => return Some(self.names.room(word)),
            '$' if long => return Some(self.names.event(word)),
            '#' if on_server => return Some(self.names.alias(word)),
            _ => {}
        }
        if let Some((local, domain)) = word.split_once('@') {
            if is_command && word.contains('*') {
                let domain = domain.trim_start_matches("*.");
                let stars = if word.contains("@*.") { "*." } else { "" };
                let local = if local == "*" || !self.removal.addresses {
                    local
                } else {
                    "person*"
                };
                return Some(format!("{local}@{stars}{}", self.names.mail_domain(domain)));
            }
            let address = EmailAddress::parse(word).ok()?;
            return Some(self.names.address(&address).as_str().to_owned());
        }
        if !word.contains('.') {
            return None;
        }
        if let Some(host) = self.names.host(&word.to_ascii_lowercase()) {
            return Some(host);
        }
        if !is_command {
            return None;
        }
        let domain = word.trim_start_matches("*.");
        let stars = if domain.len() < word.len() { "*." } else { "" };
        Some(format!("{stars}{}", self.names.mail_domain(domain)))
    }

    /// What a link to a user, a room or an event names.
    fn matrix_to(&mut self, target: &str) -> String {
        let (target, query) = target.split_once('?').unwrap_or((target, ""));
        let parts: Vec<String> = target
            .split('/')
            .map(|part| self.identifier(&super::percent_decoded(part)))
            .collect();
        let servers = query.split('&').filter_map(|field| field.strip_prefix("via="));
        let servers: Vec<String> = servers
            .map(|server| format!("via={}", self.names.server(server)))
            .collect();
        let mark = if servers.is_empty() { "" } else { "?" };
        format!("{}{mark}{}", parts.join("/"), servers.join("&"))
    }
}

/// A link to somewhere: it may name anybody.
fn link(link: &str, letters: &mut Letters) -> String {
    let (scheme, rest) = link.split_once("://").unwrap_or(("https", link));
    let scheme = if matches!(scheme, "http" | "https") {
        scheme
    } else {
        "other"
    };
    let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default();
    let path: String = path
        .chars()
        .map(|character| letters.instead_of(character))
        .collect();
    format!("{scheme}://link.example{path}")
}

fn is_said_to_penpal(word: &str) -> bool {
    let word = word.trim_start_matches('!').to_ascii_lowercase();
    COMMANDS.contains(&word.as_str()) || CHOICES.contains(&word.as_str())
}

/// Whether a word that could not be read names an address, a user or a room all the same: `matrix:u/bob:example.org`,
/// `#room:localhost`, `alice%40example.org`.
fn may_name(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    (word.starts_with(['!', '$', '#']) && word.contains(':'))
        || word.starts_with("matrix:")
        || ["@", "%40", "matrix.to/"].iter().any(|mark| word.contains(mark))
}

/// What no identifier and no address holds.
fn is_separator(character: char) -> bool {
    character.is_whitespace() || "<>\"()[]{},;|`\0".contains(character) || is_punctuation(character)
}

/// Quotation marks, dashes and stops outside ASCII, and the signs between letters.
fn is_punctuation(character: char) -> bool {
    matches!(
        character,
        '\u{ab}' | '\u{bb}' | '\u{2000}'..='\u{206f}' | '\u{3000}'..='\u{301f}' | '\u{fe0f}' | '\u{ff08}'..='\u{ff0c}' | '\u{ff1a}' | '\u{ff1b}'
    )
}
