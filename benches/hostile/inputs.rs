//! The inputs: a piece, repeated, where nesting, repetition or comparison might cost more than it should.

use std::hint::black_box;
use std::io::ErrorKind;
use std::path::Path;

use penpal::appservice::read_transaction;
use penpal::config::Config;
use penpal::convert::envelope;
use penpal::convert::to_email::from_json;
use penpal::convert::to_matrix::{ThreadContext, convert, delivery_report, headers};
use serde::Deserialize;
use serde_json::{Value, json};

/// The largest event, in bytes (client-server API, "Size limits").
const EVENT: usize = 65_000;

/// One input.
pub(crate) struct Input {
    /// What it is.
    pub(crate) name: String,
    kind: Kind,
}

enum Kind {
    /// A mail: what stands before, the piece, what stands behind.
    Mail(String, String, String),
    /// A mail that answers texts which were sent: the piece of those and that of the mail.
    Answer(String, String),
    /// The `formatted_body` of an event.
    Markup(String),
    /// The plain text of an event.
    Text(String),
    /// An edit that comes too late: pieces of the text before and after.
    Edit(String, String),
    /// A transaction.
    Transaction(String, String, String),
    /// A configuration.
    Configuration(String),
}

fn fill(size: usize, before: &[u8], piece: &[u8], after: &[u8]) -> Vec<u8> {
    let room = size.saturating_sub(before.len() + after.len());
    let mut out = before.to_vec();
    for _ in 0..room / piece.len().max(1) {
        out.extend_from_slice(piece);
    }
    out.extend_from_slice(after);
    out
}

/// A text of that size, with a number in place of each `#`, so that no two pieces are the same.
fn text(size: usize, piece: &str) -> String {
    let mut out = String::with_capacity(size);
    let mut number = 0_u32;
    while out.len() + piece.len() + 8 < size {
        out.push_str(&piece.replace('#', &format!("{:x}", number.wrapping_mul(2_654_435_761))));
        number += 1;
    }
    out
}

impl Input {
    /// Makes the input, and gives the work to be measured.
    pub(crate) fn prepare(&self, size: usize) -> Box<dyn Fn()> {
        match &self.kind {
            Kind::Mail(before, piece, after) => {
                let mail = fill(size, before.as_bytes(), piece.as_bytes(), after.as_bytes());
                Box::new(move || {
                    black_box(convert(&mail, &ThreadContext::default()));
                    black_box((headers(&mail), delivery_report(&mail), envelope::read(&mail)));
                })
            }
            Kind::Answer(sent, piece) => {
                let sent = text(EVENT, sent);
                let mail = format!("From: a@x.org\n\n{}", text(size, piece));
                let context = ThreadContext {
                    received: vec![sent.clone(); 5],
                    sent: vec![sent; 20],
                    answers: None,
                };
                Box::new(move || {
                    black_box(convert(mail.as_bytes(), &context));
                })
            }
            Kind::Markup(piece) => message(&json!({
                "msgtype": "m.text", "body": "x", "format": "org.matrix.custom.html", "formatted_body": text(size, piece),
            })),
            Kind::Text(piece) => message(&json!({"msgtype": "m.text", "body": text(size, piece)})),
            Kind::Edit(before, after) => {
                let (before, after) = (text(EVENT, before), text(EVENT, after));
                let relation = json!({"rel_type": "m.replace", "event_id": "$earlier"});
                let content = json!({
                    "msgtype": "m.text", "body": "x", "m.new_content": {"msgtype": "m.text", "body": after}, "m.relates_to": relation,
                });
                render(
                    &content,
                    json!({"events": {"$earlier": {"message_id": "a@b", "body": before}}}),
                )
            }
            Kind::Transaction(before, piece, after) => {
                let body = fill(size, before.as_bytes(), piece.as_bytes(), after.as_bytes());
                Box::new(move || {
                    let _ = black_box(read_transaction(&body));
                })
            }
            Kind::Configuration(piece) => {
                let yaml = text(size, piece);
                Box::new(move || {
                    let _ = black_box(Config::parse(Path::new("/nowhere/x.yaml"), &yaml, &[].into()));
                })
            }
        }
    }
}

fn message(content: &Value) -> Box<dyn Fn()> {
    render(content, json!({}))
}

fn render(content: &Value, thread: Value) -> Box<dyn Fn()> {
    let event = json!({
        "type": "m.room.message", "event_id": "$one", "sender": "@bob:hs.example", "origin_server_ts": 0, "content": content,
    });
    Box::new(move || {
        let _ = black_box(from_json(&event, &thread, &|_| Err(ErrorKind::NotFound.into())));
    })
}

/// What the inputs are made of: pieces that are repeated, and what stands before and behind them. A `#` is a number, another one
/// each time.
#[derive(Deserialize)]
struct Pieces {
    /// HTML of mails and of events.
    markup: Vec<String>,
    /// Plain text of mails and of events.
    texts: Vec<String>,
    /// Mails: a name, what stands before, the piece, what stands behind.
    mails: Vec<[String; 4]>,
    /// Texts that were sent, and mails that answer them.
    answers: Vec<[String; 2]>,
    /// Texts before and after an edit.
    edits: Vec<[String; 2]>,
    /// Transactions: as mails.
    transactions: Vec<[String; 4]>,
    /// Configurations.
    configurations: Vec<String>,
}

/// All inputs.
pub(crate) fn inputs() -> Result<Vec<Input>, serde_json::Error> {
    let pieces: Pieces = serde_json::from_str(include_str!("pieces.json"))?;
    let mut all = Vec::new();
    let mut add = |name: String, kind| all.push(Input { name, kind });
    let shown = |piece: &str| piece.escape_debug().to_string();
    let html = "Content-Type: text/html; charset=utf-8\n\n";
    let with_plain = format!("Content-Type: multipart/alternative; boundary=b\n\n--b\n\nx\n--b\n{html}");
    for piece in &pieces.markup {
        let body = piece.replace('#', "1");
        for (name, head) in [("html", html), ("html beside text", &with_plain)] {
            let mail = Kind::Mail(head.to_owned(), body.clone(), String::new());
            add(format!("{name} {}", shown(piece)), mail);
        }
        add(
            format!("event html {}", shown(piece)),
            Kind::Markup(piece.clone()),
        );
    }
    for piece in pieces.texts {
        let mail = Kind::Mail("From: Bob <b@x.org>\n\n".to_owned(), piece.clone(), String::new());
        add(format!("text {}", shown(&piece)), mail);
        add(format!("event text {}", shown(&piece)), Kind::Text(piece));
    }
    for [name, before, piece, after] in pieces.mails {
        add(name, Kind::Mail(before, piece, after));
    }
    for [sent, piece] in pieces.answers {
        add(
            format!("answer {} to {}", shown(&piece), shown(&sent)),
            Kind::Answer(sent, piece),
        );
    }
    for [before, after] in pieces.edits {
        add(
            format!("edit {} to {}", shown(&before), shown(&after)),
            Kind::Edit(before, after),
        );
    }
    for [name, before, piece, after] in pieces.transactions {
        add(
            format!("transaction {name}"),
            Kind::Transaction(before, piece, after),
        );
    }
    for piece in pieces.configurations {
        add(
            format!("configuration {}", shown(&piece)),
            Kind::Configuration(piece),
        );
    }
    Ok(all)
}
