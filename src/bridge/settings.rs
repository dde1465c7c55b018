//! What the bridge is told once, at its start.

use std::time::Duration;

use super::files::DownloadSettings;
use super::hindrance::Addresses;
use super::limits::Limits;
use super::machines::MachineLimits;
use super::permissions::Permissions;
use crate::convert::address::AddressBook;
use crate::model::PuppetNamespace;
use crate::store::Strangers;

/// What becomes of an email that answers nothing known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NewThread {
    /// A direct chat of its own, named by its subject.
    #[default]
    Room,
    /// A Matrix thread in the latest chat with that person.
    Reuse,
}

/// What becomes of an email of whose author nobody knows whether it is who it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unauthenticated {
    /// It is shown as a notice that says so.
    #[default]
    Label,
    /// It is refused.
    Refuse,
}

/// The bridge's settings.
#[derive(Clone, Debug)]
pub struct BridgeSettings {
    /// Which users are puppets.
    pub namespace: PuppetNamespace,
    /// Which address stands for whom.
    pub addresses: AddressBook,
    /// Who gets mail for nobody in particular: for `postmaster`, and with
    /// [`crate::convert::address::AddressScheme::Single`] what answers nothing.
    pub default_user: Option<ruma::OwnedUserId>,
    /// Who may use Penpal, and how far.
    pub permissions: Permissions,
    /// To which addresses mail may go.
    pub recipients: Addresses,
    /// How much each Matrix user may write.
    pub limits: Limits,
    /// How long a sender must be quiet before the messages are sent as one email. Zero sends at once.
    pub settle: Duration,
    /// How long a message waits at most for more to come.
    pub settle_max: Duration,
    /// What becomes of an email that answers nothing known.
    pub new_thread: NewThread,
    /// Who may start a thread by email, unless the user chose otherwise.
    pub strangers: Strangers,
    /// Who may start one at the most, whatever users choose.
    pub strangers_at_most: Strangers,
    /// What becomes of an email whose author could not be verified.
    pub unauthenticated: Unauthenticated,
    /// When a thread is stopped for machines.
    pub machines: MachineLimits,
    /// Whether an invite without `is_direct` makes a direct chat when nobody else is in the room.
    pub accept_plain_invites: bool,
    /// How many events are read back at most after a join.
    pub history_limit: usize,
    /// How long work is tried before it is given up.
    pub give_up_after: Duration,
    /// The wait after the first failure; it doubles with each further one.
    pub first_retry: Duration,
    /// The longest wait between two attempts.
    pub longest_retry: Duration,
    /// How long texts and finished jobs are kept after the delivery.
    pub keep_delivered: Duration,
    /// How many bytes of files one email encloses.
    pub max_attachment: u64,
    /// Where files are offered that are too large for an email; `None`: they are only named.
    pub downloads: Option<DownloadSettings>,
    /// Whether Penpal may act for humans of the own homeserver.
    pub double_puppet: bool,
}

impl BridgeSettings {
    /// The defaults of `config.example.yaml`, for what it leaves open.
    pub fn new(namespace: PuppetNamespace, addresses: AddressBook) -> Self {
        Self {
            permissions: Permissions::of_server(namespace.server_name()),
            recipients: Addresses::default(),
            limits: Limits::default(),
            namespace,
            addresses,
            default_user: None,
            settle: Duration::from_secs(30),
            settle_max: Duration::from_mins(3),
            new_thread: NewThread::default(),
            strangers: Strangers::Contacts,
            strangers_at_most: Strangers::Anyone,
            unauthenticated: Unauthenticated::default(),
            machines: MachineLimits::default(),
            accept_plain_invites: true,
            history_limit: 500,
            give_up_after: Duration::from_hours(48),
            first_retry: Duration::from_secs(5),
            longest_retry: Duration::from_mins(30),
            keep_delivered: Duration::from_hours(7 * 24),
            max_attachment: 35_000_000,
            downloads: None,
            double_puppet: false,
        }
    }
}
