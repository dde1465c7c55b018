//! Patterns for email addresses and Matrix users, as admins and users write them: `*` stands for any text.
//!
//! Where several patterns fit, the most specific one counts: one without `*` before one with, then the one that says more.

use std::fmt;
use std::str::FromStr;

use ruma::UserId;

use super::EmailAddress;

/// The longest pattern: no address and no user ID is longer.
const LONGEST: usize = 320;

/// How closely a pattern describes what it fits; the greater, the more closely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Closeness {
    /// It is about one person, not about a domain or server.
    person: bool,
    exact: bool,
    letters: usize,
}

impl Closeness {
    fn of(pattern: &str) -> Self {
        Self {
            person: pattern.contains('@'),
            exact: !pattern.contains('*'),
            letters: pattern.bytes().filter(|byte| *byte != b'*').count(),
        }
    }
}

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "give an address such as alice@example.org, a domain such as example.org, or a pattern such as *@*.example.org"
)]
pub struct NoAddressPattern;

/// Email addresses: one address, all of a domain and the domains below it, or what fits a pattern.
///
/// | text | fits |
/// | --- | --- |
/// | `alice@example.org` | this address |
/// | `example.org` | every address there, and at the domains below |
/// | `@example.org` or `*@example.org` | every address there, and no other |
/// | `*.example.org` | every address at the domains below |
/// | `news*@*.example.*` | what it says |
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AddressPattern(String);

impl AddressPattern {
    /// Reads and normalises a pattern: lower case, domains in ASCII.
    pub fn parse(text: &str) -> Result<Self, NoAddressPattern> {
        let text = text.trim().to_lowercase();
        if text.is_empty()
            || text.len() > LONGEST
            || text.contains(|c: char| c.is_whitespace() || c.is_control())
        {
            return Err(NoAddressPattern);
        }
        let normal = match text.rsplit_once('@') {
            None => domain(&text)?,
            Some(("", there)) => format!("*@{}", domain(there)?),
            Some((local, there)) if text.contains('*') => format!("{local}@{}", domain(there)?),
            Some(_) => EmailAddress::parse(&text).map_err(|_| NoAddressPattern)?.into(),
        };
        Ok(Self(normal))
    }

    /// Whether an address fits.
    pub fn fits(&self, address: &EmailAddress) -> bool {
        let pattern = self.0.as_str();
        if pattern.contains('@') {
            return glob(pattern, address.as_str());
        }
        let there = address.domain();
        let below = || {
            there
                .strip_suffix(pattern)
                .is_some_and(|front| front.ends_with('.'))
        };
        glob(pattern, there) || (!pattern.contains('*') && below())
    }

    /// How closely it describes what it fits.
    pub fn closeness(&self) -> Closeness {
        Closeness::of(&self.0)
    }

    /// Whether it fits every address there is.
    pub fn is_everything(&self) -> bool {
        self.0.bytes().all(|byte| matches!(byte, b'*' | b'@' | b'.'))
    }

    /// The pattern, normalised.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AddressPattern {
    type Err = NoAddressPattern;

    fn from_str(text: &str) -> Result<Self, NoAddressPattern> {
        Self::parse(text)
    }
}

impl fmt::Display for AddressPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A domain of which labels may hold `*`, in ASCII.
fn domain(text: &str) -> Result<String, NoAddressPattern> {
    let label = |label: &str| {
        let plain = !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_*".contains(&byte));
        if plain {
            return Ok(label.to_owned());
        }
        let ascii = idna::domain_to_ascii_strict(label).map_err(|_| NoAddressPattern)?;
        (!ascii.is_empty()).then_some(ascii).ok_or(NoAddressPattern)
    };
    let labels: Result<Vec<String>, _> = text.split('.').map(label).collect();
    Ok(labels?.join("."))
}

/// Matrix users: a user ID, a server name, either with `*`, or `*` for everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPattern(String);

impl UserPattern {
    /// Reads a pattern. Server names are the same in any case; localparts are not (Matrix 1.19, "User identifiers").
    ///
    /// What fits nobody by its shape, such as `bob:example.org` without its `@`, is none: it would shut nobody out.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let printable = !text.contains(|c: char| c.is_whitespace() || c.is_control());
        if !printable || text.len() > LONGEST {
            return None;
        }
        let (local, server) = match text.strip_prefix('@') {
            Some(rest) => {
                let (local, server) = rest.split_once(':')?;
                (Some(local), server)
            }
            None => (None, text),
        };
        if local == Some("") || !is_server(server) {
            return None;
        }
        let server = server.to_lowercase();
        Some(Self(match local {
            Some(local) => format!("@{local}:{server}"),
            None => server,
        }))
    }

    /// Whether a user fits.
    pub fn fits(&self, user: &UserId) -> bool {
        let server = user.server_name().as_str().to_lowercase();
        if self.0.starts_with('@') {
            glob(&self.0, &format!("@{}:{server}", user.localpart()))
        } else {
            glob(&self.0, &server)
        }
    }

    /// How closely it describes what it fits.
    pub fn closeness(&self) -> Closeness {
        Closeness::of(&self.0)
    }
}

/// Whether a text could be a server name, or with `*` several: a host, and a port where there is one (Matrix 1.19, "Server name").
fn is_server(text: &str) -> bool {
    // The colons of an IPv6 address stand in brackets.
    let after = text
        .strip_prefix('[')
        .map_or(Some(text), |rest| Some(rest.split_once(']')?.1));
    let (host, port) = match after {
        None => return false,
        Some(after) => after
            .split_once(':')
            .map_or((after, None), |(host, port)| (host, Some(port))),
    };
    let is_port =
        |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit() || byte == b'*');
    !text.is_empty() && !text.starts_with(':') && !host.contains('@') && port.is_none_or(is_port)
}

/// Whether a text fits a pattern in which `*` stands for any text. In time proportional to the product of both lengths at most.
fn glob(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(pieces.next().unwrap_or_default()) else {
        return false;
    };
    let Some(last) = pieces.next_back() else {
        return rest.is_empty();
    };
    for piece in pieces {
        match rest.split_once(piece) {
            _ if piece.is_empty() => {}
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_fit() {
        for (pattern, address, fits) in [
            ("alice@example.org", "alice@example.org", true),
            ("Alice@Example.ORG", "alice@example.org", true),
            ("alice@example.org", "xalice@example.org", false),
            ("alice@example.org", "alice@example.org.evil.test", false),
            ("example.org", "alice@example.org", true),
            ("example.org", "alice@mail.example.org", true),
            ("example.org", "alice@badexample.org", false),
            ("example.org", "example.org@evil.test", false),
            ("@example.org", "alice@example.org", true),
            ("@example.org", "alice@mail.example.org", false),
            ("*.example.org", "alice@mail.example.org", true),
            ("*.example.org", "alice@example.org", false),
            ("*@*.example.org", "alice@mail.example.org", true),
            ("news*@*.example.*", "newsletter@mail.example.com", true),
            ("news*@*.example.*", "oldnews@mail.example.com", false),
            ("a*a@b.c", "a@b.c", false),
            ("*", "alice@example.org", true),
            ("*@*", "alice@example.org", true),
            ("bücher.example", "alice@xn--bcher-kva.example", true),
            ("*@bücher.*", "alice@xn--bcher-kva.example", true),
        ] {
            let pattern = AddressPattern::parse(pattern).unwrap();
            assert_eq!(
                pattern.fits(&address.parse().unwrap()),
                fits,
                "{pattern} {address}"
            );
        }
    }

    #[test]
    fn what_is_no_pattern() {
        let long = format!("{}@example.org", "a".repeat(400));
        for text in [
            "",
            " ",
            "@",
            "alice@",
            "a b@example.org",
            "a..b",
            ".example.org",
            "*@",
            &long,
            "a@b\n.c",
        ] {
            assert!(AddressPattern::parse(text).is_err(), "{text:?}");
        }
        assert!(AddressPattern::parse("*@*.*").unwrap().is_everything());
        assert!(!AddressPattern::parse("*.org").unwrap().is_everything());
    }

    #[test]
    fn the_closest_counts() {
        let ordered = [
            "*",
            "*.org",
            "*.example.org",
            "org",
            "example.org",
            "*@*",
            "*@example.org",
            "a*@example.org",
            "alice@example.org",
        ];
        for pair in ordered.windows(2) {
            let [less, more] = pair else { continue };
            let closeness = |text: &str| AddressPattern::parse(text).unwrap().closeness();
            assert!(closeness(less) < closeness(more), "{less} {more}");
        }
    }

    #[test]
    fn users_that_fit() {
        for (pattern, user, fits) in [
            ("*", "@bob:lab.test", true),
            ("lab.test", "@bob:lab.test", true),
            ("Lab.Test", "@bob:lab.test", true),
            ("lab.test", "@bob:sub.lab.test", false),
            ("lab.test", "@bob:lab.test:8448", false),
            ("*.test", "@bob:lab.test", true),
            ("@bob:lab.test", "@bob:lab.test", true),
            ("@bob:lab.test", "@bob:lab.test.evil", false),
            ("@guest-*:lab.test", "@guest-17:lab.test", true),
            ("@*:lab.test", "@bob:other.test", false),
            ("@bob:Lab.Test", "@bob:lab.test", true),
            ("@Bob:lab.test", "@bob:lab.test", false),
            ("@*:*", "@bob:lab.test:8448", true),
            ("lab.test:8448", "@bob:lab.test:8448", true),
            ("lab.test:*", "@bob:lab.test:8448", true),
            ("[::1]:8448", "@bob:[::1]:8448", true),
            ("[::1]", "@bob:[::1]:8448", false),
        ] {
            let user = UserId::parse(user).unwrap();
            assert_eq!(
                UserPattern::parse(pattern).unwrap().fits(&user),
                fits,
                "{pattern} {user}"
            );
        }
        for text in [
            "",
            "@",
            "@bob",
            "@*",
            "@:lab.test",
            "bob@lab.test",
            "lab test",
            "@bob:",
            "bob:lab.test",
            "*:lab.test",
            "lab.test:",
            ":8448",
            "[::1",
            "@bob:alice:lab.test",
        ] {
            assert!(UserPattern::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn hostile_patterns_take_no_time() {
        let pattern = "*a".repeat(150);
        let text = "a".repeat(100_000);
        assert!(!glob(&format!("{pattern}b"), &text));
        assert!(glob(&pattern, &text));
    }
}
