//! A homeserver request as text.

use std::fmt::Write as _;

use serde_json::Value;

use super::super::homeserver::HomeserverRequest;
use super::visible;

/// How deep a content is shown; deeper values stand in one line.
const MAX_DEPTH: usize = 32;

/// What is not shown: the number of a job is in it, and says nothing to people.
const HIDDEN: &str = "txn_id";

/// The request: its name, as whom and where in the first line, then everything else by name.
pub fn render_request(request: &HomeserverRequest) -> String {
    let mut out = request.name.to_owned();
    for part in [
        request.user.as_ref().map(ToString::to_string),
        request.room.as_ref().map(ToString::to_string),
    ]
    .into_iter()
    .flatten()
    {
        let _written = write!(out, " {}", visible(&part));
    }
    out.push('\n');
    for (name, value) in sorted(&request.details)
        .into_iter()
        .filter(|(name, _)| *name != HIDDEN)
    {
        show(&mut out, name, value, 1);
    }
    if let Some(error) = &request.error {
        let _written = writeln!(out, "    failed: {}", visible(&error.to_string()));
    }
    out
}

/// Shows a value; what is null or empty is left out where it is an argument that was not given.
fn show(out: &mut String, name: &str, value: &Value, depth: usize) {
    if depth == 1 && value.is_null() {
        return;
    }
    let indent = "    ".repeat(depth);
    let name = visible(name);
    let _written = match value {
        Value::Object(fields) if !fields.is_empty() && depth < MAX_DEPTH => {
            let written = writeln!(out, "{indent}{name}:");
            for (name, value) in sorted(fields) {
                show(out, name, value, depth + 1);
            }
            written
        }
        Value::Array(items) if !items.is_empty() && depth < MAX_DEPTH => {
            let written = writeln!(out, "{indent}{name}:");
            for item in items {
                show(out, "-", item, depth + 1);
            }
            written
        }
        Value::String(text) if text.contains('\n') => {
            let written = writeln!(out, "{indent}{name}:");
            super::block(out, &"    ".repeat(depth + 1), text);
            written
        }
        Value::String(text) => writeln!(out, "{indent}{name}: {}", visible(text)),
        other => writeln!(out, "{indent}{name}: {}", visible(&other.to_string())),
    };
}

/// The fields by name, whatever order the JSON library keeps.
fn sorted(fields: &serde_json::Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut fields: Vec<_> = fields.iter().collect();
    fields.sort_by_key(|(name, _)| name.as_str());
    fields
}
