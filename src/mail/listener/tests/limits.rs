//! Each limit and its reply.

use super::*;

fn with(limits: Limits, script: &str) -> Outcome {
    play(&terms(Protocol::Smtp, limits), script.as_bytes(), 100)
}

#[test]
fn a_declared_size_is_refused_before_the_message() {
    let limits = Limits {
        max_size: 1000,
        ..Limits::default()
    };
    let outcome = with(
        limits,
        "EHLO a\r\nMAIL FROM:<> SIZE=1001\r\nMAIL FROM:<> SIZE=1000\r\n",
    );
    assert_eq!(outcome.codes()[8..], ["552 5.3.4", "250 2.1.0"]);
}

#[test]
fn a_message_over_the_limit_is_refused_at_its_end() {
    let limits = Limits {
        max_size: 1000,
        ..Limits::default()
    };
    let mail = |bytes: usize| {
        format!(
            "MAIL FROM:<>\r\nRCPT TO:<a@h.example>\r\nDATA\r\n{}\r\n.\r\n",
            "x".repeat(bytes - 2)
        )
    };
    let outcome = with(limits.clone(), &format!("HELO a\r\n{}{}", mail(1001), mail(1000)));
    assert_eq!(
        outcome.codes()[2..],
        [
            "250 2.1.0",
            "250 2.1.5",
            "354",
            "552 5.3.4",
            "250 2.1.0",
            "250 2.1.5",
            "354",
            "250 2.0.0"
        ]
    );
    assert_eq!(outcome.mails.len(), 1);

    let chunks = format!(
        "EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@h.example>\r\nBDAT 1001\r\n{}BDAT 1 LAST\r\nxNOOP\r\n",
        "x".repeat(1001)
    );
    let outcome = with(limits, &chunks);
    assert_eq!(outcome.codes()[10..], ["552 5.3.4", "552 5.3.4", "250 2.0.0"]);
    assert_eq!(outcome.mails, []);
}

#[test]
fn all_messages_together_have_a_limit() {
    let terms = terms(
        Protocol::Smtp,
        Limits {
            max_size: 100_000,
            max_buffered: 1,
            ..Limits::default()
        },
    );
    let mut other = terms.budget.reservation();
    assert!(other.grow(350_000));
    let script = format!(
        "HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@h.example>\r\nDATA\r\n{}\r\n.\r\nNOOP\r\n",
        "x".repeat(90_000)
    );
    let outcome = play(&terms, script.as_bytes(), 4096);
    assert_eq!(outcome.codes()[4..], ["354", "452 4.3.1", "250 2.0.0"]);
    other.release();
    let outcome = play(&terms, script.as_bytes(), 4096);
    assert_eq!(outcome.codes()[4..], ["354", "250 2.0.0", "250 2.0.0"]);
    assert_eq!(terms.budget.left(), 400_000, "everything was given back");
}

#[test]
fn a_message_for_whose_file_there_is_no_room_is_put_off() {
    let terms = terms(
        Protocol::Lmtp,
        Limits {
            spool: Path::new("/nowhere/at/all").into(),
            ..Limits::default()
        },
    );
    let before = terms.budget.left();
    let mail = |length: usize| {
        let text = "x".repeat(length);
        format!("MAIL FROM:<>\r\nRCPT TO:<a@h.example>\r\nDATA\r\n{text}\r\n.\r\n")
    };
    let script = format!("LHLO a\r\n{}{}NOOP\r\n", mail(2_000_000), mail(1_000_000));
    let outcome = play(&terms, script.as_bytes(), 16 * 1024);
    let codes = outcome.codes();
    assert_eq!(
        codes.iter().filter(|code| **code == "452 4.3.1").count(),
        1,
        "{codes:?}"
    );
    assert_eq!(outcome.mails.len(), 1, "what fits into memory needs no file");
    assert_eq!(terms.budget.left(), before);
}

#[test]
fn a_large_message_comes_through_its_file_byte_for_byte() {
    let limits = Limits::default();
    let body: String = (0..200_000).map(|number| format!("line {number}\r\n")).collect();
    let script = format!("HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@h.example>\r\nDATA\r\n{body}.\r\n");
    let outcome = with(limits, &script);
    assert_eq!(outcome.mails.len(), 1);
    assert!(outcome.mails[0].2 == body.as_bytes());
}

#[test]
fn a_session_that_ends_in_a_message_gives_its_memory_back() {
    let terms = terms(Protocol::Smtp, Limits::default());
    let before = terms.budget.left();
    play(
        &terms,
        b"HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@h.example>\r\nDATA\r\nhalf a mess",
        10,
    );
    assert_eq!(terms.budget.left(), before);
}

#[test]
fn command_lines_have_a_limit_and_text_lines_have_none() {
    let outcome = with(
        Limits {
            max_command_line: 100,
            ..Limits::default()
        },
        &format!("NOOP {}\r\nNOOP {}\r\n", "x".repeat(93), "x".repeat(94)),
    );
    assert_eq!(outcome.codes()[1..], ["250 2.0.0", "500 5.5.2"]);

    let line = "x".repeat(1_000_000);
    let outcome = with(
        Limits::default(),
        &format!("HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@h.example>\r\nDATA\r\n{line}\r\n{line}\r\n.\r\n"),
    );
    assert_eq!(outcome.mails[0].2.len(), 2_000_004);
}

#[test]
fn ten_thousand_recipients() {
    let recipients: Vec<String> = (0..10_000)
        .map(|n| format!("RCPT TO:<user{n}@h.example>\r\n"))
        .collect();
    let recipients = recipients.concat();
    let outcome = with(
        Limits::default(),
        &format!("HELO a\r\nMAIL FROM:<>\r\n{recipients}DATA\r\nx\r\n.\r\n"),
    );
    let codes = outcome.codes();
    assert_eq!(codes.iter().filter(|code| **code == "250 2.1.5").count(), 1000);
    assert_eq!(codes.iter().filter(|code| **code == "452 4.5.3").count(), 9000);
    assert_eq!(
        codes.last(),
        Some(&"250 2.0.0"),
        "the first thousand get their mail"
    );
    assert_eq!(outcome.mails[0].1.len(), 1000);
    assert!(!outcome.closed);
}

#[test]
fn unknown_recipients_count_as_tried_but_not_as_mistakes() {
    let recipients = "RCPT TO:<nobody@h.example>\r\n".repeat(30);
    let limits = Limits {
        max_recipients: 25,
        max_errors: 5,
        ..Limits::default()
    };
    let outcome = with(limits, &format!("HELO a\r\nMAIL FROM:<>\r\n{recipients}RSET\r\n"));
    let codes = outcome.codes();
    assert_eq!(codes.iter().filter(|code| **code == "550 5.1.1").count(), 25);
    assert_eq!(codes.iter().filter(|code| **code == "452 4.5.3").count(), 5);
    assert!(!outcome.closed);
}

#[test]
fn too_many_mistakes_end_the_session() {
    let outcome = with(
        Limits {
            max_errors: 3,
            ..Limits::default()
        },
        "GET / HTTP/1.1\r\nHost: example.org\r\n\r\nNOOP\r\n",
    );
    assert_eq!(
        outcome.codes()[1..],
        ["500 5.5.2", "500 5.5.2", "500 5.5.2", "421 4.7.0"]
    );
    assert!(outcome.closed);
}

#[test]
fn too_many_commands_end_the_session() {
    let outcome = with(
        Limits {
            max_commands: 3,
            ..Limits::default()
        },
        &"NOOP\r\n".repeat(10),
    );
    assert_eq!(
        outcome.codes()[1..],
        ["250 2.0.0", "250 2.0.0", "250 2.0.0", "421 4.7.0"]
    );
    assert!(outcome.closed);
}

/// A million attempts come to nothing: who tries unknown recipients is sent away, and stays away for a while.
#[test]
fn a_stranger_does_not_find_out_who_is_here() {
    let script = |attempts: usize| {
        let attempt = "RCPT TO:<nobody@h.example>\r\n".repeat(attempts);
        format!("EHLO a\r\nMAIL FROM:<a@example.org>\r\n{attempt}")
    };
    let stranger = Some("192.0.2.1".parse().unwrap());
    let terms = terms(Protocol::Smtp, Limits::default());
    let outcome = play_from(stranger, &terms, script(1000).as_bytes(), 1000);
    assert!(outcome.closed);
    let codes = outcome.codes();
    assert_eq!(codes.iter().filter(|code| **code == "550 5.1.1").count(), 20);
    assert_eq!(codes.last(), Some(&"421 4.7.1"));
    play_from(stranger, &terms, script(1000).as_bytes(), 1000);
    let now = Instant::now();
    assert!(terms.throttle.connect("192.0.2.1".parse().unwrap(), now).is_err());
    assert!(terms.throttle.connect("192.0.2.2".parse().unwrap(), now).is_ok());
    // Those who may come from our own mail server bring what strangers send to us.
    for ours in [
        None,
        Some("127.0.0.1".parse().unwrap()),
        Some("10.0.0.1".parse().unwrap()),
    ] {
        assert!(!play_from(ours, &terms, script(900).as_bytes(), 1000).closed);
    }
    let lmtp = super::terms(Protocol::Lmtp, Limits::default());
    let script = script(900).replace("EHLO", "LHLO");
    assert!(!play_from(stranger, &lmtp, script.as_bytes(), 1000).closed);
}

#[test]
fn messages_have_a_rate_by_address_and_by_domain() {
    let mail = |sender: &str| format!("MAIL FROM:<{sender}>\r\nRSET\r\n");
    let limited = |peer: &str, terms: &Arc<Terms>, script: String| {
        let script = format!("HELO a\r\n{script}");
        let outcome = play_from(Some(peer.parse().unwrap()), terms, script.as_bytes(), 1000);
        let codes = outcome.codes();
        codes.iter().filter(|code| **code == "451 4.7.1").count()
    };
    let terms = terms(Protocol::Smtp, Limits::default());
    assert_eq!(limited("192.0.2.1", &terms, mail("a@example.org").repeat(70)), 10);
    assert_eq!(limited("127.0.0.1", &terms, mail("a@example.org").repeat(700)), 0);
    // 60 of the domain's 300 are used, whoever sends the others.
    let by_others = |number: u8| {
        limited(
            &format!("192.0.2.{number}"),
            &terms,
            mail("b@Example.ORG").repeat(60),
        )
    };
    assert_eq!((2..=7).map(by_others).sum::<usize>(), 120);
    assert_eq!(
        limited("192.0.2.99", &terms, mail("c@example.net") + &mail("")),
        0
    );
}
