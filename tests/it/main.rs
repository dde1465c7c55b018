//! The integration tests in one binary: stories driven through the real bridge against a homeserver and a relay in
//! memory, and the program itself.

#![cfg(test)]
#![expect(unreachable_pub, reason = "a test binary has no public interface")]

mod addresses;
mod architecture;
mod bad_input;
mod blocks;
mod cli;
mod clocks;
mod defects;
mod deliveries;
mod direct_chats;
mod domains;
mod double_puppet;
mod downloads;
mod email_to_matrix;
mod foreign_input;
mod forgeries;
mod forget;
mod harness;
mod lanes;
mod large_files;
mod large_mails;
mod limits;
mod loops;
mod machines;
mod mailboxes;
mod matrix_to_email;
mod migrations;
mod outages;
mod permissions;
mod questions;
mod queue;
mod recording;
mod retention;
mod signatures;
mod stops;
mod strangers;
mod threads;
mod transactions;
mod what_comes_back;
