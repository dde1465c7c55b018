//! What to do about a socket that can't be had.

use std::io::{Error, ErrorKind};

/// What an admin can do when the system refuses to listen on an address.
pub fn bind_advice(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::AddrInUse => {
            "another program has it, perhaps a Penpal that still runs: stop that, or choose another port"
        }
        ErrorKind::PermissionDenied => {
            "ports below 1024 and folders of others are not for the user of penpal: choose another address"
        }
        ErrorKind::AddrNotAvailable => {
            "this machine has no such address: choose one of its own, or 127.0.0.1"
        }
        ErrorKind::NotFound => "the folder of the socket is missing: make it, or choose another address",
        _ => "choose another address",
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn the_advice_fits_what_the_system_says() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let error = TcpListener::bind(taken.local_addr().unwrap()).unwrap_err();
        assert!(bind_advice(&error).contains("another program"));
        // TEST-NET-1 (RFC 5737) is nobody's.
        let error = TcpListener::bind("192.0.2.1:0").unwrap_err();
        assert!(bind_advice(&error).contains("no such address"));
    }
}
