//! What becomes of a message when the relay does not do what it should.

use secrecy::SecretString;

use super::server::{Heard, Then, good, start};
use super::*;

/// Where a server is not good, what it does there, and what becomes of it.
type Row<T> = (&'static str, fn() -> Then, T);

/// Sends to a relay that does `then` at a line that begins with `at`, and is good otherwise.
async fn send_at(at: &'static str, then: fn() -> Then) -> (SendError, Heard) {
    let (port, heard) = start(move |line| match line {
        line if line == at || (!at.is_empty() && at != "." && line.starts_with(at)) => then(),
        line => good(line),
    })
    .await;
    let relay = Relay::new(RelaySettings {
        timeout: SHORT,
        message_timeout: SHORT,
        credentials: Some(RelayCredentials {
            username: "bridge".to_owned(),
            password: SecretString::from("hunter2"),
        }),
        ..settings(port)
    })
    .unwrap();
    (relay.send(&alice(), MESSAGE, &Always).await.unwrap_err(), heard)
}

fn transient(reply: &str) -> SendError {
    SendError::Transient {
        reply: reply.to_owned(),
        uncertain: false,
    }
}

fn permanent(reply: &str) -> SendError {
    SendError::Permanent {
        reply: reply.to_owned(),
    }
}

#[tokio::test]
async fn the_servers_words_decide_and_are_kept() {
    let rows: Vec<Row<SendError>> = vec![
        (
            "RCPT",
            || Then::Say("451 4.7.1 Greylisted, come back\r\n"),
            transient("451 4.7.1 Greylisted, come back"),
        ),
        (
            "RCPT",
            || Then::Say("550 5.1.1 No such user\r\n"),
            permanent("550 5.1.1 No such user"),
        ),
        (
            "RCPT",
            || Then::Say("550-5.7.26 Unauthenticated\r\n550 5.7.26 mail is refused\r\n"),
            permanent("550 5.7.26 Unauthenticated mail is refused"),
        ),
        ("RCPT", || Then::Say("550 \r\n"), permanent("550")),
        (
            "MAIL",
            || Then::Say("452 4.3.1 Disk full\r\n"),
            transient("452 4.3.1 Disk full"),
        ),
        (
            "MAIL",
            || Then::Say("552 5.3.4 Too large\r\n"),
            permanent("552 5.3.4 Too large"),
        ),
        (
            "DATA",
            || Then::Say("554 5.5.1 No\r\n"),
            permanent("554 5.5.1 No"),
        ),
        (
            ".",
            || Then::Say("451 4.3.0 Later\r\n"),
            transient("451 4.3.0 Later"),
        ),
        (
            ".",
            || Then::Say("554 5.7.1 Spam\r\n"),
            permanent("554 5.7.1 Spam"),
        ),
        (
            ".",
            || Then::SayAndClose("421 4.3.2 Going down\r\n"),
            transient("421 4.3.2 Going down"),
        ),
        (
            "",
            || Then::Say("421 4.7.0 Busy\r\n"),
            transient("the mail relay does not want to talk: 421 4.7.0 Busy"),
        ),
        (
            "",
            || Then::Say("554 No service\r\n"),
            transient("the mail relay does not want to talk: 554 No service"),
        ),
        (
            "EHLO",
            || Then::Say("502 What?\r\n"),
            transient("the mail relay does not want to talk: 502 What?"),
        ),
    ];
    for (at, then, expected) in rows {
        assert_eq!(send_at(at, then).await.0, expected, "at {at:?}");
    }
}

#[tokio::test]
async fn a_refused_login_is_for_the_admin_to_mend() {
    let rows: [Row<&str>; 3] = [
        (
            "AUTH",
            || Then::Say("535 5.7.8 Wrong password\r\n"),
            "535 5.7.8 Wrong password",
        ),
        (
            "AUTH",
            || Then::Say("454 4.7.0 Try later\r\n"),
            "454 4.7.0 Try later",
        ),
        (
            "MAIL",
            || Then::Say("530 5.7.0 Log in first\r\n"),
            "530 5.7.0 Log in first",
        ),
    ];
    for (at, then, reply) in rows {
        let error = send_at(at, then).await.0;
        assert_eq!(
            error,
            transient(&format!(
                "the mail relay does not accept the login: {reply}; check mail.relay.username and mail.relay.password"
            ))
        );
    }
}

#[tokio::test]
async fn a_relay_without_auth_is_named() {
    let error = send_at("EHLO", || Then::Say("250 relay.example\r\n")).await.0;
    assert_eq!(
        error,
        transient("cannot log in to the mail relay: No compatible authentication mechanism was found")
    );
}

#[tokio::test]
async fn trouble_before_the_message_is_certain_and_after_it_is_not() {
    let troubles: [fn() -> Then; 5] = [
        || Then::Close,
        || Then::Hang,
        || Then::SayAndClose("<html>Bad Gateway</html>\r\n"),
        || Then::SayAndClose("25"),
        || Then::SayAndClose("999 Strange\r\n"),
    ];
    for then in troubles {
        for (at, uncertain) in [
            ("", false),
            ("EHLO", false),
            ("MAIL", false),
            ("RCPT", false),
            ("DATA", false),
            (".", true),
        ] {
            let (error, heard) = send_at(at, then).await;
            match error {
                SendError::Transient {
                    uncertain: is,
                    ref reply,
                } => {
                    assert_eq!(is, uncertain, "at {at:?}: {reply}");
                    assert!(reply.contains("the mail relay"), "{reply}");
                    assert!(!reply.contains("hunter2") && !reply.contains("Hello"), "{reply}");
                }
                error => panic!("at {at:?}: {error}"),
            }
            assert_eq!(
                heard.count("Subject: hi"),
                usize::from(uncertain),
                "the message was sent once or not at all"
            );
        }
    }
}

#[tokio::test]
async fn a_reply_with_no_place_is_no_acceptance() {
    let (error, heard) = send_at("DATA", || Then::Say("250 2.0.0 Ok\r\n")).await;
    assert_eq!(
        error,
        transient("the connection to the mail relay broke: unexpected answer 250 2.0.0 Ok")
    );
    assert_eq!(heard.count("Subject"), 0);
    let (error, _) = send_at(".", || Then::SayAndClose("354 More\r\n")).await;
    assert!(
        matches!(error, SendError::Transient { uncertain: true, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn nobody_there() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = relay(port).send(&alice(), MESSAGE, &Always).await.unwrap_err();
    assert!(matches!(error, SendError::Transient { uncertain: false, .. }));
    assert!(
        error.to_string().contains("cannot connect to the mail relay"),
        "{error}"
    );
}

#[tokio::test]
async fn what_the_relay_cannot_carry_is_refused_before_it_is_sent() {
    for (recipient, message, lacks) in [
        ("jürgen@example.org", MESSAGE, "SMTPUTF8"),
        (
            "alice@example.org",
            "Subject: ü\r\n\r\nx\r\n".as_bytes(),
            "SMTPUTF8",
        ),
        (
            "alice@example.org",
            "Subject: x\r\n\r\nü\r\n".as_bytes(),
            "8BITMIME",
        ),
    ] {
        let (port, heard) = start(|line| match line {
            line if line.starts_with("EHLO") => Then::Say("250 relay.example\r\n"),
            line => good(line),
        })
        .await;
        let error = relay(port)
            .send(&envelope("", recipient), message, &Always)
            .await
            .unwrap_err();
        assert!(matches!(error, SendError::Permanent { .. }));
        assert!(error.to_string().contains(lacks), "{error}");
        assert_eq!(heard.count("MAIL"), 0);
    }
}

#[tokio::test]
async fn lone_line_ends_never_leave() {
    let (port, heard) = start(good).await;
    for message in [&b"a\n.\r\nb"[..], b"a\r.\r\n", b"\n", b"a\r"] {
        let error = relay(port).send(&alice(), message, &Always).await.unwrap_err();
        assert!(matches!(error, SendError::Permanent { .. }), "{error}");
    }
    assert_eq!(heard.lines(), Vec::<String>::new());
}
