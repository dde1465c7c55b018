//! Penpal, a Matrix application service that maps direct chats to one-to-one email threads.
//!
//! The layers, from the bottom; imports go down only, which `tests/it/architecture.rs` keeps:
//!
//! | layer | what it is | may import |
//! | --- | --- | --- |
//! | [`model`] | the words of the domain | |
//! | [`convert`] | pure conversion between events and emails | `model` |
//! | [`matrix`], [`mail`] | the edges: homeserver client, mail transport | `model` |

pub mod bridge;
pub mod appservice;
pub mod convert;
pub mod mail;
pub mod matrix;
pub mod model;
pub mod replay;
pub mod store;
pub mod worker;
