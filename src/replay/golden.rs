//! Golden files: outcomes that a person has looked at, and how a new outcome differs from them.

use std::path::{Path, PathBuf};

use similar::TextDiff;

/// Equal lines shown around a difference.
const CONTEXT_LINES: usize = 4;

/// What came out of one replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The recording's name.
    pub name: String,
    /// The outcome.
    pub text: String,
}

/// A golden file is missing, or can't be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}", path.display())]
pub struct GoldenError {
    path: PathBuf,
    error: std::io::Error,
}

/// Stores outcomes: in `golden` when that is a file or nothing yet, each as `NAME.txt` when it is a folder.
pub fn update(golden: &Path, outcomes: &[Outcome]) -> Result<(), GoldenError> {
    for (path, text) in files(golden, outcomes) {
        std::fs::write(&path, text).map_err(|error| GoldenError { path, error })?;
    }
    Ok(())
}

/// Compares outcomes with what [`update`] stored. Gives one unified diff for each file that differs.
pub fn check(golden: &Path, outcomes: &[Outcome]) -> Result<Vec<String>, GoldenError> {
    let mut differences = Vec::new();
    for (path, text) in files(golden, outcomes) {
        let stored = match std::fs::read_to_string(&path) {
            Ok(stored) => stored,
            Err(error) => return Err(GoldenError { path, error }),
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        differences.extend(difference(&name, &stored, &text));
    }
    Ok(differences)
}

/// The files and what belongs into them.
fn files(golden: &Path, outcomes: &[Outcome]) -> Vec<(PathBuf, String)> {
    if golden.is_dir() {
        return outcomes
            .iter()
            .map(|outcome| (golden.join(format!("{}.txt", outcome.name)), outcome.text.clone()))
            .collect();
    }
    let texts: Vec<&str> = outcomes.iter().map(|outcome| outcome.text.as_str()).collect();
    vec![(golden.to_owned(), texts.join("\n"))]
}

/// The difference between two outcomes as a unified diff; `None` when there is none.
pub fn difference(name: &str, golden: &str, outcome: &str) -> Option<String> {
    if golden == outcome {
        return None;
    }
    let text = TextDiff::from_lines(golden, outcome)
        .unified_diff()
        .context_radius(CONTEXT_LINES)
        .header(&format!("{name} (golden)"), &format!("{name} (now)"))
        .to_string();
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(texts: &[&str]) -> Vec<Outcome> {
        let outcome = |(index, text): (usize, &&str)| Outcome {
            name: format!("r{index}"),
            text: (*text).to_owned(),
        };
        texts.iter().enumerate().map(outcome).collect()
    }

    #[test]
    fn only_what_differs_is_shown() {
        let golden: String = (0..20).map(|number| format!("{number}\n")).collect();
        assert_eq!(difference("x", &golden, &golden), None);
        let now = golden.replace("10\n", "ten\n");
        let expected =
            "--- x (golden)\n+++ x (now)\n@@ -7,9 +7,9 @@\n 6\n 7\n 8\n 9\n-10\n+ten\n 11\n 12\n 13\n 14\n";
        assert_eq!(difference("x", &golden, &now).as_deref(), Some(expected));
    }

    #[test]
    fn what_was_stored_is_compared() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("all.txt");
        for golden in [folder.path(), &file] {
            let before = outcomes(&["a\n", "b\n"]);
            update(golden, &before).unwrap();
            assert_eq!(check(golden, &before).unwrap(), Vec::<String>::new());
            let differences = check(golden, &outcomes(&["a\n", "c\n"])).unwrap();
            assert_eq!(differences.len(), 1);
            assert!(differences[0].contains("-b\n+c\n"), "{}", differences[0]);
        }
        assert_eq!(
            std::fs::read_to_string(folder.path().join("r1.txt")).unwrap(),
            "b\n"
        );
    }

    #[test]
    fn a_golden_file_that_is_missing_is_named() {
        let error = check(Path::new("/nowhere/x.txt"), &outcomes(&["a"])).unwrap_err();
        assert!(error.to_string().starts_with("/nowhere/x.txt: "), "{error}");
    }
}
