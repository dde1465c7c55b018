//! What the worst inputs cost: time on the processor and memory for each of some hundred mails, events and other texts of 1 MB that
//! were made to be slow. `cargo bench --bench hostile` prints them, the slowest first, and fails where one is too slow or too large;
//! `cargo bench --bench hostile -- NAME` measures one.
//!
//! Each is measured in a process of its own, because memory that was used once stays with a process. Linux alone tells all of this.

#[path = "hostile/inputs.rs"]
mod inputs;

use std::io::Write as _;
use std::process::{Command, ExitCode};

use inputs::{Input, inputs};

/// The size of each input, in bytes.
const SIZE: usize = 1_000_000;
/// How long one may take, in milliseconds on a processor.
const MOST_TIME: u64 = 1_000;
/// How much memory one may take, in KiB.
const MOST_MEMORY: u64 = 100 * 1024;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let mut out = std::io::stdout();
    let inputs = match inputs() {
        Ok(inputs) => inputs,
        Err(error) => {
            let _ = writeln!(out, "pieces.json can't be read: {error}");
            return ExitCode::FAILURE;
        }
    };
    match (arguments.next(), arguments.next()) {
        (Some(flag), Some(name)) if flag == "--alone" => {
            let input = inputs.into_iter().find(|input| input.name == name);
            let Some((time, memory)) = input.and_then(|input| cost(&input)) else {
                return ExitCode::FAILURE;
            };
            let _ = writeln!(out, "{time} {memory}");
            ExitCode::SUCCESS
        }
        (wanted, _) => table(&mut out, inputs, wanted.as_deref()),
    }
}

/// Measures one after another, and says which are beyond the limits.
fn table(out: &mut dyn std::io::Write, inputs: Vec<Input>, wanted: Option<&str>) -> ExitCode {
    let mut rows: Vec<(u64, u64, String)> = Vec::new();
    let mut failed = Vec::new();
    for input in inputs {
        if wanted.is_some_and(|wanted| !input.name.contains(wanted)) {
            continue;
        }
        match measured(&input.name) {
            Some((time, memory)) => rows.push((time, memory, input.name)),
            None => failed.push(input.name),
        }
    }
    rows.sort_by(|one, next| next.cmp(one));
    for (time, memory, name) in &rows {
        let _ = writeln!(out, "{time:>6} ms {:>6} MiB  {name}", memory / 1024);
    }
    for (time, memory, name) in &rows {
        if *time > MOST_TIME || *memory > MOST_MEMORY {
            failed.push(name.clone());
        }
    }
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    let _ = writeln!(out, "too much: {}", failed.join(", "));
    ExitCode::FAILURE
}

/// What an input costs in a process of its own; `None` when that process did not end well.
fn measured(name: &str) -> Option<(u64, u64)> {
    let program = std::env::current_exe().ok()?;
    let done = Command::new(program).args(["--alone", name]).output().ok()?;
    let text = String::from_utf8(done.stdout).ok()?;
    let (time, memory) = text.trim().split_once(' ')?;
    Some((time.parse().ok()?, memory.parse().ok()?))
}

/// Milliseconds on the processor, and KiB beyond what was used before.
fn cost(input: &Input) -> Option<(u64, u64)> {
    let work = input.prepare(SIZE);
    // The highest use begins anew (proc(5), `clear_refs`).
    std::fs::write("/proc/self/clear_refs", "5").ok()?;
    let (before, begin) = (status("VmRSS:")?, on_processor()?);
    work();
    let time = on_processor()?.saturating_sub(begin) / 1_000_000;
    Some((time, status("VmHWM:")?.saturating_sub(before)))
}

/// Nanoseconds that this thread has spent on a processor.
fn on_processor() -> Option<u64> {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    times.split_whitespace().next()?.parse().ok()
}

/// A value of this process's status, in KiB.
fn status(field: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
