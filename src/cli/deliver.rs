//! `penpal deliver`: one email on standard input, as the pipe transports of mail servers hand it over.

use std::borrow::Cow;
use std::io::{self, Read, Write as _, stderr, stdin};
use std::process::exit;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use secrecy::ExposeSecret as _;

use super::{ConfigFile, Failure, environment};
use crate::bridge::{Bridge, OpenError};
use crate::config::Config;
use crate::mail::answer;
use crate::mail::authentication::Gate;
use crate::mail::outgoing::Outgoing;
use crate::matrix::client::HttpHomeserver;
use crate::model::{IncomingMail, Peer, Refusal, SystemClock, SystemRandom};
use crate::store::Store;
use crate::telemetry;

/// How long it may take to take a mail over, from its last byte on: less than the patience of Postfix (`command_time_limit`, 1000 s)
/// and Exim (`timeout`, an hour).
const PATIENCE: Duration = Duration::from_mins(5);

/// What is read on of a mail that is too large, so that the mail server sees our answer and not a broken pipe.
const DRAIN: u64 = 1 << 32;

/// Without `PENPAL_LOG` the one thing that no exit code tells is logged: a mail that was taken to be thrown away.
const LOG: &str = "off,penpal::bridge::admission=warn";

/// What Postfix puts in the place of the null sender, unless `null_sender=` says otherwise.
const POSTFIX_NULL_SENDER: &str = "MAILER-DAEMON";

/// Takes one email from standard input: for the pipe transport of a mail server.
#[derive(Debug, Args)]
#[command(after_help = "\
It does what the doors in `mail.listen` do: refuses and routes the mail by the same rules, and ends with 0 when it is safe on the
disk. `penpal run` then delivers it; it may run meanwhile, and must not. One line on standard error says what is wrong; it begins
with an enhanced status code (RFC 3463), by which Postfix goes.

Exit codes (sysexits.h): 0 taken, 64 wrong command line, 65 the mail is malformed or too large, 67 there is no such recipient,
69 refused for another reason, 75 try again later, 77 not allowed, 78 the configuration is wrong.

Postfix, in master.cf (one line), with `penpal_destination_recipient_limit = 1` in main.cf:
  penpal unix - n n - 10 pipe flags=R user=penpal null_sender= argv=/usr/local/bin/penpal deliver
    --config /etc/penpal/config.yaml --from ${sender} -- ${original_recipient}

Example: penpal deliver --from alice@example.org bob@mail.example.org < mail.eml")]
pub(super) struct Deliver {
    #[command(flatten)]
    config: ConfigFile,
    /// The envelope's sender; empty, `<>` or left out for the null sender of bounces.
    #[arg(
        short,
        long,
        value_name = "ADDRESS",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    from: String,
    /// The envelope's recipients.
    #[arg(required = true, value_name = "RECIPIENT")]
    recipients: Vec<String>,
}

impl Deliver {
    pub(super) fn run(self) -> Result<(), Failure> {
        // Whatever comes of it, the mail server can't go on before we have read what it writes.
        let config = self.config.load_alone();
        let most = config.as_ref().map_or(0, |config| config.mail.max_size);
        let bytes = read_mail(stdin().lock(), most);
        let config = config.map_err(|error| not_configured(&error))?;
        let environment = environment();
        let filter = environment.get("PENPAL_LOG").map_or(LOG, String::as_str);
        telemetry::start_log(&config.logging, Some(filter)).map_err(|error| not_configured(&error))?;
        let bytes = bytes
            .map_err(|error| try_again(&format!("the mail can't be read: {error}")))?
            .ok_or_else(|| too_large(most))?;
        let sender = bare(&self.from);
        let sender = if sender.eq_ignore_ascii_case(POSTFIX_NULL_SENDER) {
            ""
        } else {
            sender
        };
        let recipients = self.recipients.iter().map(|name| bare(name).to_owned()).collect();
        let mail = IncomingMail::new(Peer::default(), sender.to_owned(), recipients, bytes.into());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| try_again(&format!("the runtime can't be started: {error}")))?;
        let delivered = runtime.block_on(async {
            tokio::time::timeout(PATIENCE, deliver(&config, mail))
                .await
                .unwrap_or_else(|_| Err(try_again("it took too long")))
        });
        runtime.shutdown_background();
        delivered
    }
}

/// The failure of a command line that can't be understood, which clap would tell in many lines.
pub(super) fn wrong_usage(error: &clap::Error) -> Failure {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    misconfigured(
        64,
        format!(
            "{}; see `penpal deliver --help`",
            first.trim_start_matches("error: ")
        ),
    )
}

/// The admin's mistakes are 4.3.5 for Postfix, which keeps the mail until they are mended. By the exit code alone it would send it
/// back to its author.
fn misconfigured(exit_code: u8, text: String) -> Failure {
    Failure::Mail {
        exit_code,
        status: "4.3.5",
        text,
    }
}

fn not_configured(error: &dyn std::fmt::Display) -> Failure {
    misconfigured(78, error.to_string())
}

fn try_again(text: &str) -> Failure {
    refused(&Refusal::try_again(text))
}

fn too_large(most: u64) -> Failure {
    refused(&Refusal {
        code: 552,
        enhanced: "5.3.4",
        text: format!("The message is larger than {most} bytes"),
    })
}

/// The exit code for a refusal, by its enhanced status code.
fn refused(refusal: &Refusal) -> Failure {
    let exit_code = match refusal.enhanced.split_once('.') {
        _ if refusal.is_transient() => 75,
        Some((_, subject)) if subject.starts_with("1.") => 67,
        Some((_, subject)) if subject.starts_with("6.") || subject == "3.4" => 65,
        Some((_, subject)) if subject.starts_with("7.") => 77,
        _ => 69,
    };
    Failure::Mail {
        exit_code,
        status: refusal.enhanced,
        text: refusal.text.clone(),
    }
}

/// An address without the angle brackets that some put around it.
fn bare(address: &str) -> &str {
    let address = address.trim();
    address
        .strip_prefix('<')
        .and_then(|address| address.strip_suffix('>'))
        .unwrap_or(address)
}

/// The mail, with the line ends of the network; `None` when it has more than `most` bytes.
fn read_mail(mut input: impl Read, most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    input
        .by_ref()
        .take(most.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= most) {
        return Ok(Some(with_crlf(without_envelope_line(&bytes)).into_owned()));
    }
    io::copy(&mut input.take(DRAIN), &mut io::sink())?;
    Ok(None)
}

/// Pipe transports can be told to begin a mail as mailbox files do, with a line `From alice@example.org Sat Nov 21 12:00:00 2026`.
fn without_envelope_line(bytes: &[u8]) -> &[u8] {
    if !bytes.starts_with(b"From ") && !bytes.starts_with(b">From ") {
        return bytes;
    }
    bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .and_then(|end| bytes.get(end + 1..))
        .unwrap_or_default()
}

/// Within a machine lines end with LF alone; signatures are made over lines that end with CRLF.
fn with_crlf(bytes: &[u8]) -> Cow<'_, [u8]> {
    let is_bare = |at: usize| at == 0 || bytes.get(at - 1) != Some(&b'\r');
    let bare = |(at, byte): (usize, &u8)| *byte == b'\n' && is_bare(at);
    let count = bytes.iter().enumerate().filter(|each| bare(*each)).count();
    if count == 0 {
        return Cow::Borrowed(bytes);
    }
    let mut lines = Vec::with_capacity(bytes.len() + count);
    for each in bytes.iter().enumerate() {
        if bare(each) {
            lines.push(b'\r');
        }
        lines.push(*each.1);
    }
    Cow::Owned(lines)
}

/// Hands the mail to the inbox, as a door does.
async fn deliver(config: &Config, mail: IncomingMail) -> Result<(), Failure> {
    let store = Store::connect_existing(config.database.url.expose_secret())
        .await
        .map_err(|error| {
            try_again(&format!(
                "the database that database.url names can't be opened: {error}"
            ))
        })?;
    let delivered = hand_over(config, &store, mail).await;
    store.close().await;
    delivered
}

async fn hand_over(config: &Config, store: &Store, mail: IncomingMail) -> Result<(), Failure> {
    let homeserver = HttpHomeserver::new(config.client_settings()).map_err(|error| not_configured(&error))?;
    // Nothing leaves from here, so nothing is signed.
    let outgoing =
        Outgoing::new(config.relay_settings(), Vec::new()).map_err(|error| not_configured(&error))?;
    let bridge = Bridge::open(
        store.clone(),
        Arc::new(homeserver),
        Arc::new(outgoing),
        Arc::new(SystemClock),
        Arc::new(SystemRandom),
        config.bridge_settings(),
    );
    let bridge = bridge.await.map_err(|error| match error {
        OpenError::Store(error) => try_again(&error.to_string()),
        OpenError::OtherServer { .. } => not_configured(&error),
    })?;
    let gate =
        Gate::new(config.authentication(), Arc::new(bridge)).map_err(|error| not_configured(&error))?;
    answer::hand_over(&gate, mail)
        .await
        .map_err(|refusal| refused(&refusal))
}

/// Says what is wrong with the command line, and ends the process.
pub(super) fn end_by_usage(error: &clap::Error) -> ! {
    let failure = wrong_usage(error);
    // A closed standard error leaves nobody to tell.
    let _ = writeln!(stderr(), "{}", failure.report());
    exit(failure.exit_code().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_read_as_the_network_would_have_brought_it() {
        for (input, expected) in [
            ("A: b\n\nc\n", Some("A: b\r\n\r\nc\r\n")),
            ("A: b\r\n\r\nc\r\n", Some("A: b\r\n\r\nc\r\n")),
            ("A: b\r\n\nc\rd\n", Some("A: b\r\n\r\nc\rd\r\n")),
            (
                "From a@b Sat Nov 21 12:00:00 2026\nA: b\n\n",
                Some("A: b\r\n\r\n"),
            ),
            ("From: a@b\n\n", Some("From: a@b\r\n\r\n")),
            ("From a@b", Some("")),
            ("", Some("")),
            ("\n", Some("\r\n")),
            (
                "123456789012345678901234567890123456789",
                Some("123456789012345678901234567890123456789"),
            ),
            (
                "1234567890123456789012345678901234567890",
                Some("1234567890123456789012345678901234567890"),
            ),
            ("12345678901234567890123456789012345678901", None),
        ] {
            let read = read_mail(input.as_bytes(), 40).unwrap();
            assert_eq!(read.as_deref(), expected.map(str::as_bytes), "{input:?}");
        }
    }

    #[test]
    fn exit_codes() {
        let other = |code, enhanced| Refusal {
            code,
            enhanced,
            text: String::new(),
        };
        for (refusal, code) in [
            (Refusal::try_again(""), 75),
            (Refusal::no_dns(""), 75),
            (other(250, "2.0.0"), 75),
            (Refusal::unknown_recipient(""), 67),
            (Refusal::not_allowed(""), 77),
            (other(550, "5.6.0"), 65),
            (other(552, "5.3.4"), 65),
            (other(554, "5.4.6"), 69),
            (other(554, "5"), 69),
        ] {
            assert_eq!(refused(&refusal).exit_code(), code, "{refusal}");
        }
    }
}
