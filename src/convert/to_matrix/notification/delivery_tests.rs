//! Reports as real programs write them.

use super::*;

/// A report by the book: what a person reads, and the fields about the recipient.
fn by_the_book(letter: &str, fields: &str) -> String {
    format!(
        "From: MAILER-DAEMON@mx.test\nSubject: Undelivered Mail Returned to Sender\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n\
         --b\nContent-Type: text/plain\n\n{letter}\n\n\
         --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\nArrival-Date: Sat, 21 Nov 2026 12:00:00 +0000\n\n{fields}\n\
         --b\nContent-Type: message/rfc822\n\nMessage-ID: <one@mail.lab.test>\nSubject: 550 5.2.2 in the subject\n\nhi\n--b--\n"
    )
}

/// A report in a server's own words.
fn letter(subject: &str, text: &str) -> String {
    format!("From: MAILER-DAEMON@mx.test\nSubject: {subject}\n\n{text}\n")
}

#[test]
fn reports_by_the_book() {
    for (program, fields, delivery, reason, words) in [
        (
            "Postfix",
            "Final-Recipient: rfc822; alice@example.org\nOriginal-Recipient: rfc822;alice@example.org\nAction: failed\nStatus: 5.1.1\n\
             Remote-MTA: dns; mx.example.org\nDiagnostic-Code: smtp; 550 5.1.1 <alice@example.org>: Recipient address\n    rejected: User unknown\n",
            Delivery::Failed,
            Some("there is no such mailbox"),
            "550 5.1.1 <alice@example.org>: Recipient address rejected: User unknown",
        ),
        (
            "Gmail",
            "Final-Recipient: rfc822; alice@example.org\nAction: failed\nStatus: 5.2.2\n\
             Diagnostic-Code: smtp; 552-5.2.2 The recipient's inbox is out of storage space. Please\n 552-5.2.2 direct them to\n \
             552 5.2.2  https://mail.example/quota ab12si3456.78 - gsmtp\nLast-Attempt-Date: Sat, 21 Nov 2026 04:00:01 -0800 (PST)\n",
            Delivery::Failed,
            Some("the mailbox is full"),
            "552 5.2.2 The recipient's inbox is out of storage space. Please direct them to https://mail.example/quota ab12si3456.78 - gsmtp",
        ),
        (
            "Gmail, a delay",
            "Final-Recipient: rfc822; alice@example.org\nAction: delayed\nStatus: 4.4.1\nDiagnostic-Code: smtp; The recipient server did not \
             accept our requests to connect.\n [mx.example.org 192.0.2.1: timed out]\nWill-Retry-Until: Mon, 23 Nov 2026 04:00:01 -0800 (PST)\n",
            Delivery::Delayed,
            Some("the mail server can't be reached"),
            "The recipient server did not accept our requests to connect. [mx.example.org 192.0.2.1: timed out]",
        ),
        (
            "Exchange Online",
            "Final-Recipient: rfc822;alice@example.org\nAction: failed\nStatus: 5.1.10\nDiagnostic-Code: smtp;550 5.1.10 \
             RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup\n",
            Delivery::Failed,
            Some("there is no such mailbox"),
            "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
        ),
        (
            "Sendmail, after its patience",
            "Final-Recipient: RFC822; alice@example.org\nAction: failed\nStatus: 4.4.7\n",
            Delivery::Failed,
            Some("the mail server can't be reached"),
            "It was not delivered.",
        ),
        (
            "Exim, with a comment",
            "Action: failed (user unknown)\nFinal-Recipient: rfc822;alice@example.org\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 no such user here\n",
            Delivery::Failed,
            Some("there is no such mailbox"),
            "550 no such user here",
        ),
        (
            "without an action",
            "Final-Recipient: rfc822;alice@example.org\nStatus: 4.2.0 (greylisted)\n",
            Delivery::Delayed,
            None,
            "It was not delivered.",
        ),
        (
            "Postfix, after a delay",
            "Final-Recipient: rfc822; alice@example.org\nAction: relayed\nStatus: 2.0.0\nDiagnostic-Code: smtp; 250 2.0.0 Ok: queued as 4F2\n",
            Delivery::Delivered,
            None,
            "250 2.0.0 Ok: queued as 4F2",
        ),
    ] {
        let report = delivery_report(by_the_book("It was not delivered.", fields).as_bytes());
        assert_eq!(
            (report.delivery, report.reason, report.words.as_deref()),
            (delivery, reason, Some(words)),
            "{program}"
        );
        assert_eq!(
            report.recipients,
            ["alice@example.org".parse().unwrap()],
            "{program}"
        );
    }
}

#[test]
fn the_worst_counts() {
    let fields = "Final-Recipient: rfc822; carol@example.org\nAction: delivered\nStatus: 2.1.5\n\n\
                  Final-Recipient: rfc822; alice@example.org\nAction: failed\nStatus: 5.2.2\n\n\
                  Final-Recipient: rfc822; erin@example.org\nAction: delayed\nStatus: 4.4.1\n";
    let report = delivery_report(by_the_book("Sorry.", fields).as_bytes());
    assert_eq!(
        (report.delivery, report.reason),
        (Delivery::Failed, Some("the mailbox is full"))
    );
    assert_eq!(report.recipients, ["alice@example.org".parse().unwrap()]);
}

#[test]
fn letters_of_servers_with_words_of_their_own() {
    for (program, mail, delivery, reason, words) in [
        (
            "qmail",
            letter(
                "failure notice",
                "Hi. This is the qmail-send program at mx.test.\nI'm afraid I wasn't able to deliver your message to the following addresses.\n\
                 This is a permanent error; I've given up. Sorry it didn't work out.\n\n<alice@example.org>:\n192.0.2.1 does not like recipient.\n\
                 Remote host said: 550 User unknown\nGiving up on 192.0.2.1.\n\n--- Below this line is a copy of the message.\n\n\
                 Message-ID: <one@mail.lab.test>\n\n552 5.2.2 quota",
            ),
            Delivery::Failed,
            Some("there is no such mailbox"),
            "192.0.2.1 does not like recipient. Remote host said: 550 User unknown Giving up on 192.0.2.1.",
        ),
        (
            "Yahoo",
            letter(
                "Failure Notice",
                "Sorry, we were unable to deliver your message to the following address.\n\n<alice@example.org>:\n554: delivery error: dd \
                 Requested mail action aborted: mailbox unavailable - mta1.example\n\n--- Below this line is a copy of the message.",
            ),
            Delivery::Failed,
            Some("there is no such mailbox"),
            "554: delivery error: dd Requested mail action aborted: mailbox unavailable - mta1.example",
        ),
        (
            "Exim",
            letter(
                "Mail delivery failed: returning message to sender",
                "This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more \
                 of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n  alice@example.org\n    host mx.example.org \
                 [192.0.2.1]\n    SMTP error from remote mail server after RCPT TO:<alice@example.org>:\n    552 Quota exceeded\n\n\
                 ------ This is a copy of the message, including all the headers. ------\n\nMessage-Id: <one@mail.lab.test>",
            ),
            Delivery::Failed,
            Some("the mailbox is full"),
            "host mx.example.org [192.0.2.1] SMTP error from remote mail server after RCPT TO:<alice@example.org>: 552 Quota exceeded",
        ),
        (
            "Exim, a delay",
            letter(
                "Warning: message 1abcde-000001-AB delayed 24 hours",
                "A message that you sent has not yet been delivered to one or more of its\nrecipients after more than 24 hours on the queue on \
                 mx.test.\n\nThe address to which the message has not yet been delivered is:\n\n  alice@example.org\n    Delay reason: Connection \
                 timed out\n\nNo action is required on your part. Delivery attempts will continue for\nsome time.",
            ),
            Delivery::Delayed,
            Some("the mail server can't be reached"),
            "Delay reason: Connection timed out",
        ),
        (
            "Exchange of old",
            letter(
                "Undeliverable: hi",
                "Your message did not reach some or all of the intended recipients.\n\n      Subject:\thi\n      Sent:\t11/21/2026 12:00 PM\n\n\
                 The following recipient(s) cannot be reached:\n\n      'alice@example.org' on 11/21/2026 12:00 PM\n            The e-mail account \
                 does not exist at the organization this message was sent to.\n            <mx.example.org #5.1.1>",
            ),
            Delivery::Failed,
            Some("there is no such mailbox"),
            "The e-mail account does not exist at the organization this message was sent to. <mx.example.org #5.1.1>",
        ),
        (
            "Gmail of old",
            letter(
                "Delivery Status Notification (Failure)",
                "Delivery to the following recipient failed permanently:\n\n     alice@example.org\n\nTechnical details of permanent failure: \n\
                 DNS Error: Domain name not found\n\n----- Original message -----\n\nMessage-ID: <one@mail.lab.test>",
            ),
            Delivery::Failed,
            Some("there is no mail server for this address"),
            "Delivery to the following recipient failed permanently: alice@example.org Technical details of permanent failure: DNS Error: Domain \
             name not found",
        ),
        (
            "Sendmail",
            letter(
                "Returned mail: see transcript for details",
                "The original message was received at Sat, 21 Nov 2026 12:00:00 GMT\n\n   ----- The following addresses had permanent fatal errors \
                 -----\n<alice@example.org>\n    (reason: 550 5.1.1 <alice@example.org>... User unknown)\n\n   ----- Transcript of session follows \
                 -----\n... while talking to mx.example.org.:\n>>> RCPT To:<alice@example.org>",
            ),
            Delivery::Failed,
            Some("there is no such mailbox"),
            "(reason: 550 5.1.1 <alice@example.org>... User unknown)",
        ),
    ] {
        let report = delivery_report(mail.as_bytes());
        assert_eq!(
            (report.delivery, report.reason, report.words.as_deref()),
            (delivery, reason, Some(words)),
            "{program}"
        );
        assert!(report.recipients.is_empty(), "{program}");
    }
}

#[test]
fn a_letter_in_html_alone_is_read() {
    let mail = "From: postmaster@mx.test\nSubject: Undeliverable: hi\nContent-Type: text/html\n\n<html><style>p { }</style>\
                <p>Your message to alice@example.org couldn't be delivered.</p> <p>alice wasn't found at example.org.</p></html>";
    let report = delivery_report(mail.as_bytes());
    assert_eq!(report.reason, Some("there is no such mailbox"));
    assert_eq!(
        report.words.as_deref(),
        Some("Your message to alice@example.org couldn't be delivered. alice wasn't found at example.org.")
    );
}

#[test]
fn what_nobody_can_read_is_a_failure() {
    for mail in [
        &b""[..],
        b"\x01\x02\x03",
        b"Content-Type: multipart/report; boundary=b\n\n--b--",
        &[0xff; 300],
    ] {
        let report = delivery_report(mail);
        assert_eq!((report.delivery, report.reason), (Delivery::Failed, None));
    }
    let endless = letter(
        "failure notice",
        &format!("<alice@example.org>: {}", "550 no ".repeat(10_000)),
    );
    let words = delivery_report(endless.as_bytes()).words.unwrap();
    assert_eq!(words.chars().count(), MAX_WORDS);
}
