//! `docs/conversion.md` and the snapshots show the same examples: those of `tests/fixtures/events`.

use std::fmt::Write as _;

use mail_parser::{Message, MessageParser, MessagePart, MimeHeaders, PartType};
use serde_json::Value;

use crate::convert::documentation::{check_section, examples};
use crate::convert::to_email::line::is_invisible;
use crate::convert::to_email::{FromJsonError, from_json};

const BEGIN: &str =
    "<!-- matrix-to-email: generated from tests/fixtures/events; UPDATE_DOCS=1 cargo test writes it -->\n";
const END: &str = "<!-- matrix-to-email: end -->\n";

fn converted(example: &Value) -> Result<String, String> {
    let no_files = |_: &str| Err(std::io::ErrorKind::NotFound.into());
    match from_json(&example["events"], &example["context"], &no_files) {
        Ok(email) => Ok(String::from_utf8(email.bytes).unwrap()),
        Err(FromJsonError::NoEmail { reason }) => Err(reason),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn examples_become_the_same_mails_as_ever() {
    for (name, example) in examples("tests/fixtures/events") {
        let shown = converted(&example).unwrap_or_else(|reason| format!("no email: {reason}"));
        assert!(
            shown.lines().all(|line| line.len() <= 78),
            "{name} has a long line"
        );
        insta::assert_snapshot!(name, shown.replace("\r\n", "\n"));
    }
}

#[test]
fn the_documentation_shows_what_the_code_does() {
    let mut shown = String::new();
    for (_, example) in examples("tests/fixtures/events") {
        describe(&example, &mut shown);
    }
    check_section(BEGIN, END, &shown);
}

fn describe(example: &Value, out: &mut String) {
    let _ = write!(out, "\n### {}\n\n", example["title"].as_str().unwrap());
    if let Some(about) = example["about"].as_str() {
        let _ = write!(out, "{about}\n\n");
    }
    out.push_str("````json\n");
    let events = example["events"]
        .as_array()
        .cloned()
        .unwrap_or_else(|| vec![example["events"].clone()]);
    for event in &events {
        let content: String = event["content"].to_string().chars().map(visible).collect();
        let _ = writeln!(out, "{}: {content}", event["type"].as_str().unwrap());
    }
    out.push_str("````\n\n");
    match converted(example) {
        Ok(mail) => {
            let mail = MessageParser::new().parse(mail.as_bytes()).unwrap();
            let _ = write!(out, "````text\nSubject: {}\n", mail.subject().unwrap());
            part(&mail, mail.root_part(), 0, out);
            out.push_str("````\n");
        }
        Err(reason) => {
            let _ = writeln!(out, "No email: {}.", reason.rsplit(": ").next().unwrap());
        }
    }
}

/// A character as it may stand in a page: one that reorders the text around it is written as its number.
fn visible(c: char) -> String {
    if is_invisible(c) {
        format!("\\u{:04x}", u32::from(c))
    } else {
        c.to_string()
    }
}

/// Shows a part as a mail program gets it: type and name, then the text.
fn part(mail: &Message<'_>, shown: &MessagePart<'_>, depth: usize, out: &mut String) {
    let kind = shown.content_type().unwrap();
    let kind = format!("{}/{}", kind.ctype(), kind.subtype().unwrap());
    let disposition = shown
        .content_disposition()
        .map(|value| format!(", {}", value.ctype()));
    let name = shown.attachment_name().map(|name| format!(", \"{name}\""));
    let indent = "  ".repeat(depth);
    let _ = writeln!(
        out,
        "{indent}[{kind}{}{}]",
        disposition.unwrap_or_default(),
        name.unwrap_or_default()
    );
    let text = match &shown.body {
        PartType::Multipart(parts) => {
            for &inner in parts {
                part(mail, mail.part(inner).unwrap(), depth + 1, out);
            }
            return;
        }
        PartType::Html(html) => {
            let (_, body) = html.split_once("<body").unwrap();
            let (_, body) = body.split_once('>').unwrap();
            body.split_once("</body>").unwrap().0
        }
        PartType::Text(text) => text,
        _ => return,
    };
    for line in text.replace("\r\n", "\n").trim().lines() {
        let _ = writeln!(out, "{}", format!("{indent}  {line}").trim_end());
    }
}
