//! Email addresses in the one form in which they are compared, stored and mapped to puppets.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An email address: lower-case local part, ASCII (IDNA A-label) domain.
///
/// The local part is case-sensitive by RFC 5321, section 2.4, but no provider in use treats it so,
/// and two chats for `Alice@` and `alice@` would be worse. Quoted local parts and address literals
/// (`user@[192.0.2.1]`) are not accepted: nothing that a person writes to has one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress {
    text: String,
    at: usize,
}

/// Why a text is not an email address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is no `@`, or nothing before or after it.
    #[error("an email address has the form name@domain")]
    Shape,
    /// The local part is over 64 octets (RFC 5321, section 4.5.3.1.1).
    #[error("the part before the @ is longer than 64 bytes")]
    LocalTooLong,
    /// The local part holds a character that needs quoting, or a control character.
    #[error("the part before the @ holds a character that is not allowed there")]
    LocalCharacter,
    /// The domain is not a valid host name, in ASCII or internationalised.
    #[error("the part after the @ is not a valid domain")]
    Domain,
}

/// Octets that RFC 5322, section 3.2.3, keeps out of an atom; dots are allowed anywhere, because
/// Japanese mobile carriers gave out addresses such as `a..b@`.
const SPECIALS: &[char] = &['(', ')', '<', '>', '[', ']', ':', ';', '@', '\\', ',', '"'];

impl EmailAddress {
    /// Parses and normalises `text`.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (local, domain) = text.trim().rsplit_once('@').ok_or(AddressError::Shape)?;
        if local.is_empty() || domain.is_empty() {
            return Err(AddressError::Shape);
        }
        let local = local.to_lowercase();
        if local.len() > 64 {
            return Err(AddressError::LocalTooLong);
        }
        if local
            .chars()
            .any(|c| c.is_control() || c.is_whitespace() || SPECIALS.contains(&c))
        {
            return Err(AddressError::LocalCharacter);
        }
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| AddressError::Domain)?;
        if domain.is_empty() || domain.len() > 253 || domain.ends_with('.') {
            return Err(AddressError::Domain);
        }
        Ok(Self {
            at: local.len(),
            text: format!("{local}@{domain}"),
        })
    }

    /// The part before the `@`, in lower case.
    pub fn local(&self) -> &str {
        self.text.get(..self.at).unwrap_or_default()
    }

    /// The part after the `@`, in ASCII.
    pub fn domain(&self) -> &str {
        self.text.get(self.at + 1..).unwrap_or_default()
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for EmailAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        Self::parse(&text)
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_normalised() {
        for (given, stored) in [
            ("Alice@Example.ORG", "alice@example.org"),
            (" bob@example.org ", "bob@example.org"),
            ("jürgen@müller.de", "jürgen@xn--mller-kva.de"),
            ("john+tag@example.org", "john+tag@example.org"),
            ("o'brien@example.org", "o'brien@example.org"),
            ("a..b@docomo.example", "a..b@docomo.example"),
        ] {
            let address = EmailAddress::parse(given).unwrap();
            assert_eq!(address.as_str(), stored);
            assert_eq!(format!("{}@{}", address.local(), address.domain()), stored);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for (given, error) in [
            ("", AddressError::Shape),
            ("alice", AddressError::Shape),
            ("@example.org", AddressError::Shape),
            ("alice@", AddressError::Shape),
            ("a@b@example.org", AddressError::LocalCharacter),
            ("a b@example.org", AddressError::LocalCharacter),
            ("a\r\n@example.org", AddressError::LocalCharacter),
            ("a\0@example.org", AddressError::LocalCharacter),
            ("alice@exa mple.org", AddressError::Domain),
            ("alice@-x.org", AddressError::Domain),
            ("alice@[192.0.2.1]", AddressError::Domain),
            ("alice@example..org", AddressError::Domain),
        ] {
            assert_eq!(EmailAddress::parse(given), Err(error), "{given:?}");
        }
        let long = format!("{}@example.org", "a".repeat(65));
        assert_eq!(EmailAddress::parse(&long), Err(AddressError::LocalTooLong));
    }
}
