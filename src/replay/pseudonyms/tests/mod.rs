mod course;
mod leaks;

use super::*;
use crate::convert::address::AddressScheme;
use crate::model::SeededRandom;

const TOKEN: &str = "0123456789abcdef-hs-token";

fn pseudonyms(removal: Removal, namespace: &PuppetNamespace) -> Pseudonyms {
    let server = namespace.server_name().to_owned();
    let domain = format!("mail.{}", server.host());
    let addresses = AddressBook::new(&domain, AddressScheme::Plus, server).unwrap();
    let secrets = vec![TOKEN.to_owned()];
    Pseudonyms::new(
        removal,
        namespace.clone(),
        addresses,
        secrets,
        &SeededRandom::new(7),
    )
}

fn lab(removal: Removal) -> Pseudonyms {
    let server = ruma::server_name!("lab.test").to_owned();
    pseudonyms(
        removal,
        &PuppetNamespace::new("_email_", server, "emailbot").unwrap(),
    )
}

/// A message by Bob.
fn message(content: &Value) -> Exchange {
    let event = json!({"type": "m.room.message", "event_id": "$e", "room_id": "!r:lab.test", "sender": "@bob:lab.test", "content": content});
    let body = json!({"events": [event]}).to_string();
    Exchange::Transaction {
        txn_id: "1".to_owned(),
        at: None,
        body,
    }
}

/// What a content becomes.
fn content(pseudonyms: &mut Pseudonyms, content: &Value) -> Value {
    let Some(Exchange::Transaction { body, .. }) = pseudonyms.exchange(&message(content)) else {
        panic!("a transaction stays one");
    };
    serde_json::from_str::<Value>(&body).unwrap()["events"][0]["content"].clone()
}

fn text(pseudonyms: &mut Pseudonyms, body: &str) -> String {
    content(pseudonyms, &json!({"body": body}))["body"]
        .as_str()
        .unwrap()
        .to_owned()
}

const ADDRESSES: Removal = Removal {
    contents: false,
    addresses: true,
    names: false,
};
const NAMES: Removal = Removal {
    contents: false,
    addresses: false,
    names: true,
};

#[test]
fn each_kind_is_removed_by_itself_and_the_same_everywhere() {
    for (removal, body, expected) in [
        (
            Removal::default(),
            "Bob (@bob:lab.test) of alice@example.org",
            "Bob (@bob:lab.test) of alice@example.org",
        ),
        (
            ADDRESSES,
            "alice@example.org and ALICE@example.org, <bob@example.org>!",
            "person1@domain1.example and person1@domain1.example, <person2@domain1.example>!",
        ),
        (
            ADDRESSES,
            "@_email_alice=40example.org:lab.test is alice@example.org",
            "@_email_person1=40domain1.example:lab.test is person1@domain1.example",
        ),
        (
            ADDRESSES,
            "@_email_john=2btag=40example.org:lab.test",
            "@_email_person1=2btag=40domain1.example:lab.test",
        ),
        (
            ADDRESSES,
            "@_email_nonsense:lab.test @_email_:lab.test",
            "@_email_nobody1:lab.test @_email_:lab.test",
        ),
        (ADDRESSES, "noreply@shop.example.org", "noreply@domain1.example"),
        (
            NAMES,
            "@bob:lab.test, @eve:matrix.test: bob@mail.lab.test",
            "@user1:home.example, @user2:server1.example: user1@mail.home.example",
        ),
        (
            NAMES,
            "!abc:lab.test $abc:lab.test #abc:lab.test mxc://lab.test/abc",
            "!room1:home.example $event1:home.example #alias1:home.example mxc://home.example/media1",
        ),
        (
            NAMES,
            "https://matrix.to/#/%40bob%3Alab.test?via=lab.test",
            "https://matrix.to/#/@user1:home.example?via=home.example",
        ),
        (
            NAMES,
            "see https://bob.example/about#me",
            "see https://link.example",
        ),
        (Removal::ALL, "!quoted", "!quoted"),
        (
            Removal::ALL,
            "block spam@example.org",
            "block person1@domain1.example",
        ),
        (Removal::ALL, "block *@*.example.org", "block *@*.domain1.example"),
        (Removal::ALL, "strangers nobody", "strangers nobody"),
    ] {
        let mut names = lab(removal);
        let out = text(&mut names, body);
        if body.contains("https://bob") {
            assert!(out.starts_with(expected), "{body}: {out}");
        } else {
            assert_eq!(out, expected, "{body}");
        }
    }
}

#[test]
fn tokens_and_keys_never_stay() {
    let mut names = lab(Removal::default());
    for (body, expected) in [
        (format!("my token is {TOKEN}!"), "my token is removed!"),
        ("bob+abcdefghijklmnopqrstuvwxya@mail.lab.test".to_owned(), "bob+"),
        ("syt_Ym9i_abcdef".to_owned(), "removed"),
        (
            "https://hs.test/x?access_token=abc&y=1".to_owned(),
            "https://hs.test/x?access_token=removed&y=1",
        ),
        (
            "https://mail.test/stop/ABCDEF".to_owned(),
            "https://mail.test/stop/removed",
        ),
    ] {
        let out = text(&mut names, &body);
        assert!(out.starts_with(expected), "{body}: {out}");
        assert!(!out.contains("ghijkl") && !out.contains("ABCDEF"), "{out}");
    }
    let file = json!({"file": {"url": "mxc://lab.test/a", "key": {"k": "secret", "alg": "A256CTR"}}, "signed": {"token": "abc"}});
    let out = content(&mut names, &file);
    assert_eq!(
        out,
        json!({"file": {"url": "mxc://lab.test/a", "key": {"k": "removed", "alg": "A256CTR"}}, "signed": {}})
    );
    let keys = json!({"events": [], "de.sorunome.msc2409.to_device": [{"type": "m.room_key", "content": {"session_key": "secret"}}]});
    let keys = Exchange::Transaction {
        txn_id: "1".to_owned(),
        at: None,
        body: keys.to_string(),
    };
    let Some(Exchange::Transaction { body, .. }) = names.exchange(&keys) else {
        panic!()
    };
    assert!(!body.contains("secret"), "{body}");
}

#[test]
fn texts_keep_their_form_and_nothing_else() {
    let mut names = lab(Removal::ALL);
    let body = "Dear Alice,\n\n  see you at 10:30 – in K\u{f6}ln? \u{1f600}\n> quoted line\n-- \nBob";
    let out = text(&mut names, body);
    assert_eq!(out.chars().count(), body.chars().count());
    for (before, after) in body.chars().zip(out.chars()) {
        assert_eq!(before.len_utf8(), after.len_utf8());
        assert_eq!(
            (before.is_alphabetic(), before.is_numeric(), before.is_uppercase()),
            (after.is_alphabetic(), after.is_numeric(), after.is_uppercase())
        );
    }
    for word in ["Dear", "Alice", "see", "10", "quoted", "Bob"] {
        assert!(!out.contains(word), "{word}: {out}");
    }
    assert_eq!(text(&mut names, body), out, "the same comes to the same");
    assert_ne!(
        text(&mut names, "Hallo"),
        text(&mut names, "Hello"),
        "an edit is still one"
    );
    assert!(
        out.ends_with(&text(&mut names, "Bob"))
            && text(&mut names, "> quoted line") == out.lines().nth(3).unwrap()
    );
    let place = content(
        &mut names,
        &json!({"geo_uri": "geo:51.5,-0.1", "msgtype": "m.location", "info": {"size": 17, "mimetype": "image/png"}}),
    );
    assert_eq!(
        place,
        json!({"geo_uri": "geo:0,0", "msgtype": "m.location", "info": {"size": 17, "mimetype": "image/png"}})
    );
}

#[test]
fn markup_stays_markup() {
    let mut names = lab(Removal::ALL);
    let html = "<p align=\"left\" class=\"x\">Hi &amp; <a href=\"https://matrix.to/#/@bob:lab.test\" title='secret'>bye</a></p><img data-mx-emoticon src=\"mxc://lab.test/cat\"><b";
    let out = content(&mut names, &json!({"formatted_body": html}))["formatted_body"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        out.starts_with("<p align=\"left\" class=\"")
            && out.contains(" &amp; <a href=\"https://matrix.to/#/@user1:home.example\" title='"),
        "{out}"
    );
    assert!(
        out.contains("<img data-mx-emoticon src=\"mxc://home.example/media1\"><")
            && !out.contains("secret")
            && !out.contains("bye"),
        "{out}"
    );
}

#[test]
fn display_names_are_the_same_in_profiles_and_texts() {
    let mut names = lab(NAMES);
    names.learn_name("Bob Miller");
    let join = json!({"membership": "join", "displayname": "Bob Miller"});
    assert_eq!(
        content(&mut names, &join),
        json!({"membership": "join", "displayname": "Name 1"})
    );
    assert_eq!(
        text(&mut names, "Hi Bob Miller, and Bob Millers"),
        "Hi Name 1, and Bob Millers"
    );
}
