//! Whether the homeserver reaches us: the ping there and back, at the start and after trouble.

use std::time::Duration;

use ruma::UserId;
use tokio::time::sleep;

use super::Bridge;
use crate::matrix::{Homeserver, MatrixError};
use crate::store::StoreError;

/// How long to wait for a homeserver that is not there yet: at first, and at most.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How long to wait for a store in trouble before it is tried again. Also before the homeserver is told that it works: one
/// that takes a small write and refuses a large one would otherwise be asked again without a pause.
const STORE_WAIT: Duration = Duration::from_secs(2);

/// What is written to see whether the store can write: more than the room that a full disk may still have.
const PROBE: usize = 256 * 1024;

impl Bridge {
    /// Waits for the homeserver, registers the bot, pings ourselves through the homeserver, and says in one line whether
    /// the way there and back works, and if not, which side to mend. Afterwards pings again whenever a
    /// transaction had to be refused and the store has recovered: homeservers wait up to 512 seconds before they try again,
    /// and a ping ends the waiting. Never ends by itself.
    pub async fn watch_the_way(&self) {
        let mut wait = FIRST_WAIT;
        let mut said = String::new();
        loop {
            match self.check_the_way().await {
                Ok(took) => {
                    tracing::info!(
                        "the homeserver reaches Penpal and Penpal the homeserver ({} ms)",
                        took.as_millis()
                    );
                    break;
                }
                Err(trouble) if trouble != said => {
                    tracing::error!("{trouble}; trying again until it works");
                    said = trouble;
                }
                Err(_) => {}
            }
            sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
        loop {
            self.refused_transactions.notified().await;
            sleep(STORE_WAIT).await;
            while self.store_can_write().await.is_err() {
                sleep(STORE_WAIT).await;
            }
            match self.homeserver.ping(&self.ping_id()).await {
                Ok(_) => tracing::info!("the store works again, and the homeserver was told to go on"),
                Err(error) => {
                    tracing::warn!(%error, "the homeserver could not be told to go on, and will in its own time");
                }
            }
        }
    }

    /// Whether the store can write as much as it has to.
    async fn store_can_write(&self) -> Result<(), StoreError> {
        self.write_probe(PROBE).await?;
        self.write_probe(0).await
    }

    /// Writes something of this size: a transaction that only begins and ends says nothing about a full disk.
    pub(super) async fn write_probe(&self, size: usize) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        tx.set_setting("probe", &" ".repeat(size)).await?;
        tx.commit().await
    }

    async fn check_the_way(&self) -> Result<Duration, String> {
        let homeserver = self.homeserver.as_ref();
        check_way_there(homeserver, self.settings.namespace.bot()).await?;
        check_way_back(homeserver, &self.ping_id()).await
    }

    fn ping_id(&self) -> String {
        format!("{}-{}", self.owner, self.now())
    }
}

/// Whether the homeserver can be reached and knows us, which registers the bot. The error says which side to mend.
pub async fn check_way_there(homeserver: &dyn Homeserver, bot: &UserId) -> Result<(), String> {
    homeserver.register(bot).await.map_err(|error| there(&error))
}

/// Whether the homeserver reaches a running Penpal, by a ping with this ID, and how long it took. The error says
/// which side to mend.
pub async fn check_way_back(homeserver: &dyn Homeserver, ping_id: &str) -> Result<Duration, String> {
    homeserver.ping(ping_id).await.map_err(|error| back(&error))
}

/// What is wrong with the way to the homeserver.
fn there(error: &MatrixError) -> String {
    match error {
        // The error says more: nobody there, a proxy's answer, an unknown token.
        MatrixError::Transient { .. } => error.to_string(),
        error => format!(
            "the homeserver does not let Penpal's bot be: is appservice.bot the sender_localpart? ({error})"
        ),
    }
}

/// What is wrong with the way back.
fn back(error: &MatrixError) -> String {
    match error {
        MatrixError::Refused { errcode, .. } if errcode == "M_URL_NOT_SET" => {
            "the registration that the homeserver has read has no url: write it anew with `penpal registration`".to_owned()
        }
        MatrixError::Refused { errcode, .. } if errcode == "M_BAD_STATUS" => format!(
            "the homeserver reaches Penpal, or something else at that address, but is refused: is the hs_token in its \
             registration the one in our configuration, and its url ours? ({error})"
        ),
        MatrixError::Refused { errcode, .. }
            if errcode == "M_CONNECTION_FAILED" || errcode == "M_CONNECTION_TIMEOUT" =>
        {
            format!(
                "the homeserver can't reach Penpal: is the url in its registration the address where it finds \
                 appservice.listen, through all firewalls and containers? ({error})"
            )
        }
        MatrixError::Refused { errcode, .. } if errcode == "M_FORBIDDEN" => {
            format!("the homeserver knows our as_token under another id: compare appservice.id with the registration ({error})")
        }
        error => format!("the way back from the homeserver could not be tried: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trouble_names_the_side_to_mend() {
        let refused = |errcode: &str| MatrixError::Refused {
            status: 502,
            errcode: errcode.into(),
            message: "?".into(),
        };
        for (errcode, named) in [
            ("M_URL_NOT_SET", "`penpal registration`"),
            ("M_BAD_STATUS", "hs_token"),
            ("M_CONNECTION_FAILED", "appservice.listen"),
            ("M_CONNECTION_TIMEOUT", "appservice.listen"),
            ("M_FORBIDDEN", "appservice.id"),
        ] {
            let said = back(&refused(errcode));
            assert!(said.contains(named), "{errcode}: {said}");
        }
        let said = there(&refused("M_EXCLUSIVE"));
        assert!(said.contains("appservice.bot"), "{said}");
        let away = MatrixError::Transient {
            retry_after: None,
            reason: "can't connect".into(),
        };
        for said in [there(&away), back(&away)] {
            assert!(
                said.contains("can't connect") && !said.contains("appservice"),
                "{said}"
            );
        }
    }
}
