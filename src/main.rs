//! The `penpal` program.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use penpal::cli::Cli;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // A closed standard error leaves nobody to tell.
            let _ = writeln!(std::io::stderr(), "penpal: {failure}");
            failure.exit_code().into()
        }
    }
}
