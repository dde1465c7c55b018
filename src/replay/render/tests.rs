use serde_json::json;

use super::*;
use crate::matrix::MatrixError;
use crate::model::{EmailAddress, Envelope};
use crate::replay::homeserver::HomeserverRequest;
use crate::replay::mail::SentMail;

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

#[test]
fn a_mail_is_shown_as_its_reader_sees_it() {
    let message = concat!(
        "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nX-Injected: here\r\nFrom: \"Bob B\" <bob@mail.test>\r\n",
        "References: <a@x>\r\n <b@x>\r\nMIME-Version: 1.0\r\n",
        "Date: Sat, 21 Nov 2026 22:36:13 +0000\r\n",
        "Content-Type: multipart/mixed; boundary=\"random\"\r\n\r\n",
        "--random\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
        "one \r\ntwo\u{202e}\r\n\r\n--random\r\n",
        "Content-Type: image/png; name=p.png\r\nContent-Disposition: attachment; filename=p.png\r\n",
        "Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--random--\r\n",
    );
    let mail = SentMail {
        at: Timestamp(0),
        envelope: Envelope {
            sender: Some(address("bounce@mail.test")),
            recipient: address("alice@example.org"),
        },
        message: message.as_bytes().to_vec(),
    };
    insta::assert_snapshot!(render_mail(&mail), @r#"
    mail <bounce@mail.test> to <alice@example.org>
        From: "Bob B" <bob@mail.test>
        Subject: Grüße
        Date: 2026-11-21T22:36:13Z
        References: <a@x> <b@x>
        X-Injected: here
        multipart/mixed
            text/plain; charset=utf-8, 8bit
            | one␠
            | two\u{202e}
            image/png, base64, attachment "p.png", 3 bytes, sha256 709e80c88487
    "#);
}

#[test]
fn a_request_is_shown_by_name() {
    let details = json!({
        "txn_id": "t1", "timestamp": null,
        "content": {"body": "a\nb\u{7}", "m.relates_to": {"n": [1, 2]}, "empty": {}},
    });
    let request = HomeserverRequest {
        name: "send",
        user: Some("@a:hs.test".try_into().unwrap()),
        room: Some("!room".try_into().unwrap()),
        at: Timestamp(0),
        details: details.as_object().unwrap().clone(),
        error: Some(MatrixError::TooLarge { limit: 4 }),
    };
    insta::assert_snapshot!(render_request(&request), @"
    send @a:hs.test !room
        content:
            body:
                | a
                | b\\u{7}
            empty: {}
            m.relates_to:
                n:
                    -: 1
                    -: 2
        failed: the media has more than 4 bytes
    ");
}

#[test]
fn long_lines_are_cut_and_still_compared() {
    let one = visible(&"a".repeat(500));
    let other = visible(&format!("{}b", "a".repeat(499)));
    assert!(one.contains("… (100 more bytes, sha256 "), "{one}");
    assert_ne!(one, other);
}

#[test]
fn times_are_in_utc() {
    assert_eq!(
        render_time(Timestamp(1_795_299_373_279)),
        "2026-11-21T22:16:13.279Z"
    );
    assert_eq!(render_time(Timestamp(5)), "1970-01-01T00:00:00.005Z");
}
