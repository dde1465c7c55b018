//! What holds for whatever comes in: sanitised twice is sanitised once, and a text that went out comes back.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use ruma::html::{HtmlSanitizerMode, RemoveReplyFallback, sanitize_html};
use serde_json::json;

use super::html::matrix_html;
use super::plain::rejoin;
use super::{ThreadContext, convert};
use crate::convert::html::Tree;
use crate::convert::to_email::from_json;

fn render(html: &str) -> String {
    matrix_html(&Tree::parse(html), &|_| true, &BTreeMap::new())
}

fn sanitised(html: &str) -> String {
    sanitize_html(html, HtmlSanitizerMode::Strict, RemoveReplyFallback::Yes)
}

/// Words and tags in any order, closed or not.
fn any_html() -> impl Strategy<Value = String> {
    let tags = "b i p div ul ol li table tr td th pre code blockquote a span img br hr h1 script style details font svg x";
    let attributes = [
        "",
        " href='https://x.example'",
        " href=javascript:x",
        " style='font-weight:bold'",
        " style='display:none'",
        " src=mxc://hs.example/1",
        " border=1",
        " start=3",
        " onclick=x",
    ];
    let tag = (
        prop::sample::select(tags.split(' ').collect::<Vec<_>>()),
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

/// Lines as people type them: no mark of a mail program among them.
fn any_text() -> impl Strategy<Value = String> {
    let line = "[A-Za-zäöüß0-9€日本][A-Za-zäöüß0-9€日本 ,!?()'-]{0,120}";
    let line = line.prop_map(|line: String| line.trim_end().to_owned());
    let paragraph = prop::collection::vec(line, 1..4).prop_map(|lines| lines.join("\n"));
    prop::collection::vec(paragraph, 1..4).prop_map(|paragraphs| paragraphs.join("\n\n"))
}

#[test]
fn hostile_mails_are_cheap() {
    for (media_type, piece) in [
        ("text/html", "<div>"),
        ("text/html", "<b>x"),
        ("text/html", "<table><tr><td>"),
        (
            "text/html",
            "<table border=1><tr><th>a<th>b<tr><td>c<td>d</table>",
        ),
        ("text/html", "<div class=gmail_quote>x<blockquote>"),
        ("text/html", "<ul><li>x"),
        ("text/html", "<br>"),
        ("text/html", "<"),
        ("text/html", "<img src=cid:x>"),
        ("text/html", "<img src=\"data:image/png;base64,aaaa\">"),
        ("text/html", "&lt;&amp"),
        ("text/html", "<a href=https://example.org/x>y</a>"),
        ("text/plain", ">"),
        ("text/plain", "> x\n"),
        ("text/plain", "On a :\n"),
        ("text/plain", "-- \n"),
        ("text/plain", "From: a\nSent: b\nTo: c\nSubject: d\n\n"),
        ("text/plain", "Disclaimer\n\n"),
        ("text/plain", "begin 644 x\n!!!!\n"),
        ("text/plain", "=ybegin line=1 name=x\n"),
        ("multipart/mixed; boundary=b", "--b\n\nx\n"),
        (
            "multipart/mixed; boundary=b",
            "--b\nContent-Type: multipart/mixed; boundary=b\n\n",
        ),
        ("text/plain;a*1*=x", "\nContent-Type: text/plain;a*1*=x"),
    ] {
        let mail = format!(
            "Content-Type: {media_type}\n\n{}",
            piece.repeat(20_000 / piece.len())
        );
        let start = Instant::now();
        let converted = convert(mail.as_bytes(), &ThreadContext::default());
        // Milliseconds in fact; the limit only tells linear from quadratic on a slow machine.
        assert!(start.elapsed() < Duration::from_secs(30), "{piece}");
        assert!(converted.events.len() <= 1_001, "{piece}");
    }
}

proptest! {
    #[test]
    fn what_is_sanitised_stays_as_it_is(html in any_html()) {
        let once = sanitised(&render(&html));
        prop_assert_eq!(sanitised(&once), once.clone());
        // What we write needs no cleaning: nothing of it is taken away.
        let words = |html: &str| {
            let tree = Tree::parse(html);
            tree.text(Tree::ROOT).split_whitespace().map(str::to_owned).collect::<String>()
        };
        prop_assert_eq!(words(&render(&html)), words(&once));
    }

    #[test]
    fn a_text_comes_back_as_it_went_out(text in any_text()) {
        let event = json!({
            "type": "m.room.message", "event_id": "$1:hs.example", "sender": "@bob:hs.example", "room_id": "!r:hs.example",
            "origin_server_ts": 0, "content": {"msgtype": "m.text", "body": text},
        });
        let no_files = |_: &str| Err(std::io::ErrorKind::NotFound.into());
        let mail = from_json(&event, &json!({"first": false}), &no_files).unwrap();
        let back = convert(&mail.bytes, &ThreadContext::default());
        // Lines that look as if a program had wrapped them are joined; nothing tells them from others.
        prop_assert_eq!(back.events[0].1["body"].as_str().unwrap(), rejoin(&text));
    }
}
