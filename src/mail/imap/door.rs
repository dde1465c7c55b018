//! One mailbox for good: who works on it, reconnecting, waiting.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::visit::{Pending, Visitor};
use super::{ImapError, KeeperError, MailboxKeeper, MailboxSettings, login};
use crate::mail::Inbound;

/// How often the right to work on the mailbox is renewed, or asked for: three times as often as it ends.
const HOLD: Duration = Duration::from_secs(20);
/// The wait before the second connection; it doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_mins(5);
/// The shortest pause between two connections: a server that hangs up after each command is still a server.
const SHORTEST_WAIT: Duration = Duration::from_millis(500);
/// How often an outage is told.
const TELL: Duration = Duration::from_hours(1);
/// How long it may take to give the mailbox back at the end.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A mailbox.
pub struct Mailbox {
    visitor: Visitor,
    pending: Pending,
}

/// Works on a mailbox until `shutdown` is cancelled, which may be at any moment.
pub fn serve(
    settings: MailboxSettings,
    inbound: Arc<dyn Inbound>,
    keeper: Arc<dyn MailboxKeeper>,
    shutdown: CancellationToken,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut mailbox = Mailbox::new(settings, inbound, keeper);
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = mailbox.run() => {}
        }
        let (keeper, id) = (&mailbox.visitor.keeper, &mailbox.visitor.settings.id);
        // Others need not wait for a minute.
        let _ = timeout(LAST_WORDS, keeper.let_go(id)).await;
    })
}

/// Logs in, opens the folder, and hangs up: whether these settings work at all.
///
/// # Errors
///
/// [`ImapError`], whose words say what to mend.
pub async fn check(settings: &MailboxSettings) -> Result<(), ImapError> {
    let mut session = login::open(settings).await?;
    session.select(&settings.folder).await?;
    session.leave().await;
    Ok(())
}

impl Mailbox {
    /// A mailbox on which nobody works yet.
    pub fn new(settings: MailboxSettings, inbound: Arc<dyn Inbound>, keeper: Arc<dyn MailboxKeeper>) -> Self {
        Self {
            visitor: Visitor {
                settings,
                inbound,
                keeper,
            },
            pending: Pending::default(),
        }
    }

    /// Connects once, works on what is there, and leaves; false when another process works on the mailbox.
    pub async fn visit_once(&mut self) -> Result<bool, ImapError> {
        if !self.hold().await? {
            return Ok(false);
        }
        self.visitor.visit(&mut self.pending, true).await.map(|()| true)
    }

    async fn hold(&self) -> Result<bool, KeeperError> {
        self.visitor.keeper.hold(&self.visitor.settings.id).await
    }

    async fn run(&mut self) {
        let mut outage = Outage::new(self.visitor.settings.label.clone());
        loop {
            match self.hold().await {
                Ok(true) => {}
                Ok(false) => {
                    sleep(HOLD).await;
                    continue;
                }
                Err(error) => {
                    sleep(outage.failed(&error.into(), false)).await;
                    continue;
                }
            }
            let before = self.pending.progress;
            let connected = Instant::now();
            let ended = tokio::select! {
                ended = self.visitor.visit(&mut self.pending, false) => ended,
                error = keep(&*self.visitor.keeper, &self.visitor.settings.id) => Err(error.into()),
            };
            let useful = self.pending.progress != before || connected.elapsed() > LONGEST_WAIT;
            let wait = match ended {
                Ok(()) => SHORTEST_WAIT,
                Err(error) => {
                    self.pending.outage |= !useful;
                    outage.failed(&error, useful)
                }
            };
            sleep(wait).await;
        }
    }
}

/// Renews the right to work on a mailbox until it is lost.
async fn keep(keeper: &dyn MailboxKeeper, id: &str) -> KeeperError {
    loop {
        sleep(HOLD).await;
        match keeper.hold(id).await {
            Ok(true) => {}
            Ok(false) => return KeeperError::Lost,
            Err(error) => return error,
        }
    }
}

/// Connections that fail, one after another: how long to wait, and what of it is news.
struct Outage {
    label: String,
    failures: u32,
    /// What was told last, and when.
    told: Option<(String, Instant)>,
}

impl Outage {
    fn new(label: String) -> Self {
        Self {
            label,
            failures: 0,
            told: None,
        }
    }

    /// A connection has ended by an error, after it was of some use or not. Gives the wait before the next one.
    fn failed(&mut self, error: &ImapError, useful: bool) -> Duration {
        if useful {
            self.failures = 0;
        }
        let wait = match self.failures {
            0 if useful => SHORTEST_WAIT,
            failures => FIRST_WAIT
                .saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX))
                .min(LONGEST_WAIT),
        };
        metrics::counter!("penpal_mailbox_failures_total").increment(1);
        self.failures = self.failures.saturating_add(1);
        let text = error.to_string();
        let known = self
            .told
            .as_ref()
            .is_some_and(|(told, at)| *told == text && at.elapsed() < TELL);
        if known {
            tracing::debug!(
                mailbox = self.label,
                attempts = self.failures,
                "no mail can be fetched: {text}"
            );
        } else if useful {
            // Servers end connections as they like; the next one goes on.
            tracing::info!(mailbox = self.label, "a connection for mail has ended: {text}");
            self.told = Some((text, Instant::now()));
        } else {
            tracing::warn!(
                mailbox = self.label,
                attempts = self.failures,
                "no mail can be fetched, trying again with growing waits: {text}"
            );
            self.told = Some((text, Instant::now()));
        }
        wait
    }
}
