//! Keeps the direction of imports: a layer may use what stands beside it in this table, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};

const LAYERS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("convert", &["model"]),
    ("store", &["model"]),
    ("matrix", &["model"]),
    ("mail", &["model"]),
    ("appservice", &["model"]),
    (
        "bridge",
        &["model", "convert", "store", "matrix", "mail", "appservice"],
    ),
    ("worker", &["model", "store", "bridge"]),
    (
        "config",
        &[
            "model",
            "convert",
            "store",
            "matrix",
            "mail",
            "appservice",
            "bridge",
        ],
    ),
    (
        "replay",
        &["model", "convert", "store", "matrix", "mail", "bridge", "worker"],
    ),
    ("telemetry", &["config"]),
    (
        "cli",
        &[
            "model",
            "convert",
            "store",
            "matrix",
            "mail",
            "appservice",
            "bridge",
            "worker",
            "config",
            "replay",
            "telemetry",
        ],
    ),
];

#[test]
fn imports_go_down_only() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for file in files(&src) {
        let path = file.strip_prefix(&src).unwrap();
        let layer = path
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_str()
            .unwrap()
            .trim_end_matches(".rs");
        if matches!(layer, "lib" | "main") {
            continue;
        }
        let (_, allowed) = LAYERS
            .iter()
            .find(|(name, _)| *name == layer)
            .unwrap_or_else(|| panic!("src/{layer} is not in the table of layers"));
        let text = fs::read_to_string(&file).unwrap();
        for used in text
            .split("crate::")
            .skip(1)
            .map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next())
        {
            let used = used.unwrap();
            if used != layer && LAYERS.iter().any(|(name, _)| *name == used) && !allowed.contains(&used) {
                wrong.push(format!("src/{} uses crate::{used}", path.display()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "imports against the direction of the layers:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn sql_stands_in_the_store_only() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in files(&src) {
        let text = fs::read_to_string(&file).unwrap();
        let inside = file.starts_with(src.join("store"));
        assert!(
            inside || !text.contains("sqlx::"),
            "{} uses sqlx outside the store",
            file.display()
        );
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}
