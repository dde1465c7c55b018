//! How fast mails become events: milliseconds for an HTML reply of 30 KB, MB/s for a mail with files. `scripts/bench` runs it
//! and knows what is promised.
//!
//! Time is that of this thread on a processor, so that other programs do not count.

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::process::ExitCode;

use penpal::convert::to_matrix::{ThreadContext, convert};

/// Nanoseconds that this thread has spent on a processor (Linux).
fn on_processor() -> Option<u64> {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    times.split_whitespace().next()?.parse().ok()
}

/// Seconds that one conversion takes, at best: of several rounds the fastest was disturbed least.
fn seconds(mail: &[u8], repetitions: u32) -> Option<f64> {
    let mut best: Option<u64> = None;
    for _ in 0..5 {
        let begin = on_processor()?;
        for _ in 0..repetitions {
            black_box(convert(black_box(mail), &ThreadContext::default()));
        }
        let taken = on_processor()?.saturating_sub(begin) / u64::from(repetitions);
        best = Some(best.map_or(taken, |best| best.min(taken)));
    }
    best.map(|taken| std::time::Duration::from_nanos(taken).as_secs_f64())
}

const HEAD: &str = "From: Alice <alice@example.org>\r\nTo: Bob <bob@mail.example.org>\r\nSubject: Re: Garden\r\n\
    Date: Tue, 14 May 2024 09:30:00 +0200\r\nMessage-ID: <one@example.org>\r\nMIME-Version: 1.0\r\n";
const SENTENCE: &str =
    "The roses are in full bloom this week, and you should really come and see them before it rains. ";

/// A reply of 30 KB as Gmail writes it: some paragraphs, and what was said before.
fn reply() -> Vec<u8> {
    let mut mail = format!("{HEAD}Content-Type: text/html; charset=utf-8\r\n\r\n<div dir=\"ltr\">");
    for _ in 0..10 {
        let _ = write!(
            mail,
            "<div>{SENTENCE}<b>Red</b> and <i>white</i> ones. {SENTENCE}</div><div><br></div>\r\n"
        );
    }
    mail.push_str("</div><br><div class=\"gmail_quote\"><div dir=\"ltr\" class=\"gmail_attr\">On Mon, May 13, 2024 at 10:00 AM Bob &lt;<a href=\"mailto:bob@mail.example.org\">bob@mail.example.org</a>&gt; wrote:<br></div><blockquote class=\"gmail_quote\" style=\"margin:0px 0px 0px 0.8ex\">\r\n");
    while mail.len() < 30_000 {
        let _ = write!(mail, "<p style=\"margin:0\">{SENTENCE}{SENTENCE}</p>\r\n");
    }
    mail.push_str("</blockquote></div>");
    mail.into_bytes()
}

/// A mail of 10 MB with three files.
fn files() -> Vec<u8> {
    let mut mail =
        format!("{HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n{SENTENCE}\r\n");
    let line = "TWFueSBoYW5kcyBtYWtlIGxpZ2h0IHdvcmsuIFRoZSByb3NlcyBhcmUgaW4gZnVsbCBibG9vbS4u\r\n";
    for number in 0..3 {
        let _ = write!(
            mail,
            "--b\r\nContent-Type: application/octet-stream; name=file-{number}\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
            line.repeat(3_333_333 / line.len())
        );
    }
    mail.push_str("--b--\r\n");
    mail.into_bytes()
}

fn main() -> ExitCode {
    let mut out = std::io::stdout();
    let (reply, files) = (reply(), files());
    let (Some(short), Some(long)) = (seconds(&reply, 100), seconds(&files, 3)) else {
        let _ = writeln!(out, "the time on the processor is known on Linux alone");
        return ExitCode::FAILURE;
    };
    let rate = f64::from(u32::try_from(files.len()).unwrap_or(u32::MAX)) / 1e6 / long;
    let _ = writeln!(out, "convert_reply {:.3}\nconvert_files {rate:.0}", short * 1e3);
    ExitCode::SUCCESS
}
