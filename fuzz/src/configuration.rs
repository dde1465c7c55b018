//! The configuration.

use std::collections::BTreeMap;
use std::path::Path;

use penpal::config::Config;

/// What stands for a secret; no message and no debug output shows it.
const SECRET: &str = "hunter2hunter2";

/// Variables of the environment, one in each line, and the file.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    // A secret can come from any file of the admin's, and some never end.
    if text.to_ascii_lowercase().contains("_file") {
        return;
    }
    let (environment, file) = text.split_once("\n%%\n").unwrap_or(("", &text));
    let environment: BTreeMap<String, String> = environment
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
    // Elsewhere than in the place of a secret, it is none.
    let is_secret = |line: &str| {
        let mut keys = ["as_token: ", "hs_token: ", "password: "].iter();
        keys.any(|key| line.trim_start().strip_prefix(key) == Some(SECRET))
    };
    let mut mentions = text.lines().filter(|line| line.contains(SECRET));
    assert!(
        !mentions.all(is_secret) || !shown.contains(SECRET),
        "a secret is shown"
    );
}
