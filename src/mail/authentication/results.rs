//! `Authentication-Results` (RFC 8601): what a mail server that we trust has found out.

use std::iter::Peekable;
use std::str::Chars;

use crate::model::EmailAddress;

/// How many results of one field are read.
const MAX_RESULTS: usize = 100;

/// The content of one field.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Results {
    /// Who says so, in lower case.
    pub(super) authserv_id: String,
    pub(super) results: Vec<MethodResult>,
}

/// What one method came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct MethodResult {
    /// `spf`, `dkim`, `dmarc`, …
    pub(super) method: String,
    /// `pass`, `fail`, `none`, …
    pub(super) result: String,
    /// `header.from` and the like, with their values.
    properties: Vec<(String, String)>,
    /// The comments, where mail servers say which policy the domain has: `p=REJECT`.
    comments: String,
}

/// What results come to for an author.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// The author's domain stands by the mail.
    Passed,
    /// DMARC failed, and the domain asks to have such mail refused or put aside.
    Forbidden,
    /// DMARC failed.
    Failed,
    /// It takes a DNS answer that the other server did not get.
    Undecided,
    /// Nothing of use.
    Nothing,
}

enum Token {
    Word(String),
    Comment(String),
    Equals,
    Semicolon,
}

impl Results {
    /// Reads the value of a field. What does not fit the grammar ends it: what was read before still counts.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let tokens = tokens(value);
        let mut sections = tokens.split(|token| matches!(token, Token::Semicolon));
        let authserv_id = sections.next()?.iter().find_map(|token| match token {
            Token::Word(word) => Some(word.to_ascii_lowercase()),
            _ => None,
        })?;
        let results = sections.take(MAX_RESULTS).filter_map(MethodResult::read);
        Some(Self {
            authserv_id,
            results: results.collect(),
        })
    }
}

impl MethodResult {
    fn read(tokens: &[Token]) -> Option<Self> {
        let mut found = Self::default();
        let mut words = Vec::new();
        for token in tokens {
            match token {
                Token::Comment(text) => {
                    found.comments.push_str(&text.to_ascii_lowercase());
                    found.comments.push(' ');
                }
                Token::Word(word) => words.push(Some(word.as_str())),
                Token::Equals => words.push(None),
                Token::Semicolon => {}
            }
        }
        let mut rest = words.as_slice();
        while let [Some(key), None, Some(value), after @ ..] = rest {
            let key = key.to_ascii_lowercase();
            if found.method.is_empty() {
                // `dkim/1=pass`: the version of the method.
                key.split('/').next()?.clone_into(&mut found.method);
                found.result = value.to_ascii_lowercase();
            } else {
                found.properties.push((key, value.to_ascii_lowercase()));
            }
            // The padding of base64, as in `header.b=AbCd==`, belongs to the value.
            rest = after;
            while let [None, after @ ..] = rest {
                rest = after;
            }
        }
        (!found.method.is_empty()).then_some(found)
    }

    fn property(&self, name: &str) -> Option<&str> {
        let mut values = self.properties.iter().filter(|(key, _)| key == name);
        values.next().map(|(_, value)| value.as_str())
    }

    /// The domain of a property that holds a domain or an address.
    fn domain(&self, name: &str) -> Option<&str> {
        let value = self.property(name)?;
        Some(value.rsplit_once('@').map_or(value, |(_, domain)| domain))
    }

    fn finding(&self, author: &EmailAddress) -> Finding {
        let own = |name: &str| self.domain(name) == Some(author.domain());
        match (self.method.as_str(), self.result.as_str()) {
            ("dmarc", "pass") if own("header.from") => Finding::Passed,
            ("dmarc", "fail") if self.is_strict() => Finding::Forbidden,
            ("dmarc", "fail") => Finding::Failed,
            ("dmarc", "temperror") => Finding::Undecided,
            // The server took it from its own user, who had signed in.
            ("auth", "pass") if self.property("smtp.auth") == Some(author.as_str()) => Finding::Passed,
            // Without a word on DMARC, the very domain counts, and no other one above or below it.
            ("dkim", "pass") if own("header.d") || own("header.i") => Finding::Passed,
            ("spf", "pass") if own("smtp.mailfrom") => Finding::Passed,
            _ => Finding::Nothing,
        }
    }

    /// Whether the domain asks for more than reports.
    fn is_strict(&self) -> bool {
        let policy = |text: &str| text.contains("reject") || text.contains("quarantine");
        let stated = self
            .comments
            .split([' ', ';', ','])
            .any(|word| word.strip_prefix("p=").is_some_and(policy));
        stated || self.property("policy.dmarc").is_some_and(policy)
    }
}

/// What results come to for an author. DMARC decides where it says anything, and the worst that it says.
pub(super) fn judge<'a>(results: impl Iterator<Item = &'a MethodResult>, author: &EmailAddress) -> Finding {
    let (mut by_dmarc, mut otherwise) = (None, Finding::Nothing);
    for result in results {
        let finding = result.finding(author);
        if result.method == "dmarc" && !matches!(result.result.as_str(), "none" | "bestguesspass") {
            by_dmarc = Some(by_dmarc.map_or(finding, |other| worse(other, finding)));
        } else if finding == Finding::Passed {
            otherwise = Finding::Passed;
        }
    }
    by_dmarc.unwrap_or(otherwise)
}

fn worse(one: Finding, other: Finding) -> Finding {
    let rank = |finding| match finding {
        Finding::Forbidden => 0,
        Finding::Failed => 1,
        Finding::Nothing => 2,
        Finding::Undecided => 3,
        Finding::Passed => 4,
    };
    if rank(one) <= rank(other) { one } else { other }
}

/// Words, quoted or not, comments, and the two signs between them (RFC 8601, section 2.2).
fn tokens(value: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut characters = value.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            ';' => tokens.push(Token::Semicolon),
            '=' => tokens.push(Token::Equals),
            '(' => {
                let (mut text, mut depth) = (String::new(), 1_usize);
                while let Some(c) = characters.next() {
                    match c {
                        '\\' => text.extend(characters.next()),
                        '(' => depth += 1,
                        ')' if depth == 1 => break,
                        ')' => depth -= 1,
                        c => text.push(c),
                    }
                }
                tokens.push(Token::Comment(text));
            }
            c if c.is_whitespace() => {}
            c => tokens.push(Token::Word(word(c, &mut characters))),
        }
    }
    tokens
}

/// A word from its first character on. What stands in quotation marks within it belongs to it: `"alice@example.org"@evil.example` is
/// one address.
fn word(first: char, characters: &mut Peekable<Chars<'_>>) -> String {
    let mut text = String::new();
    let mut next = Some(first);
    while let Some(c) = next {
        if c == '"' {
            while let Some(c) = characters.next() {
                match c {
                    '\\' => text.extend(characters.next()),
                    '"' => break,
                    c => text.push(c),
                }
            }
        } else {
            text.push(c);
        }
        next = characters.next_if(|c| !c.is_whitespace() && !matches!(c, ';' | '=' | '(' | ')'));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(value: &str) -> Finding {
        let results = Results::parse(value).unwrap();
        judge(results.results.iter(), &"alice@example.org".parse().unwrap())
    }

    #[test]
    fn what_real_servers_write() {
        for (value, expected) in [
            // OpenDMARC
            (
                "mx.test; dmarc=pass (p=none dis=none) header.from=example.org",
                Finding::Passed,
            ),
            (
                "mx.test; dmarc=fail (p=reject dis=none) header.from=example.org",
                Finding::Forbidden,
            ),
            // rspamd
            (
                "mx.test;\r\n\tdkim=pass header.d=example.org header.s=s1 header.b=AbCd/=;\r\n\tspf=pass (mx.test: domain of \
                 bounce@mailer.example designates 192.0.2.1 as permitted sender) smtp.mailfrom=bounce@mailer.example;\r\n\t\
                 dmarc=pass (policy=none) header.from=example.org",
                Finding::Passed,
            ),
            // Gmail
            (
                "mx.google.test; dkim=pass header.i=@example.org header.s=20230601 header.b=\"a/b=\"; spf=pass (ok) \
                 smtp.mailfrom=alice@example.org; dmarc=pass (p=NONE sp=QUARANTINE dis=NONE) header.from=example.org; dara=pass \
                 header.i=@example.net",
                Finding::Passed,
            ),
            (
                "mx.google.test; spf=softfail smtp.mailfrom=alice@example.org; dmarc=fail (p=QUARANTINE sp=NONE dis=QUARANTINE) \
                 header.from=example.org",
                Finding::Forbidden,
            ),
            // OpenDKIM
            (
                "mx.test; dkim=pass (2048-bit key; unprotected) header.d=example.org header.i=@example.org",
                Finding::Passed,
            ),
            (
                "mx.test; dkim=fail reason=\"signature verification failed\" header.d=example.org",
                Finding::Nothing,
            ),
            // policyd-spf
            (
                "mx.test; spf=pass (mailfrom; ok) smtp.mailfrom=example.org smtp.helo=x",
                Finding::Passed,
            ),
            (
                "mx.test; auth=pass smtp.auth=alice@example.org smtp.mailfrom=x@y.test",
                Finding::Passed,
            ),
            (
                "mx.test; dmarc=temperror header.from=example.org",
                Finding::Undecided,
            ),
            ("mx.test 1; none", Finding::Nothing),
            ("mx.test", Finding::Nothing),
        ] {
            assert_eq!(finding(value), expected, "{value}");
        }
    }

    #[test]
    fn what_does_not_vouch_for_alice() {
        for value in [
            "mx.test; dmarc=pass header.from=evil.example",
            "mx.test; dmarc=pass",
            "mx.test; dmarc=pass (header.from=example.org)",
            "mx.test; dkim=pass header.d=sub.example.org",
            "mx.test; dkim=pass header.d=org",
            "mx.test; dkim=pass header.d=example.org.evil.example",
            "mx.test; spf=pass smtp.mailfrom=mallory@evil.example smtp.helo=example.org",
            "mx.test; spf=pass smtp.mailfrom=\"alice@example.org\"@evil.example",
            "mx.test; auth=pass smtp.auth=mallory@example.org",
            "mx.test; dkim=fail (dkim=pass header.d=example.org) header.d=example.org",
            "mx.test; dkim=none reason=\"; dmarc=pass header.from=example.org\"",
            "mx.test; dmarc=fail header.from=example.org; dkim=pass header.d=example.org",
            "mx.test; dmarc=pass header.from=example.org; dmarc=fail header.from=example.org",
            "mx.test; dmarc=passed header.from=example.org",
            "mx.test; x-dmarc=pass header.from=example.org",
            "mx.test; dmarc=bestguesspass header.from=example.org",
            "mx.test (; dmarc=pass header.from=example.org",
            "mx.test; \"dmarc=pass header.from=example.org",
            ";;;===(((",
        ] {
            let Some(results) = Results::parse(value) else {
                continue;
            };
            let finding = judge(results.results.iter(), &"alice@example.org".parse().unwrap());
            assert_ne!(finding, Finding::Passed, "{value}");
        }
    }
}
