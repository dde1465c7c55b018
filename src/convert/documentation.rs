//! For the tests that hold `docs/conversion.md` against the code: its examples, and its generated sections.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The examples in a folder below the project's root, in the order of their names, with these.
pub(super) fn examples(folder: &str) -> Vec<(String, Value)> {
    let mut paths: Vec<_> = fs::read_dir(root(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, serde_json::from_slice(&fs::read(path).unwrap()).unwrap())
    };
    paths.into_iter().map(read).collect()
}

/// Asserts that `shown` stands between the two marks, or writes it there when `UPDATE_DOCS` is set.
pub(super) fn check_section(begin: &str, end: &str, shown: &str) {
    let path = root("docs/conversion.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(begin).unwrap();
    let (_, after) = rest.split_once(end).unwrap();
    let expected = format!("{before}{begin}{shown}{end}{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &expected).unwrap();
        return;
    }
    let advice = "docs/conversion.md is out of date: run the tests with UPDATE_DOCS=1 and look at it";
    assert!(page == expected, "{advice}");
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
