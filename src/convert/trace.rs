//! The trace fields that Penpal puts on top of a mail that it takes over, and what they tell it later.
//!
//! A mail is stored with them, so that whoever looks into the queue sees an ordinary mail. RFC 5321, section 4.4: `Return-Path` holds the
//! reverse-path, `Received` the last step of the way. What was found out about the author stands above them in a field of our
//! own; it is believed in this one place only, at the very first byte, where nobody but [`stamp`] can write.

use crate::model::{EmailAddress, IncomingMail, Peer, Timestamp, Verdict};

/// The first field of a stored mail, and how it begins.
const MARK: &[u8] = b"X-Penpal-Verdict: ";
/// The third field, with the recipient (RFC 9228).
const RECIPIENT: &str = "Delivered-To: ";
/// The longest name of a peer that is written down.
const MAX_HELLO: usize = 255;

/// The trace fields that go on top of a mail.
pub fn stamp(mail: &IncomingMail, recipient: &str, now: Timestamp) -> Vec<u8> {
    let mut fields = Vec::from(MARK);
    let whom = match &mail.verdict {
        Verdict::Authenticated(address) => format!(" {address}"),
        _ => String::new(),
    };
    fields.extend_from_slice(format!("{}{whom}\r\n", mail.verdict.as_str()).as_bytes());
    let sender = clean(&mail.sender);
    fields.extend_from_slice(format!("Return-Path: <{sender}>\r\n").as_bytes());
    fields.extend_from_slice(format!("{RECIPIENT}{}\r\n", clean(recipient)).as_bytes());
    if !mail.peer.with.is_empty() {
        fields.extend_from_slice(received(&mail.peer, now).as_bytes());
    }
    fields
}

fn received(peer: &Peer, now: Timestamp) -> String {
    let date = mail_parser::DateTime::from_timestamp(now.seconds()).to_rfc822();
    let hello = clean(&peer.hello);
    let hello = if hello.is_empty() { "unknown" } else { &hello };
    let address = match peer.address {
        Some(address) if address.is_ipv6() => format!(" ([IPv6:{address}])"),
        Some(address) => format!(" ([{address}])"),
        None => String::new(),
    };
    format!(
        "Received: from {hello}{address}\r\n\tby {} (Penpal) with {};\r\n\t{date}\r\n",
        peer.by, peer.with
    )
}

/// What the peer said, without what could end a field, a comment or a bracket.
fn clean(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() && !c.is_whitespace() && !matches!(c, '<' | '>' | '(' | ')'))
        .take(MAX_HELLO)
        .collect()
}

/// What [`stamp`] wrote down of a mail's author. Why nobody vouches for it is not kept.
pub fn verdict(stored: &[u8]) -> Verdict {
    let line = stored
        .strip_prefix(MARK)
        .and_then(|rest| rest.split(|byte| *byte == b'\r').next())
        .and_then(|line| str::from_utf8(line).ok())
        .unwrap_or_default();
    match line.split_once(' ') {
        Some(("authenticated", address)) => EmailAddress::parse(address).map_or_else(
            |_| Verdict::Unauthenticated("unreadable".into()),
            Verdict::Authenticated,
        ),
        None if line == Verdict::Unchecked.as_str() => Verdict::Unchecked,
        _ => Verdict::Unauthenticated("not verified".into()),
    }
}

/// The recipient for whom [`stamp`] wrote a mail down, in the one place where nobody else can write.
pub fn recipient(stored: &[u8]) -> Option<&str> {
    let mut lines = stored.strip_prefix(MARK)?.split(|byte| *byte == b'\n');
    str::from_utf8(lines.nth(2)?)
        .ok()?
        .trim_end()
        .strip_prefix(RECIPIENT)
}

/// How many servers have handed a mail on (RFC 5321, section 6.3).
pub fn hops(raw: &[u8]) -> usize {
    values(raw, "Received").count()
}

/// The first lines of all fields of this name in the header.
pub(super) fn values<'a>(raw: &'a [u8], name: &'static str) -> impl Iterator<Item = &'a str> {
    let lines = raw.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    lines.take_while(|line| !line.is_empty()).filter_map(move |line| {
        let (field, value) = str::from_utf8(line).ok()?.split_once(':')?;
        field.trim_end().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(verdict: Verdict, hello: &str) -> IncomingMail {
        let peer = Peer {
            address: Some("192.0.2.7".parse().unwrap()),
            hello: hello.to_owned(),
            with: "ESMTP",
            by: "mail.example.org".to_owned(),
        };
        let bytes = b"From: alice@example.org\r\n\r\nhello\r\n".to_vec().into();
        let mut mail = IncomingMail::new(peer, "alice@example.org".into(), Vec::new(), bytes);
        mail.verdict = verdict;
        mail
    }

    fn stamped(mail: &IncomingMail, recipient: &str, now: Timestamp) -> Vec<u8> {
        [&stamp(mail, recipient, now), mail.bytes.head()].concat()
    }

    #[test]
    fn a_stored_mail_says_where_it_came_from() {
        let verdict = Verdict::Authenticated("alice@example.org".parse().unwrap());
        let stored = stamped(
            &mail(verdict, "mx.example.org"),
            "bob+k3jd@mail.example.org",
            Timestamp(1_795_262_400_000),
        );
        assert_eq!(
            String::from_utf8(stored).unwrap(),
            "X-Penpal-Verdict: authenticated alice@example.org\r\n\
             Return-Path: <alice@example.org>\r\n\
             Delivered-To: bob+k3jd@mail.example.org\r\n\
             Received: from mx.example.org ([192.0.2.7])\r\n\tby mail.example.org (Penpal) with ESMTP;\r\n\t\
             Sat, 21 Nov 2026 12:00:00 +0000\r\n\
             From: alice@example.org\r\n\r\nhello\r\n"
        );
    }

    #[test]
    fn the_verdict_comes_back() {
        let authenticated = Verdict::Authenticated("alice@example.org".parse().unwrap());
        let stored = stamped(&mail(authenticated.clone(), "x"), "b@x", Timestamp(0));
        assert_eq!(verdict(&stored), authenticated);
        let stored = stamped(&mail(Verdict::Unchecked, "x"), "b@x", Timestamp(0));
        assert_eq!(verdict(&stored), Verdict::Unchecked);
        for doubtful in [
            Verdict::Unauthenticated("spf=fail".into()),
            Verdict::Forged {
                reason: "dmarc=fail".into(),
                refusable: false,
            },
        ] {
            let stored = stamped(&mail(doubtful, "x"), "b@x", Timestamp(0));
            assert!(matches!(verdict(&stored), Verdict::Unauthenticated(_)));
        }
    }

    #[test]
    fn hops_are_those_of_the_header() {
        let mail = b"Received: a\r\nreceived : b\r\n c\r\nX-Received: d\r\n Received: e\r\nSubject: \xff\r\n\r\nReceived: f\r\n";
        assert_eq!(hops(mail), 2);
        assert_eq!(hops(b""), 0);
    }

    #[test]
    fn nobody_else_can_write_it() {
        let own =
            b"X-Penpal-Verdict: authenticated alice@example.org\r\nFrom: alice@example.org\r\n\r\nhello";
        let mut forged = mail(
            Verdict::Unauthenticated("none".into()),
            "x\r\nX-Penpal-Verdict: unchecked",
        );
        forged.bytes = own.to_vec().into();
        forged.sender = "a>\r\nX-Penpal-Verdict: unchecked".into();
        let stored = stamped(&forged, "b@x\r\nDelivered-To: c@x", Timestamp(0));
        assert_eq!(recipient(&stored), Some("b@xDelivered-To:c@x"));
        assert_eq!(recipient(own), None);
        assert_eq!(
            recipient(b"Delivered-To: a\r\nDelivered-To: b\r\nDelivered-To: c\r\n\r\n"),
            None
        );
        assert!(matches!(verdict(&stored), Verdict::Unauthenticated(_)));
        let text = String::from_utf8(stored).unwrap();
        assert!(
            text.contains("Return-Path: <aX-Penpal-Verdict:unchecked>\r\n"),
            "{text}"
        );
        assert!(matches!(verdict(b""), Verdict::Unauthenticated(_)));
    }
}
