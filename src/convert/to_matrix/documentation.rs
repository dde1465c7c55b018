//! `docs/conversion.md` shows the examples of `tests/fixtures/mails`, and what becomes of them.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Converted, ThreadContext, convert};

const BEGIN: &str =
    "<!-- email-to-matrix: generated from tests/fixtures/mails; UPDATE_DOCS=1 cargo test writes it -->\n";
const END: &str = "<!-- email-to-matrix: end -->\n";
/// The longest line of an example that is shown whole, in characters: base64 says nothing.
const LONGEST: usize = 200;

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn examples() -> Vec<Value> {
    let mut paths: Vec<_> = fs::read_dir(root("tests/fixtures/mails"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let read = |path: PathBuf| serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    paths.into_iter().map(read).collect()
}

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
    for example in examples() {
        describe(&example, &mut shown);
    }
    let path = root("docs/conversion.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let expected = format!("{before}{BEGIN}{shown}{END}{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &expected).unwrap();
        return;
    }
    let advice = "docs/conversion.md is out of date: run the tests with UPDATE_DOCS=1 and look at it";
    assert!(page == expected, "{advice}");
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
