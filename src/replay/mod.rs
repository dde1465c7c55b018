//! Recorded transactions through the whole bridge, with a virtual clock, a homeserver and a mail
//! relay in memory, so that what comes out can be compared byte for byte.
//!
//! Imports: `model`, `matrix`, `mail`, `bridge`, `store`, `convert`.

pub mod homeserver;
pub mod mail;
pub mod recording;
pub mod render;
