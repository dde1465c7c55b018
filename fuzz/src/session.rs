//! SMTP and LMTP sessions, without sockets.

use std::sync::Arc;

use penpal::mail::listener::session::{Action, Session, Terms};
use penpal::mail::listener::{Limits, Protocol, Rates};
use penpal::model::{IncomingMail, Refusal};
use tokio::time::Instant;

/// The longest reply line with its end, in bytes (RFC 5321, section 4.5.3.1.5).
const MAX_REPLY: usize = 512;

/// The first byte says what door it is: `s` for SMTP, `l` for LMTP, in capitals with small limits and a client on the internet. What
/// the client says follows.
pub fn check(data: &[u8]) {
    let Some((door, script)) = data.split_first() else {
        return;
    };
    let protocol = if door.eq_ignore_ascii_case(&b'l') {
        Protocol::Lmtp
    } else {
        Protocol::Smtp
    };
    let is_small = door.is_ascii_uppercase();
    let whole = talk(protocol, is_small, script, usize::MAX);
    for piece in [1, 7] {
        let pieces = talk(protocol, is_small, script, piece);
        assert_eq!(pieces, whole, "the outcome depends on how the bytes were cut");
    }
}

/// What came of a session: replies and mails.
type Outcome = (Vec<u8>, Vec<(String, Vec<String>, Vec<u8>)>);

fn limits(is_small: bool) -> Limits {
    if !is_small {
        return Limits::default();
    }
    Limits {
        max_size: 100,
        max_command_line: 80,
        max_recipients: 3,
        max_commands: 30,
        max_errors: 5,
        ..Limits::default()
    }
}

fn answer(recipient: &str) -> Result<(), Refusal> {
    match recipient.bytes().next() {
        Some(b'n') => Err(Refusal::unknown_recipient(
            "No such user \r\n250 2.0.0 here: jürgen",
        )),
        Some(b'd') => Err(Refusal::try_again("The store is away")),
        _ => Ok(()),
    }
}

fn talk(protocol: Protocol, is_small: bool, script: &[u8], piece: usize) -> Outcome {
    let limits = limits(is_small);
    let peer = is_small.then(|| std::net::IpAddr::from([192, 0, 2, 1]));
    let terms = Terms::new(protocol, "mail.example.org", limits.clone(), Rates::default());
    let mut session = Session::new(Arc::new(terms), peer, Instant::now());
    let (mut output, mut mails, mut allowed, mut owed) = (Vec::new(), Vec::new(), Vec::new(), 0);
    'script: for mut input in std::iter::once(&b""[..]).chain(script.chunks(piece)) {
        loop {
            match session.advance(&mut input) {
                Action::Read => break,
                Action::CheckRecipient { sender, recipient } => {
                    assert!(!sender.contains(char::is_control) && !recipient.contains(char::is_control));
                    assert!(!recipient.is_empty() && recipient.len() <= limits.max_command_line);
                    let answer = answer(&recipient);
                    if answer.is_ok() {
                        allowed.push(recipient);
                    }
                    session.recipient_checked(answer);
                }
                Action::Accept(mail) => {
                    judge(&mail, &limits, &allowed);
                    let before = lines(&session.take_output(), &mut output);
                    let answers: Vec<_> = mail.recipients.iter().map(|_| Ok(())).collect();
                    session.accepted(&answers);
                    let after = lines(&session.take_output(), &mut output);
                    let due = if protocol == Protocol::Lmtp {
                        answers.len()
                    } else {
                        1
                    };
                    assert_eq!(after, due, "a reply for each recipient in LMTP, one in SMTP");
                    owed += before + after;
                    mails.push((mail.sender, mail.recipients, mail.bytes.head().to_vec()));
                }
                Action::StartTls => panic!("there is no TLS here"),
                Action::Close => break 'script,
            }
        }
        assert!(
            input.is_empty(),
            "a session that wants more has used up what it had"
        );
    }
    owed += lines(&session.take_output(), &mut output);
    let commands = script.split(|byte| *byte == b'\n').count();
    // A greeting, a farewell, eight lines for EHLO at most, and in LMTP an answer for each recipient.
    assert!(
        owed <= 2
            + commands * 8
            + mails.iter().map(|(_, to, _)| to.len()).sum::<usize>()
            + limits.max_recipients
    );
    (output, mails)
}

fn judge(mail: &IncomingMail, limits: &Limits, allowed: &[String]) {
    assert!(mail.bytes.len() <= limits.max_size as u64, "a mail is too large");
    assert!(!mail.recipients.is_empty() && mail.recipients.len() <= limits.max_recipients);
    assert!(
        mail.recipients.iter().all(|to| allowed.contains(to)),
        "somebody who was not allowed"
    );
    assert!(
        !mail.peer.hello.contains(char::is_control),
        "{:?}",
        mail.peer.hello
    );
}

/// Checks reply lines, adds them to what came before, and counts them.
fn lines(replies: &[u8], output: &mut Vec<u8>) -> usize {
    output.extend_from_slice(replies);
    let Some(text) = replies.strip_suffix(b"\r\n") else {
        assert!(replies.is_empty(), "a reply without its end");
        return 0;
    };
    let text = std::str::from_utf8(text).expect("ASCII");
    let mut count = 0;
    for line in text.split("\r\n") {
        assert!(line.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{line:?}");
        assert!(line.len() + 2 <= MAX_REPLY, "{line:?}");
        let bytes = line.as_bytes();
        assert!(
            matches!(bytes.first(), Some(b'2'..=b'5')) && bytes[1..3].iter().all(u8::is_ascii_digit),
            "{line:?}"
        );
        assert!(matches!(bytes.get(3), Some(b' ' | b'-')), "{line:?}");
        count += 1;
    }
    count
}
