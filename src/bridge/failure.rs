//! Why a job did not end, and so what becomes of it. Decided by type, here and in the errors of the ports.

use std::time::Duration;

use crate::mail::SendError;
use crate::matrix::MatrixError;
use crate::model::Timestamp;
use crate::store::StoreError;

/// Why a job did not end.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Try again; not before `after`, where the other side said so.
    #[error("{reason}")]
    Retry {
        /// How long the other side asked us to wait.
        after: Option<Duration>,
        /// What happened, without secrets or message content.
        reason: String,
    },
    /// The job has its time later: it changed while it was worked, or others are to end first. Not an error.
    #[error("not before {0}")]
    Later(Timestamp),
    /// Trying again would fail again.
    #[error("{0}")]
    Fail(String),
    /// The work has panicked. Only the log says where: the message of a panic may quote what was worked on.
    #[error("Penpal has a defect that stopped the work on it; its log says where")]
    Defect,
    /// The store is in trouble: nothing of the attempt was kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<MatrixError> for Failure {
    fn from(error: MatrixError) -> Self {
        match error {
            MatrixError::Transient { retry_after, .. } => Self::Retry {
                after: retry_after,
                reason: error.to_string(),
            },
            MatrixError::Refused { .. } | MatrixError::TooLarge { .. } => Self::Fail(error.to_string()),
        }
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Transient { reply, .. } => Self::Retry {
                after: None,
                reason: reply,
            },
            SendError::Permanent { reply } => Self::Fail(reply),
            // As soon as somebody works again.
            SendError::Closed | SendError::Withdrawn => Self::Later(Timestamp(0)),
        }
    }
}
