//! The reqwest implementation of the homeserver port.
