//! `penpal run` as a process of its own, and what can be done with it from outside.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::{initialised, value};

/// How long anything may take: machines that build meanwhile are slow.
const PATIENCE: Duration = Duration::from_mins(1);

/// A program at work, with what it says on standard error.
pub(super) struct Running {
    child: Child,
    lines: Receiver<String>,
    /// What it has said so far.
    pub(super) said: Vec<String>,
}

impl Running {
    /// Starts penpal in `folder`.
    pub(super) fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_penpal"))
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let said = Vec::new();
        Self { child, lines, said }
    }

    /// The next line that holds `words`.
    pub(super) fn says(&mut self, words: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("it did not say {words:?} but {:#?}", self.said));
            self.said.push(line.clone());
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Sends it a signal, by the program for that.
    pub(super) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([name, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Its exit code and standard output, once it has ended.
    pub(super) fn ended(mut self) -> (Option<i32>, String) {
        let mut out = String::new();
        self.child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut out)
            .unwrap();
        (self.child.wait().unwrap().code(), out)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// A folder with a configuration whose ports the system chooses, and whose homeserver is away.
pub(super) fn configured(more: &[&str]) -> tempfile::TempDir {
    let folder = initialised(more);
    // Free a moment ago; the configuration takes no 0 here.
    let free = || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    change(folder.path(), |text| {
        // Nobody answers at port 9.
        text.replace("http://127.0.0.1:8008", "http://127.0.0.1:9")
            .replace("127.0.0.1:8024", &free())
            .replace("127.0.0.1:29330", &free())
    });
    folder
}

/// Changes the configuration.
pub(super) fn change(folder: &Path, how: impl FnOnce(String) -> String) {
    let path = folder.join("config.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, how(text)).unwrap();
}

/// A running Penpal and where the homeserver reaches it.
pub(super) struct Bridge {
    pub(super) process: Running,
    pub(super) address: String,
    token: String,
}

impl Bridge {
    pub(super) fn start(folder: &Path) -> Self {
        let mut process = Running::start(folder, &["run"]);
        let line = process.says("listening for the homeserver");
        let config = fs::read_to_string(folder.join("config.yaml")).unwrap();
        Self {
            address: address_in(&line),
            token: value(&config, "hs_token"),
            process,
        }
    }

    /// Delivers a transaction; answers the HTTP status.
    pub(super) fn transaction(&self, txn_id: &str, body: &str) -> u16 {
        let answer = self.asks(&format!(
            "PUT /_matrix/app/v1/transactions/{txn_id} HTTP/1.1\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n{END}{body}",
            self.token,
            body.len()
        ));
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// What `/metrics` shows.
    pub(super) fn metrics(&self) -> String {
        self.asks(&format!("GET /metrics HTTP/1.1\r\n{END}"))
    }

    /// The answer to a request.
    fn asks(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

/// The last fields of a request.
const END: &str = "Host: penpal\r\nConnection: close\r\n\r\n";

/// The address in a line of the log, which is JSON.
pub(super) fn address_in(line: &str) -> String {
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    line["address"].as_str().unwrap().to_owned()
}
