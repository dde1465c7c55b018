//! Links: which are allowed, and where the well-known wrappers lead.

use crate::convert::to_matrix::mime::{decode_base64, percent_decode};

/// Schemes that links may have (client-server API, `m.room.message` msgtypes).
const SCHEMES: &[&str] = &["https://", "http://", "ftp://", "mailto:", "magnet:"];
/// The longest link, in bytes; browsers take more, but no person does.
const MAX_LINK: usize = 2_000;
/// How many wrappers around each other are undone.
const MAX_WRAPPERS: usize = 3;

/// Wrappers that carry their target in a parameter: host, beginning of the path, parameter.
const WRAPPERS: &[(&str, &str, &str)] = &[
    ("www.google.com", "/url", "q"),
    ("google.com", "/url", "q"),
    ("l.facebook.com", "/l.php", "u"),
    ("lm.facebook.com", "/l.php", "u"),
    ("l.instagram.com", "/", "u"),
    ("www.youtube.com", "/redirect", "q"),
    ("slack-redir.net", "/link", "url"),
    ("linkprotect.cudasvc.com", "/url", "a"),
    ("t.umblr.com", "/redirect", "z"),
    ("out.reddit.com", "/", "url"),
    ("vk.com", "/away.php", "to"),
    ("deref-gmx.net", "/mail/client/", "redirectUrl"),
    ("www.linkedin.com", "/redir/redirect", "url"),
    ("www.linkedin.com", "/safety/go", "url"),
    ("steamcommunity.com", "/linkfilter/", "u"),
    ("deref-web.de", "/mail/client/", "redirectUrl"),
];

/// The target of a link, when it may be followed: allowed scheme, no control characters, wrappers undone.
pub(in super::super) fn target(href: &str) -> Option<String> {
    let mut link: String = href.trim().chars().filter(|c| !c.is_control()).collect();
    for _ in 0..MAX_WRAPPERS {
        match unwrap_once(&link) {
            Some(inner) => link = inner,
            None => break,
        }
    }
    let lower = link.to_ascii_lowercase();
    let allowed = SCHEMES.iter().any(|scheme| lower.starts_with(scheme)) && link.len() <= MAX_LINK;
    allowed.then(|| link.replace(' ', "%20"))
}

fn unwrap_once(link: &str) -> Option<String> {
    let url = url::Url::parse(link).ok()?;
    let host = url.host_str()?;
    let parameter = |name: &str| {
        url.query_pairs()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    let inner = if host.ends_with(".safelinks.protection.outlook.com") {
        parameter("url")
    } else if host == "urldefense.com" {
        // `https://urldefense.com/v3/__https://example.org/__;…`; masked characters would be lost.
        let path = link.split_once("/v3/__")?.1;
        let (inner, rest) = path.split_once("__;")?;
        (!inner.contains('*') || rest.starts_with('!')).then(|| inner.to_owned())
    } else if host == "urldefense.proofpoint.com" {
        let encoded = parameter("u")?.replace('_', "/").replace('-', "%");
        url::form_urlencoded::parse(format!("u={}", encoded.replace('+', "%2B")).as_bytes())
            .next()
            .map(|(_, value)| value.into_owned())
    } else if host == "link.getmailspring.com" {
        parameter("redirect")
    } else if host == "secure-web.cisco.com" {
        // `https://secure-web.cisco.com/TOKEN/https%3A%2F%2Fexample.org%2F`
        let (_, encoded) = url.path().trim_start_matches('/').split_once('/')?;
        let decoded = percent_decode(encoded);
        Some(String::from_utf8_lossy(&decoded).into_owned())
    } else if host.ends_with(".protection.sophos.com") {
        String::from_utf8(decode_base64(parameter("u")?.as_bytes())).ok()
    } else {
        let (.., name) = WRAPPERS
            .iter()
            .find(|(wrapper, path, _)| host == *wrapper && url.path().starts_with(path))?;
        parameter(name)
    }?;
    (inner.starts_with("https://") || inner.starts_with("http://")).then_some(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_where_they_say() {
        for (href, expected) in [
            ("https://example.org/a?b=c", Some("https://example.org/a?b=c")),
            (" HTTPS://example.org/\n", Some("HTTPS://example.org/")),
            ("mailto:a@example.org", Some("mailto:a@example.org")),
            ("javascript:alert(1)", None),
            ("java\nscript:alert(1)", None),
            ("data:text/html,x", None),
            ("cid:x", None),
            ("#top", None),
            (
                "https://www.google.com/url?q=https%3A%2F%2Fexample.org%2F&sa=D",
                Some("https://example.org/"),
            ),
            (
                "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fexample.org%2Fx&data=05",
                Some("https://example.org/x"),
            ),
            (
                "https://urldefense.com/v3/__https://example.org/x__;!!abc!def$",
                Some("https://example.org/x"),
            ),
            (
                "https://urldefense.proofpoint.com/v2/url?u=https-3A__example.org_x&d=D",
                Some("https://example.org/x"),
            ),
            (
                "https://secure-web.cisco.com/1abc/https%3A%2F%2Fexample.org%2Fx",
                Some("https://example.org/x"),
            ),
            (
                "https://eu-west-1.protection.sophos.com/?d=example.org&u=aHR0cHM6Ly9leGFtcGxlLm9yZy94&i=x",
                Some("https://example.org/x"),
            ),
            (
                "https://www.google.com/url?q=javascript:alert(1)",
                Some("https://www.google.com/url?q=javascript:alert(1)"),
            ),
        ] {
            assert_eq!(target(href).as_deref(), expected, "{href}");
        }
    }
}
