//! `docs/conversion.md` shows the examples of `tests/fixtures/mails`, and what becomes of them.

use std::fmt::Write as _;

use serde_json::Value;

use crate::convert::documentation::{check_section, examples};

use super::{Converted, ThreadContext, convert};

const BEGIN: &str =
    "<!-- email-to-matrix: generated from tests/fixtures/mails; UPDATE_DOCS=1 cargo test writes it -->\n";
const END: &str = "<!-- email-to-matrix: end -->\n";
/// The longest line of an example that is shown whole, in characters: base64 says nothing.
const LONGEST: usize = 200;

fn lines(example: &Value) -> Vec<&str> {
    let lines = example["mail"].as_array().unwrap();
    lines.iter().map(|line| line.as_str().unwrap()).collect()
}

fn converted(example: &Value) -> Converted {
    convert(lines(example).join("\r\n").as_bytes(), &ThreadContext::default())
}

#[test]
fn the_documentation_shows_what_becomes_of_mails() {
    let mut shown = String::new();
    for (_, example) in examples("tests/fixtures/mails") {
        describe(&example, &mut shown);
    }
    check_section(BEGIN, END, &shown);
}

fn describe(example: &Value, out: &mut String) {
    let _ = write!(out, "\n### {}\n\n", example["title"].as_str().unwrap());
    if let Some(about) = example["about"].as_str() {
        let _ = write!(out, "{about}\n\n");
    }
    out.push_str("````text\n");
    let lines = lines(example);
    let head = lines.iter().position(|line| line.is_empty()).unwrap();
    for (index, line) in lines.into_iter().enumerate() {
        // Who wrote to whom, and when, is the same in all of them.
        let is_usual = ["From: Alice", "To: ", "Date: ", "Message-ID: ", "MIME-Version: "]
            .iter()
            .any(|field| line.starts_with(field));
        if is_usual && index < head {
            continue;
        }
        let short: String = line.chars().take(LONGEST).collect();
        let _ = writeln!(out, "{short}{}", if short == line { "" } else { " …" });
    }
    out.push_str("````\n\n````json\n");
    let converted = converted(example);
    for (event_type, content) in &converted.events {
        let _ = writeln!(out, "{event_type}: {content}");
    }
    out.push_str("````\n");
    if let Some(quoted) = &converted.quoted {
        let _ = write!(out, "\nLeft out:\n\n````text\n{quoted}\n````\n");
    }
}
