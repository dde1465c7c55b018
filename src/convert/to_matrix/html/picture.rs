//! Pictures of an HTML mail: what they refer to, and which of them say nothing.

use std::collections::BTreeSet;

use crate::convert::html::{Element, Node, Nodes};
use crate::convert::to_matrix::mime::percent_decode;
use crate::convert::to_matrix::pictures::Pictures;

/// What a picture refers to: `cid:` and the ID without its escapes (RFC 2392), or an address as it stands.
pub(crate) fn source(image: Element<'_>) -> Option<String> {
    let given = image.attribute("src")?.trim();
    let is_id = given
        .get(..4)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("cid:"));
    if !is_id {
        return (!given.is_empty()).then(|| given.to_owned());
    }
    let id = percent_decode(given.get(4..)?);
    Some(format!("cid:{}", String::from_utf8_lossy(&id)))
}

/// Emoji are often images whose alternative is the character. A word of two Chinese characters is none.
pub(super) fn emoji(image: Element<'_>) -> Option<&str> {
    let alt = image.attribute("alt")?.trim();
    let is_mark = !alt.is_ascii() && !alt.chars().any(char::is_alphanumeric);
    (is_mark && alt.chars().count() <= 3).then_some(alt)
}

/// The width or height that the markup gives a picture, in pixels.
pub(super) fn side(image: Element<'_>, name: &str) -> Option<u32> {
    let given = image.attribute(name)?.trim();
    let given = given.strip_suffix("px").unwrap_or(given).parse().ok()?;
    (1..=2_000).contains(&given).then_some(given)
}

/// Hosts whose logos stand below mails.
const SOCIAL: &[&str] = &[
    "bsky.app",
    "facebook.com",
    "github.com",
    "instagram.com",
    "linkedin.com",
    "pinterest.com",
    "t.me",
    "threads.net",
    "tiktok.com",
    "twitter.com",
    "vimeo.com",
    "wa.me",
    "whatsapp.com",
    "x.com",
    "xing.com",
    "youtube.com",
];
/// The largest logo of a social network, in pixels.
const LARGEST_ICON: u32 = 80;
/// Pictures that take no more place than this, in pixels, are there for their being loaded, or to move others.
const LARGEST_SPACER: u32 = 3;

/// What the pictures refer to that say nothing: emoji that are characters as well, spacers, and the small logos of social
/// networks that lead there.
pub(crate) fn icons(nodes: Nodes<'_>, pictures: Pictures<'_>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(nodes, false, pictures, &mut found);
    found
}

fn collect(nodes: Nodes<'_>, leads_away: bool, pictures: Pictures<'_>, found: &mut BTreeSet<String>) {
    for element in nodes.iter().filter_map(Node::element) {
        match element.name() {
            "img" => {
                if let Some(source) = source(element).filter(|source| source.starts_with("cid:")) {
                    let size = pictures.size(&source);
                    let is_within = |limit: u32| {
                        let shown = side(element, "width").zip(side(element, "height"));
                        let within = |(width, height): (u32, u32)| width <= limit && height <= limit;
                        shown.or(size).is_some_and(within)
                    };
                    if emoji(element).is_some()
                        || is_within(LARGEST_SPACER)
                        || (leads_away && is_within(LARGEST_ICON))
                    {
                        found.insert(source);
                    }
                }
            }
            "a" => {
                let inner = leads_away || element.attribute("href").is_some_and(is_social);
                collect(element.children(), inner, pictures, found);
            }
            _ => collect(element.children(), leads_away, pictures, found),
        }
    }
}

fn is_social(href: &str) -> bool {
    let url = super::links::target(href).and_then(|href| url::Url::parse(&href).ok());
    url.as_ref().and_then(url::Url::host_str).is_some_and(|host| {
        SOCIAL.iter().any(|name| {
            host.strip_suffix(name)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    })
}
