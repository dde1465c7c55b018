//! Notifications about a mail of ours, taken apart.
//!
//! | file | what it is |
//! | --- | --- |
//! | `delivery.rs` | what a mail server reports (RFC 3464), or writes in its own words |
//! | `words.rs` | where in such a letter the server speaks |
//! | `reason.rs` | what that means for a person |
//! | `disposition.rs` | what a mail program says its user did (RFC 8098) |
//! | `groups.rs` | the groups of fields that both are made of |

mod delivery;
mod disposition;
mod groups;
mod reason;
mod words;

pub use delivery::{Delivery, DeliveryReport, delivery_report};
pub use disposition::displayed;
pub(super) use disposition::displayed_message;
pub(super) use groups::{groups, value};
