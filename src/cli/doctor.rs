//! `penpal doctor`: everything between the homeserver and the mail server, tried one after the other.

use std::fmt::Display;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::Args;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::listing::write_line;
use super::{ConfigFile, Failure, environment};
use crate::bridge::{check_way_back, check_way_there};
use crate::config::Config;
use crate::mail::imap;
use crate::mail::listener::{ListenAddress, ListenerSettings};
use crate::mail::signing::{Signatures, check_published};
use crate::mail::submit::{Relay, RelaySettings};
use crate::matrix::client::HttpHomeserver;
use crate::model::{Clock as _, SystemClock};
use crate::store::{Store, StoreError};

/// How long our own process may take for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A greeting is one line (RFC 5321, section 4.5.3.1.5).
const LONGEST_GREETING: u64 = 512;

/// Checks everything between homeserver and mail server, and says how to mend what does not work.
#[derive(Debug, Args)]
#[command(after_help = "\
Run it beside `penpal run`: what needs the running bridge is left out without it. No mail and no message is sent.
Exit code 1 when something does not work.

Example: penpal doctor --config /etc/penpal/config.yaml")]
pub(super) struct Doctor {
    #[command(flatten)]
    config: ConfigFile,
    /// One JSON object a line: `check`, `outcome` (`ok`, `failed`, `skipped`), `message`.
    #[arg(long)]
    json: bool,
}

/// What became of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Ok,
    Failed,
    Skipped,
}

/// A line of the report.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    outcome: Outcome,
    message: String,
}

/// Prints findings as they come, and counts the bad ones.
struct Report {
    json: bool,
    failed: usize,
}

impl Report {
    fn add(&mut self, check: &'static str, outcome: Outcome, message: impl Display) -> anyhow::Result<()> {
        let finding = Finding {
            check,
            outcome,
            message: message.to_string(),
        };
        self.failed += usize::from(outcome == Outcome::Failed);
        write_line(&finding, self.json, || {
            let word = match outcome {
                Outcome::Ok => "ok",
                Outcome::Failed => "FAILED",
                Outcome::Skipped => "skipped",
            };
            format!("{word:<8} {check:<14} {}", finding.message)
        })
    }

    /// Adds what a check found; true when it is well.
    fn found<T>(
        &mut self,
        check: &'static str,
        found: Result<T, impl Display>,
        well: impl FnOnce(T) -> String,
    ) -> anyhow::Result<bool> {
        match found {
            Ok(value) => self.add(check, Outcome::Ok, well(value)).map(|()| true),
            Err(error) => self.add(check, Outcome::Failed, error).map(|()| false),
        }
    }
}

impl Doctor {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = Config::load(&self.config.config, &environment())?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("the runtime can't be started")?;
        let mut report = Report {
            json: self.json,
            failed: 0,
        };
        let file = self.config.config.display();
        let registration = match &config.appservice.registration {
            Some(path) => format!("{file} fits {}", path.display()),
            None => format!("{file}; it names no registration to compare with"),
        };
        report.add("configuration", Outcome::Ok, registration)?;
        runtime.block_on(examine(&config, &mut report))?;
        match report.failed {
            0 => Ok(()),
            1 => Err(anyhow!("one check failed").into()),
            failed => Err(anyhow!("{failed} checks failed").into()),
        }
    }
}

async fn examine_database(config: &Config, report: &mut Report) -> anyhow::Result<()> {
    // It is not made here: whoever asks may be another user than the one as whom Penpal runs.
    let store = match Store::connect_existing(config.database.url.expose_secret()).await {
        Ok(store) => store,
        Err(StoreError::File { path, source }) if source.kind() == ErrorKind::NotFound => {
            let message = format!("{} is not there yet: `penpal run` makes it", path.display());
            return report.add("database", Outcome::Skipped, message);
        }
        Err(error) => return report.add("database", Outcome::Failed, error),
    };
    let kind = if store.is_single_process() {
        "SQLite"
    } else {
        "PostgreSQL"
    };
    store.close().await;
    report.add(
        "database",
        Outcome::Ok,
        format!("{kind}, and its schema is up to date"),
    )
}

async fn examine(config: &Config, report: &mut Report) -> anyhow::Result<()> {
    examine_database(config, report).await?;

    let listen = config.appservice.listen;
    let running = own_endpoint(listen).await;
    match &running {
        Ok(true) => report.add("penpal run", Outcome::Ok, format!("it answers on {listen}"))?,
        Ok(false) => {
            let message = format!("nothing answers on {listen}: start it, and ask again");
            report.add("penpal run", Outcome::Skipped, message)?;
        }
        Err(trouble) => report.add("penpal run", Outcome::Failed, trouble)?,
    }
    let runs = running.unwrap_or(false);
    examine_homeserver(config, runs, report).await?;
    examine_relay("mail.relay", config.relay_settings(), report).await?;
    for (index, way) in config.ways_out().into_iter().skip(1).enumerate() {
        if let Some(relay) = way.relay {
            examine_relay(&format!("mail.domains[{index}].relay"), relay, report).await?;
        }
    }
    for mailbox in config.mailbox_settings() {
        let opened = imap::check(&mailbox)
            .await
            .map_err(|error| format!("{}: {error}", mailbox.label));
        report.found("mailbox", opened, |()| {
            format!("{} lets Penpal in, and has {}", mailbox.label, mailbox.folder)
        })?;
    }
    examine_signatures(config, report).await?;
    for door in config.listener_settings() {
        if !runs {
            let message = format!(
                "{} {} is open only while Penpal runs",
                door.protocol, door.address
            );
            report.add("mail door", Outcome::Skipped, message)?;
            continue;
        }
        let greeted = greeting(&door).await;
        report.found("mail door", greeted, |()| {
            format!("{} {} answers", door.protocol, door.address)
        })?;
    }
    Ok(())
}

async fn examine_relay(key: &str, settings: RelaySettings, report: &mut Report) -> anyhow::Result<()> {
    let name = format!("{}:{}", settings.host, settings.port);
    let way_out = match Relay::new(settings) {
        Ok(relay) => {
            let tried = relay.check().await;
            tried.map_err(|error| format!("{name}: {}; see {key}", error.reply()))
        }
        Err(error) => Err(error.to_string()),
    };
    report.found("relay", way_out, |()| format!("{name} lets Penpal in"))?;
    Ok(())
}

async fn examine_signatures(config: &Config, report: &mut Report) -> anyhow::Result<()> {
    for way in config.ways_out() {
        for record in Signatures::new(&way.domain, &way.keys)?.records() {
            let published = check_published(record, &config.mail.authentication.dns_servers()).await;
            report.found("signature", published, |()| {
                format!("the DNS has {}", record.name)
            })?;
        }
    }
    Ok(())
}

async fn examine_homeserver(config: &Config, runs: bool, report: &mut Report) -> anyhow::Result<()> {
    let homeserver = match HttpHomeserver::new(config.client_settings()) {
        Ok(homeserver) => homeserver,
        Err(error) => return report.add("homeserver", Outcome::Failed, error),
    };
    let bot = config.puppets.bot();
    let there = check_way_there(&homeserver, bot).await;
    let reached = report.found("homeserver", there, |()| {
        format!("{} knows Penpal and its bot, {bot}", config.homeserver.url)
    })?;
    if !reached || !runs {
        let why = if runs {
            "the homeserver must answer first"
        } else {
            "only a running Penpal can be pinged"
        };
        return report.add("way back", Outcome::Skipped, why);
    }
    let back = check_way_back(&homeserver, &format!("doctor-{}", SystemClock.now())).await;
    report.found("way back", back, |took| {
        format!("the homeserver reaches Penpal ({} ms)", took.as_millis())
    })?;
    Ok(())
}

/// Whether `penpal run` answers at its address; the error is about something else there.
async fn own_endpoint(mut listen: SocketAddr) -> Result<bool, String> {
    // What listens on every address is asked on this machine's own.
    if listen.ip().is_unspecified() {
        listen.set_ip(match listen.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    let asked = async {
        let mut stream = TcpStream::connect(listen).await?;
        let request = format!("GET /health HTTP/1.1\r\nHost: {listen}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        first_line(stream).await
    };
    let what = match timeout(PATIENCE, asked).await {
        Ok(Ok(line)) if line.starts_with("HTTP/1.1 200 ") => return Ok(true),
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => return Ok(false),
        Ok(Ok(_)) => "something else answers there".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it does not answer in time".to_owned(),
    };
    Err(format!("appservice.listen is {listen}: {what}"))
}

/// Whether a door for mail greets.
async fn greeting(door: &ListenerSettings) -> Result<(), String> {
    let greeted = async {
        match &door.address {
            ListenAddress::Tcp { host, port } => {
                first_line(TcpStream::connect((host.as_str(), *port)).await?).await
            }
            ListenAddress::Unix(path) => first_line(UnixStream::connect(path).await?).await,
        }
    };
    let what = match timeout(PATIENCE, greeted).await {
        Ok(Ok(line)) if line.starts_with("220") => return Ok(()),
        Ok(Ok(line)) => format!("greets with {:?}", line.trim_end()),
        Ok(Err(error)) => format!("can't be reached: {error}"),
        Err(_) => "does not greet in time".to_owned(),
    };
    Err(format!(
        "{} {} {what}; the log of `penpal run` says more",
        door.protocol, door.address
    ))
}

async fn first_line(stream: impl AsyncRead + Unpin) -> std::io::Result<String> {
    let mut line = String::new();
    let mut reader = BufReader::new(stream).take(LONGEST_GREETING);
    reader.read_line(&mut line).await?;
    Ok(line)
}
