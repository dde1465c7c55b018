//! Verb by verb, and what attackers and odd clients send.

use proptest::prelude::*;

use super::*;

const OPENING: &str =
    "EHLO mx.example.org\r\nMAIL FROM:<alice@example.org>\r\nRCPT TO:<bob@here.example>\r\n";

/// What follows the replies to [`OPENING`].
fn after_opening(outcome: &Outcome) -> Vec<&str> {
    outcome.codes().split_off(11)
}

#[test]
fn one_mail_by_smtp() {
    let outcome = smtp(&format!(
        "{OPENING}DATA\r\nSubject: hi\r\n\r\nHello\r\n.\r\nQUIT\r\n"
    ));
    insta::assert_snapshot!(outcome.output.replace("\r\n", "\n"), @r"
    220 mail.example.org ESMTP Penpal
    250-mail.example.org
    250-PIPELINING
    250-SIZE 50000000
    250-ENHANCEDSTATUSCODES
    250-8BITMIME
    250-SMTPUTF8
    250 CHUNKING
    250 2.1.0 OK
    250 2.1.5 OK
    354 Go ahead, end with <CR><LF>.<CR><LF>
    250 2.0.0 OK, the message is safe
    221 2.0.0 Bye
    ");
    let mail = (
        "alice@example.org".to_owned(),
        vec!["bob@here.example".to_owned()],
        b"Subject: hi\r\n\r\nHello\r\n".to_vec(),
    );
    assert_eq!(outcome.mails, [mail]);
    assert!(outcome.closed);
}

#[test]
fn lmtp_answers_for_each_recipient() {
    let outcome = lmtp(
        "LHLO mx\r\nMAIL FROM:<>\r\nRCPT TO:<bob@h.example>\r\nRCPT TO:<nobody@h.example>\r\n\
         RCPT TO:<full@h.example>\r\nRCPT TO:<defer@h.example>\r\nDATA\r\nx\r\n.\r\nNOOP\r\n",
    );
    assert_eq!(
        outcome.codes()[8..],
        [
            "250 2.1.0",
            "250 2.1.5",
            "550 5.1.1",
            "250 2.1.5",
            "250 2.1.5",
            "354",
            "250 2.0.0",
            "550 5.7.1",
            "451 4.3.0",
            "250 2.0.0"
        ]
    );
    assert_eq!(outcome.mails[0].0, "", "the null reverse-path");
    assert_eq!(
        outcome.mails[0].1,
        ["bob@h.example", "full@h.example", "defer@h.example"]
    );
}

#[test]
fn lmtp_answers_for_each_recipient_also_when_the_message_is_too_large() {
    let limits = Limits {
        max_size: 10,
        ..Limits::default()
    };
    let script = "LHLO mx\r\nMAIL FROM:<>\r\nRCPT TO:<a@h.example>\r\nRCPT TO:<b@h.example>\r\n\
                  DATA\r\n0123456789\r\n.\r\nNOOP\r\n";
    let outcome = play(&terms(Protocol::Lmtp, limits), script.as_bytes(), 7);
    assert_eq!(
        outcome.codes()[11..],
        ["354", "552 5.3.4", "552 5.3.4", "250 2.0.0"]
    );
    assert_eq!(outcome.mails, []);
}

#[test]
fn a_door_takes_its_own_greeting_only() {
    for (outcome, code) in [
        (smtp("LHLO mx\r\n"), "500 5.5.1"),
        (lmtp("EHLO mx\r\n"), "500 5.5.1"),
        (lmtp("HELO mx\r\n"), "500 5.5.1"),
        (smtp("HELO mx\r\n"), "250"),
    ] {
        assert_eq!(outcome.codes()[1..], [code]);
    }
}

#[test]
fn commands_have_an_order() {
    for (script, codes) in [
        ("MAIL FROM:<a@b.example>\r\n", vec!["503 5.5.1"]),
        ("RCPT TO:<a@b.example>\r\n", vec!["503 5.5.1"]),
        ("DATA\r\n", vec!["503 5.5.1"]),
        ("STARTTLS\r\n", vec!["502 5.5.1"]),
        ("AUTH PLAIN\r\n", vec!["502 5.5.1"]),
        (
            "NOOP\r\nRSET\r\nVRFY bob\r\nHELP\r\n",
            vec!["250 2.0.0", "250 2.0.0", "252 2.5.0", "214 2.0.0"],
        ),
        (
            "HELO a\r\nMAIL FROM:<>\r\nMAIL FROM:<>\r\n",
            vec!["250", "250 2.1.0", "503 5.5.1"],
        ),
        (
            "HELO a\r\nMAIL FROM:<>\r\nDATA\r\n",
            vec!["250", "250 2.1.0", "503 5.5.1"],
        ),
        (
            "HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<nobody@b.example>\r\nDATA\r\n",
            vec!["250", "250 2.1.0", "550 5.1.1", "503 5.5.1"],
        ),
        (
            "HELO a\r\nMAIL FROM:<>\r\nRSET\r\nRCPT TO:<a@b.example>\r\n",
            vec!["250", "250 2.1.0", "250 2.0.0", "503 5.5.1"],
        ),
        (
            "HELO a\r\nMAIL FROM:<>\r\nHELO a\r\nRCPT TO:<a@b.example>\r\n",
            vec!["250", "250 2.1.0", "250", "503 5.5.1"],
        ),
    ] {
        assert_eq!(smtp(script).codes()[1..], codes, "{script}");
    }
}

#[test]
fn recipients_are_checked_at_rcpt_time() {
    let outcome = smtp(
        "HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<nobody@h.example>\r\nRCPT TO:<broken@h.example>\r\n\
         RCPT TO:<bob@h.example>\r\nRCPT TO:<postmaster>\r\n",
    );
    assert_eq!(
        outcome.codes()[3..],
        ["550 5.1.1", "451 4.3.0", "250 2.1.5", "250 2.1.5"]
    );
}

#[test]
fn store_trouble_is_451_for_all_in_smtp() {
    let script = "HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<bob@h.example>\r\nRCPT TO:<defer@h.example>\r\nDATA\r\nx\r\n.\r\n";
    assert_eq!(smtp(script).codes()[6..], ["451 4.3.0"]);
}

#[test]
fn a_message_is_taken_off_its_dots_and_nothing_else() {
    for (sent, kept) in [
        (".\r\n", ""),
        ("\r\n.\r\n", "\r\n"),
        ("..\r\n.\r\n", ".\r\n"),
        ("..two\r\n.one\r\n.\r\n", ".two\r\none\r\n"),
        ("a\r\n..\r\n...\r\n.\r\n", "a\r\n.\r\n..\r\n"),
        ("nul \0 byte\r\n.\r\n", "nul \0 byte\r\n"),
        ("lone\nLF and lone\rCR\r\n.\r\n", "lone\nLF and lone\rCR\r\n"),
        ("\r\r\n.\r\n", "\r\r\n"),
        (".\r\r\n.\r\n", "\r\r\n"),
        ("x\r\n.\rx\r\n.\r\n", "x\r\n\rx\r\n"),
    ] {
        for piece in [1, 2, 3, usize::MAX] {
            let terms = terms(Protocol::Smtp, Limits::default());
            let outcome = play(
                &terms,
                format!("{OPENING}DATA\r\n{sent}NOOP\r\n").as_bytes(),
                piece,
            );
            assert_eq!(outcome.mails.len(), 1, "{sent:?}");
            assert_eq!(
                String::from_utf8_lossy(&outcome.mails[0].2),
                kept,
                "{sent:?} in pieces of {piece}"
            );
            assert_eq!(after_opening(&outcome), ["250 2.0.0", "250 2.0.0"], "{sent:?}");
        }
    }
}

#[test]
fn only_crlf_dot_crlf_ends_a_message() {
    for end in [
        "\n.\n",
        "\n.\r\n",
        "\r\n.\n",
        "\r.\r",
        "\r.\r\n",
        "\r\n.\r",
        "\n.\r",
        "\r\n\0.\r\n",
        "\r\n.\0\r\n",
    ] {
        let smuggled = "MAIL FROM:<admin@here.example>\r\nRCPT TO:<bob@here.example>\r\nDATA\r\nforged";
        let script = format!("{OPENING}DATA\r\nfirst{end}{smuggled}\r\n.\r\n");
        let outcome = smtp(&script);
        assert_eq!(outcome.mails.len(), 1, "{end:?}");
        assert_eq!(outcome.mails[0].0, "alice@example.org");
        assert!(String::from_utf8_lossy(&outcome.mails[0].2).contains("MAIL FROM:<admin@here.example>"));
    }
}

#[test]
fn chunks_make_one_message() {
    let outcome = smtp(&format!(
        "{OPENING}BDAT 5\r\nab\r\n.BDAT 0\r\nBDAT 4 LAST\r\n\r\n.\nNOOP\r\n"
    ));
    assert_eq!(after_opening(&outcome), ["250 2.0.0"; 3]);
    // The second chunk is empty and the third holds what looks like the end of DATA.
    assert_eq!(outcome.mails[0].2, b"ab\r\n.\r\n.\n");
}

#[test]
fn chunks_out_of_order_are_swallowed_with_their_bytes() {
    let outcome =
        smtp("EHLO a\r\nBDAT 6\r\nQUIT\r\nMAIL FROM:<a@b.example>\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n");
    assert_eq!(
        outcome.codes()[8..],
        ["503 5.5.1", "250 2.1.0", "503 5.5.1", "250 2.0.0"]
    );
    assert!(!outcome.closed);
}

#[test]
fn between_chunks_there_is_no_data_and_no_new_recipient() {
    let outcome = smtp(&format!(
        "{OPENING}BDAT 1\r\naDATA\r\nRCPT TO:<carol@h.example>\r\nNOOP\r\nBDAT 1 LAST\r\nb"
    ));
    assert_eq!(
        after_opening(&outcome),
        ["503 5.5.1", "503 5.5.1", "250 2.0.0", "250 2.0.0"]
    );
    assert_eq!(outcome.mails[0].2, b"ab");
}

#[test]
fn a_chunk_without_a_size_ends_the_session() {
    let outcome = smtp(&format!("{OPENING}BDAT many\r\nMAIL FROM:<forger@x.example>\r\n"));
    assert_eq!(outcome.codes().last(), Some(&"501 5.5.4"));
    assert!(outcome.closed);
}

#[test]
fn lmtp_takes_chunks_too() {
    let outcome = lmtp(
        "LHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@h.example>\r\nRCPT TO:<b@h.example>\r\nBDAT 1\r\nxBDAT 1 LAST\r\ny",
    );
    assert_eq!(outcome.codes()[11..], ["250 2.0.0", "250 2.0.0", "250 2.0.0"]);
    assert_eq!(outcome.mails[0].2, b"xy");
}

#[test]
fn several_mails_in_one_pipelined_session() {
    let mail = "MAIL FROM:<a@b.example>\r\nRCPT TO:<bob@h.example>\r\nDATA\r\nx\r\n.\r\n";
    let outcome = smtp(&format!("EHLO a\r\n{}QUIT\r\n", mail.repeat(50)));
    assert_eq!(outcome.mails.len(), 50);
    assert!(outcome.closed);
}

#[test]
fn addresses_arrive_as_they_were_given() {
    let outcome = smtp(
        "EHLO a\r\nMAIL FROM:<Jürgen@müller.example> SMTPUTF8\r\nRCPT TO:<Bob+K3JD@Here.Example>\r\nDATA\r\n.\r\n",
    );
    assert_eq!(outcome.mails[0].0, "Jürgen@müller.example");
    assert_eq!(outcome.mails[0].1, ["Bob+K3JD@Here.Example"]);
}

/// Scripts of lines that make sense now and then.
fn script() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        Just(b"EHLO a\r\n".to_vec()),
        Just(b"LHLO a\r\n".to_vec()),
        Just(b"MAIL FROM:<a@b.example>\r\n".to_vec()),
        Just(b"RCPT TO:<bob@h.example>\r\n".to_vec()),
        Just(b"RCPT TO:<nobody@h.example>\r\n".to_vec()),
        Just(b"DATA\r\n".to_vec()),
        Just(b"..text\r\n.\r\n".to_vec()),
        Just(b"\r\n.\r\n".to_vec()),
        Just(b"BDAT 3\r\nabc".to_vec()),
        Just(b"BDAT 7 LAST\r\n\r\n.\r\nxy".to_vec()),
        Just(b"RSET\r\n".to_vec()),
        Just(b"QUIT\r\n".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..30),
    ];
    proptest::collection::vec(line, 0..30).prop_map(|lines| lines.concat())
}

proptest! {
    #[test]
    fn how_the_bytes_are_cut_makes_no_difference(script in script(), piece in 1usize..20, lmtp: bool) {
        let protocol = if lmtp { Protocol::Lmtp } else { Protocol::Smtp };
        let limits = Limits { max_size: 60, max_command_line: 40, max_recipients: 2, ..Limits::default() };
        let terms = terms(protocol, limits);
        let whole = play(&terms, &script, usize::MAX);
        prop_assert_eq!(&play(&terms, &script, 1), &whole);
        prop_assert_eq!(&play(&terms, &script, piece), &whole);
        prop_assert_eq!(terms.budget.left(), 200_000_000);
    }

    #[test]
    fn rubbish_never_ends_in_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        play(&terms(Protocol::Smtp, Limits::default()), &bytes, 100);
    }

    #[test]
    fn any_text_survives_dot_stuffing(lines in proptest::collection::vec("[.\\x00a\r]{0,6}", 0..10)) {
        let text = lines.join("\r\n") + if lines.is_empty() { "" } else { "\r\n" };
        let stuffed: String = text
            .split_inclusive("\r\n")
            .map(|line| if line.starts_with('.') { format!(".{line}") } else { line.to_owned() })
            .collect();
        let outcome = smtp(&format!("{OPENING}DATA\r\n{stuffed}.\r\n"));
        prop_assert_eq!(&outcome.mails[0].2, text.as_bytes());
    }
}
