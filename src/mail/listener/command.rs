//! Command lines, read by smtp-proto, and what it leaves to its caller.

use std::borrow::Cow;

use smtp_proto::{Error, MAIL_BODY_7BIT, MAIL_BODY_8BITMIME, MAIL_SMTPUTF8, MailFrom, RcptTo, Request};

use super::reply::Reply;

/// A command that a session can act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// EHLO, HELO or LHLO, and the name that the client gives itself.
    Hello(Hello, String),
    /// MAIL: the reverse-path, empty for `<>`, and the declared size in bytes, 0 when there is none.
    Mail { sender: String, size: usize },
    /// RCPT: the forward-path.
    Rcpt { recipient: String },
    /// DATA.
    Data,
    /// BDAT (RFC 3030): the bytes that follow the line, and whether they end the message.
    Chunk { size: usize, last: bool },
    /// STARTTLS.
    StartTls,
    /// RSET.
    Reset,
    /// NOOP.
    Noop,
    /// VRFY.
    Verify,
    /// HELP.
    Help,
    /// QUIT.
    Quit,
}

/// The greeting words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hello {
    /// HELO: SMTP without extensions.
    Plain,
    /// EHLO: SMTP.
    Extended,
    /// LHLO: LMTP (RFC 2033, section 4.1).
    Local,
}

/// Why a line is no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rejected {
    pub(super) reply: Reply,
    /// The session must end: message bytes may follow that would be taken for commands.
    pub(super) close: bool,
}

impl From<Reply> for Rejected {
    fn from(reply: Reply) -> Self {
        Self { reply, close: false }
    }
}

/// Reads one line, its line end included.
///
/// The line end must be CRLF (RFC 5321, section 2.3.8), and there is no other CR or LF: what looks like one
/// line to us and like two to a server in front is how commands are smuggled.
pub(super) fn parse(line: &[u8]) -> Result<Command, Rejected> {
    let text = line.strip_suffix(b"\r\n").filter(|text| !text.contains(&b'\r'));
    let Some(text) = text else {
        return Err(Reply::new(
            500,
            "5.5.2",
            "A command ends with CR LF and holds no other CR or LF",
        )
        .into());
    };
    let Ok(text) = str::from_utf8(text) else {
        return Err(Reply::new(500, "5.5.2", "A command is ASCII or UTF-8").into());
    };
    let request = Request::parse(&mut line.iter());
    match request {
        Ok(Request::Ehlo { host } | Request::Helo { host } | Request::Lhlo { host })
            if has_control(&host) =>
        {
            Err(Reply::new(501, "5.5.4", "A name holds no control characters").into())
        }
        Ok(Request::Ehlo { host }) => Ok(Command::Hello(Hello::Extended, host.into_owned())),
        Ok(Request::Helo { host }) => Ok(Command::Hello(Hello::Plain, host.into_owned())),
        Ok(Request::Lhlo { host }) => Ok(Command::Hello(Hello::Local, host.into_owned())),
        Ok(Request::Mail { from }) => mail(text, from),
        Ok(Request::Rcpt { to }) => recipient(text, to),
        Ok(Request::Data) => Ok(Command::Data),
        Ok(Request::Bdat { chunk_size, is_last }) if exact(text) => Ok(Command::Chunk {
            size: chunk_size,
            last: is_last,
        }),
        Ok(Request::StartTls) => Ok(Command::StartTls),
        Ok(Request::Rset) => Ok(Command::Reset),
        Ok(Request::Noop { .. }) => Ok(Command::Noop),
        Ok(Request::Vrfy { .. }) => Ok(Command::Verify),
        Ok(Request::Help { .. }) => Ok(Command::Help),
        Ok(Request::Quit) => Ok(Command::Quit),
        // How many bytes of message follow is anybody's guess.
        _ if is_chunk(text) => Err(Rejected {
            reply: Reply::new(501, "5.5.4", "BDAT needs a size in bytes; closing the connection"),
            close: true,
        }),
        Ok(_) => Err(Reply::new(502, "5.5.1", "Command not implemented").into()),
        Err(error) => Err(explain(&error).into()),
    }
}

fn is_chunk(text: &str) -> bool {
    text.get(..4)
        .is_some_and(|verb| verb.eq_ignore_ascii_case("BDAT"))
}

/// smtp-proto starts over when a number overflows, which would leave chunk and size at odds.
fn exact(text: &str) -> bool {
    text.bytes().filter(u8::is_ascii_digit).count() <= 15
}

fn mail(text: &str, from: MailFrom<Cow<'_, str>>) -> Result<Command, Rejected> {
    let known = MailFrom {
        address: from.address.clone(),
        // 8BITMIME and SMTPUTF8 change nothing here: bytes and addresses are taken as they come, also from
        // clients that do not ask, as Postfix has it (`strict_smtputf8 = no`).
        flags: from.flags & (MAIL_BODY_7BIT | MAIL_BODY_8BITMIME | MAIL_SMTPUTF8),
        size: from.size,
        // AUTH=<> is sent by some clients without our offer, and means nothing (RFC 4954, section 5).
        auth: from.auth.clone(),
        ..MailFrom::default()
    };
    if from != known {
        return Err(unknown_parameter().into());
    }
    // `<postmaster>` without a domain comes out empty, which must not become the null reverse-path.
    if (from.address.is_empty() && mentions_postmaster(text)) || has_control(&from.address) {
        return Err(bad_sender().into());
    }
    Ok(Command::Mail {
        sender: from.address.into_owned(),
        size: from.size,
    })
}

fn recipient(text: &str, to: RcptTo<Cow<'_, str>>) -> Result<Command, Rejected> {
    let known = RcptTo {
        address: to.address.clone(),
        ..RcptTo::default()
    };
    if to != known {
        return Err(unknown_parameter().into());
    }
    // `RCPT TO:<postmaster>` must be understood (RFC 5321, section 4.5.1).
    let recipient = if to.address.is_empty() && mentions_postmaster(text) {
        "postmaster".to_owned()
    } else {
        to.address.into_owned()
    };
    if recipient.is_empty() || has_control(&recipient) {
        return Err(bad_recipient().into());
    }
    Ok(Command::Rcpt { recipient })
}

fn mentions_postmaster(text: &str) -> bool {
    text.to_ascii_lowercase().contains("postmaster")
}

/// Quoted local parts and names of clients may hold anything; a NUL does not even fit into PostgreSQL's TEXT.
fn has_control(address: &str) -> bool {
    address.chars().any(char::is_control)
}

fn unknown_parameter() -> Reply {
    Reply::new(555, "5.5.4", "Parameter not recognized or not implemented")
}

fn bad_sender() -> Reply {
    Reply::new(501, "5.1.7", "The sender is not an address")
}

fn bad_recipient() -> Reply {
    Reply::new(501, "5.1.3", "The recipient is not an address")
}

fn explain(error: &Error) -> Reply {
    match error {
        Error::InvalidSenderAddress => bad_sender(),
        Error::InvalidRecipientAddress => bad_recipient(),
        Error::SyntaxError { syntax } => Reply::with_text(501, "5.5.2", format!("Syntax: {syntax}")),
        Error::InvalidParameter { param } => {
            Reply::with_text(501, "5.5.4", format!("{param} has a value that is not allowed"))
        }
        Error::UnsupportedParameter { .. } => unknown_parameter(),
        Error::UnknownCommand
        | Error::NeedsMoreData { .. }
        | Error::ResponseTooLong
        | Error::InvalidResponse { .. } => Reply::new(500, "5.5.2", "Command not recognized"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_read() {
        let mail = |sender: &str, size| Command::Mail {
            sender: sender.to_owned(),
            size,
        };
        let rcpt = |recipient: &str| Command::Rcpt {
            recipient: recipient.to_owned(),
        };
        for (line, command) in [
            (
                "EHLO mx.example.org",
                Command::Hello(Hello::Extended, "mx.example.org".into()),
            ),
            (
                "helo [192.0.2.1]",
                Command::Hello(Hello::Plain, "[192.0.2.1]".into()),
            ),
            ("LHLO x", Command::Hello(Hello::Local, "x".into())),
            ("MAIL FROM:<a@example.org>", mail("a@example.org", 0)),
            (
                "mail from: <a@example.org> size=12 body=8bitmime smtputf8",
                mail("a@example.org", 12),
            ),
            ("MAIL FROM:<>", mail("", 0)),
            ("MAIL FROM:<a@example.org> AUTH=<>", mail("a@example.org", 0)),
            (
                "MAIL FROM:<jürgen@müller.example>",
                mail("jürgen@müller.example", 0),
            ),
            ("MAIL FROM:<@one,@two:a@example.org>", mail("a@example.org", 0)),
            (
                "RCPT TO:<bob+k3@mail.example.org>",
                rcpt("bob+k3@mail.example.org"),
            ),
            ("RCPT TO:<Postmaster>", rcpt("postmaster")),
            ("BDAT 12 LAST", Command::Chunk { size: 12, last: true }),
            ("BDAT 0", Command::Chunk { size: 0, last: false }),
            ("DATA", Command::Data),
            ("STARTTLS", Command::StartTls),
            ("NOOP anything", Command::Noop),
            ("VRFY bob", Command::Verify),
            ("RSET", Command::Reset),
            ("HELP", Command::Help),
            ("QUIT", Command::Quit),
        ] {
            assert_eq!(parse(format!("{line}\r\n").as_bytes()), Ok(command), "{line}");
        }
    }

    #[test]
    fn what_is_no_command_says_why() {
        for (line, reply) in [
            (&b"FETCH 1\r\n"[..], "500 5.5.2"),
            (b"\r\n", "500 5.5.2"),
            (b"NOOP\n", "500 5.5.2"),
            (b"NOOP\r\r\n", "500 5.5.2"),
            (b"MAIL FROM:<a@example.org>\rRSET\r\n", "500 5.5.2"),
            (b"MAIL FROM:<\xff@example.org>\r\n", "500 5.5.2"),
            (b"EHLO\r\n", "501 5.5.2"),
            (b"EHLO a\0b\r\n", "501 5.5.4"),
            (b"MAIL FROM:a@example.org\r\n", "501 5.5.2"),
            (b"MAIL FROM:<a>\r\n", "501 5.1.7"),
            (b"MAIL FROM:<postmaster>\r\n", "501 5.1.7"),
            (b"MAIL FROM:<a@example.org> BODY=BINARYMIME\r\n", "555 5.5.4"),
            (b"MAIL FROM:<a@example.org> RET=HDRS\r\n", "555 5.5.4"),
            (b"MAIL FROM:<a@example.org> X=Y\r\n", "555 5.5.4"),
            (b"RCPT TO:<>\r\n", "501 5.1.3"),
            (b"RCPT TO:<bob>\r\n", "501 5.1.3"),
            (b"RCPT TO:<\"a\0b\"@example.org>\r\n", "501 5.1.3"),
            (b"RCPT TO:<b@example.org> NOTIFY=NEVER\r\n", "555 5.5.4"),
            (b"AUTH PLAIN AGEAYg==\r\n", "502 5.5.1"),
            (b"EXPN all\r\n", "502 5.5.1"),
            (b"ETRN example.org\r\n", "502 5.5.1"),
        ] {
            let rejected = parse(line).unwrap_err();
            let mut out = Vec::new();
            rejected.reply.write(&mut out);
            let out = String::from_utf8(out).unwrap();
            assert!(out.starts_with(reply), "{}: {out}", String::from_utf8_lossy(line));
            assert!(!rejected.close);
        }
    }

    #[test]
    fn a_chunk_of_unknown_size_ends_the_session() {
        for line in [
            "BDAT",
            "BDAT x",
            "BDAT -1",
            "BDAT 18446744073709551615 LAST",
            "bdat 99999999999999999999",
        ] {
            assert!(
                parse(format!("{line}\r\n").as_bytes()).unwrap_err().close,
                "{line}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_line_is_too_strange(
            verb in "(MAIL FROM:<|RCPT TO:<|BDAT |EHLO |AUTH |VRFY |)",
            rest in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let line: Vec<u8> = verb.bytes().chain(rest).chain(*b"\r\n").collect();
            if let Ok(Command::Mail { sender: address, .. } | Command::Rcpt { recipient: address }) = parse(&line) {
                prop_assert!(!has_control(&address));
            }
        }
    }
}
