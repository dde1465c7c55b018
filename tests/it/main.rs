//! The integration tests in one binary: stories driven through the real bridge against a homeserver and a relay in
//! memory, and the program itself.

mod architecture;
mod cli;
mod direct_chats;
mod harness;
mod matrix_to_email;
