//! The `penpal` program.

fn main() {}
