//! Recorded transactions through the whole bridge, with a virtual clock, a homeserver and a mail
//! relay in memory, so that what comes out can be compared byte for byte.
//!
//! Imports: `model`, `convert`, `matrix`, `mail`, `store`, `bridge`, `worker`.
//!
//! | file | what is there |
//! | --- | --- |
//! | [`recording`] | reads what a homeserver sent, and writes it |
//! | [`pseudonyms`] | takes out of it what nobody else should read |
//! | [`run`] | lets it happen again |
//! | [`homeserver`], [`mail`] | what the bridge talks to meanwhile; integration tests use them too |
//! | [`render`] | what came out, as text |
//! | [`golden`] | compares that with what came out before |

pub mod golden;
pub mod homeserver;
pub mod mail;
pub mod pseudonyms;
pub mod recording;
pub mod render;
pub mod run;

#[cfg(test)]
mod tests;
