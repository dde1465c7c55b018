//! `penpal init`: the first configuration and the registration that goes with it.

mod ask;
mod files;
mod steps;

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write, stdin, stdout};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::Args;

use super::Failure;
use crate::config::{Config, ConfigError, Registration, fresh_token};
use crate::mail::signing::{Algorithm, fresh_key};
use crate::model::SystemRandom;

/// Writes config.yaml and registration.yaml with fresh tokens, and keys for DKIM. Asks for what is not given, on a terminal.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  penpal init --server-name example.org --homeserver-url http://127.0.0.1:8008 \\
      --mail-domain mail.example.org --relay localhost:25 --database sqlite:/var/lib/penpal/penpal.db

The files hold secrets and are readable for their owner alone. Files that exist are never overwritten.")]
pub(super) struct Init {
    /// What stands after the colon in the homeserver's user IDs.
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// Where the homeserver's Client-Server API is, as reached from here.
    #[arg(long, value_name = "URL")]
    homeserver_url: Option<String>,
    /// The mail domain, on which every Matrix user gets an address.
    #[arg(long, value_name = "DOMAIN")]
    mail_domain: Option<String>,
    /// The mail server that takes what goes out: HOST, HOST:PORT, or with smtp://, starttls:// or smtps:// before it.
    #[arg(long, value_name = "RELAY")]
    relay: Option<String>,
    /// Where to write the configuration.
    #[arg(long, value_name = "FILE", default_value = "config.yaml")]
    config: PathBuf,
    /// Where to write the registration.
    #[arg(long, value_name = "FILE", default_value = "registration.yaml")]
    registration: PathBuf,
    /// Where to listen for the homeserver.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:29330")]
    listen: String,
    /// Where to listen for mail: lmtp:// or smtp://, then an IP address and a port, or unix: and a path.
    #[arg(long, value_name = "ADDRESS", default_value = "lmtp://127.0.0.1:8024")]
    mail_listen: String,
    /// The name with which the mail server in front begins its Authentication-Results fields, when it verifies who wrote a mail.
    /// Without it Penpal verifies that itself.
    #[arg(long, value_name = "NAME")]
    authserv_id: Option<String>,
    /// Where everything is kept: `sqlite:FILE`, or `postgres://USER:PASSWORD@HOST/NAME`. Relative paths refer to the folder of the
    /// configuration.
    #[arg(long, value_name = "URL", default_value = "sqlite:penpal.db")]
    database: String,
    /// Write a second registration too, with which Penpal may act for the homeserver's own people: accept its invites for
    /// them and keep their lists of direct chats right. Its file is named after the first one.
    #[arg(long)]
    double_puppet: bool,
    /// Make no keys for DKIM: the mail server signs for the mail domain.
    #[arg(long)]
    no_dkim: bool,
}

impl Init {
    pub(super) fn run(mut self) -> Result<(), Failure> {
        if stdin().is_terminal() && stdout().is_terminal() {
            self.ask(&mut stdin().lock(), &mut stdout())
                .context("the terminal was closed")?;
        }
        let answers = self.answers()?;
        let random = SystemRandom;
        let tokens = files::Tokens {
            appservice: fresh_token(&random),
            homeserver: fresh_token(&random),
            double_puppet: self.double_puppet.then(|| fresh_token(&random)),
        };
        let keys = if self.no_dkim { Vec::new() } else { fresh_keys()? };
        let text = files::config(&answers, &self.registration_from_config(), &tokens, &keys);
        let config = Config::parse(&self.config, &text, &BTreeMap::new()).map_err(in_flags)?;
        let mut all = vec![
            (self.config.clone(), text),
            (
                self.registration.clone(),
                files::registration(&Registration::of(&config)),
            ),
        ];
        let second = tokens.double_puppet.map(|token| {
            let registration =
                Registration::double_puppet(&config.puppets, &config.appservice.id, token, &random);
            let path = self.double_puppet_path();
            all.push((path.clone(), files::double_puppet_registration(&registration)));
            path
        });
        let key_files: Vec<PathBuf> = keys
            .iter()
            .map(|key| self.config.with_file_name(&key.file))
            .collect();
        all.extend(key_files.iter().cloned().zip(keys.into_iter().map(|key| key.pem)));
        files::write_all(&all)?;
        let signatures = config
            .signatures()
            .context("the keys that were written can't be read")?;
        let written = steps::Written {
            config: &self.config,
            registration: &self.registration,
            second: second.as_deref(),
            keys: &key_files,
        };
        let steps = steps::next_steps(&config, &written, signatures.records());
        stdout()
            .write_all(steps.as_bytes())
            .context("standard output is closed")?;
        Ok(())
    }

    /// What was given, or the flags that are missing.
    fn answers(&self) -> Result<files::Answers, Failure> {
        let (Some(server_name), Some(homeserver_url), Some(mail_domain), Some(relay)) = (
            self.server_name.clone(),
            self.homeserver_url.clone(),
            self.mail_domain.clone(),
            self.relay.as_deref(),
        ) else {
            let missing: Vec<&str> = [
                ("--server-name", &self.server_name),
                ("--homeserver-url", &self.homeserver_url),
                ("--mail-domain", &self.mail_domain),
                ("--relay", &self.relay),
            ]
            .into_iter()
            .filter_map(|(flag, given)| given.is_none().then_some(flag))
            .collect();
            return Err(Failure::Usage(format!(
                "missing: {}. Give them, or run `penpal init` on a terminal, where it asks; `penpal init --help` explains them",
                missing.join(", ")
            )));
        };
        Ok(files::Answers {
            server_name,
            homeserver_url,
            mail_domain,
            relay: files::Relay::parse(relay).ok_or_else(|| {
                Failure::Usage(format!(
                    "--relay: `{relay}` is not a mail server: give HOST or HOST:PORT, such as localhost:25, with starttls:// or \
                     smtps:// before it where the connection is to be protected"
                ))
            })?,
            listen: self.listen.clone(),
            database: self.database.clone(),
            mail_listen: files::Door::parse(&self.mail_listen).ok_or_else(|| {
                Failure::Usage(format!(
                    "--mail-listen: `{}` is not an address to listen on: give one such as lmtp://127.0.0.1:8024 or \
                     lmtp://unix:/run/penpal/lmtp.sock",
                    self.mail_listen
                ))
            })?,
            authserv_id: self.authserv_id.clone(),
        })
    }

    /// The path of the registration as the configuration is to name it: paths there refer to its own folder.
    fn registration_from_config(&self) -> PathBuf {
        let folder = |path: &Path| path.parent().map(Path::to_owned).unwrap_or_default();
        match self.registration.file_name() {
            Some(name) if folder(&self.config) == folder(&self.registration) => name.into(),
            _ => std::path::absolute(&self.registration).unwrap_or_else(|_| self.registration.clone()),
        }
    }

    /// `registration.yaml` has `registration-double-puppet.yaml` beside it.
    fn double_puppet_path(&self) -> PathBuf {
        let stem = self
            .registration
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy();
        self.registration
            .with_file_name(format!("{stem}-double-puppet.yaml"))
    }
}

/// A key of each kind: what one receiver does not understand, it passes over.
fn fresh_keys() -> anyhow::Result<Vec<files::Key>> {
    let kinds = [(Algorithm::Rsa, "dkim-rsa"), (Algorithm::Ed25519, "dkim-ed25519")];
    let key = |(algorithm, name): (Algorithm, &str)| {
        let pem = fresh_key(algorithm).map_err(|error| anyhow!("no key for DKIM can be made: {error}"))?;
        Ok(files::Key {
            selector: name.replace("dkim", "penpal"),
            file: format!("{name}.pem"),
            pem,
        })
    };
    kinds.into_iter().map(key).collect()
}

/// A mistake in the configuration that would be written is one in the flag from which the value came.
fn in_flags(error: ConfigError) -> Failure {
    let ConfigError::Key { key, problem, .. } = &error else {
        return error.into();
    };
    let flag = match key.as_str() {
        "homeserver.server_name" => "--server-name",
        "homeserver.url" => "--homeserver-url",
        "mail.domain" => "--mail-domain",
        "appservice.listen" => "--listen",
        "mail.authentication.authserv_id" => "--authserv-id",
        "database.url" => "--database",
        key if key.starts_with("mail.relay") => "--relay",
        key if key.starts_with("mail.listen") => "--mail-listen",
        _ => return error.into(),
    };
    Failure::Usage(format!("{flag}: {problem}"))
}
