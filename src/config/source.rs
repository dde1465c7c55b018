//! Where values come from: the file, over it the environment, and files that hold one secret each.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::error::{ConfigError, Problem};

/// Keys whose values are never shown, and for each of which there is a second one, `…_file`. A star stands for each entry of a list.
pub(super) const SECRETS: [&str; 7] = [
    "appservice.as_token",
    "appservice.hs_token",
    "database.url",
    "double_puppet.as_token",
    "mail.domains.*.relay.password",
    "mail.imap.*.password",
    "mail.relay.password",
];

/// What the names of our environment variables begin with.
const PREFIX: &str = "PENPAL_";

/// All values, merged, and where each came from.
pub(super) struct Source {
    /// The values, as one JSON object.
    pub(super) values: Value,
    /// The configuration file, as the admin named it.
    file: String,
    /// The folder to which relative paths refer.
    pub(super) folder: PathBuf,
    /// For keys that do not come from the configuration file: from where.
    places: BTreeMap<String, String>,
}

impl Source {
    /// The text of a configuration file.
    pub(super) fn text(path: &Path) -> Result<String, ConfigError> {
        fs::read_to_string(path).map_err(|error| {
            let mend = match error.kind() {
                ErrorKind::PermissionDenied => {
                    "run this as the user of penpal, or chown the file to the user who runs it"
                }
                _ => "give the right path with --config, or let `penpal init` write a configuration",
            };
            ConfigError::File {
                file: path.display().to_string(),
                problem: format!("can't be read ({error}): {mend}"),
            }
        })
    }

    /// Reads `text`, the content of `path`, puts `environment` over it, and reads the files that hold secrets.
    pub(super) fn parse(
        path: &Path,
        text: &str,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        let mut values: Value = serde_saphyr::from_str(text).map_err(|error| ConfigError::File {
            file: file.clone(),
            problem: format!("is not YAML: {}", first_line(&error.to_string())),
        })?;
        drop_empty(&mut values);
        if values.is_null() {
            values = Value::Object(Map::new());
        }
        if !values.is_object() {
            return Err(ConfigError::File {
                file,
                problem: "must hold sections such as `homeserver:`; config.example.yaml shows them all"
                    .into(),
            });
        }
        let mut source = Self {
            values,
            file,
            folder: path.parent().map(Path::to_owned).unwrap_or_default(),
            places: BTreeMap::new(),
        };
        source.overlay(environment)?;
        for key in source.secrets() {
            source.read_secret(&key)?;
        }
        Ok(source)
    }

    /// The error for a problem with a key, which names the place where the key was set.
    pub(super) fn error(&self, problem: Problem) -> ConfigError {
        // A problem with a whole section stands where any part of it stands; only the file holds all parts.
        let key = problem.key.replace('[', ".").replace(']', "");
        let place = self.places.get(&key).unwrap_or(&self.file);
        ConfigError::Key {
            place: place.clone(),
            key: problem.key,
            problem: problem.text,
        }
    }

    /// `PENPAL_MAIL__RELAY__PORT=25` sets `mail.relay.port`. Names without `__` are not ours: Kubernetes sets
    /// `PENPAL_PORT` for a service of that name.
    fn overlay(&mut self, environment: &BTreeMap<String, String>) -> Result<(), ConfigError> {
        for (name, text) in environment {
            let Some(rest) = name.strip_prefix(PREFIX) else {
                continue;
            };
            let parts: Vec<String> = rest.split("__").map(str::to_lowercase).collect();
            if parts.len() < 2 || parts.iter().any(String::is_empty) {
                continue;
            }
            let key = parts.join(".");
            self.places
                .insert(key.clone(), format!("environment variable {name}"));
            if set(&mut self.values, &parts, text).is_none() {
                return Err(self.error(Problem::new(
                    key,
                    "does not fit what the file holds there: name sections by their keys and entries of lists by \
                     their numbers, from 0",
                )));
            }
        }
        // A secret from the environment takes the place of the file's, in either form.
        for key in self.secrets() {
            let other = format!("{key}_file");
            let (own, others) = (self.places.contains_key(&key), self.places.contains_key(&other));
            if own && !others {
                remove(&mut self.values, &other);
            } else if others && !own {
                remove(&mut self.values, &key);
            }
        }
        Ok(())
    }

    /// The keys of all secrets that there may be.
    fn secrets(&self) -> Vec<String> {
        let mut keys = Vec::new();
        for key in SECRETS {
            match key.split_once(".*.") {
                None => keys.push(key.to_owned()),
                Some((list, rest)) => {
                    let entries = get(&self.values, list).and_then(Value::as_array);
                    let entries = 0..entries.map_or(0, Vec::len);
                    keys.extend(entries.map(|index| format!("{list}.{index}.{rest}")));
                }
            }
        }
        keys
    }

    fn read_secret(&mut self, key: &str) -> Result<(), ConfigError> {
        let file_key = format!("{key}_file");
        let shown = shown(&file_key);
        let Some(path) = remove(&mut self.values, &file_key) else {
            return Ok(());
        };
        let fail = |source: &Self, text: String| Err(source.error(Problem::new(shown.clone(), text)));
        let short = key.rsplit('.').next().unwrap_or(key);
        let Some(path) = path.as_str() else {
            return fail(self, "must be the path of a file that holds the secret".into());
        };
        if get(&self.values, key).is_some() {
            return fail(self, format!("`{short}` is given as well: keep one of the two"));
        }
        let secret = match fs::read_to_string(self.folder.join(path)) {
            // Editors end the line, and some begin with a mark that nobody sees.
            Ok(text) => text
                .trim_start_matches('\u{feff}')
                .trim_end_matches(['\r', '\n'])
                .to_owned(),
            Err(error) => {
                return fail(
                    self,
                    format!(
                        "{path} can't be read ({error}): create it, readable for the user that runs penpal"
                    ),
                );
            }
        };
        if secret.is_empty() {
            return fail(self, format!("{path} is empty: put the secret into it"));
        }
        let place = self.places.get(&file_key).unwrap_or(&self.file).clone();
        self.places
            .insert(key.to_owned(), format!("{place}, from the file {path}"));
        let parts: Vec<String> = key.split('.').map(str::to_owned).collect();
        set(&mut self.values, &parts, &secret);
        Ok(())
    }
}

/// A key as it is shown: `mail.imap.0.host` is `mail.imap[0].host`.
fn shown(key: &str) -> String {
    let parts = key.split('.').map(|part| match part.parse::<usize>() {
        Ok(index) => format!("[{index}]"),
        Err(_) => format!(".{part}"),
    });
    parts.collect::<String>().trim_start_matches('.').to_owned()
}

/// Sets a value deep inside; `None` when something in between is neither a section nor an entry of a list.
fn set(values: &mut Value, parts: &[String], text: &str) -> Option<()> {
    let Some((first, rest)) = parts.split_first() else {
        *values = Value::String(text.to_owned());
        return Some(());
    };
    let inner = match values {
        Value::Object(section) => section.entry(first.clone()).or_insert(Value::Null),
        Value::Array(list) => {
            let index: usize = first.parse().ok()?;
            if index == list.len() {
                list.push(Value::Null);
            }
            list.get_mut(index)?
        }
        Value::Null => {
            *values = if first == "0" {
                Value::Array(Vec::new())
            } else {
                Value::Object(Map::new())
            };
            return set(values, parts, text);
        }
        _ => return None,
    };
    set(inner, rest, text)
}

fn get<'a>(values: &'a Value, key: &str) -> Option<&'a Value> {
    values.pointer(&format!("/{}", key.replace('.', "/")))
}

fn remove(values: &mut Value, key: &str) -> Option<Value> {
    let (section, last) = key.rsplit_once('.')?;
    values
        .pointer_mut(&format!("/{}", section.replace('.', "/")))?
        .as_object_mut()?
        .remove(last)
}

/// The section whose keys are the admin's own words: one without a value is a mistake, and not a default.
const OWN_KEYS: &str = "permissions";

/// Drops what has no value from all sections.
fn drop_empty(values: &mut Value) {
    let Value::Object(sections) = values else { return };
    sections.retain(|_, section| !section.is_null());
    let others = sections.iter_mut().filter(|(name, _)| *name != OWN_KEYS);
    others.for_each(|(_, section)| drop_nulls(section));
}

/// A key without a value, as in a section whose keys are all commented out, is a key that is not there.
fn drop_nulls(value: &mut Value) {
    if let Value::Object(section) = value {
        section.retain(|_, value| !value.is_null());
        section.values_mut().for_each(drop_nulls);
    } else if let Value::Array(list) = value {
        list.iter_mut().for_each(drop_nulls);
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
