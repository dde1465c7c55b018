//! Large messages, to relays that take chunks and to those that don't.

use std::collections::VecDeque;

use async_trait::async_trait;

use super::server::{Heard, Then, chunking, good, start};
use super::*;
use crate::mail::{LargeMessage, Pieces};
use crate::model::RawMail;

/// A message in pieces that end anywhere; a piece of `None` can't be read.
struct Torn(VecDeque<Option<Vec<u8>>>);

#[async_trait]
impl Pieces for Torn {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, String> {
        match self.0.pop_front() {
            Some(Some(piece)) => Ok(Some(piece)),
            Some(None) => Err("the database is away".to_owned()),
            None => Ok(None),
        }
    }
}

const HEADER: &str = "Subject: film\r\n\r\n";

/// Some two million bytes, with lines that begin with dots.
fn film() -> String {
    let lines = (0..30_000)
        .map(|number| format!(".{number:06} a line of a film, which is one of many such lines\r\n"));
    HEADER.to_owned() + &lines.collect::<String>()
}

fn torn(message: &str) -> Torn {
    let pieces = message.as_bytes().chunks(300_001);
    Torn(pieces.map(|piece| Some(piece.to_vec())).collect())
}

async fn send(relay: &Relay, message: &str, mut pieces: Torn) -> Result<Accepted, SendError> {
    let large = LargeMessage {
        size: u64::try_from(message.len()).unwrap(),
        text: HEADER.as_bytes(),
        pieces: &mut pieces,
    };
    relay.send_large(&alice(), large, &Always).await
}

/// What came in chunks, and the sizes of these.
fn in_chunks(heard: &Heard) -> (String, Vec<usize>) {
    let lines = heard.lines();
    let chunks: Vec<&String> = lines
        .iter()
        .zip(lines.iter().skip(1))
        .filter(|(command, _)| command.starts_with("BDAT "))
        .map(|(_, chunk)| chunk)
        .collect();
    let sizes = chunks.iter().map(|chunk| chunk.len()).collect();
    (chunks.into_iter().map(String::as_str).collect(), sizes)
}

#[tokio::test]
async fn a_large_message_leaves_in_chunks_as_it_is() {
    let (port, heard) = start(chunking).await;
    let relay = relay(port);
    let film = film();
    for _ in 0..2 {
        send(&relay, &film, torn(&film)).await.unwrap();
    }
    let mail = format!("MAIL FROM:<bounce+1@bridge.example> SIZE={}\r\n", film.len());
    assert_eq!(heard.count(&mail), 2);
    assert_eq!((heard.count("DATA"), heard.count("RCPT")), (0, 2));
    let (sent, sizes) = in_chunks(&heard);
    assert_eq!(sent, film.repeat(2));
    assert!(
        sizes.len() > 4 && sizes.iter().all(|size| *size < 1_000_000),
        "{sizes:?}"
    );
    let lasts = heard.lines();
    assert_eq!(lasts.iter().filter(|line| line.ends_with(" LAST\r\n")).count(), 2);
}

#[tokio::test]
async fn a_relay_that_takes_no_chunks_gets_it_by_data() {
    let (port, heard) = start(good).await;
    let film = film();
    send(&relay(port), &film, torn(&film)).await.unwrap();
    assert_eq!((heard.count("DATA"), heard.count("BDAT")), (1, 0));
    let lines = heard.lines();
    let message = lines.iter().find(|line| line.starts_with(HEADER)).unwrap();
    // The dots are doubled on the way (RFC 5321, section 4.5.2).
    assert_eq!(
        message.replace("\r\n..", "\r\n.").strip_suffix(".\r\n"),
        Some(film.as_str())
    );
}

#[tokio::test]
async fn without_chunks_it_needs_a_place_on_the_disk() {
    let (port, heard) = start(good).await;
    let nowhere = RelaySettings {
        spool: Path::new("/nowhere/at/all").into(),
        ..settings(port)
    };
    let relay = Relay::new(nowhere).unwrap();
    let film = film();
    let error = send(&relay, &film, torn(&film)).await.unwrap_err();
    let SendError::Transient { uncertain, reply } = error else {
        panic!("{error}")
    };
    assert!(!uncertain && reply.contains("/nowhere/at/all"), "{reply}");
    assert_eq!(heard.count("MAIL"), 0);
    relay.send(&alice(), MESSAGE, &Always).await.unwrap();
}

#[tokio::test]
async fn half_a_file_never_becomes_a_whole_message() {
    let (port, heard) = start(good).await;
    let relay = relay(port);
    let mut connection = relay.dialer.connect().await.unwrap();
    relay
        .begin_data(&mut connection, &alice(), HEADER.as_bytes(), &Always)
        .await
        .unwrap();
    let file = RawMail::from(film().into_bytes());
    let length = file.len() + 1;
    let failure = relay.data(&mut connection, &file, length).await.unwrap_err();
    drop(connection);
    assert!(!failure.in_step);
    let SendError::Transient { uncertain, reply } = failure.error else {
        panic!("{}", failure.error)
    };
    assert!(!uncertain && reply.contains("can't be read"), "{reply}");
    relay.send(&alice(), MESSAGE, &Always).await.unwrap();
    let lines = heard.lines();
    assert!(!lines.iter().any(|line| line.starts_with(HEADER)));
}

#[tokio::test]
async fn no_relay_gets_a_bare_line_end() {
    for answer in [chunking, good] {
        let (port, heard) = start(answer).await;
        let relay = relay(port);
        let film = film().replacen("a line of a film, which", "a line\nof a film, which", 20_000);
        let error = send(&relay, &film, torn(&film)).await.unwrap_err();
        assert!(matches!(error, SendError::Permanent { .. }), "{error}");
        let lines = heard.lines();
        assert!(
            !lines
                .iter()
                .any(|line| line.contains("LAST") || line.starts_with("DATA"))
        );
    }
}

#[tokio::test]
async fn what_is_too_large_for_the_relay_is_refused_before_it_is_sent() {
    let (port, heard) = start(chunking).await;
    let film = film().repeat(2);
    let error = send(&relay(port), &film, torn(&film)).await.unwrap_err();
    let SendError::Permanent { reply } = &error else {
        panic!("{error}")
    };
    assert_eq!(
        reply,
        "The email has 4 MB, and the mail relay takes 3 MB at the most"
    );
    assert_eq!(heard.count("MAIL"), 0);
}

#[tokio::test]
async fn a_refusal_between_chunks_ends_the_transaction() {
    let (port, heard) = start(|line: &str| match line {
        line if line.starts_with("BDAT") && !line.ends_with("LAST") => Then::Say("552 5.3.4 Too much\r\n"),
        line => chunking(line),
    })
    .await;
    let relay = relay(port);
    let film = film();
    let error = send(&relay, &film, torn(&film)).await.unwrap_err();
    assert_eq!(
        error,
        SendError::Permanent {
            reply: "552 5.3.4 Too much".into()
        }
    );
    assert_eq!((heard.count("BDAT"), heard.count("RSET")), (1, 1));
    relay.send(&alice(), MESSAGE, &Always).await.unwrap();
    assert_eq!(
        heard.count("EHLO penpal.example"),
        2,
        "one connection, which is asked twice"
    );
}

#[tokio::test]
async fn only_the_last_chunk_leaves_doubt() {
    for (breaks_at_last, expected) in [(false, false), (true, true)] {
        let answer = move |line: &str| match line {
            line if line.starts_with("BDAT") && line.ends_with("LAST") == breaks_at_last => Then::Close,
            line => chunking(line),
        };
        let (port, heard) = start(answer).await;
        let film = film();
        let error = send(&relay(port), &film, torn(&film)).await.unwrap_err();
        let SendError::Transient { uncertain, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(uncertain, expected);
        assert_eq!(heard.count("MAIL"), 1, "it is not begun again by itself");
    }
}

#[tokio::test]
async fn a_message_that_cannot_be_read_to_its_end_is_never_ended() {
    for answer in [chunking, good] {
        let (port, heard) = start(answer).await;
        let film = film();
        let mut pieces = torn(&film);
        pieces.0[5] = None;
        let error = send(&relay(port), &film, pieces).await.unwrap_err();
        let SendError::Transient { uncertain, reply } = error else {
            panic!("{error}")
        };
        assert!(!uncertain && reply.contains("the database is away"), "{reply}");
        let lines = heard.lines();
        assert!(
            !lines
                .iter()
                .any(|line| line.contains("LAST") || line.starts_with("DATA"))
        );
    }
}
