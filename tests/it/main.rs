//! The integration tests: stories driven through the real bridge, against a homeserver and a relay in memory.

mod architecture;
mod direct_chats;
mod harness;
mod matrix_to_email;
