//! Values with a notation of their own: durations, sizes, addresses, secrets.
//!
//! Everything is read from text as well as from YAML's own types, because the environment has only text. Errors name the
//! value and the notation.

use std::fmt::Display;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use url::Url;

use super::error::Problem;
use crate::model::EmailAddress;

/// Reads a scalar by way of its text. `what` says what it should be, and how that is written.
pub(super) fn scalar<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    what: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, D::Error> {
    let text = match Value::deserialize(deserializer)? {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Array(_) => return Err(D::Error::custom(format_args!("a list is not {what}"))),
        Value::Null => return Err(D::Error::custom(format_args!("nothing is not {what}"))),
        Value::Object(_) => {
            return Err(D::Error::custom(format_args!("a section is not {what}")));
        }
    };
    parse(text.trim()).ok_or_else(|| D::Error::custom(format_args!("`{text}` is not {what}")))
}

/// A duration: `500ms`, `30s`, `3m`, `2h`, `2d`, or several of them: `1h 30m`.
pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    scalar(
        deserializer,
        "a duration: give a number and a unit, such as 30s, 3m, 2h or 2d",
        parse_duration,
    )
}

/// The longest wait for somebody else: a duration of a second or more.
pub(super) fn patience<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    scalar(
        deserializer,
        "a time in which anybody could answer: give a second (1s) or more",
        |text| parse_duration(text).filter(|time| *time >= Duration::from_secs(1)),
    )
}

pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let (number, after) = number(rest)?;
        let end = after
            .find(|character: char| !character.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(end)?;
        let millis = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        total = total.checked_add(Duration::from_millis(number.checked_mul(millis)?))?;
        rest = after.trim_start();
    }
    (!text.is_empty()).then_some(total)
}

/// A size in bytes: `50 MB` (millions), `50 MiB` (times 1024), or a bare number.
pub(super) fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    scalar(
        deserializer,
        "a size: give a number and a unit, such as 500 KB, 50 MB or 64 MiB",
        parse_size,
    )
}

pub(crate) fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = number(text)?;
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// The number at the beginning of a text, and what follows it.
fn number(text: &str) -> Option<(u64, &str)> {
    let end = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    Some((digits.parse().ok()?, rest.trim_start()))
}

/// A TCP port that one can connect to, where the section has one of its own.
pub(super) fn port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    scalar(deserializer, "a port: give a number from 1 to 65535", |text| {
        text.parse().ok().filter(|port| *port != 0).map(Some)
    })
}

/// An IP address and a port to listen on.
pub(super) fn socket<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    scalar(
        deserializer,
        "an address to listen on: give an IP address and a port from 1 to 65535, such as 127.0.0.1:29330",
        parse_socket,
    )
}

/// Port 0 would be another one at each start, and nobody would find it.
pub(super) fn parse_socket(text: &str) -> Option<SocketAddr> {
    text.parse()
        .ok()
        .filter(|address: &SocketAddr| address.port() != 0)
}

/// A number of things.
pub(super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    scalar(deserializer, "a number: give one from 0 up", |text| {
        text.parse().ok()
    })
}

/// True or false.
pub(super) fn boolean<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    scalar(deserializer, "true or false", |text| text.parse().ok())
}

/// Text on one line, not empty.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    scalar(deserializer, "a text of one line, with something in it", |text| {
        (!text.is_empty() && !text.chars().any(char::is_control)).then(|| text.to_owned())
    })
}

/// The same, where it may be left out.
pub(super) fn optional_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    text(deserializer).map(Some)
}

/// The base URL of an HTTP server.
pub(super) fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    scalar(
        deserializer,
        "the URL of a server: give http:// or https:// and a host, without user, query or fragment",
        |text| {
            Url::parse(text).ok().filter(|url| {
                matches!(url.scheme(), "http" | "https")
                    && url.has_host()
                    && url.username().is_empty()
                    && url.password().is_none()
                    && url.query().is_none()
                    && url.fragment().is_none()
            })
        },
    )
}

/// The same, where it may be left out.
pub(super) fn optional_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    url(deserializer).map(Some)
}

/// One of ruma's identifiers, or anything else that is read from text; `WHAT` is for the error.
pub(super) fn parsed<'de, D, T>(deserializer: D, what: &str) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    scalar(deserializer, what, |text| {
        serde_json::from_value(Value::String(text.to_owned())).ok()
    })
}

/// An email address; the error says what is wrong with it.
pub(super) fn optional_address<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<EmailAddress>, D::Error> {
    let text = text(deserializer)?;
    EmailAddress::parse(&text)
        .map(Some)
        .map_err(|error| custom(&text, &error))
}

fn custom<E: Error>(text: &str, error: &impl Display) -> E {
    E::custom(format_args!("`{text}` is not an email address: {error}"))
}

/// Makes the path of a PEM file absolute, and sees that it can be read.
pub(super) fn readable(key: &str, path: &mut PathBuf, folder: &Path) -> Result<(), Problem> {
    readable_as("PEM file", key, path, folder)
}

/// The same for a file of another kind.
pub(super) fn readable_as(kind: &str, key: &str, path: &mut PathBuf, folder: &Path) -> Result<(), Problem> {
    *path = folder.join(&*path);
    match File::open(&*path) {
        Ok(_) => Ok(()),
        Err(error) => Err(Problem::new(
            key,
            format!(
                "{} can't be read ({error}): give the path of a {kind} that the user of penpal may read",
                path.display()
            ),
        )),
    }
}

/// A secret. No error shows the value.
pub(super) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) if text.is_empty() => Err(D::Error::custom("is empty: put the secret there")),
        Value::String(text) if text.chars().any(char::is_control) => Err(D::Error::custom(
            "holds a line break or another control character: write the secret in one line",
        )),
        Value::String(text) => Ok(text.into()),
        _ => Err(D::Error::custom("must be text: put it in quotation marks")),
    }
}

/// The same, where it may be left out.
pub(super) fn optional_secret<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SecretString>, D::Error> {
    secret(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in [
            ("0s", Some(0.0)),
            ("500ms", Some(0.5)),
            ("30s", Some(30.0)),
            ("3m", Some(180.0)),
            ("3 min", Some(180.0)),
            ("2h", Some(7200.0)),
            ("2d", Some(172_800.0)),
            ("1h 30m", Some(5400.0)),
            ("1h30m", Some(5400.0)),
            ("", None),
            ("30", None),
            ("s", None),
            ("-1s", None),
            ("1.5s", None),
            ("1 week", None),
            ("99999999999999999999d", None),
            ("99999999999999999d", None),
        ] {
            assert_eq!(
                parse_duration(text).map(|duration| duration.as_secs_f64()),
                seconds,
                "{text}"
            );
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("1000", Some(1000)),
            ("50 MB", Some(50_000_000)),
            ("50MB", Some(50_000_000)),
            ("64 MiB", Some(67_108_864)),
            ("500 kB", Some(500_000)),
            ("2 GiB", Some(2_147_483_648)),
            ("", None),
            ("MB", None),
            ("50 parsecs", None),
            ("1.5 MB", None),
            ("99999999999999 GB", None),
        ] {
            assert_eq!(parse_size(text), bytes, "{text}");
        }
    }
}
