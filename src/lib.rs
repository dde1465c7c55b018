//! Penpal, a Matrix application service that maps direct chats to one-to-one email threads.
//!
//! The layers, from the bottom; imports go down only, which `tests/it/architecture.rs` keeps:
//!
//! | layer | what it is | may import |
//! | --- | --- | --- |
//! | [`model`] | the words of the domain | |
//! | [`convert`] | pure conversion between events and emails | `model` |
//! | [`matrix`], [`mail`] | the edges: homeserver client, mail transport | `model` |
//! | [`store`] | everything that is kept, and the only SQL | `model` |
//! | [`bridge`] | what Penpal does: loads, converts, commits | all above |
//! | [`worker`] | works the durable jobs | `bridge`, `store`, `model` |
//! | [`config`] | the admin's YAML, checked, and the registration | all above |
//! | [`telemetry`] | the log and the metrics | `config` |
//! | [`replay`] | recorded transactions through the whole bridge | all above |
//! | [`cli`] | the command line, and everything put together | everything |

pub mod appservice;
pub mod bridge;
pub mod cli;
pub mod config;
pub mod convert;
pub mod mail;
pub mod matrix;
pub mod model;
pub mod replay;
pub mod store;
pub mod telemetry;
pub mod worker;
