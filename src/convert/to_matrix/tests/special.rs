//! Mails of machines, invitations and the like.

use super::*;

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
