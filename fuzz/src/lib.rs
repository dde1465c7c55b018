//! What must hold for whatever comes from outside: a function for each kind of input, which panics where it does not.
//!
//! `scripts/fuzz` lets a coverage-guided fuzzer look for such inputs; `tests/it/foreign_input.rs` is the same code, and runs it on
//! stable over the corpora, the fixtures and everything that was ever found. An input that has several parts has lines of `%%` between
//! them ([`part::split`]), so that corpora can be read and written by hand.

#![allow(unreachable_pub, reason = "also a module of the tests")]

pub mod address;
pub mod configuration;
pub mod event;
pub mod html;
pub mod letter;
pub mod mail;
pub mod markup;
pub mod part;
pub mod quotation;
pub mod report;
pub mod session;
pub mod threading;
pub mod transaction;

/// A check of one input.
pub type Target = fn(&[u8]);

/// The checks by the names of their corpora.
pub const TARGETS: &[(&str, Target)] = &[
    ("address", address::check),
    ("configuration", configuration::check),
    ("html_in", html::check_in),
    ("html_out", html::check_out),
    ("mail", mail::check),
    ("mail_in_thread", mail::check_in_thread),
    ("quotation", quotation::check),
    ("report", report::check),
    ("session", session::check),
    ("threading", threading::check),
    ("transaction", transaction::check),
];
