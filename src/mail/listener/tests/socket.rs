//! Doors on real sockets.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::mail::listener::{Door, ListenerError, serve};

async fn open(settings: ListenerSettings) -> (Door, Arc<Inbox>, CancellationToken) {
    let inbox = Arc::new(Inbox::default());
    let shutdown = CancellationToken::new();
    let inbound = Arc::clone(&inbox) as Arc<dyn Inbound>;
    let door = serve(settings, inbound, shutdown.clone()).await.unwrap();
    (door, inbox, shutdown)
}

async fn connect(door: &Door) -> TcpStream {
    TcpStream::connect(door.address.to_string()).await.unwrap()
}

async fn first_line<S: tokio::io::AsyncRead + Unpin>(stream: &mut S) -> String {
    let mut seen = Vec::new();
    while !seen.ends_with(b"\n") {
        seen.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(seen).unwrap()
}

#[test]
fn addresses_are_read_and_written() {
    for text in [
        "127.0.0.1:8024",
        "localhost:0",
        "[::1]:25",
        "unix:/run/penpal/lmtp.sock",
    ] {
        assert_eq!(text.parse::<ListenAddress>().unwrap().to_string(), text);
    }
    for text in [
        "",
        "8024",
        ":25",
        "localhost",
        "localhost:65536",
        "localhost:smtp",
        "::1:25",
        "unix:",
        "unix:relative",
    ] {
        assert!(text.parse::<ListenAddress>().is_err(), "{text}");
    }
}

#[tokio::test]
async fn a_door_opens_takes_mail_and_closes() {
    let (door, inbox, shutdown) = open(settings(Protocol::Lmtp, Limits::default())).await;
    let mut stream = connect(&door).await;
    stream
        .write_all(b"LHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<bob@h.example>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n")
        .await
        .unwrap();
    let mut seen = String::new();
    stream.read_to_string(&mut seen).await.unwrap();
    assert!(seen.starts_with("220 mail.example.org LMTP Penpal\r\n"));
    assert_eq!(inbox.text(), "x\r\n");
    drop(stream);

    let mut idle = connect(&door).await;
    first_line(&mut idle).await;
    shutdown.cancel();
    let address = door.address.to_string();
    for _ in 0..2 {
        assert!(
            first_line(&mut connect(&door).await)
                .await
                .starts_with("421 4.3.2")
        );
    }
    // The idle one has not looked at what it was told, as mail servers do with connections that they keep.
    let second = std::time::Duration::from_secs(1);
    tokio::time::timeout(second, door.close())
        .await
        .expect("it holds up the end")
        .unwrap();
    assert!(TcpStream::connect(address).await.is_err());
    assert!(first_line(&mut idle).await.starts_with("421 4.3.2"));
}

#[tokio::test]
async fn connections_have_a_limit_in_all() {
    let limits = Limits {
        max_connections: 1,
        ..Limits::default()
    };
    let (door, _, _) = open(settings(Protocol::Smtp, limits)).await;
    let mut first = connect(&door).await;
    assert!(first_line(&mut first).await.starts_with("220"));
    assert!(
        first_line(&mut connect(&door).await)
            .await
            .starts_with("421 4.3.2")
    );
    first.write_all(b"QUIT\r\n").await.unwrap();
    let mut rest = String::new();
    first.read_to_string(&mut rest).await.unwrap();
    drop(first);
    // The place is free as soon as the door has seen the end of the first connection.
    while !first_line(&mut connect(&door).await).await.starts_with("220") {}
}

#[tokio::test]
async fn connections_have_a_limit_for_each_address() {
    let limits = Limits {
        max_connections_per_address: 1,
        ..Limits::default()
    };
    let (door, _, _) = open(settings(Protocol::Smtp, limits)).await;
    let mut first = connect(&door).await;
    assert!(first_line(&mut first).await.starts_with("220"));
    assert!(
        first_line(&mut connect(&door).await)
            .await
            .starts_with("421 4.7.0")
    );
}

#[tokio::test]
async fn a_unix_socket_is_made_replaced_when_stale_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lmtp.sock");
    // What a killed process leaves behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let mut settings = settings(Protocol::Lmtp, Limits::default());
    settings.address = ListenAddress::Unix(path.clone());
    let (door, _, shutdown) = open(settings.clone()).await;
    let mut stream = UnixStream::connect(&path).await.unwrap();
    assert!(first_line(&mut stream).await.starts_with("220"));

    let second = serve(settings, Arc::new(Inbox::default()), CancellationToken::new()).await;
    let text = second.unwrap_err().to_string();
    assert!(
        text.contains("lmtp.sock") && text.contains("mail.listen"),
        "{text}"
    );

    shutdown.cancel();
    drop(stream);
    door.close().await.unwrap();
    assert!(!path.exists());
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let (door, _, _) = open(settings(Protocol::Smtp, Limits::default())).await;
    let mut again = settings(Protocol::Smtp, Limits::default());
    again.address = door.address.clone();
    let error = serve(again, Arc::new(Inbox::default()), CancellationToken::new())
        .await
        .unwrap_err();
    assert!(matches!(error, ListenerError::Bind { .. }));
    assert!(error.to_string().contains(&door.address.to_string()));
}
