//! Our own mails, answered in the way of every mail program and language: what comes back is exactly the new text.

mod languages;
mod programs;

use mail_parser::MessageParser;
use serde_json::json;

use self::programs::{HTML, Program, Quoted, TEXT};
use super::quote::samples::{ATTRIBUTIONS, BLOCKS};
use super::{ThreadContext, convert};
use crate::convert::to_email::{ChatMessage, EmailDraft, render};
use crate::model::{EmailAddress, Mailbox, Timestamp};

/// What people answer: short, long, with lines that look like other things.
const ANSWERS: &[&str] = &[
    "Yes, gladly.",
    "Hello Bob,\n\nyes, at 10:30: see you there!",
    "Three things:\n- one\n- two\n\nSee https://example.org/2024/05 for more.",
    "好的，明天见！",
    "نعم، أراك غدا",
    "👍",
];

/// Messages that people send from Matrix.
fn messages() -> Vec<serde_json::Value> {
    vec![
        json!({"msgtype": "m.text", "body": "Shall we meet for lunch on Tuesday?\n\nI could come by train."}),
        json!({
            "msgtype": "m.text", "body": "Two **questions**:\n\n1. When?\n2. Where do we meet, and who brings the [map](https://example.org/map)?",
            "format": "org.matrix.custom.html",
            "formatted_body": "<p>Two <strong>questions</strong>:</p><ol><li>When?</li><li>Where do we meet, and who brings the \
                <a href=\"https://example.org/map\">map</a>?</li></ol>",
        }),
        json!({"msgtype": "m.text", "body": format!("A long one. {}", "It goes on and on about nothing in particular. ".repeat(6).trim_end())}),
        json!({
            "msgtype": "m.text", "body": "See this:\n```\nlet a = 1;\n```\n\n> a word of somebody else\n\nWhat do you think?",
            "format": "org.matrix.custom.html",
            "formatted_body": "<p>See this:</p><pre><code>let a = 1;\n</code></pre><blockquote><p>a word of somebody else</p></blockquote><p>What do you think?</p>",
        }),
    ]
}

fn mailbox(name: &str, address: &str) -> Mailbox {
    Mailbox {
        name: Some(name.to_owned()),
        address: EmailAddress::parse(address).unwrap(),
    }
}

/// The mails as their reader has them on the screen: plain text, and HTML.
fn sent() -> Vec<Quoted> {
    messages()
        .into_iter()
        .map(|content| {
            let serde_json::Value::Object(content) = content else {
                panic!("a content is an object")
            };
            let draft = EmailDraft {
                from: mailbox("Alice Smith", "alice@mail.example.org"),
                reply_to: Some(EmailAddress::parse("alice+k3jd9@mail.example.org").unwrap()),
                to: mailbox("Bob", "bob@example.org"),
                subject: "Lunch".to_owned(),
                message_id: "one@mail.example.org".to_owned(),
                in_reply_to: None,
                references: Vec::new(),
                date: Timestamp(1_715_671_800_000),
                ask_receipt: false,
                signature: None,
                unsubscribe: None,
                intro: None,
                messages: vec![ChatMessage {
                    event_type: "m.room.message".to_owned(),
                    content,
                    sender: "@alice:hs.example".to_owned(),
                    sender_name: "Alice Smith".to_owned(),
                    timestamp: Timestamp(1_715_671_800_000),
                    about: None,
                    media: None,
                }],
            };
            let bytes = render(&draft).unwrap().bytes;
            let mail = MessageParser::new().parse(&bytes).unwrap();
            Quoted {
                text: mail
                    .body_text(0)
                    .unwrap()
                    .replace("\r\n", "\n")
                    .trim_end()
                    .to_owned(),
                html: mail.body_html(0).unwrap().into_owned(),
            }
        })
        .collect()
}

/// The first text event's body.
fn body(mail: &str, sent: &[String]) -> String {
    let context = ThreadContext {
        sent: sent.to_vec(),
        ..ThreadContext::default()
    };
    let converted = convert(mail.as_bytes(), &context);
    let (_, message) = converted.events.first().unwrap();
    message["body"].as_str().unwrap().to_owned()
}

fn head(media_type: &str) -> String {
    format!(
        "From: Bob <bob@example.org>\nTo: alice@mail.example.org\nSubject: Re: Lunch\nMIME-Version: 1.0\nContent-Type: {media_type}; charset=utf-8\n\n"
    )
}

fn html(text: &str) -> String {
    let escaped = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    escaped
        .lines()
        .map(|line| format!("<div>{}</div>", if line.is_empty() { "<br>" } else { line }))
        .collect()
}

/// Reports what came out wrong, the first of many.
fn report(failures: &[String], count: usize) {
    let some: Vec<&str> = failures.iter().take(12).map(String::as_str).collect();
    assert!(
        failures.is_empty(),
        "{} of {count} failed\n{}",
        failures.len(),
        some.join("\n=====\n")
    );
    assert!(count > 500, "{count}");
}

/// Lets each program answer each of our mails with each introduction, above the quotation and below it where that can be; `mail`
/// writes the mail from what the writer typed and what the program quoted.
fn answer_alone_comes_back(programs: &[Program], mail: impl Fn([&str; 2], bool) -> String) {
    let (sent, mut failures, mut count) = (sent(), Vec::new(), 0);
    for program in programs {
        for (index, introduction) in program.introductions().into_iter().enumerate() {
            for below in [false, true] {
                if below && !program.marks {
                    continue;
                }
                let quoted = &sent[(index + count) % sent.len()];
                let answer = ANSWERS[count % ANSWERS.len()];
                let quotation = (program.quote)(introduction, quoted);
                let mail = mail([answer, &quotation], below);
                let found = body(&mail, &[]);
                count += 1;
                if found != answer {
                    failures.push(format!("{} below {below}:\n{mail}=> {found:?}", program.name));
                }
            }
        }
    }
    report(&failures, count);
}

#[test]
fn the_answer_alone_comes_back_from_plain_text() {
    answer_alone_comes_back(TEXT, |[answer, quotation], below| {
        let (first, second) = if below {
            (quotation, answer)
        } else {
            (answer, quotation)
        };
        format!("{}{first}\n\n{second}\n", head("text/plain"))
    });
}

#[test]
fn the_answer_alone_comes_back_from_html() {
    answer_alone_comes_back(HTML, |[answer, quotation], below| {
        let answer = html(answer);
        let (first, second) = if below {
            (quotation, answer.as_str())
        } else {
            (answer.as_str(), quotation)
        };
        format!("{}<html><body>{first}{second}</body></html>\n", head("text/html"))
    });
}

#[test]
fn answers_in_between_come_back_with_what_they_answer() {
    let quoted = ["Shall we meet for lunch on Tuesday?", "I could come by train."];
    let mut failures = Vec::new();
    for introduction in ATTRIBUTIONS {
        let text = format!(
            "{introduction}\n> {}\n\nYes, at ten.\n\n> {}\n\nBetter by bus.\n",
            quoted[0], quoted[1]
        );
        let expected = format!(
            "> {}\n\nYes, at ten.\n\n> {}\n\nBetter by bus.",
            quoted[0], quoted[1]
        );
        let found = body(&format!("{}{text}", head("text/plain")), &[]);
        if found != expected {
            failures.push(format!("{text}=> {found:?}"));
        }
        let escaped = introduction.replace('<', "&lt;").replace('>', "&gt;");
        let markup = format!(
            "<div>{escaped}</div><blockquote type=\"cite\">{}</blockquote><div>Yes, at ten.</div><blockquote type=\"cite\">{}</blockquote>\
             <div>Better by bus.</div>",
            quoted[0], quoted[1]
        );
        let found = body(&format!("{}{markup}", head("text/html")), &[]);
        if found.replace("\n\n", "\n") != expected.replace("\n\n", "\n") {
            failures.push(format!("{markup}\n=> {found:?}"));
        }
    }
    assert!(
        failures.is_empty(),
        "{} failed\n{}",
        failures.len(),
        failures.join("\n=====\n")
    );
}

#[test]
fn what_we_sent_is_known_in_any_language_and_without_any_mark() {
    let mut failures = Vec::new();
    for quoted in sent() {
        for answer in ANSWERS {
            for below in [
                quoted.text.clone(),
                quoted.text.replace('\n', "\n\n"),
                programs::wrap(&quoted.text, 40),
            ] {
                let found = body(
                    &format!("{}{answer}\n\n{below}\n", head("text/plain")),
                    std::slice::from_ref(&quoted.text),
                );
                if found != *answer {
                    failures.push(format!("{answer}\n\n{below}\n=> {found:?}"));
                }
            }
            let markup = format!("{}<div>{}</div>", html(answer), quoted.html);
            let found = body(
                &format!("{}{markup}", head("text/html")),
                std::slice::from_ref(&quoted.text),
            );
            if found != *answer {
                failures.push(format!("{markup}\n=> {found:?}"));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} failed\n{}",
        failures.len(),
        failures.join("\n=====\n")
    );
}
