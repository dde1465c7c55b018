//! Servers in trouble, or that make some.

use super::*;

/// What a server may do in the middle of two messages; afterwards each has been taken once, in order, and marked.
#[tokio::test]
async fn trouble_on_the_way() {
    let troubles = [
        Trouble::None,
        Trouble::DropsAfterEachCommand,
        Trouble::RepeatsUids,
        Trouble::Babbles,
        Trouble::DropsDuring("CAPABILITY"),
        Trouble::DropsDuring("LOGIN"),
        Trouble::DropsDuring("SELECT"),
        Trouble::DropsDuring("UID SEARCH"),
        Trouble::DropsDuring("UID FETCH 1,2"),
        Trouble::DropsDuring("UID FETCH 1 (UID BODY"),
        Trouble::DropsDuring("UID FETCH 2 (UID BODY"),
        Trouble::DropsDuring("UID STORE 1"),
        Trouble::DropsDuring("UID STORE 2"),
        Trouble::DropsDuring("LOGOUT"),
    ];
    for trouble in troubles {
        let world = sqlite().await;
        let server = ImapServer::start().await;
        let (room, mail) = world.bob_writes("hello").await;
        for text in ["first", "second"] {
            server.arrives(&answer(&mail, text));
        }
        server.is_in(trouble);
        let mut mailbox = mailbox(&world, settings(&server));
        let seen = |uid| server.flags(uid).unwrap() == ["\\Seen"];
        visits(&world, &mut mailbox, || seen(1) && seen(2)).await;
        server.is_in(Trouble::None);
        mailbox.visit_once().await.unwrap();
        world.settle().await;
        assert_eq!(world.said(&room, &alice()), ["first", "second"], "{trouble:?}");
        assert!(server.logins() < 12, "{trouble:?}: {} logins", server.logins());
        assert!(world.jobs(JobState::Failed).await.is_empty());
    }
}

#[tokio::test]
async fn a_message_at_which_the_server_hangs_up_does_not_hold_up_the_others() {
    let world = sqlite().await;
    let server = ImapServer::start().await;
    let (room, mail) = world.bob_writes("hello").await;
    for text in ["poisoned", "behind it", "last"] {
        server.arrives(&answer(&mail, text));
    }
    server.is_in(Trouble::DropsAt("UID FETCH 1 (UID BODY"));
    let mut mailbox = mailbox(&world, settings(&server));
    visits(&world, &mut mailbox, || server.flags(3).unwrap() == ["\\Seen"]).await;
    assert_eq!(world.said(&room, &alice()), ["behind it", "last"]);
    assert_eq!(server.heard("UID FETCH 1 (UID BODY"), 2);
    server.is_in(Trouble::None);
    world.clock.advance(Duration::from_hours(1));
    mailbox.visit_once().await.unwrap();
    world.settle().await;
    assert_eq!(world.said(&room, &alice()), ["behind it", "last", "poisoned"]);
}

#[tokio::test]
async fn a_message_that_can_not_be_marked_does_not_hold_up_the_others() {
    let world = sqlite().await;
    let server = ImapServer::start().await;
    let (room, mail) = world.bob_writes("hello").await;
    for text in ["one", "two"] {
        server.arrives(&answer(&mail, text));
    }
    server.is_in(Trouble::DropsAt("UID STORE 1"));
    let mut mailbox = mailbox(&world, settings(&server));
    visits(&world, &mut mailbox, || server.flags(2).unwrap() == ["\\Seen"]).await;
    for _ in 0..5 {
        let _ = mailbox.visit_once().await;
    }
    // It is left as it is, and nothing is done about it any more.
    let tried = server.heard("UID STORE 1");
    mailbox.visit_once().await.unwrap();
    assert_eq!(server.heard("UID STORE 1"), tried);
    assert_eq!(world.said(&room, &alice()), ["one", "two"]);
}

#[tokio::test]
async fn a_message_of_which_the_server_says_nothing_is_not_given_up() {
    let world = sqlite().await;
    let server = ImapServer::start().await;
    let (room, mail) = world.bob_writes("hello").await;
    server.arrives(&answer(&mail, "here I am"));
    server.is_in(Trouble::IsForgetful);
    let mut mailbox = mailbox(&world, settings(&server));
    mailbox.visit_once().await.unwrap();
    server.is_in(Trouble::None);
    world.clock.advance(Duration::from_mins(1));
    mailbox.visit_once().await.unwrap();
    world.settle().await;
    assert_eq!(world.said(&room, &alice()), ["here I am"]);
}

#[tokio::test]
async fn a_server_that_says_little_and_sends_much_fills_nothing() {
    let world = sqlite().await;
    let server = ImapServer::start().await;
    let (room, mail) = world.bob_writes("hello").await;
    for text in ["endless", "fine"] {
        server.arrives(&answer(&mail, text));
    }
    server.is_in(Trouble::Announces);
    let mut mailbox = mailbox(&world, settings(&server));
    assert!(matches!(mailbox.visit_once().await, Err(ImapError::TooLarge)));
    server.is_in(Trouble::None);
    mailbox.visit_once().await.unwrap();
    world.settle().await;
    assert_eq!(world.said(&room, &alice()), ["fine"]);
    assert_eq!(server.flags(1).unwrap(), ["$PenpalRefused", "\\Flagged"]);
}

/// Some servers say with each answer how many messages there are.
#[tokio::test]
async fn a_server_that_announces_what_is_not_there_is_not_asked_without_end() {
    let world = sqlite().await;
    let server = ImapServer::start().await;
    server.is_in(Trouble::CriesWolf);
    let stop = CancellationToken::new();
    let settings = MailboxSettings {
        poll: Duration::from_hours(1),
        ..settings(&server)
    };
    let task = serve(settings.clone(), gate(&world), world.bridge.clone(), stop.clone());
    // Somebody else does a hundred times as much in that time.
    for _ in 0..100 {
        check(&settings).await.unwrap();
    }
    stop.cancel();
    task.await.unwrap();
    let asked = server.heard("UID SEARCH");
    assert!((1..20).contains(&asked), "{asked} searches");
}

#[tokio::test]
async fn what_is_wrong_with_the_login_is_said_without_the_password() {
    let server = ImapServer::start().await;
    check(&settings(&server)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    let login = |credentials| MailboxSettings {
        credentials,
        ..settings(&server)
    };
    let words = |settings: MailboxSettings| async move { check(&settings).await.unwrap_err().to_string() };
    let wrong = words(login(Credentials::Password("sesame".into()))).await;
    assert_eq!(wrong, "the server refused LOGIN: wrong");
    let missing = words(login(Credentials::TokenFile(token.clone()))).await;
    assert!(missing.contains("must hold an access token"), "{missing}");
    std::fs::write(&token, "old\n").unwrap();
    let expired = words(login(Credentials::TokenFile(token.clone()))).await;
    assert_eq!(expired, "the server refused AUTHENTICATE: expired");
    std::fs::write(&token, "fresh\n").unwrap();
    check(&login(Credentials::TokenFile(token))).await.unwrap();
    let other = MailboxSettings {
        folder: "Nowhere".into(),
        ..settings(&server)
    };
    assert_eq!(words(other).await, "the server refused SELECT: no such folder");
    server.can_only("IMAP4rev1 AUTH=PLAIN LOGINDISABLED");
    check(&login(Credentials::Password("Füße".into()))).await.unwrap();
    server.can_only("IMAP4rev1 LOGINDISABLED");
    let disabled = words(settings(&server)).await;
    assert!(disabled.contains("set tls to starttls or tls"), "{disabled}");
    let starttls = MailboxSettings {
        tls: RelayTls::Starttls,
        ..settings(&server)
    };
    assert_eq!(words(starttls).await, "the server refused STARTTLS: what?");
    let tls = MailboxSettings {
        tls: RelayTls::Tls,
        ..settings(&server)
    };
    let tls = words(tls).await;
    assert!(tls.starts_with("TLS could not be negotiated"), "{tls}");
}
