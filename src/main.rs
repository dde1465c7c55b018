//! The `penpal` program.

use std::io::Write as _;
use std::process::ExitCode;

use penpal::cli::Cli;

fn main() -> ExitCode {
    match Cli::of_process().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // A closed standard error leaves nobody to tell.
            let _ = writeln!(std::io::stderr(), "{}", failure.report());
            failure.exit_code().into()
        }
    }
}
