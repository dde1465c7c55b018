//! `penpal deliver`: one email on standard input, as the pipe transports of mail servers hand it over.

use std::io::{self, Read, Write as _, stderr, stdin};
use std::path::Path;
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
use crate::model::{IncomingMail, Peer, RawMail, Refusal, Spool, SystemClock, SystemRandom};
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
It does what the doors in `mail.listen` do: refuses and routes the mail by the same rules, and ends with 0 when it is safe on the \
disk. `penpal run` then delivers it; it may run meanwhile, and must not. One line on standard error says what is wrong; it begins \
with an enhanced status code (RFC 3463), by which Postfix goes.

Exit codes (sysexits.h): 0 taken, 64 wrong command line, 65 the mail is malformed or too large, 67 there is no such recipient, \
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
        let folder = config.as_ref().map(|config| config.database.spool_folder());
        let bytes = read_mail(stdin().lock(), most, folder.unwrap_or_default().into());
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
        let mail = IncomingMail::new(Peer::default(), sender.to_owned(), recipients, bytes);
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

/// The mail, with the line ends of the network; `None` when it has more than `most` bytes. A large one lies in a file in `folder`.
fn read_mail(mut input: impl Read, most: u64, folder: Arc<Path>) -> io::Result<Option<RawMail>> {
    let mut given = input.by_ref().take(most.saturating_add(1));
    let mut lines = Lines::default();
    let mut spool = Spool::new(folder);
    let mut block = vec![0; BLOCK];
    let mut length = 0_u64;
    let mut failed = Ok(());
    loop {
        let count = given.read(&mut block)?;
        if count == 0 {
            break;
        }
        length += count as u64;
        // What can't be kept is read all the same, for the mail server to see our answer.
        if failed.is_ok() {
            failed = spool.write(&lines.of_the_network(block.get(..count).unwrap_or_default()));
        }
    }
    if length > most {
        io::copy(&mut input.take(DRAIN), &mut io::sink())?;
        return Ok(None);
    }
    failed?;
    spool.write(&lines.end())?;
    spool.finish().map(Some)
}

/// Bytes that are read at once.
const BLOCK: usize = 64 * 1024;

/// How mailbox files begin a mail, which pipe transports can be told to do as well: `From alice@example.org Sat Nov 21 12:00:00 2026`.
const ENVELOPE: [&[u8]; 2] = [b"From ", b">From "];

/// Rewrites lines as they come.
#[derive(Debug, Default)]
struct Lines {
    /// What may become a line of the envelope; `None` behind it.
    begun: Option<Vec<u8>>,
    passed: bool,
    in_envelope: bool,
    last: u8,
}

impl Lines {
    /// Without the line of the envelope, and with line ends of the network: within a machine lines end with LF alone; signatures are made over
    /// lines that end with CRLF.
    fn of_the_network(&mut self, bytes: &[u8]) -> Vec<u8> {
        let joined;
        let mut bytes = if self.passed {
            bytes
        } else {
            let mut begun = self.begun.take().unwrap_or_default();
            begun.extend_from_slice(bytes);
            joined = begun;
            joined.as_slice()
        };
        if !self.passed {
            if ENVELOPE
                .iter()
                .any(|mark| bytes.len() < mark.len() && mark.starts_with(bytes))
            {
                self.begun = Some(bytes.to_vec());
                return Vec::new();
            }
            self.passed = true;
            self.in_envelope = ENVELOPE.iter().any(|mark| bytes.starts_with(mark));
        }
        if self.in_envelope {
            let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
                return Vec::new();
            };
            bytes = bytes.get(end + 1..).unwrap_or_default();
            self.in_envelope = false;
        }
        let mut lines = Vec::with_capacity(bytes.len() + bytes.len() / 64);
        for byte in bytes {
            if *byte == b'\n' && self.last != b'\r' {
                lines.push(b'\r');
            }
            lines.push(*byte);
            self.last = *byte;
        }
        lines
    }

    /// What was kept back of a mail that ended.
    fn end(&mut self) -> Vec<u8> {
        self.begun.take().unwrap_or_default()
    }
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
    if delivered.is_ok()
        && let Err(error) = store.tell_neighbours().await
    {
        tracing::warn!(%error, "the mail is taken, and found by `penpal run` some seconds later");
    }
    if let Err(error) = store.remove_given_up().await {
        tracing::warn!(%error, "what was stored of a mail that could not be taken is in the way for a day");
    }
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
            for step in [1, 3, 100] {
                let input = input
                    .as_bytes()
                    .chunks(step)
                    .fold(Box::new(io::empty()) as Box<dyn Read>, |before, piece| {
                        Box::new(before.chain(piece))
                    });
                let read = read_mail(input, 40, std::env::temp_dir().into()).unwrap();
                let read = read.as_ref().map(RawMail::head);
                assert_eq!(read, expected.map(str::as_bytes));
            }
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
