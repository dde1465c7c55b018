//! A few connections that are kept for the next message.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::transport::smtp::client::AsyncSmtpConnection;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// Servers close idle connections after five minutes, many earlier; there is no point in keeping one long.
const MAX_IDLE: Duration = Duration::from_mins(1);

/// The connections: at most as many at a time, in use or idle, as there are permits.
pub(super) struct Pool {
    permits: Semaphore,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

/// The right to one connection.
pub(super) struct Place<'a> {
    pool: &'a Pool,
    _permit: SemaphorePermit<'a>,
}

impl Pool {
    pub(super) fn new(size: usize) -> Self {
        Self {
            permits: Semaphore::new(size.clamp(1, Semaphore::MAX_PERMITS)),
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Waits until a connection may be used; `None` once the pool was closed.
    pub(super) async fn place(&self) -> Option<Place<'_>> {
        let permit = self.permits.acquire().await.ok()?;
        Some(Place {
            pool: self,
            _permit: permit,
        })
    }

    /// Gives out no more places. Those that are in use stay so.
    pub(super) fn close(&self) {
        self.permits.close();
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<(AsyncSmtpConnection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place<'_> {
    /// A connection from an earlier message. The relay may have closed it meanwhile.
    pub(super) fn take(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.pool.idle();
        idle.retain(|(_, since)| since.elapsed() < MAX_IDLE);
        Some(idle.pop()?.0)
    }

    /// Keeps a connection for the next message.
    pub(super) fn park(self, connection: AsyncSmtpConnection) {
        self.pool.idle().push((connection, Instant::now()));
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("free", &self.permits.available_permits())
            .field("idle", &self.idle().len())
            .finish()
    }
}
