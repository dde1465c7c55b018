//! The words of the domain: plain values, no I/O, no async.
//!
//! Imports: `std`, `serde`, and ruma's identifiers. Everything else may import this.

mod address;
mod clock;
mod event;
mod items;
mod mail;
mod namespace;
mod pattern;
mod random;
mod raw_mail;
mod socket;
mod verdict;

pub use address::{AddressError, EmailAddress};
pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use event::{EventError, RoomEvent, is_identifier};
pub use items::Items;
pub use mail::{Envelope, IncomingMail, Mailbox, Refusal};
pub(crate) use namespace::stands_for_itself;
pub use namespace::{NamespaceError, PuppetNamespace};
pub use pattern::{AddressPattern, Closeness, NoAddressPattern, UserPattern};
pub use random::{Random, SeededRandom, SystemRandom};
pub use raw_mail::{IN_MEMORY, RawMail, RawReader, Spool};
pub use socket::bind_advice;
pub use verdict::{Peer, Reason, Verdict};
