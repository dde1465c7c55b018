//! Bare addresses of web pages in texts: mail programs do not make links of them in HTML, as chat clients do.

use super::inline::safe_link;
use super::markup::escape;

/// A text in HTML: escaped, with its web addresses as links.
pub(super) fn linked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = None;
    while let Some((plain, found)) = rest.find("http").and_then(|start| rest.split_at_checked(start)) {
        out.push_str(&escape(plain));
        let before_found = plain.chars().next_back().or(before);
        let address = match before_found {
            Some(c) if c.is_alphanumeric() => None,
            _ => address(found),
        };
        let taken = address.map_or("http".len(), str::len);
        if let Some(escaped) = address.map(escape) {
            out.push_str("<a href=\"");
            out.push_str(&escaped);
            out.push_str("\">");
            out.push_str(&escaped);
            out.push_str("</a>");
        } else {
            out.push_str("http");
        }
        let (taken, after) = found.split_at_checked(taken).unwrap_or((found, ""));
        before = taken.chars().next_back();
        rest = after;
    }
    out.push_str(&escape(rest));
    out
}

/// The address that a text begins with, without the punctuation of the sentence around it.
fn address(text: &str) -> Option<&str> {
    let end = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '`');
    let mut address = text.split(end).next()?;
    let opened = address.matches('(').count();
    let mut closed = address.matches(')').count();
    while let Some(last) = address.chars().next_back() {
        // A closing bracket belongs to the address only when it was opened in it, as in Wikipedia's.
        let is_outside = matches!(last, '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | ']')
            || (last == ')' && closed > opened);
        if !is_outside {
            break;
        }
        closed -= usize::from(last == ')');
        address = address.get(..address.len() - last.len_utf8())?;
    }
    let (_, host) = address.split_once("://")?;
    let has_host = host.starts_with(|c: char| c.is_alphanumeric() || c == '[');
    safe_link(address).filter(|_| has_host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_links() {
        let link = |address: &str| format!("<a href=\"{address}\">{address}</a>");
        for (text, expected) in [
            (
                "see https://x.example/a.",
                format!("see {}.", link("https://x.example/a")),
            ),
            ("(http://x.example)", format!("({})", link("http://x.example"))),
            ("https://x.example/a_(b)", link("https://x.example/a_(b)")),
            (
                "https://x.example/?a=1&b=2, yes",
                format!("{}, yes", link("https://x.example/?a=1&amp;b=2")),
            ),
            (
                "<https://x.example>",
                format!("&lt;{}&gt;", link("https://x.example")),
            ),
            (
                "a http: b https:// c xhttps://x.example",
                "a http: b https:// c xhttps://x.example".to_owned(),
            ),
            ("https://matrix.to/#/@a:b", "https://matrix.to/#/@a:b".to_owned()),
            (
                "javascript:http://x.example",
                format!("javascript:{}", link("http://x.example")),
            ),
            ("https://日本.example/é", link("https://日本.example/é")),
            ("http", "http".to_owned()),
        ] {
            assert_eq!(linked(text), expected, "{text}");
        }
    }
}
