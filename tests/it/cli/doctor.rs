//! `penpal doctor` where next to nothing works; where all works it is tried with a real homeserver.

use std::net::TcpListener;

use super::{initialised, penpal};

/// A port on which nobody listens: the system gives a free one, and it is closed again.
fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

#[test]
fn doctor_goes_through_everything_and_says_what_to_mend() {
    let folder = initialised(&[]);
    let [homeserver, relay, listen] = [closed_port(), closed_port(), closed_port()];
    let file = folder.path().join("config.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text
        .replace("http://127.0.0.1:8008", &format!("http://127.0.0.1:{homeserver}"))
        .replace("127.0.0.1:29330", &format!("127.0.0.1:{listen}"))
        .replace("host: \"localhost\"", "host: \"127.0.0.1\"")
        .replace("port: 25", &format!("port: {relay}"));
    std::fs::write(&file, text).unwrap();

    let outcome = penpal(folder.path(), &["doctor"]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.err);
    let lines: Vec<(&str, &str)> = outcome.out.lines().map(|line| line.split_at(23)).collect();
    let verdicts: Vec<&str> = lines.iter().map(|(verdict, _)| verdict.trim_end()).collect();
    assert_eq!(
        verdicts,
        [
            "ok       configuration",
            "skipped  database",
            "skipped  penpal run",
            "FAILED   homeserver",
            "skipped  way back",
            "FAILED   relay",
            "skipped  mail door",
        ]
    );
    let message = |index: usize| lines[index].1;
    assert!(message(1).contains("`penpal run` makes it"), "{}", outcome.out);
    assert!(!folder.path().join("penpal.db").exists(), "it would be root's");
    assert!(message(3).contains("is homeserver.url right?"), "{}", outcome.out);
    assert!(message(5).contains("see mail.relay"), "{}", outcome.out);
    assert_eq!(outcome.err, "penpal: 2 checks failed\n");
}

#[test]
fn doctor_takes_something_else_at_its_address_for_a_fault() {
    let folder = initialised(&[]);
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let file = folder.path().join("config.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("127.0.0.1:29330", &address)).unwrap();
    // It takes the connection and hangs up.
    let stranger = std::thread::spawn(move || drop(other.accept().unwrap()));

    let outcome = penpal(folder.path(), &["doctor", "--json"]);
    stranger.join().unwrap();
    let found: Vec<serde_json::Value> = outcome
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let run = found
        .iter()
        .find(|finding| finding["check"] == "penpal run")
        .unwrap();
    assert_eq!(run["outcome"], "failed", "{run}");
}
