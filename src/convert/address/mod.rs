//! Addresses: which Matrix user stands for which email address, and the other way round.
//!
//! Two mappings, both reversible and both without state:
//!
//! | from | to | here |
//! | --- | --- | --- |
//! | `alice@example.org` | `@_email_alice=40example.org:hs.tld` | [`puppet_of`], [`address_of`] |
//! | `@bob:hs.tld` | `bob@mail.example.org` | [`AddressBook`] |

mod book;
mod escape;
mod puppet;
mod token;

pub use book::{AddressBook, AddressScheme, Recipient};
pub use puppet::{address_of, puppet_of};
pub use token::new_token;
