//! Golden files: outcomes that a person has looked at, and how a new outcome differs from them.

use similar::TextDiff;

/// Equal lines shown around a difference.
const CONTEXT_LINES: usize = 4;

/// The difference between a golden file and an outcome, as a unified diff; `None` when there is none.
pub fn difference(name: &str, golden: &str, outcome: &str) -> Option<String> {
    if golden == outcome {
        return None;
    }
    let diff = TextDiff::from_lines(golden, outcome);
    let text = diff
        .unified_diff()
        .context_radius(CONTEXT_LINES)
        .header(&format!("{name} (golden)"), &format!("{name} (now)"))
        .to_string();
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_shown() {
        let golden: String = (0..20).map(|number| format!("{number}\n")).collect();
        assert_eq!(difference("x", &golden, &golden), None);
        let now = golden.replace("10\n", "ten\n");
        let expected =
            "--- x (golden)\n+++ x (now)\n@@ -7,9 +7,9 @@\n 6\n 7\n 8\n 9\n-10\n+ten\n 11\n 12\n 13\n 14\n";
        assert_eq!(difference("x", &golden, &now).as_deref(), Some(expected));
    }
}
