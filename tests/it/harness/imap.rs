//! An IMAP server that does what a test wants, also what no server should.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// One mailbox with one folder that is read, and others into which messages are moved.
#[derive(Clone, Default)]
pub struct ImapServer {
    state: Arc<Mutex<State>>,
    arrived: Arc<Notify>,
    idle: Arc<Notify>,
    port: u16,
}

/// What is wrong with the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    #[default]
    None,
    /// After the answer to each command the line drops, once somebody is logged in and a folder is open.
    DropsAfterEachCommand,
    /// The line drops in the middle of the first answer to this command, once.
    DropsDuring(&'static str),
    /// Each UID is listed three times, backwards.
    RepeatsUids,
    /// A message of a gigabyte is announced.
    Announces,
    /// Bytes that are no IMAP come before each answer.
    Babbles,
    /// The line drops at each command that begins like this.
    DropsAt(&'static str),
    /// Messages are listed, but nothing is said of them.
    IsForgetful,
    /// All flags are refused.
    RefusesFlags,
    /// New messages are announced with each answer, and there are none.
    CriesWolf,
    /// Who asks for a part of a message gets all of it.
    KnowsNoParts,
    /// Messages are said to be some bytes larger than they are.
    Exaggerates,
    /// The same, and behind the end of a message there is NIL.
    SaysNil,
}

#[derive(Default)]
struct State {
    validity: u32,
    next: u32,
    messages: BTreeMap<u32, Message>,
    folders: BTreeMap<String, Vec<Vec<u8>>>,
    trouble: Trouble,
    capabilities: &'static str,
    user: &'static str,
    /// Commands, without their tags.
    log: Vec<String>,
    logins: usize,
}

#[derive(Clone, Default)]
struct Message {
    bytes: Vec<u8>,
    flags: BTreeSet<String>,
}

/// What is said after AUTHENTICATE by who has the token `fresh`, or the password `Füße`.
const WORDS: [&str; 2] = [
    "dXNlcj1wZW5wYWwBYXV0aD1CZWFyZXIgZnJlc2gBAQ==",
    "AHBlbnBhbABGw7zDn2U=",
];

/// The password of its only user.
pub const PASSWORD: &str = "pass\"word";

impl ImapServer {
    /// A server on a port of its own, which ends with the test.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            ..Self::default()
        };
        server.change(|state| {
            (state.validity, state.next) = (1, 1);
            state.capabilities = "IMAP4rev1 IDLE MOVE UIDPLUS";
            state.user = "penpal";
        });
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = serving.clone();
                tokio::spawn(async move { server.serve(stream).await });
            }
        });
        server
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A message arrives; gives its UID.
    pub fn arrives(&self, message: &str) -> u32 {
        self.arrives_with(message, &[])
    }

    /// A message that has flags already.
    pub fn arrives_with(&self, message: &str, flags: &[&str]) -> u32 {
        let uid = self.change(|state| {
            let uid = state.next;
            state.next += 1;
            let message = Message {
                bytes: message.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes(),
                flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
            };
            state.messages.insert(uid, message);
            uid
        });
        self.arrived.notify_waiters();
        uid
    }

    /// The server behaves badly from now on.
    pub fn is_in(&self, trouble: Trouble) {
        self.change(|state| state.trouble = trouble);
    }

    /// The server can do this and nothing else.
    pub fn can_only(&self, capabilities: &'static str) {
        self.change(|state| state.capabilities = capabilities);
    }

    /// Its only user has another name.
    pub fn is_named(&self, user: &'static str) {
        self.change(|state| state.user = user);
    }

    /// Resolves when somebody waits for messages to arrive.
    pub async fn is_idle(&self) {
        self.idle.notified().await;
    }

    /// All messages get new numbers, and UIDVALIDITY changes.
    pub fn numbers_anew(&self, first: u32) {
        self.change(|state| {
            state.validity += 1;
            let messages = std::mem::take(&mut state.messages);
            state.messages = (first..).zip(messages.into_values()).collect();
            state.next = first + u32::try_from(state.messages.len()).unwrap();
        });
    }

    /// The flags of a message, `None` when it is gone.
    pub fn flags(&self, uid: u32) -> Option<Vec<String>> {
        self.change(|state| Some(state.messages.get(&uid)?.flags.iter().cloned().collect()))
    }

    /// How many messages are in another folder.
    pub fn in_folder(&self, folder: &str) -> usize {
        self.change(|state| state.folders.get(folder).map_or(0, Vec::len))
    }

    /// How often a command that begins like this was given.
    pub fn heard(&self, beginning: &str) -> usize {
        self.change(|state| {
            state
                .log
                .iter()
                .filter(|line| line.starts_with(beginning))
                .count()
        })
    }

    /// How often somebody has logged in.
    pub fn logins(&self) -> usize {
        self.change(|state| state.logins)
    }

    fn change<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap())
    }

    async fn serve(self, stream: TcpStream) -> Option<()> {
        let mut stream = BufReader::new(stream);
        stream.write_all(b"* OK ready\r\n").await.ok()?;
        let mut selected = false;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            let (tag, command) = line.trim_end().split_once(' ')?;
            self.change(|state| state.log.push(command.to_owned()));
            let trouble = self.change(|state| state.trouble);
            if command == "IDLE" {
                stream.write_all(b"+ idling\r\n").await.ok()?;
                let mut done = String::new();
                let arrived = self.arrived.notified();
                self.idle.notify_one();
                tokio::select! {
                    () = arrived => stream.write_all(b"* 1 EXISTS\r\n").await.ok()?,
                    _ = stream.read_line(&mut done) => {}
                }
                if done.is_empty() {
                    stream.read_line(&mut done).await.ok()?;
                }
                stream
                    .write_all(format!("{tag} OK done\r\n").as_bytes())
                    .await
                    .ok()?;
                continue;
            }
            if command.starts_with("AUTHENTICATE") {
                stream.write_all(b"+ \r\n").await.ok()?;
                let mut words = String::new();
                stream.read_line(&mut words).await.ok()?;
                let well = WORDS.contains(&words.trim_end());
                if !well {
                    // XOAUTH2 says what was wrong, and wants an empty line for an answer.
                    stream.write_all(b"+ eyJzdGF0dXMiOiI0MDAifQ==\r\n").await.ok()?;
                    words.clear();
                    stream.read_line(&mut words).await.ok()?;
                    assert_eq!(words, "\r\n");
                }
                let end = if well { "OK done" } else { "NO expired" };
                stream
                    .write_all(format!("{tag} {end}\r\n").as_bytes())
                    .await
                    .ok()?;
                continue;
            }
            let mut answer = self.change(|state| state.answer(tag, command));
            if trouble == Trouble::Babbles && selected {
                answer.splice(
                    0..0,
                    *b"* 1 FETCH (UID (((\r\n\x00\xff\r\n* {x}\r\n)) \"\r\n* SEARCH a b\r\n",
                );
            }
            if trouble == Trouble::CriesWolf && selected {
                answer.splice(0..0, *b"* 1 EXISTS\r\n");
            }
            let during = match trouble {
                Trouble::DropsDuring(beginning) | Trouble::DropsAt(beginning) => {
                    command.starts_with(beginning)
                }
                _ => false,
            };
            if during {
                if let Trouble::DropsDuring(_) = trouble {
                    self.is_in(Trouble::None);
                }
                stream.write_all(&answer[..answer.len() / 2]).await.ok()?;
                return None;
            }
            stream.write_all(&answer).await.ok()?;
            if command == "LOGOUT" || (selected && trouble == Trouble::DropsAfterEachCommand) {
                return None;
            }
            selected |= command.starts_with("SELECT");
        }
    }
}

impl State {
    fn answer(&mut self, tag: &str, command: &str) -> Vec<u8> {
        let words: Vec<&str> = command.split(' ').collect();
        let mut untagged = Vec::new();
        let mut say = |line: String| untagged.extend_from_slice(format!("* {line}\r\n").as_bytes());
        let mut end = "OK done";
        match words.as_slice() {
            ["CAPABILITY"] => say(format!("CAPABILITY {}", self.capabilities)),
            ["LOGIN", user, "\"pass\\\"word\""] if user.trim_matches('"') == self.user => self.logins += 1,
            ["LOGIN", ..] => end = "NO [AUTHENTICATIONFAILED] wrong",
            ["SELECT", "\"Nowhere\""] => end = "NO no such folder",
            ["SELECT", _] => {
                say(format!("{} EXISTS", self.messages.len()));
                say(format!("OK [UIDVALIDITY {}] numbers", self.validity));
                say(format!("OK [UIDNEXT {}] next", self.next));
                say("OK [PERMANENTFLAGS (\\Seen \\Flagged \\Deleted \\*)] flags".to_owned());
            }
            ["UID", "SEARCH", "UID", range, more @ ..] => {
                let mut uids = self.within(range);
                if more.contains(&"UNSEEN") {
                    uids.retain(|uid| !self.messages[uid].flags.contains("\\Seen"));
                }
                if self.trouble == Trouble::RepeatsUids {
                    uids.reverse();
                    uids = uids.repeat(3);
                }
                let uids: Vec<String> = uids.iter().map(u32::to_string).collect();
                say(format!("SEARCH {}", uids.join(" ")));
            }
            ["UID", "FETCH", ..] if self.trouble == Trouble::IsForgetful => {}
            ["UID", "FETCH", list, "(UID", "RFC822.SIZE)"] => {
                let exaggerates = matches!(self.trouble, Trouble::Exaggerates | Trouble::SaysNil);
                let more = if exaggerates { 20 } else { 0 };
                for uid in list.split(',').filter_map(|uid| uid.parse::<u32>().ok()) {
                    if let Some(message) = self.messages.get(&uid) {
                        say(format!(
                            "9 FETCH (UID {uid} RFC822.SIZE {})",
                            message.bytes.len() + more
                        ));
                    }
                }
            }
            ["UID", "FETCH", uid, "(UID", part] if part.starts_with("BODY.PEEK[]<") => {
                let numbers = part.trim_start_matches("BODY.PEEK[]<").trim_end_matches(">)");
                let (from, count) = numbers.split_once('.').unwrap();
                let (from, count): (usize, usize) = (from.parse().unwrap(), count.parse().unwrap());
                let whole = self.messages[&uid.parse().unwrap()].bytes.as_slice();
                let bytes = whole.get(from..).unwrap_or_default();
                let (name, bytes) = match self.trouble {
                    Trouble::KnowsNoParts => (String::new(), whole),
                    _ => (format!("<{from}>"), &bytes[..count.min(bytes.len())]),
                };
                let head = match bytes.len() {
                    0 if self.trouble == Trouble::SaysNil => format!("* 1 FETCH (UID {uid} BODY[]{name} NIL"),
                    0 => format!("* 1 FETCH (UID {uid} BODY[]{name} \"\""),
                    length => format!("* 1 FETCH (UID {uid} BODY[]{name} {{{length}}}\r\n"),
                };
                untagged.extend_from_slice(head.as_bytes());
                untagged.extend_from_slice(bytes);
                untagged.extend_from_slice(b")\r\n");
            }
            ["UID", "FETCH", uid, "(UID", "BODY.PEEK[])"] => {
                let uid: u32 = uid.parse().unwrap();
                if self.trouble == Trouble::Announces {
                    return format!("* 1 FETCH (UID {uid} BODY[] {{1000000000}}\r\n").into_bytes();
                }
                if let Some(message) = self.messages.get(&uid) {
                    let head = format!("* 1 FETCH (UID {uid} BODY[] {{{}}}\r\n", message.bytes.len());
                    untagged.extend_from_slice(head.as_bytes());
                    untagged.extend_from_slice(&message.bytes);
                    untagged.extend_from_slice(b")\r\n");
                }
            }
            ["UID", "STORE", ..] if self.trouble == Trouble::RefusesFlags => end = "NO never",
            ["UID", "STORE", uid, "+FLAGS.SILENT", flags @ ..] => {
                if let Some(message) = self.messages.get_mut(&uid.parse().unwrap()) {
                    let flags = flags.iter().map(|flag| flag.trim_matches(['(', ')']).to_owned());
                    message.flags.extend(flags);
                }
            }
            ["UID", "EXPUNGE", uid] => drop(self.messages.remove(&uid.parse().unwrap())),
            ["UID", verb @ ("MOVE" | "COPY"), uid, folder] => {
                let uid: u32 = uid.parse().unwrap();
                let Some(to) = self.folders.get_mut(folder.trim_matches('"')) else {
                    return format!("{tag} NO [TRYCREATE] no such folder\r\n").into_bytes();
                };
                to.extend(self.messages.get(&uid).map(|message| message.bytes.clone()));
                if *verb == "MOVE" {
                    self.messages.remove(&uid);
                }
            }
            ["CREATE", folder] => drop(
                self.folders
                    .entry(folder.trim_matches('"').to_owned())
                    .or_default(),
            ),
            ["NOOP" | "LOGOUT"] => {}
            _ => end = "BAD what?",
        }
        untagged.extend_from_slice(format!("{tag} {end}\r\n").as_bytes());
        untagged
    }

    /// `n:*` includes the last message whatever its number is (RFC 3501, section 6.4.8).
    fn within(&self, range: &str) -> Vec<u32> {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        let first: u32 = first.parse().unwrap();
        let highest = self.messages.keys().next_back().copied();
        let (first, last) = match last {
            "*" => (first.min(highest.unwrap_or(0)), u32::MAX),
            last => (first, last.parse().unwrap()),
        };
        self.messages
            .keys()
            .copied()
            .filter(|uid| (first..=last).contains(uid))
            .collect()
    }
}
