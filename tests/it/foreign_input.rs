//! The checks of the fuzzer, over everything that is known to be worth trying: the corpora, what was found once, and the fixtures.

use std::fs;
use std::path::{Path, PathBuf};

#[path = "../../fuzz/src/lib.rs"]
mod fuzz;

/// All files below a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Runs a target over its inputs, each of which is named when it fails.
fn replay(name: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (_, target) = fuzz::TARGETS.iter().find(|(known, _)| *known == name).unwrap();
    let mut paths = files(&root.join("fuzz/corpus").join(name));
    assert!(!paths.is_empty(), "fuzz/corpus/{name} is empty");
    let found = root.join("fuzz/regressions").join(name);
    if found.exists() {
        paths.extend(files(&found));
    }
    if matches!(name, "mail" | "report" | "threading") {
        paths.extend(files(&root.join("tests/fixtures/eml")));
    }
    let failed: Vec<String> = paths
        .iter()
        .filter(|path| {
            let input = fs::read(path).unwrap();
            std::panic::catch_unwind(|| target(&input)).is_err()
        })
        .map(|path| path.display().to_string())
        .collect();
    assert!(failed.is_empty(), "{name} fails for {failed:?}");
}

macro_rules! replays {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                replay(stringify!($name));
            }
        )*

        #[test]
        fn no_target_is_forgotten() {
            let known: Vec<&str> = fuzz::TARGETS.iter().map(|(name, _)| *name).collect();
            assert_eq!(known, [$(stringify!($name)),*]);
            let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/Cargo.toml")).unwrap();
            for name in known {
                assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} has no program for the fuzzer");
            }
        }
    };
}

replays! {
    address configuration html_in html_out mail mail_in_thread quotation report session threading transaction
}
