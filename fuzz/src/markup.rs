//! What holds for HTML that goes out, in either direction; read by html5ever as browsers do, and not by our own reader.

use ruma::html::{ElementData, Html, HtmlSanitizerMode, NodeRef, RemoveReplyFallback, sanitize_html};

/// How deep elements may be nested (client-server API, "m.room.message msgtypes").
const MAX_DEPTH: usize = 100;
/// The same with what a mail has around and in it: its own head, body and blocks, and links.
const MAX_DEPTH_OF_MAILS: usize = 120;

/// Elements that run, load, ask, or change what stands outside of them.
const FORBIDDEN: &[&str] = &[
    "applet",
    "audio",
    "base",
    "button",
    "embed",
    "form",
    "frame",
    "frameset",
    "iframe",
    "input",
    "link",
    "math",
    "noscript",
    "object",
    "plaintext",
    "portal",
    "script",
    "select",
    "svg",
    "template",
    "textarea",
    "title",
    "video",
    "xmp",
];

/// Checks the `formatted_body` of an event: it is in the subset that Matrix permits, so that cleaning it once more changes nothing.
pub fn check_matrix(html: &str) {
    let again = sanitize_html(html, HtmlSanitizerMode::Strict, RemoveReplyFallback::Yes);
    assert_eq!(again, html, "cleaning changes it");
    walk(html, MAX_DEPTH, &|element| {
        let name = &*element.name.local;
        assert!(name != "style" && name != "meta", "<{name}>");
        attributes(element, &["mxc://"]);
    });
}

/// Checks the HTML of an email: nothing in it runs, and nothing is loaded from elsewhere.
pub fn check_email(html: &str) {
    walk(html, MAX_DEPTH_OF_MAILS, &|element| {
        attributes(element, &["cid:"]);
    });
}

fn walk(html: &str, most: usize, look: &dyn Fn(&ElementData)) {
    let mut open: Vec<(NodeRef, usize)> = Html::parse(html).children().map(|node| (node, 1)).collect();
    while let Some((node, depth)) = open.pop() {
        if let Some(element) = node.as_element() {
            let name = &*element.name.local;
            assert!(!FORBIDDEN.contains(&name), "<{name}>");
            assert!(depth <= most, "too deep");
            look(element);
        }
        open.extend(node.children().map(|child| (child, depth + 1)));
    }
}

fn attributes(element: &ElementData, sources: &[&str]) {
    for attribute in element.attrs.borrow().iter() {
        let name = &*attribute.name.local;
        let value = attribute.value.trim().to_ascii_lowercase();
        assert!(!name.starts_with("on"), "{name}={value:?}");
        let scheme = value.split(':').next().unwrap_or_default();
        let is_safe = match name {
            "href" => matches!(
                scheme,
                "http" | "https" | "ftp" | "mailto" | "magnet" | "geo" | "tel" | "matrix"
            ),
            "src" => sources.iter().any(|source| value.starts_with(source)),
            "style" => !value.contains("url") && !value.contains("expression") && !value.contains("import"),
            "background" | "srcset" | "poster" | "action" | "formaction" | "ping" | "data" | "lowsrc"
            | "srcdoc" => false,
            _ => true,
        };
        assert!(is_safe, "{name}={value:?}");
    }
}
