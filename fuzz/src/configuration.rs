//! The configuration.

use std::collections::BTreeMap;
use std::path::Path;

use penpal::config::Config;
use serde_json::Value;

/// What stands for a secret; no message and no debug output shows it.
const SECRET: &str = "hunter2hunter2";

/// Variables of the environment, one in each line, and the file.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    // A secret can come from any file of the admin's, and some never end.
    if text.to_ascii_lowercase().contains("_file") {
        return;
    }
    let (variables, file) = text.split_once("\n%%\n").unwrap_or(("", &text));
    let environment: BTreeMap<String, String> = variables
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let shown = match Config::parse(Path::new("/nowhere/penpal.yaml"), file, &environment) {
        Ok(config) => format!("{config:?}"),
        Err(error) => error.to_string(),
    };
    assert!(
        shown.len() <= data.len() * 4 + 20_000,
        "{} bytes are said",
        shown.len()
    );
    let hidden = match serde_saphyr::from_str(file) {
        Ok(values) => !variables.contains(SECRET) && is_hidden("", &values),
        Err(_) => lines_are_hidden(&text),
    };
    assert!(!hidden || !shown.contains(SECRET), "a secret is shown");
}

/// The keys of what is never shown. Elsewhere than behind them, the secret is none.
const KEYS: [&str; 3] = ["as_token", "hs_token", "password"];

/// Whether the secret stands behind such keys alone.
fn is_hidden(key: &str, value: &Value) -> bool {
    match value {
        Value::String(text) => !text.contains(SECRET) || (KEYS.contains(&key) && text == SECRET),
        Value::Array(values) => values.iter().all(|value| is_hidden("", value)),
        Value::Object(values) => values
            .iter()
            .all(|(key, value)| !key.contains(SECRET) && is_hidden(key, value)),
        _ => true,
    }
}

/// The same of what is no YAML: an error may quote it.
fn lines_are_hidden(text: &str) -> bool {
    let mut mentions = text.lines().filter(|line| line.contains(SECRET));
    mentions.all(|line| {
        let behind = |key: &&str| line.trim_start().strip_prefix(*key)?.strip_prefix(": ");
        KEYS.iter().filter_map(behind).any(|rest| rest == SECRET)
    })
}
