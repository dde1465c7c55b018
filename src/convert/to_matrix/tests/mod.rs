//! Whole mails: what a person sees, and what hostile or broken mails come to.

mod limits;
mod special;

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn body(converted: &Converted) -> &str {
    converted.events[0].1["body"].as_str().unwrap()
}

fn text_of(mail: &str) -> String {
    body(&convert(mail.as_bytes(), &ThreadContext::default())).to_owned()
}

/// What every outcome must satisfy, whatever came in.
fn assert_safe(raw: &[u8]) -> Converted {
    let converted = convert(raw, &ThreadContext::default());
    headers(raw);
    assert!(!converted.events.is_empty());
    for (event_type, content) in &converted.events {
        assert_eq!(event_type, "m.room.message");
        assert_eq!(content["m.mentions"], serde_json::json!({}));
        let body = content["body"].as_str().unwrap();
        assert!(!body.is_empty() && !body.contains(['\0', '\u{1b}']), "{body:?}");
        assert!(
            content.to_string().len() < 65_000,
            "an event of {} bytes",
            content.to_string().len()
        );
        if let Some(html) = content["formatted_body"].as_str() {
            let lower = html.to_lowercase();
            for bad in [
                "<script",
                "<style",
                "<iframe",
                "javascript:",
                "onerror=",
                "src=\"http",
            ] {
                assert!(!lower.contains(bad), "{html}");
            }
        }
    }
    for upload in &converted.uploads {
        assert!(!upload.name.is_empty() && upload.name.len() <= 255);
        assert!(!upload.name.contains(['/', '\\', '\0', '\r', '\n']));
    }
    converted
}

#[test]
fn a_plain_reply_is_its_new_text() {
    let mail = "From: Alice <alice@example.org>\nTo: bob@example.com\nSubject: Re: Lunch\n\nYes!\n\n-- \nAlice\n\nOn Tue, 14 May 2024 at 09:30, Bob wrote:\n> Lunch?\n";
    let converted = convert(mail.as_bytes(), &ThreadContext::default());
    assert_eq!(converted.events.len(), 1);
    assert_eq!(body(&converted), "Yes!");
    assert!(converted.quoted.unwrap().contains("> Lunch?"));
}

#[test]
fn a_reply_refers_to_what_it_answers() {
    let context = ThreadContext {
        answers: Some("$question".try_into().unwrap()),
        ..ThreadContext::default()
    };
    let converted = convert(b"From: a@example.org\n\nYes", &context);
    assert_eq!(
        converted.events[0].1["m.relates_to"]["m.in_reply_to"]["event_id"],
        "$question"
    );
}

#[test]
fn html_is_cleaned_and_kept() {
    let mail = "Content-Type: text/html\n\n<p>See <b>this</b> <a href=\"javascript:alert(1)\">one</a> and \
        <a href=\"https://example.org/a?b=1&amp;c=2\">two</a></p><script>alert(1)</script><img src=\"https://t.example/p.gif\" \
        onerror=\"x()\"><div style=\"display:none\">secret</div>";
    let converted = assert_safe(mail.as_bytes());
    assert_eq!(
        body(&converted),
        "See this one and two (https://example.org/a?b=1&c=2)"
    );
    let html = converted.events[0].1["formatted_body"].as_str().unwrap();
    assert!(
        html.contains("<b>this</b>") && html.contains("href=\"https://example.org/a?b=1&amp;c=2\""),
        "{html}"
    );
    assert!(!html.contains("secret"));
}

#[test]
fn one_text_with_one_picture_is_a_captioned_picture() {
    let mail = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nLook!\n--b\nContent-Type: image/png; name=\"cat.png\"\n\
        Content-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--b--\n";
    let converted = assert_safe(mail.as_bytes());
    let [(_, content)] = converted.events.as_slice() else {
        panic!("{:?}", converted.events)
    };
    assert_eq!(content["msgtype"], "m.image");
    assert_eq!(
        (content["body"].as_str(), content["filename"].as_str()),
        (Some("Look!"), Some("cat.png"))
    );
    assert_eq!(
        (
            content["info"]["mimetype"].as_str(),
            content["info"]["size"].as_u64()
        ),
        (Some("image/png"), Some(8))
    );
    assert_eq!(content["url"], placeholder(0));
}

#[test]
fn real_uris_take_the_place_of_placeholders_and_of_nothing_else() {
    let mut content = serde_json::json!({
        "body": placeholder(0), "url": placeholder(1),
        "info": {"thumbnail_url": placeholder(0)},
        "formatted_body": format!("<img src=\"{}\"> {}", placeholder(0), placeholder(1)),
    });
    let uris = ["mxc://hs.test/one", "mxc://hs.test/two"].map(Into::into);
    place_uploads(&mut content, &uris);
    assert_eq!(content["url"], "mxc://hs.test/two");
    assert_eq!(content["info"]["thumbnail_url"], "mxc://hs.test/one");
    assert_eq!(content["body"], placeholder(0));
    assert_eq!(
        content["formatted_body"],
        format!("<img src=\"mxc://hs.test/one\"> {}", placeholder(1))
    );
}

#[test]
fn charsets_are_decoded_however_they_are_labelled() {
    for (header, bytes, expected) in [
        ("text/plain; charset=iso-8859-1", &b"caf\xe9 \x80"[..], "café €"),
        ("text/plain; charset=utf-8", "café".as_bytes(), "café"),
        ("text/plain", "café".as_bytes(), "café"),
        ("text/plain; charset=us-ascii", b"caf\xe9", "café"),
        ("text/plain; charset=gb2312", b"\xc4\xe3\xba\xc3", "你好"),
        (
            "text/plain; charset=koi8-r",
            b"\xf0\xd2\xc9\xd7\xc5\xd4",
            "Привет",
        ),
        ("text/plain; charset=utf-16", b"\0c\0a\0f\0\xe9", "café"),
        ("text/plain; charset=unicode", b"c\0a\0f\0\xe9\0", "café"),
        ("text/plain; charset=win-1251", b"\xcf\xf0\xe8", "При"),
        ("text/plain; charset=ibm852", b"\xbd\xa2\x88\x86", "Żółć"),
        ("text/plain; charset=iso-2022-jp", b"\x1b$B$3$s\x1b(B", "こん"),
        ("text/plain; charset=iso-2022-kr", b"\x1b$)C\x0e0!\x0f a", "가 a"),
        ("text/plain; charset=hz-gb-2312", b"~{<:Ky~} a", "己所 a"),
        ("text/plain; charset=utf-7", b"caf+AOk-", "café"),
        ("text/plain; charset=nonsense", "café".as_bytes(), "café"),
    ] {
        let mut mail = format!("Content-Type: {header}\n\n").into_bytes();
        mail.extend_from_slice(bytes);
        assert_eq!(
            body(&convert(&mail, &ThreadContext::default())),
            expected,
            "{header}"
        );
    }
}

#[test]
fn the_text_is_that_of_the_html_which_the_writer_saw() {
    let mail = |plain: &str, html: &str| {
        format!(
            "Content-Type: multipart/alternative; boundary=b\n\n--b\n\n{plain}\n--b\nContent-Type: text/html\n\n{html}\n--b--\n"
        )
    };
    for (plain, html, expected) in [
        // Samsung's program, and the stars of Gmail's.
        (
            "Hello,see you at ten.Sent from my Galaxy",
            "<div>Hello,</div><div>see you at ten.</div><div>Sent from my Galaxy</div>",
            "Hello,\nsee you at ten.",
        ),
        (
            "It is *here* <https://example.org/>.",
            "It <b>is</b> <a href='https://example.org/'>here</a>.",
            "It is here (https://example.org/).",
        ),
        // Two different messages: the plain one says nothing that could not be read.
        ("Hello", "<p>Goodbye, everybody!</p>", "Hello"),
    ] {
        assert_eq!(text_of(&mail(plain, html)), expected);
    }
}

/// The mails of `tests/fixtures/eml`, named by the program that writes such mails.
pub(super) fn fixtures() -> Vec<(String, Vec<u8>)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/eml");
    let mut all: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
        .map(|path| {
            (
                path.file_stem().unwrap().to_str().unwrap().to_owned(),
                std::fs::read(&path).unwrap(),
            )
        })
        .collect();
    all.sort();
    all
}

#[test]
fn mails_of_real_programs_become_what_a_person_would_expect() {
    for (name, raw) in fixtures() {
        assert_safe(&raw);
        insta::with_settings!({prepend_module_to_snapshot => false, sort_maps => true}, {
            insta::assert_json_snapshot!(name, report(&raw));
        });
    }
}

#[test]
fn line_ends_make_no_difference() {
    for (name, raw) in fixtures() {
        let crlf: Vec<u8> = raw
            .split(|byte| *byte == b'\n')
            .collect::<Vec<_>>()
            .join(&b"\r\n"[..]);
        let (mut unix, mut network) = (report(&raw), report(&crlf));
        // The size of a text file depends on its line ends.
        for report in [&mut unix, &mut network] {
            for event in report["events"].as_array_mut().unwrap() {
                event["content"].as_object_mut().unwrap().remove("info");
            }
        }
        assert_eq!(unix, network, "{name}");
    }
}

proptest! {
    #[test]
    fn any_bytes_end_in_a_safe_result(raw in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        assert_safe(&raw);
    }

    #[test]
    fn any_mail_like_text_ends_in_a_safe_result(
        raw in "(Content-Type: (text/html|multipart/mixed; boundary=b|text/plain; format=flowed)\n)?(Subject: .{0,20}\n)?\n(--b\n|<[a-z]{1,4} [a-z]{1,4}=|</[a-z]{1,4}>|> |On .{0,9} wrote:\n|From: |\n|-- \n|begin 644 x\n|.{1,9}){0,60}"
    ) {
        assert_safe(raw.as_bytes());
    }

    #[test]
    fn plain_text_comes_through_unchanged(text in "[a-zäöß][a-zäöß ,.!?]{0,60}[a-z](\n\n?[a-z][a-z ]{0,40}[a-z]){0,4}") {
        prop_assert_eq!(text_of(&format!("Content-Type: text/plain; charset=utf-8\n\n{text}")), text);
    }
}
