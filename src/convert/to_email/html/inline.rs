//! What both writers need to know about links, colours and pictures.

use crate::convert::html::Element;
use crate::convert::to_email::line::line;

/// A link that a mail may hold: the schemes that the specification permits, nothing relative.
pub(super) fn safe_link(href: &str) -> Option<&str> {
    let href = href.trim();
    let (scheme, rest) = href.split_once(':')?;
    let scheme = scheme.to_ascii_lowercase();
    let permitted = match scheme.as_str() {
        "http" | "https" | "ftp" => rest.starts_with("//"),
        "mailto" | "magnet" => true,
        _ => false,
    };
    (permitted && !is_matrix_link(href) && !href.chars().any(char::is_control)).then_some(href)
}

/// A link to a user, room or event: of no use to somebody who reads mail.
pub(super) fn is_matrix_link(href: &str) -> bool {
    let href = href.trim().to_ascii_lowercase();
    href.starts_with("matrix:")
        || ["https://matrix.to/", "http://matrix.to/"]
            .iter()
            .any(|start| href.starts_with(start))
}

/// A colour as the specification writes it: `#` and six hexadecimal digits.
pub(super) fn colour(value: &str) -> Option<&str> {
    let digits = value.strip_prefix('#')?;
    (digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(value)
}

/// Black or white, whichever can be read better on a [`colour`].
pub(super) fn readable_on(background: &str) -> &'static str {
    let part = |range| {
        background
            .get(range)
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
    };
    let (red, green, blue) = (part(1..3), part(3..5), part(5..7));
    // How bright the three look (ITU-R BT.601).
    let bright = 299 * red.unwrap_or(0) + 587 * green.unwrap_or(0) + 114 * blue.unwrap_or(0);
    if bright >= 128_000 { "#000000" } else { "#ffffff" }
}

/// What a picture is said to show; may be empty.
pub(super) fn description(element: Element<'_>) -> String {
    let given = element.attribute("alt").or_else(|| element.attribute("title"));
    line(given.unwrap_or_default(), 200)
}

/// The text that stands for a picture: a custom emoticon's `:name:`, or the description in brackets. Pictures from
/// elsewhere than the homeserver are not permitted, and not spoken of unless they are described.
pub(super) fn image_text(element: Element<'_>) -> String {
    let text = description(element);
    let is_emoticon = element.attribute("data-mx-emoticon").is_some();
    let is_permitted = element
        .attribute("src")
        .is_some_and(|src| src.starts_with("mxc://"));
    match (text.is_empty(), is_emoticon) {
        (true, _) if is_permitted => "[picture]".to_owned(),
        (true, _) | (false, true) => text,
        (false, false) => format!("[{text}]"),
    }
}

/// The language of a `<code class="language-rust">`.
pub(super) fn language(class: &str) -> Option<&str> {
    let named = class
        .split_whitespace()
        .find_map(|class| class.strip_prefix("language-"))?;
    let harmless = |c: char| c.is_ascii_alphanumeric() || "+-#._".contains(c);
    (!named.is_empty() && named.len() <= 30 && named.chars().all(harmless)).then_some(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_that_lead_somewhere_harmless_stay() {
        for (href, stays) in [
            ("https://example.org/a?b#c", true),
            (" HTTP://example.org ", true),
            ("mailto:alice@example.org", true),
            ("magnet:?xt=urn:btih:abc", true),
            ("javascript:alert(1)", false),
            ("java\nscript:alert(1)", false),
            ("https:evil", false),
            ("https://x\n.example", false),
            ("//example.org", false),
            ("/etc/passwd", false),
            ("data:text/html,x", false),
            ("file:///etc/passwd", false),
            ("https://matrix.to/#/@alice:hs.test", false),
            ("matrix:u/alice:hs.test", false),
        ] {
            assert_eq!(safe_link(href).is_some(), stays, "{href:?}");
        }
    }

    #[test]
    fn colours_and_languages_are_checked() {
        assert_eq!(colour("#12abEF"), Some("#12abEF"));
        for bad in ["red", "#12345", "#1234567", "#12345;", "#ééé"] {
            assert_eq!(colour(bad), None);
        }
        assert_eq!(
            (readable_on("#ffff00"), readable_on("#0000ff")),
            ("#000000", "#ffffff")
        );
        assert_eq!(language("x language-c++"), Some("c++"));
        assert_eq!(language("language-\"><script>"), None);
    }
}
