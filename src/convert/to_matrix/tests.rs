//! Whole mails: what a person sees, and what hostile or broken mails come to.

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
fn a_long_text_is_cut_and_the_whole_is_a_file() {
    let text = "A sentence of some words.\n".repeat(10_000);
    let converted = assert_safe(format!("Subject: long\n\n{text}").as_bytes());
    assert_eq!(converted.events.len(), 2);
    assert!(body(&converted).ends_with(" …"));
    assert_eq!(converted.uploads[0].content.len(), text.trim_end().len() as u64);
}

#[test]
fn an_event_is_small_enough_however_its_characters_are_escaped() {
    for mark in ['"', '\\'] {
        let marks = mark.to_string().repeat(15_900);
        let mail = format!("Content-Type: text/html\n\n<b>a</b> {marks}");
        let converted = convert(mail.as_bytes(), &ThreadContext::default());
        // 65,536 bytes are for the whole event, of which the homeserver writes a part.
        assert!(
            converted.events[0].1.to_string().len() < 60_000,
            "{mark} makes it too large"
        );
        assert!(body(&converted).ends_with(&marks));
    }
}

#[test]
fn of_very_many_files_the_last_one_is_the_whole_mail() {
    for file in [
        "begin 644 x\n#86)C\n`\nend\n",
        "=ybegin line=128 size=3 name=x\nx\n=yend\n",
    ] {
        let mail = format!("Subject: many\n\n{}", file.repeat(2_000));
        let converted = convert(mail.as_bytes(), &ThreadContext::default());
        assert_eq!(converted.events.len(), 1_000, "{file}");
        assert_eq!(converted.uploads[999].content.at_hand(), mail.as_bytes());
        assert_eq!(converted.uploads[999].name, "message.eml");
    }
}

#[test]
fn broken_mails_end_in_a_readable_result() {
    let nested: String = (0..10_000)
        .map(|level| ["Content-Type: multipart/mixed; boundary=b", "\n\n--b", "\n"].join(&level.to_string()))
        .collect();
    let messages = "Content-Type: message/rfc822\n\n".repeat(10_000) + "\nhello";
    let divs = format!(
        "Content-Type: text/html\n\n{}deep{}",
        "<div>".repeat(50_000),
        "</div>".repeat(50_000)
    );
    let recipients = format!("To: {}\n\nhi", vec!["a@example.org"; 10_000].join(", "));
    let attributions = "On Mon, 14 May 2024 at 09:30, Bob wrote:\n".repeat(5_000);
    let line = format!("Subject: x\n\n{}", "word ".repeat(200_000));
    for (name, raw) in [
        ("nothing", Vec::new()),
        ("no header", b"just text".to_vec()),
        ("no From", b"Subject: hi\n\ntext".to_vec()),
        (
            "two Froms",
            b"From: a@example.org\nFrom: b@example.org\n\ntext".to_vec(),
        ),
        (
            "controls",
            b"From: a@example.org\nSubject: a\0b\n\nte\0x\x1b[2Jt".to_vec(),
        ),
        ("a line of 1 MB", line.into_bytes()),
        ("10,000 multiparts in each other", nested.into_bytes()),
        ("10,000 messages in each other", messages.into_bytes()),
        ("100,000 elements in each other", divs.into_bytes()),
        ("10,000 recipients", recipients.into_bytes()),
        ("5,000 attributions", attributions.into_bytes()),
        (
            "a lone boundary",
            b"Content-Type: multipart/mixed; boundary=b\n\n--b".to_vec(),
        ),
        ("no boundary", b"Content-Type: multipart/mixed\n\ntext".to_vec()),
        ("bytes of no charset", vec![0xff; 5_000]),
        (
            "carriage returns alone",
            b"Subject: old\rFrom: a@example.org\r\rtext".to_vec(),
        ),
    ] {
        let start = std::time::Instant::now();
        assert_safe(&raw);
        assert!(
            start.elapsed().as_secs() < 20,
            "{name} took {:?}",
            start.elapsed()
        );
    }
}

#[test]
fn headers_of_broken_mails_say_what_there_is() {
    let found =
        headers(b"From: a@example.org\nFrom: B <b@example.org>\nSubject: one\r\n two\nDate: nonsense\n\n");
    assert_eq!(found.from.len(), 2);
    assert_eq!((found.subject.as_str(), found.date), ("one two", None));
    assert_eq!(headers(b"").from, []);
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
fn machines_are_told_from_people() {
    for (fields, expected) in [
        ("From: alice@example.org\nSubject: hello", Auto::None),
        (
            "From: alice@example.org\nAuto-Submitted: auto-replied",
            Auto::AutoReply,
        ),
        (
            "From: alice@example.org\nSubject: Automatische Antwort: Lunch",
            Auto::AutoReply,
        ),
        ("From: x@example.org\nList-Id: <list.example.org>", Auto::List),
        (
            "From: MAILER-DAEMON@example.org\nSubject: Undelivered Mail Returned to Sender",
            Auto::Bounce,
        ),
        (
            "From: x@example.org\nAuto-Submitted: auto-generated",
            Auto::Generated,
        ),
        (
            "From: x@example.org\nFeedback-ID: 1:campaign:newsletter:mailer",
            Auto::Generated,
        ),
        (
            "From: x@example.org\nFeedback-ID: 12345678:user:proton",
            Auto::None,
        ),
        ("From: x@example.org\nFeedback-ID: i1a2b3c4d:Fastmail", Auto::None),
        (
            "From: x@example.org\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b",
            Auto::Mdn,
        ),
        (
            "From: x@example.org\nContent-Type: multipart/report; report-type=feedback-report; boundary=b",
            Auto::Report,
        ),
        (
            "From: x@example.org\nContent-Type: text/calendar; method=REQUEST",
            Auto::Calendar,
        ),
        (
            "From: bob@example.org\nSubject: Re: delivery failed\nIn-Reply-To: <a@b>",
            Auto::None,
        ),
    ] {
        assert_eq!(
            headers(format!("{fields}\n\ntext").as_bytes()).auto,
            expected,
            "{fields}"
        );
    }
}

#[test]
fn the_report_has_the_documented_form() {
    let report = report(b"From: Alice <alice@example.org>\nTo: bob@example.com\nSubject: =?utf-8?Q?caf=C3=A9?=\nDate: Tue, 14 May 2024 09:30:00 +0200\nMessage-ID: <a@b>\nIn-Reply-To: <c@d>\nReferences: <e@f> <c@d>\n\nhello\n");
    assert_eq!(
        report,
        serde_json::json!({
            "from": "alice@example.org", "to": ["bob@example.com"], "subject": "café", "date": "2024-05-14T07:30:00Z",
            "message_id": "a@b", "in_reply_to": ["c@d"], "references": ["e@f", "c@d"], "auto": "none", "quoted": Value::Null,
            "events": [{"type": "m.room.message", "content": {"msgtype": "m.text", "body": "hello", "m.mentions": {}}}],
        })
    );
}

#[test]
fn special_mails_say_what_they_are() {
    let invitation = "Subject: Lunch\nContent-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nSUMMARY:Lunch\nDTSTART:20240514T093000Z\nEND:VEVENT\nEND:VCALENDAR\n";
    let converted = assert_safe(invitation.as_bytes());
    assert_eq!(
        body(&converted),
        "Invitation: Lunch · Tue 14 May 2024, 09:30 (UTC)"
    );
    assert_eq!(converted.events[0].1["filename"], "calendar.ics");

    let attached = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nSee this.\n--b\nContent-Type: message/rfc822\n\nSubject: Old news\nFrom: Carol <carol@example.org>\n\nhello\n--b--\n";
    let converted = assert_safe(attached.as_bytes());
    assert_eq!(converted.events[1].1["body"], "Email: Old news · from Carol");
    assert_eq!(converted.events[1].1["filename"], "message.eml");

    let encrypted = "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\n\n--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--b\nContent-Type: application/octet-stream; name=encrypted.asc\n\n-----BEGIN PGP MESSAGE-----\n--b--\n";
    let converted = assert_safe(encrypted.as_bytes());
    assert_eq!(converted.events[0].1["msgtype"], "m.notice");
    assert_eq!(converted.uploads.len(), 1);

    let reaction = "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Disposition: reaction\nContent-Type: text/plain; charset=utf-8\n\n👍\n--b--\n";
    let context = ThreadContext {
        answers: Some("$question".try_into().unwrap()),
        ..ThreadContext::default()
    };
    let converted = convert(reaction.as_bytes(), &context);
    assert_eq!(converted.events[0].0, "m.reaction");
    assert_eq!(converted.events[0].1["m.relates_to"]["key"], "👍");
    assert_eq!(text_of(reaction), "👍");
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

#[test]
fn an_invitation_that_is_there_twice_is_shown_once() {
    let calendar = "BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nSUMMARY:Lunch\nEND:VEVENT\nEND:VCALENDAR";
    let mail = format!(
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nCome!\n--b\nContent-Type: text/calendar; method=REQUEST\n\n{calendar}\n--b\nContent-Type: application/ics; name=invite.ics\n\n{calendar}\n--b--\n"
    );
    let converted = assert_safe(mail.as_bytes());
    let names: Vec<&str> = converted
        .uploads
        .iter()
        .map(|upload| upload.name.as_str())
        .collect();
    assert_eq!(names, ["invite.ics"]);
}

#[test]
fn mails_with_little_in_them_still_say_something() {
    assert_eq!(text_of("Subject: only a subject\n\n"), "only a subject");
    assert_eq!(text_of("From: a@example.org\n\n"), "The email is empty.");
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
