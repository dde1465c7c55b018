//! The integration tests in one binary: stories driven through the real bridge against a homeserver and a relay in
//! memory, and the program itself.

#![cfg(test)]
#![expect(unreachable_pub, reason = "a test binary has no public interface")]

mod architecture;
mod cli;
mod direct_chats;
mod harness;
mod matrix_to_email;
