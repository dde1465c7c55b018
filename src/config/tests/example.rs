//! The two example files in the root.

use std::collections::BTreeSet;

use super::*;

const CONFIG: &str = include_str!("../../../config.example.yaml");

/// The configuration with every key set: in the example, what is not needed is commented out as `#key:`.
fn uncommented() -> String {
    let lines: Vec<String> = CONFIG
        .lines()
        .map(|line| match line.trim_start().strip_prefix('#') {
            Some(key) if key.starts_with(|first: char| first.is_ascii_lowercase() || first == '-') => {
                line.replacen('#', "", 1)
            }
            _ => line.to_owned(),
        })
        .collect();
    lines.join("\n")
}

/// Whether a key names the file of a secret: the second form of another key.
fn is_secret_file(key: &str) -> bool {
    key.strip_suffix("_file").is_some_and(|key| {
        source::SECRETS
            .iter()
            .any(|secret| secret.rsplit('.').next() == Some(key))
    })
}

/// All keys in a section of the example, `_file` ones apart.
fn keys(value: &serde_json::Value) -> BTreeSet<String> {
    value
        .as_object()
        .unwrap()
        .keys()
        .filter(|key| !is_secret_file(key))
        .cloned()
        .collect()
}

#[test]
fn the_example_loads_as_it_stands() {
    let folder = Folder::with(CONFIG);
    folder.write("registration.yaml", include_str!("../../../registration.yaml"));
    folder.load(&[]).unwrap();
}

#[test]
fn the_example_documents_every_key() {
    let all: serde_json::Value = serde_saphyr::from_str(&uncommented()).unwrap();
    for section in [
        "",
        "homeserver",
        "appservice",
        "double_puppet",
        "mail",
        "mail.addresses",
        "mail.authentication",
        "mail.automatic",
        "mail.relay",
        "mail.listen.0",
        "mail.imap.0",
        "mail.rates",
        "limits",
        "chats",
        "downloads",
        "queue",
        "database",
        "logging",
    ] {
        // The message about an unknown key lists the known ones.
        let pointer = if section.is_empty() {
            String::new()
        } else {
            format!("/{}", section.replace('.', "/"))
        };
        let mut value = all.clone();
        let inner = value.pointer_mut(&pointer).unwrap();
        let documented = keys(inner);
        inner.as_object_mut().unwrap().insert("zzz".into(), "x".into());
        value.as_object_mut().unwrap().values_mut().for_each(drop_files);
        let message = refused(&value.to_string());
        let known = message
            .split_once("known here: ")
            .unwrap()
            .1
            .trim_end_matches(')');
        let known: BTreeSet<String> = known.split(", ").map(str::to_owned).collect();
        assert_eq!(documented, known, "{section}");
    }
}

/// Secrets are given twice when everything is uncommented.
fn drop_files(value: &mut serde_json::Value) {
    if let Some(section) = value.as_object_mut() {
        section.retain(|key, _| !is_secret_file(key));
        section.values_mut().for_each(drop_files);
    }
    if let Some(list) = value.as_array_mut() {
        list.iter_mut().for_each(drop_files);
    }
}

#[test]
fn what_the_example_calls_a_default_is_one() {
    // Commented keys show the default: setting them changes nothing.
    let least = Folder::with(CONFIG);
    least.write("registration.yaml", include_str!("../../../registration.yaml"));
    let config = least.load(&[]).unwrap();
    let defaults = Folder::with(LEAST).load(&[]).unwrap();
    assert_eq!(format!("{:?}", config.chats), format!("{:?}", defaults.chats));
    let all: serde_json::Value = serde_saphyr::from_str(&uncommented()).unwrap();
    for section in ["chats", "queue", "logging"] {
        let yaml = least_with(&format!("{section}.x"), "1");
        let mut yaml: serde_json::Value = serde_saphyr::from_str(&yaml).unwrap();
        yaml[section] = all[section].clone();
        let set = Folder::with(&yaml.to_string()).load(&[]).unwrap();
        assert_eq!(
            format!("{:?}{:?}{:?}", set.chats, set.queue, set.logging),
            format!("{:?}{:?}{:?}", defaults.chats, defaults.queue, defaults.logging),
        );
    }
}
