//! Which answers of a homeserver are final. This is the one place where that is decided.
//!
//! | answer | verdict | why |
//! | --- | --- | --- |
//! | 429, or `M_LIMIT_EXCEEDED` | transient | [rate limiting]: wait `Retry-After` or `retry_after_ms` |
//! | `M_RESOURCE_LIMIT_EXCEEDED` | transient | the homeserver is full until its admin makes room |
//! | `M_NOT_YET_UPLOADED` | transient | the sender's upload is still under way ([media]) |
//! | 401 with the `as_token` | transient | the registration and ours differ: an admin mends that, and nothing is lost meanwhile |
//! | 401 with the double-puppeting token | final | a convenience must not hold up the chat |
//! | `M_USER_LOCKED`, `M_USER_DEACTIVATED`, `M_USER_SUSPENDED` | final | about the user, whatever the status |
//! | `M_TOO_LARGE` | final | also with 502, as media downloads have it |
//! | `M_URL_NOT_SET`, `M_BAD_STATUS`, `M_CONNECTION_FAILED`, `M_CONNECTION_TIMEOUT` | final | a [ping] told us what is wrong with the way back |
//! | 408, any 5xx | transient | the homeserver, or what stands before it, is in trouble |
//! | any other 4xx with an errcode | final | the homeserver understood and refused ([standard error response]) |
//! | 413 without an errcode | final | a proxy's limit on bodies: the same body is refused again |
//! | anything else without an errcode | transient | not a homeserver's answer: a proxy's page, a redirect, half an answer |
//!
//! [rate limiting]: https://spec.matrix.org/latest/client-server-api/#rate-limiting
//! [media]: https://spec.matrix.org/latest/client-server-api/#content-repository
//! [ping]: https://spec.matrix.org/latest/client-server-api/#post_matrixclientv1appserviceappserviceidping
//! [standard error response]: https://spec.matrix.org/latest/client-server-api/#standard-error-response

use std::time::Duration;

use super::actor::Actor;

/// Whether to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The same request may succeed later.
    Transient,
    /// The same request will be refused again.
    Final,
}

/// The longest wait that is believed: some servers send nonsense.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// Decides by the status, the errcode (`None` when the answer was no Matrix error) and the token that was used.
pub(super) fn verdict(status: u16, errcode: Option<&str>, actor: Actor<'_>) -> Verdict {
    match (status, errcode) {
        (
            _,
            Some(
                "M_USER_LOCKED"
                | "M_USER_DEACTIVATED"
                | "M_USER_SUSPENDED"
                | "M_TOO_LARGE"
                | "M_URL_NOT_SET"
                | "M_BAD_STATUS"
                | "M_CONNECTION_FAILED"
                | "M_CONNECTION_TIMEOUT",
            ),
        )
        | (413, None) => Verdict::Final,
        (401, _) if matches!(actor, Actor::Human(_)) => Verdict::Final,
        (_, Some("M_LIMIT_EXCEEDED" | "M_RESOURCE_LIMIT_EXCEEDED" | "M_NOT_YET_UPLOADED"))
        | (401 | 408 | 429, _) => Verdict::Transient,
        (400..=499, Some(_)) => Verdict::Final,
        _ => Verdict::Transient,
    }
}

/// How long a homeserver asks us to wait: the `Retry-After` header ([RFC 9110, section 10.2.3], seconds or a
/// date), else the older `retry_after_ms` of the body. A date counts from the answer's own `Date`, so that a
/// clock that is wrong, ours or theirs, does not matter.
///
/// [RFC 9110, section 10.2.3]: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
pub(super) fn wait(
    retry_after: Option<&str>,
    date: Option<&str>,
    retry_after_ms: Option<u64>,
) -> Option<Duration> {
    let from_header = retry_after.and_then(|value| {
        let value = value.trim();
        if let Ok(seconds) = value.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let until = httpdate::parse_http_date(value).ok()?;
        let from = httpdate::parse_http_date(date?).ok()?;
        Some(until.duration_since(from).unwrap_or_default())
    });
    from_header
        .or_else(|| retry_after_ms.map(Duration::from_millis))
        .map(|wait| wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    #[test]
    fn every_row_of_the_table() {
        use Verdict::{Final, Transient};
        let puppet = Actor::Puppet(user_id!("@_email_a:hs.test"));
        let human = Actor::Human(user_id!("@bob:hs.test"));
        for (status, errcode, actor, expected) in [
            (429, Some("M_LIMIT_EXCEEDED"), puppet, Transient),
            (429, None, puppet, Transient),
            (400, Some("M_LIMIT_EXCEEDED"), puppet, Transient),
            (403, Some("M_RESOURCE_LIMIT_EXCEEDED"), puppet, Transient),
            (504, Some("M_NOT_YET_UPLOADED"), puppet, Transient),
            (401, Some("M_UNKNOWN_TOKEN"), puppet, Transient),
            (401, Some("M_UNKNOWN_TOKEN"), Actor::Appservice, Transient),
            (401, Some("M_UNKNOWN_TOKEN"), human, Final),
            (401, Some("M_USER_LOCKED"), puppet, Final),
            (403, Some("M_USER_SUSPENDED"), puppet, Final),
            (403, Some("M_USER_DEACTIVATED"), human, Final),
            (413, Some("M_TOO_LARGE"), puppet, Final),
            (502, Some("M_TOO_LARGE"), puppet, Final),
            (413, None, puppet, Final),
            (400, Some("M_URL_NOT_SET"), Actor::Appservice, Final),
            (502, Some("M_BAD_STATUS"), Actor::Appservice, Final),
            (502, Some("M_CONNECTION_FAILED"), Actor::Appservice, Final),
            (504, Some("M_CONNECTION_TIMEOUT"), Actor::Appservice, Final),
            (408, Some("M_UNKNOWN"), puppet, Transient),
            (500, Some("M_UNKNOWN"), puppet, Transient),
            (502, None, puppet, Transient),
            (503, Some("M_UNKNOWN"), puppet, Transient),
            (400, Some("M_BAD_JSON"), puppet, Final),
            (400, Some("M_DUPLICATE_ANNOTATION"), puppet, Final),
            (403, Some("M_FORBIDDEN"), puppet, Final),
            (403, Some("M_INVITE_BLOCKED"), puppet, Final),
            (403, Some("COM.EXAMPLE.ODD"), puppet, Final),
            (404, Some("M_NOT_FOUND"), puppet, Final),
            (404, Some("M_UNRECOGNIZED"), puppet, Final),
            (405, Some("M_UNRECOGNIZED"), puppet, Final),
            (403, None, puppet, Transient),
            (404, None, puppet, Transient),
            (301, None, puppet, Transient),
            (200, None, puppet, Transient),
        ] {
            assert_eq!(
                verdict(status, errcode, actor),
                expected,
                "{status} {errcode:?} {actor:?}"
            );
        }
    }

    #[test]
    fn waits_are_read_in_all_their_forms() {
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        for (header, date, body, expected) in [
            (None, None, None, None),
            (Some("3"), None, None, Some(3000)),
            (Some(" 3 "), None, Some(10), Some(3000)),
            (None, None, Some(1500), Some(1500)),
            (Some("soon"), None, Some(1500), Some(1500)),
            (Some("-1"), None, None, None),
            (Some("Sun, 06 Nov 1994 08:49:47 GMT"), date, None, Some(10_000)),
            (Some("Sun, 06 Nov 1994 08:49:27 GMT"), date, None, Some(0)),
            (Some("Sun, 06 Nov 1994 08:49:47 GMT"), None, Some(7), Some(7)),
            (Some("99999999999"), None, None, Some(86_400_000)),
            (None, None, Some(u64::MAX), Some(86_400_000)),
        ] {
            assert_eq!(
                wait(header, date, body),
                expected.map(Duration::from_millis),
                "{header:?}"
            );
        }
    }
}
