//! Serde's errors in the admin's words.

use serde_path_to_error::Error;

use super::error::Problem;
use super::source::SECRETS;

/// What is wrong, where, and what to do about it.
///
/// The texts that serde makes are documented parts of its interface (`serde::de::Error`), and the tests of this
/// folder hold them fast.
pub(super) fn explain(error: &Error<serde_json::Error>) -> Problem {
    let path = error.path().to_string();
    let message = error.inner().to_string();
    if let Some(rest) = message.strip_prefix("unknown field ") {
        return unknown_key(&path, rest);
    }
    if let Some(rest) = message.strip_prefix("missing field ") {
        let field = rest.split('`').nth(1).unwrap_or_default();
        return missing(&join(&path, field));
    }
    if let Some(rest) = message.strip_prefix("unknown variant ") {
        let mut names = rest.split('`').skip(1).step_by(2);
        let given = names.next().unwrap_or_default();
        let known: Vec<&str> = names.collect();
        return Problem::new(path, format!("`{given}` is none of {}", known.join(", ")));
    }
    if message.starts_with("invalid type") {
        let text = if message.contains("expected struct") {
            "must be a section with keys of its own, each on an indented line"
        } else if message.contains("expected a sequence") {
            "must be a list, with `- ` before each entry"
        } else {
            return Problem::new(path, format!("has the wrong type: {}", sentence(&message)));
        };
        return Problem::new(path, text);
    }
    Problem::new(path, message)
}

/// `a.b`, also when there is no `a`: `serde_path_to_error` says `.` for the root.
fn join(section: &str, key: &str) -> String {
    if section.is_empty() || section == "." {
        key.to_owned()
    } else {
        format!("{section}.{key}")
    }
}

/// `rest` is what serde says after "unknown field": the names in backticks, the unknown one first.
fn unknown_key(path: &str, rest: &str) -> Problem {
    let mut names = rest.split('`').skip(1).step_by(2);
    let given = names.next().unwrap_or_default();
    let mut known: Vec<&str> = names.collect();
    known.sort_unstable();
    let nearest = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(name, given), *name))
        .min()
        .filter(|(distance, name)| *distance * 3 <= name.len().max(3))
        .map(|(_, name)| format!(", did you mean `{name}`?"));
    let section = path
        .strip_suffix(given)
        .map_or(path, |section| section.trim_end_matches('.'));
    Problem::new(
        join(section, given),
        format!(
            "there is no such key{} (known here: {})",
            nearest.unwrap_or_default(),
            known.join(", ")
        ),
    )
}

fn missing(key: &str) -> Problem {
    let variable = key.to_uppercase().replace('.', "__");
    let mend = if SECRETS.contains(&key) {
        let short = key.rsplit('.').next().unwrap_or(key);
        format!("add it, or `{short}_file` with the path of a file that holds it, or set PENPAL_{variable}")
    } else {
        "add it; config.example.yaml explains every key".to_owned()
    };
    Problem::new(key, format!("is missing: {mend}"))
}

/// The part of an "invalid type" message that tells: `string "x", expected a boolean`.
fn sentence(message: &str) -> &str {
    message.strip_prefix("invalid type: ").unwrap_or(message)
}
