//! What the people have got in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::harness::{Letter, ReceivedMail, World};

/// Where people are, what they see in their rooms, and what was mailed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    rooms: BTreeMap<String, Room>,
    /// Whose account data say that a room is a direct chat, and with whom.
    direct: BTreeSet<(String, String, String)>,
}

/// What is in a room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Room {
    members: BTreeMap<String, String>,
    /// What puppets and the bot have sent, in order.
    said: Vec<String>,
    /// The emails that were answered from here.
    threads: Vec<Thread>,
}

/// The emails of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Thread {
    from: String,
    to: String,
    subject: String,
    /// What all of them say, line by line, and their files: into how many emails it was divided says when it came.
    said: Vec<String>,
    /// In whatever order: within an email pictures come first.
    files: BTreeMap<String, usize>,
}

/// What a room is called that a puppet has made: its ID is made up.
const NEW: &str = "a new room";

impl Outcome {
    /// What came of everything that is done by now. At last each thread is answered, so that it is known which room it belongs to.
    pub async fn of(world: &World) -> Self {
        let mut outcome = Self::default();
        let threads = threads(world);
        for emails in threads.values() {
            let room = answer(world, emails).await;
            outcome
                .rooms
                .entry(room)
                .or_default()
                .threads
                .push(Thread::of(emails));
        }
        outcome.look_into_rooms(world);
        outcome
    }

    fn look_into_rooms(&mut self, world: &World) {
        let made: BTreeSet<String> = world.created_rooms().iter().map(ToString::to_string).collect();
        let name = |room: &str| {
            if made.contains(room) {
                NEW.to_owned()
            } else {
                room.to_owned()
            }
        };
        let mut sent = BTreeSet::new();
        for request in world.homeserver.requests() {
            let Some(user) = &request.user else { continue };
            if let Some(room_id) = &request.room {
                let room = self.rooms.entry(name(room_id.as_str())).or_default();
                if let Some(membership) = world.homeserver.membership(room_id, user) {
                    room.members.insert(user.to_string(), membership);
                }
                let event = request.detail("event_id").as_str().unwrap_or_default().to_owned();
                if request.name == "send" && sent.insert(event) {
                    room.said.push(format!(
                        "{user} {}: {}",
                        request.detail("type"),
                        request.detail("content")
                    ));
                }
            }
            for (with, rooms) in world
                .homeserver
                .account_data_of(user, "m.direct")
                .unwrap_or_default()
            {
                for room in rooms.as_array().into_iter().flatten() {
                    self.direct.insert((
                        user.to_string(),
                        with.clone(),
                        name(room.as_str().unwrap_or_default()),
                    ));
                }
            }
        }
    }

    /// What came of something else, in other rooms.
    pub fn add(&mut self, other: Self) {
        for (name, room) in other.rooms {
            let both = self.rooms.entry(name).or_default();
            both.members.extend(room.members);
            both.said.extend(room.said);
            both.threads.extend(room.threads);
        }
        self.direct.extend(other.direct);
    }
}

/// The emails by thread, each one once, in order.
///
/// # Panics
///
/// When an email comes twice that is not the same, or its fields lead to another thread.
fn threads(world: &World) -> BTreeMap<String, Vec<ReceivedMail>> {
    let mut known: BTreeMap<String, (String, String)> = BTreeMap::new();
    let mut threads: BTreeMap<String, Vec<ReceivedMail>> = BTreeMap::new();
    for mail in world.mails() {
        if let Some((thread, raw)) = known.get(&mail.message_id) {
            assert_eq!(
                (thread, raw),
                (&mail.reply_to, &mail.raw),
                "the same Message-ID for different emails"
            );
            continue;
        }
        let before = threads.entry(mail.reply_to.clone()).or_default();
        if before.is_empty() {
            assert_eq!(
                mail.in_reply_to, [""; 0],
                "the first email of a thread answers another one"
            );
        } else {
            for id in mail.in_reply_to.iter().chain(&mail.references) {
                assert!(
                    before.iter().any(|email| email.message_id == *id),
                    "{id} is no email of the thread"
                );
            }
            assert_eq!(
                mail.in_reply_to.len(),
                1,
                "an email within a thread answers another one"
            );
        }
        known.insert(mail.message_id.clone(), (mail.reply_to.clone(), mail.raw.clone()));
        before.push(mail);
    }
    threads
}

/// Answers the last email of a thread. Gives the room in which that is seen.
async fn answer(world: &World, emails: &[ReceivedMail]) -> String {
    let last = emails.last().unwrap();
    let letter = Letter::answering(last, "An answer.").with("From", &last.to);
    let seen_before = world.homeserver.requests_named("send").len();
    let answers = world
        .receives(&last.to, &[&last.reply_to], &letter.to_string())
        .await;
    if answers != [Ok(())] {
        return format!("refused: {answers:?}");
    }
    world.settle().await;
    let made = world.created_rooms();
    let sent = world.homeserver.requests_named("send");
    let room = sent.get(seen_before).and_then(|request| request.room.as_ref());
    match room {
        Some(room) if made.contains(room) => NEW.to_owned(),
        Some(room) => room.to_string(),
        None => "nowhere".to_owned(),
    }
}

impl Thread {
    fn of(emails: &[ReceivedMail]) -> Self {
        let first = &emails[0];
        let mut files = BTreeMap::new();
        for attachment in emails.iter().flat_map(|email| &email.attachments) {
            *files.entry(file(attachment)).or_default() += 1;
        }
        Self {
            from: first.from.clone(),
            to: first.to.clone(),
            subject: subject(&first.subject),
            said: emails.iter().flat_map(said).collect(),
            files,
        }
    }
}

/// What an email says, without what stands below the first one of a thread. How it speaks of files is left out: that depends on what else
/// is in it.
fn said(email: &ReceivedMail) -> Vec<String> {
    let foot = email.text.rsplit_once("\n-- \n");
    let foot = foot.filter(|(_, foot)| foot.trim_end().ends_with("reply STOP."));
    let new = foot.map_or(email.text.as_str(), |(new, _)| new);
    let writer = format!("{}:", email.from_name);
    new.lines()
        .filter(|line| !line.is_empty() && *line != writer)
        .filter(|line| !line.starts_with('[') || line.starts_with("[The "))
        .map(str::to_owned)
        .collect()
}

fn file((name, kind, bytes): &(String, String, Vec<u8>)) -> String {
    format!(
        "{name} ({kind}, {} bytes, {:x?})",
        bytes.len(),
        &Sha256::digest(bytes)[..6]
    )
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{self:#?}")
    }
}

/// A subject without the name of its writer, who may have changed it before the first email left.
fn subject(subject: &str) -> String {
    match subject.strip_prefix("Chat with ") {
        Some(_) => "Chat with its writer".to_owned(),
        None => subject.to_owned(),
    }
}
