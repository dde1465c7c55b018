//! Formatted texts of every shape: what gets through, what is read, and at what cost.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::convert::html::{Node, Nodes};
use crate::convert::to_email::MediaBytes;
use crate::convert::to_email::enclosures::Enclosures;
use crate::convert::to_email::html::{document, is_formatted, parse, plain, write};

fn markup(html: &str) -> String {
    let pictures = BTreeMap::from([(
        ruma::OwnedMxcUri::from("mxc://hs.example/1"),
        MediaBytes::Here {
            content_type: Some("image/png".to_owned()),
            bytes: b"\x89PNG\r\n\x1a\n".to_vec(),
        },
    )]);
    let mut enclosures = Enclosures::new(&pictures, 1000, "seed", "example.org");
    write(parse(html).unwrap().nodes(), &mut enclosures)
}

fn text(html: &str) -> String {
    plain(parse(html).unwrap().nodes())
}

#[test]
fn a_document_with_pictures_is_no_short_one() {
    assert!(document("", true).len() > 3200);
    assert!(document("", false).len() < 500);
}

#[test]
fn markup_is_what_the_specification_permits() {
    for (html, expected) in [
        ("a<script>x</script>b", "ab"),
        (
            "https://x.example",
            "<a href=\"https://x.example\">https://x.example</a>",
        ),
        (
            "<a href='https://x.example'><b>https://y.example</b></a>",
            "<a href=\"https://x.example\"><b>https://y.example</b></a>",
        ),
        ("<code>https://x.example</code>", "<code>https://x.example</code>"),
        ("<b onclick='x'>a", "<b>a</b>"),
        (
            "<a href='https://x.example/?a=1&b=\"'>a</a>",
            "<a href=\"https://x.example/?a=1&amp;b=&quot;\">a</a>",
        ),
        ("<a href='java&#115;cript:x'>a</a>", "a"),
        (
            "<font color='#00ff00'>a</font>",
            "<span style=\"color:#00ff00\">a</span>",
        ),
        ("<span data-mx-color='red;x'>a</span>", "a"),
        (
            "<font color='#00ff00' data-mx-color='#0000ff'>a</font>",
            "<span style=\"color:#0000ff\">a</span>",
        ),
        (
            "<span data-mx-spoiler>a <a href='https://x.example'>b</a> <font color='#00ff00'>c</font> <img src='mxc://hs.example/1' alt='d'></span>",
            "<span style=\"background-color:#808080;color:#808080\">a b c [d]</span>",
        ),
        (
            "<img src='mxc://hs.example/1' alt='&quot;&gt;'>",
            "<img src=\"cid:1.seed@example.org\" alt=\"&quot;&gt;\" style=\"max-width:100%\">",
        ),
        ("<img src='mxc://hs.example/2' alt='a cat'>", "[a cat]"),
        ("<img src='https://hs.example/1'>", ""),
        (
            "<pre>a<br><div>b</div></pre>",
            "<pre style=\"white-space:pre-wrap;font-family:monospace;border:1px solid #999;border-radius:4px;padding:6px 8px\">a<br><div>b</div></pre>\n",
        ),
        ("<p>a<p>b", "<p>a</p>\n<p>b</p>\n"),
        ("<ul><li>a<li>b</ul>c", "<ul><li>a</li>\n<li>b</li>\n</ul>\nc"),
        ("</b></p>a</div>", "a"),
        (
            "a &lt;b&gt; &amp;amp; &eacute;&#0;",
            "a &lt;b&gt; &amp;amp; é\u{fffd}",
        ),
        ("<!-- a --><![CDATA[b]]><?c?>d", "d"),
        ("<x-unknown>a</x-unknown><section>b</section>", "a<div>b</div>\n"),
        ("<mx-reply>quoted</mx-reply>a", "a"),
        ("<textarea><b>a</textarea><title>b</title>c", "c"),
    ] {
        assert_eq!(markup(html), expected, "{html}");
    }
}

#[test]
fn plain_text_is_written_for_reading() {
    for (html, expected) in [
        ("a<br>b<br/>c", "a\nb\nc"),
        ("  a \n b  ", "a b"),
        ("<p>a</p><p>b</p>", "a\n\nb"),
        ("<div>a</div><div>b</div>", "a\nb"),
        ("a<b> b </b>c <i></i>d", "a *b* c d"),
        (
            "<a href='https://x.example/'>x.example</a>",
            "x.example <https://x.example/>",
        ),
        (
            "<a href='https://x.example/'>https://x.example</a>",
            "https://x.example",
        ),
        ("<a href='mailto:a@x.example'>write</a>!", "write <a@x.example>!"),
        ("<a href='https://x.example/a'></a>", "https://x.example/a"),
        (
            "<ul><li><p>a</p></li><li>b<ol><li>c</li></ol></li></ul>",
            "- a\n- b\n  1. c",
        ),
        ("<ul>x<li>a</li><ul><li>b</li></ul></ul>", "- x\n- a\n  - b"),
        ("<table>a<tr>b<td>c</td></tr><td>d</table>", "a\nb | c\nd"),
        ("<pre><code>a\n  b\n</code></pre>c", "```\na\n  b\n```\n\nc"),
        ("<blockquote>a<br>b</blockquote>c", "> a\n> b\n\nc"),
        ("<b><p>a</p></b>", "a"),
        ("x<sup>2</sup>", "x^2"),
        ("<span data-mx-spoiler>a</span>", "[spoiler]"),
        ("<table><caption>t</caption><tr><td>a</table>b", "t\na\n\nb"),
        ("<h3>a</h3>b<hr>", "a\n\nb\n\n* * *"),
        ("<div data-mx-maths='x^2'><code>x</code></div>", "$$x^2$$"),
    ] {
        assert_eq!(text(html), expected, "{html}");
    }
}

#[test]
fn wide_tables_are_not_aligned() {
    let cell = "word ".repeat(12);
    let html = format!("<table><tr><td>{cell}</td><td>{cell}</td></tr><tr><td>a</td><td>b</td></tr></table>");
    assert_eq!(text(&html), format!("{0} | {0}\na | b", cell.trim()));
}

#[test]
fn texts_without_markup_are_not_formatted() {
    for (html, formatted) in [
        ("a<br>b", false),
        ("<p>a</p>", false),
        ("<a href='https://matrix.to/#/@a:b'>a</a>", false),
        ("<a href='https://x.example'>a</a>", true),
        ("<b>a</b>", true),
        ("<p><em>a</em></p>", true),
    ] {
        assert_eq!(is_formatted(parse(html).unwrap().nodes()), formatted, "{html}");
    }
}

#[test]
fn hostile_nesting_is_cheap() {
    for piece in [
        "<b>",
        "<p><b>",
        "<a href='https://x.example'>",
        "<blockquote>",
        "<ul><li>",
        "<table><tr><td>",
        "<div>",
        "<br>",
        "</b>",
        "<p>",
        "<span data-mx-spoiler>",
        "<svg>",
        "<b id=x",
        "&amp",
        "<!--",
        "<h1>x",
        "<details>",
        "<blockquote>x<br>",
    ] {
        let html = piece.repeat(65_536 / piece.len());
        let start = Instant::now();
        let size = markup(&html).len() + text(&html).len();
        assert!(size < 3_000_000, "{piece}: {size} bytes");
        // Milliseconds in fact; the limit only tells linear from quadratic on a slow machine.
        assert!(start.elapsed() < Duration::from_secs(30), "{piece}");
    }
    assert!(parse(&"x".repeat(200_000)).is_none());
}

/// Words and tags in any order, closed or not.
fn any_html() -> impl Strategy<Value = String> {
    let tags = [
        "b",
        "i",
        "p",
        "div",
        "ul",
        "ol",
        "li",
        "table",
        "tr",
        "td",
        "th",
        "pre",
        "code",
        "blockquote",
        "a",
        "span",
        "img",
        "br",
        "hr",
        "h1",
        "script",
        "style",
        "details",
        "summary",
        "font",
        "mx-reply",
        "form",
        "svg",
        "textarea",
        "x",
    ];
    let attributes = [
        "",
        " href='https://x.example'",
        " href=javascript:x",
        " onclick=x",
        " style=x",
        " data-mx-spoiler",
        " src=mxc://hs.example/1",
        " src=https://x.example",
        " data-mx-color='#112233'",
        " class=language-x",
        " start=3",
        " data-mx-maths='a<b'",
        " alt='\"<'",
    ];
    let tag = (
        prop::sample::select(tags.to_vec()),
        prop::sample::select(attributes.to_vec()),
        any::<bool>(),
    );
    let tag = tag.prop_map(|(tag, attributes, opens)| {
        if opens {
            format!("<{tag}{attributes}>")
        } else {
            format!("</{tag}>")
        }
    });
    let word = "[a-z&;<>\"' \\n]{0,8}|\\PC{0,4}";
    prop::collection::vec(prop_oneof![tag, word.prop_map(String::from)], 0..40)
        .prop_map(|parts| parts.concat())
}

/// All elements with their attributes, as a mail program would find them.
fn elements(nodes: Nodes<'_>, found: &mut Vec<(String, Vec<(String, String)>)>) {
    for element in nodes.iter().filter_map(Node::element) {
        let attributes = element.attributes();
        let attributes = attributes.map(|(name, value)| (name.to_owned(), value.to_owned()));
        found.push((element.name().to_owned(), attributes.collect()));
        elements(element.children(), found);
    }
}

proptest! {
    #[test]
    fn nothing_but_permitted_markup_gets_through(html in any_html()) {
        let mut found = Vec::new();
        elements(parse(&markup(&html)).unwrap().nodes(), &mut found);
        for (name, attributes) in found {
            let permitted = "a b blockquote br caption code del div em h1 h2 h3 h4 h5 h6 hr i img li ol p pre s small span \
                             strong sub sup table tbody td tfoot th thead tr tt u ul";
            let permitted: Vec<&str> = permitted.split(' ').collect();
            prop_assert!(permitted.contains(&name.as_str()), "<{}> in {}", name, html);
            for (attribute, value) in attributes {
                let is_safe = match attribute.as_str() {
                    "href" => value.starts_with("https://"),
                    "src" => value.starts_with("cid:"),
                    "style" => !value.contains("url") && !value.contains("position"),
                    "class" | "start" | "alt" => true,
                    "dir" => value == "auto",
                    _ => false,
                };
                prop_assert!(is_safe, "{}={:?} in {}", attribute, value, html);
            }
        }
    }

    #[test]
    fn sanitising_twice_loses_no_word(html in any_html().prop_filter(
        "pictures and spoilers are put into words", |html| !html.contains("src=") && !html.contains("spoiler") && !html.contains("maths")
            && !html.contains("alt=") && !html.contains("summary") && !html.contains("form") && !html.contains("details"))
    ) {
        // What stands outside of rows and items may share a line with its neighbour or not.
        let words = |text: String| text.chars().filter(|c| c.is_alphabetic()).collect::<String>();
        prop_assert_eq!(words(text(&markup(&html))), words(text(&html)));
    }
}
