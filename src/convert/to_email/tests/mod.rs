//! What a reader of the mail would notice.

mod documentation;
mod kept;
mod markup;
mod offline;

use mail_parser::{MessageParser, MimeHeaders};
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// A draft of one message, the first of its thread.
fn draft(content: Value) -> EmailDraft {
    EmailDraft {
        from: mailbox("Bob", "bob@mail.example.org"),
        reply_to: Some(EmailAddress::parse("bob+k3jd9@mail.example.org").unwrap()),
        to: mailbox("Alice", "alice@example.org"),
        subject: "Garden".to_owned(),
        message_id: "one@mail.example.org".to_owned(),
        in_reply_to: None,
        references: Vec::new(),
        date: Timestamp(1_795_305_807_000),
        ask_receipt: false,
        signature: None,
        unsubscribe: None,
        intro: None,
        messages: vec![message(content)],
    }
}

fn mailbox(name: &str, address: &str) -> Mailbox {
    Mailbox {
        name: Some(name.to_owned()),
        address: EmailAddress::parse(address).unwrap(),
    }
}

fn message(content: Value) -> ChatMessage {
    let Value::Object(content) = content else {
        panic!("a content is an object")
    };
    ChatMessage {
        event_type: "m.room.message".to_owned(),
        content,
        sender: "@bob:hs.example".to_owned(),
        sender_name: "Bob".to_owned(),
        timestamp: Timestamp(1_795_305_807_000),
        about: None,
        media: None,
    }
}

fn rendered(draft: &EmailDraft) -> String {
    String::from_utf8(render(draft).unwrap().bytes).unwrap()
}

/// The plain part, as a mail program shows it.
fn shown(draft: &EmailDraft) -> String {
    let bytes = render(draft).unwrap().bytes;
    let mail = MessageParser::new().parse(&bytes).unwrap();
    mail.body_text(0)
        .unwrap()
        .replace("\r\n", "\n")
        .trim_end()
        .to_owned()
}

#[test]
fn plain_text_is_a_plain_mail() {
    assert_eq!(
        rendered(&draft(json!({"msgtype": "m.text", "body": "hello there"}))),
        "Date: Sun, 22 Nov 2026 00:03:27 +0000\r\nFrom: Bob <bob@mail.example.org>\r\nTo: Alice <alice@example.org>\r\n\
         Reply-To: Bob <bob+k3jd9@mail.example.org>\r\nSubject: Garden\r\nMessage-ID: <one@mail.example.org>\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n\
         hello there\r\n"
    );
}

#[test]
fn later_mails_answer_the_ones_before() {
    let mut draft = draft(json!({"msgtype": "m.text", "body": "hello"}));
    draft.in_reply_to = Some("two@example.org".to_owned());
    draft.references = vec!["one@example.org".to_owned(), "two@example.org".to_owned()];
    let text = rendered(&draft);
    assert!(text.contains("\r\nSubject: Re: Garden\r\n"));
    assert!(text.contains(
        "\r\nIn-Reply-To: <two@example.org>\r\nReferences: <one@example.org> <two@example.org>\r\n"
    ));
    draft.subject = "RE: Garden".to_owned();
    assert!(rendered(&draft).contains("\r\nSubject: RE: Garden\r\n"));
}

#[test]
fn each_msgtype_has_its_text() {
    for (content, text) in [
        (json!({"msgtype": "m.text", "body": "hi"}), "hi"),
        (json!({"msgtype": "m.emote", "body": "waves"}), "* Bob waves"),
        (json!({"msgtype": "m.notice", "body": "done"}), "done"),
        (
            json!({"msgtype": "org.example.new", "body": "something"}),
            "something",
        ),
        (json!({"body": "no msgtype"}), "no msgtype"),
        (
            json!({"msgtype": "m.text", "body": "> <@a:b> x\n\nyes", "m.relates_to": {"m.in_reply_to": {"event_id": "$1"}}}),
            "yes",
        ),
        (
            json!({"msgtype": "m.text", "body": "*x*", "format": "org.matrix.custom.html", "formatted_body": "<b>x</b>"}),
            "*x*",
        ),
        (
            json!({"msgtype": "m.text", "body": "x", "format": "unknown", "formatted_body": "<b>y</b>"}),
            "x",
        ),
        (
            json!({"msgtype": "m.text", "body": "x", "format": "org.matrix.custom.html", "formatted_body": 5}),
            "x",
        ),
    ] {
        assert_eq!(shown(&draft(content.clone())), text, "{content}");
    }
}

#[test]
fn a_link_alone_stands_below_a_name() {
    for (body, text) in [
        ("https://example.org/roses", "Bob:\nhttps://example.org/roses"),
        ("www.example.org", "Bob:\nwww.example.org"),
        ("see https://example.org/", "see https://example.org/"),
        ("Yes.", "Yes."),
        ("...", "..."),
        ("10:30", "10:30"),
        ("3.50", "3.50"),
    ] {
        assert_eq!(shown(&draft(json!({"msgtype": "m.text", "body": body}))), text);
    }
}

#[test]
fn pictures_without_a_word_are_attached() {
    let uri = "mxc://hs.example/wave";
    let picture = MediaBytes::Here {
        content_type: Some("image/png".to_owned()),
        bytes: b"\x89PNG\r\n\x1a\n".to_vec(),
    };
    let options = RenderOptions {
        within: BTreeMap::from([(uri.into(), picture)]),
        ..RenderOptions::default()
    };
    for (text, in_place) in [("", false), ("你好", false), ("hello", true)] {
        let html = format!("{text} <img data-mx-emoticon src=\"{uri}\" alt=\":wave:\"> <img src=\"{uri}\">");
        let draft = draft(json!({
            "msgtype": "m.text", "body": "x", "format": "org.matrix.custom.html", "formatted_body": html
        }));
        let bytes = render_with(&draft, &options).unwrap().bytes;
        let mail = MessageParser::new().parse(&bytes).unwrap();
        assert_eq!(mail.body_html(0).unwrap().contains("cid:"), in_place, "{text}");
        let shown = mail.body_text(0).unwrap();
        assert!(
            shown.trim().starts_with(format!("{text} :wave:").trim()),
            "{shown}"
        );
        let pictures: Vec<_> = mail.attachments().collect();
        assert_eq!(pictures.len(), 1, "{text}");
        assert_eq!(pictures[0].content_id().is_some(), in_place, "{text}");
    }
}

#[test]
fn what_shows_nothing_is_no_mail() {
    for content in [
        json!({}),
        json!({"msgtype": "m.text"}),
        json!({"msgtype": "m.text", "body": ["x"]}),
        json!({"msgtype": "m.text", "body": " \n\u{0}"}),
        json!({"msgtype": "m.key.verification.request", "body": "x wants to verify"}),
    ] {
        assert!(
            !is_mailable("m.room.message", content.as_object().unwrap()),
            "{content}"
        );
        assert_eq!(render(&draft(content)), Err(NoEmail::Nothing));
    }
}

#[test]
fn files_keep_their_names_and_types() {
    let mut draft = draft(json!({
        "msgtype": "m.image", "body": "look!", "filename": "Käse/\u{202e}gnp.ä.png", "url": "mxc://hs.example/1",
        "info": {"mimetype": "image/png"}
    }));
    draft.messages[0].media = Some(MediaBytes::Here {
        content_type: None,
        bytes: b"\x89PNG\r\n\x1a\n1234".to_vec(),
    });
    let bytes = render(&draft).unwrap().bytes;
    let mail = MessageParser::new().parse(&bytes).unwrap();
    let attachment = mail.attachment(0).unwrap();
    assert_eq!(attachment.attachment_name(), Some("gnp.ä.png"));
    assert_eq!(attachment.content_type().unwrap().subtype(), Some("png"));
    assert_eq!(attachment.contents(), b"\x89PNG\r\n\x1a\n1234");
    assert_eq!(shown(&draft), "look!");
    draft.messages[0].media = Some(MediaBytes::Missing {
        reason: "is larger than 20 MB".to_owned(),
    });
    assert_eq!(
        shown(&draft),
        "look!\n[The picture \"Käse/gnp.ä.png\" could not be attached: it is larger than 20 MB]"
    );
}

#[test]
fn the_first_mail_explains_itself() {
    let mut draft = draft(json!({"msgtype": "m.text", "body": "hello"}));
    draft.intro = Some(Intro {
        matrix_id: "@bob:hs.example".to_owned(),
        topic: Some("Where the\nroses go".to_owned()),
    });
    assert_eq!(
        shown(&draft),
        "hello\n\n-- \nBob (@bob:hs.example) wrote this in a chat on Matrix, https://matrix.org.\n\
         The chat is about: Where the roses go\n\
         To answer, just reply to this mail: your reply appears in the chat.\n\
         To get no more of these mails, reply STOP."
    );
}

#[test]
fn answers_and_corrections_show_what_they_are_about() {
    let about = Quoted {
        sender_name: "Alice".to_owned(),
        text: "When?\nWhere?".to_owned(),
        timestamp: Timestamp(1_795_305_807_000),
        content: None,
    };
    let mut reply = draft(json!({
        "msgtype": "m.text", "body": "Today", "m.relates_to": {"m.in_reply_to": {"event_id": "$1"}}
    }));
    reply.messages[0].about = Some(about.clone());
    assert_eq!(
        shown(&reply),
        "On 22 Nov 2026, 00:03 UTC, Alice wrote:\n> When?\n> Where?\n\nToday"
    );
    let mut edit = draft(json!({
        "msgtype": "m.text", "body": "* now", "m.new_content": {"msgtype": "m.text", "body": "now"},
        "m.relates_to": {"rel_type": "m.replace", "event_id": "$1"}
    }));
    assert_eq!(shown(&edit), "Correction of an earlier message:\n\nnow");
    edit.messages[0].about = Some(about);
    assert_eq!(
        shown(&edit),
        "Correction of what I wrote on 22 Nov 2026, 00:03 UTC:\n> When?\n> Where?\n\nnow"
    );
}

/// JSON of any shape, under the keys that the conversion reads.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "(<[/a-z]{1,6}( [a-z-]{1,6}=\"?[a-z:/]{0,9}\"?)?>|[a-z &;<\\r\\n]{0,6}){0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "m.text",
            "m.emote",
            "m.image",
            "m.file",
            "m.audio",
            "m.location",
            "m.replace",
            "m.annotation",
            "m.thread",
            "org.matrix.custom.html",
            "mxc://hs.example/x",
            "m.notice",
            "m.reference",
        ])
        .prop_map(Value::from),
    ];
    let keys = prop::sample::select(vec![
        "msgtype",
        "body",
        "format",
        "formatted_body",
        "filename",
        "url",
        "info",
        "mimetype",
        "m.relates_to",
        "rel_type",
        "m.new_content",
        "m.in_reply_to",
        "event_id",
        "key",
        "m.text",
        "geo_uri",
        "duration",
        "m.poll",
        "question",
        "answers",
        "id",
        "org.matrix.msc3381.poll.start",
        "m.mentions",
        "file",
        "is_falling_back",
        "m.location",
        "uri",
        "description",
        "org.matrix.msc3381.poll.response",
        "m.selections",
        "org.matrix.msc1767.text",
        "size",
        "w",
        "h",
    ]);
    leaf.prop_recursive(4, 40, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(keys.clone().prop_map(str::to_owned), inner, 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn any_content() -> impl Strategy<Value = Value> {
    any_json().prop_filter("a content is an object", Value::is_object)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_content_makes_a_mail_or_none(
        content in any_content(),
        event_type in prop::sample::select(vec!["m.room.message", "m.sticker", "m.reaction", "m.poll.start", "org.x"]),
        name in any::<String>(),
        subject in any::<String>(),
        topic in any::<String>(),
        about in any::<String>(),
        here in any::<bool>(),
    ) {
        let mut draft = draft(content);
        draft.messages[0].event_type = event_type.to_owned();
        draft.messages[0].sender_name.clone_from(&name);
        draft.messages[0].about = Some(Quoted { sender_name: name.clone(), text: about, timestamp: Timestamp(i64::MAX), content: None });
        draft.messages[0].media = here.then(|| MediaBytes::Here { content_type: Some(topic.clone()), bytes: vec![0; 9] });
        draft.from.name = Some(name.clone());
        draft.subject.clone_from(&subject);
        draft.intro = Some(Intro { matrix_id: name.clone(), topic: Some(topic) });
        let mailable = is_mailable(event_type, &draft.messages[0].content);
        let rendered = render(&draft);
        prop_assert_eq!(mailable, rendered.is_ok());
        let Ok(RenderedEmail { bytes, texts, .. }) = rendered else { return Ok(()) };
        prop_assert_eq!(&render(&draft).unwrap().bytes, &bytes);
        let raw = String::from_utf8(bytes.clone()).unwrap();
        prop_assert!(raw.is_ascii() && !raw.replace("\r\n", "").contains(['\r', '\n', '\0']));
        prop_assert!(raw.lines().all(|line| line.len() <= 998));
        let mail = MessageParser::new().parse(&bytes).unwrap();
        let fields: Vec<&str> = mail.headers_raw().map(|(name, _)| name).collect();
        let known = [
            "Date", "From", "To", "Reply-To", "Subject", "Message-ID", "MIME-Version", "Content-Type",
            "Content-Transfer-Encoding", "Content-Disposition", "Auto-Submitted",
        ];
        prop_assert!(fields.iter().all(|field| known.contains(field)), "{:?}", fields);
        let expected = line::line(&subject, 200);
        if !expected.is_empty() {
            prop_assert_eq!(mail.subject().unwrap(), &expected);
        }
        let from = mail.from().unwrap().first().unwrap();
        prop_assert_eq!(from.address(), Some("bob@mail.example.org"));
        let expected = line::line(&name, 80);
        prop_assert_eq!(from.name().unwrap_or_default(), &expected);
        let shown = mail.body_text(0).unwrap().replace("\r\n", "\n");
        prop_assert!(shown.contains(texts[0].as_str()), "{:?} lacks {:?}", shown, texts[0]);
    }

    #[test]
    fn texts_come_out_as_they_went_in(body in "(\\PC{0,80}\n?){1,6}") {
        prop_assume!(!body.trim().is_empty());
        let expected = body::clean(&body);
        prop_assume!(!expected.is_empty());
        let shown = shown(&draft(json!({"msgtype": "m.text", "body": body})));
        // Above what looks like a link alone.
        let shown = shown.strip_prefix("Bob:\n").unwrap_or(&shown);
        prop_assert_eq!(shown, &expected);
    }
}
