//! Mails that are large, broken or nearly empty.

use super::*;

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
fn mails_with_little_in_them_still_say_something() {
    assert_eq!(text_of("Subject: only a subject\n\n"), "only a subject");
    assert_eq!(text_of("From: a@example.org\n\n"), "The email is empty.");
}
