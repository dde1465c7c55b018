//! The bot: a Matrix user's own choices, in a room with nobody else.

use serde_json::json;

use super::sender_rules::{Decision, decide, rules_in_words};
use super::{Bridge, Failure, Level};
use crate::convert::to_email::LONGEST_SIGNATURE;
use crate::matrix::MatrixError;
use crate::model::RoomEvent;
use crate::store::{Job, StoreError, Strangers};

const HELP: &str = "I look after your email chats. To write to somebody, start a direct chat with their puppet.\n\n\
     strangers: who may start a chat with you by email\n\
     strangers anyone | contacts | nobody: change that (contacts are people to whom you have written)\n\
     block PATTERN | allow PATTERN | unblock PATTERN: whose mail you do not take, or whose may begin a chat, lists and notifications as \
     well (an address, a domain such as example.org, or either with * for any text)\n\
     blocked: whom you block and allow\n\
     receipts: whether your emails ask to be told when they are read\n\
     receipts on | off: change that (people decide whether their mail programs answer)\n\
     signature: what stands below your emails\n\
     signature TEXT | off: change that; the text may have several lines\n\n\
     In an email chat, answer a message with !quoted to see what was left out of it: quotation, signature, footer. There, !block and \
     !unblock are about the person with whom you chat.";
const DECIDE: &str = "Say whom, as in block ADDRESS or block DOMAIN: an address such as spam@example.org, a domain such as example.org, or \
                      either with * for any text.";

/// The words with which what is said to Penpal begins, to the bot or behind a `!` in an email chat.
pub(crate) const COMMANDS: &[&str] = &[
    "allow",
    "block",
    "blocked",
    "help",
    "quoted",
    "receipts",
    "signature",
    "strangers",
    "unblock",
];

const NOT_FOR_YOU: &str = "The admin of this server does not let you use Penpal.";

impl Bridge {
    /// The bot is invited: it joins a room of its own, and stays out of email chats, where a third party has no place.
    pub(super) async fn invite_bot(&self, job: &Job, event: &RoomEvent) -> Result<(), Failure> {
        let bot = self.settings.namespace.bot();
        if self
            .store
            .read()
            .await?
            .portal_by_room(&event.room_id)
            .await?
            .is_some()
        {
            return self
                .decline(
                    job,
                    event,
                    bot,
                    "I stay out of email chats. Please start a chat with me alone.",
                )
                .await;
        }
        if self.settings.permissions.level(&event.sender) == Level::None {
            return self.decline(job, event, bot, NOT_FOR_YOU).await;
        }
        match self.homeserver.join(bot, &event.room_id).await {
            Ok(()) => {}
            Err(MatrixError::Refused { message, .. }) => {
                return self
                    .ignore(job, event, &format!("the bot can't join: {message}"))
                    .await;
            }
            Err(error) => return Err(error.into()),
        }
        let mut tx = self.settle(job).await?;
        tx.add_bot_room(&event.room_id, &event.sender).await?;
        self.finish(tx, job).await
    }

    /// A message to the bot. Notices are never answered: the other side may be a bot as well.
    pub(super) async fn work_command(&self, job: &Job, event: &RoomEvent) -> Result<(), Failure> {
        if event.text("msgtype") != Some("m.text") {
            return self.ignore(job, event, "not a command").await;
        }
        let answer = self.answer_command(job, event).await?;
        let content = json!({"msgtype": "m.notice", "body": answer, "m.mentions": {}});
        let bot = self.settings.namespace.bot();
        let txn_id = self.txn_id(job.id, 0);
        self.homeserver
            .send(bot, &event.room_id, "m.room.message", &txn_id, &content, None)
            .await?;
        let tx = self.settle(job).await?;
        self.finish(tx, job).await
    }

    async fn answer_command(&self, job: &Job, event: &RoomEvent) -> Result<String, StoreError> {
        let body = event.text("body").unwrap_or_default().trim();
        // Telephones begin with a capital.
        let lower = body.to_ascii_lowercase();
        let words: Vec<&str> = lower.split_whitespace().take(3).collect();
        match words.as_slice() {
            ["strangers"] => {
                let mut tx = self.store.read().await?;
                let choice = self.strangers_of(&mut tx, &event.sender).await?;
                Ok(format!(
                    "Who may start a chat with you by email: {}.",
                    choice.as_str()
                ))
            }
            ["strangers", choice] => match choice.parse::<Strangers>() {
                Ok(choice) => {
                    let mut tx = self.settle(job).await?;
                    tx.set_strangers(&event.sender, choice).await?;
                    let holds = self.strangers_of(&mut tx, &event.sender).await?;
                    tx.commit().await?;
                    if holds != choice {
                        return Ok(format!(
                            "The admin of this server lets {} start chats by email at the most, so that holds.",
                            holds.as_str()
                        ));
                    }
                    Ok(format!(
                        "From now on, {} may start a chat with you by email.",
                        choice.as_str()
                    ))
                }
                Err(error) => Ok(error),
            },
            ["blocked"] => rules_in_words(&mut self.store.read().await?, &event.sender).await,
            [word, rest @ ..] if Decision::named(word).is_some() => {
                let (Some(decision), [pattern]) = (Decision::named(word), rest) else {
                    return Ok(DECIDE.to_owned());
                };
                let mut tx = self.settle(job).await?;
                let answer = decide(&mut tx, &event.sender, decision, pattern).await?;
                tx.commit().await?;
                Ok(answer)
            }
            ["receipts"] => {
                let wishes = self.store.read().await?.mail_wishes(&event.sender).await?;
                Ok(receipts(wishes.asks_receipts).to_owned())
            }
            ["receipts", wish @ ("on" | "off")] => {
                let mut tx = self.settle(job).await?;
                tx.set_asks_receipts(&event.sender, *wish == "on").await?;
                tx.commit().await?;
                Ok(receipts(*wish == "on").to_owned())
            }
            ["signature"] => {
                let wishes = self.store.read().await?.mail_wishes(&event.sender).await?;
                Ok(signature(wishes.signature.as_deref()))
            }
            ["signature", ..] => {
                let text = body.get("signature".len()..).map(str::trim);
                let text = text.filter(|text| !text.eq_ignore_ascii_case("off"));
                let (lines, length) = LONGEST_SIGNATURE;
                let is_long = |text: &str| {
                    text.lines().count() > lines || text.lines().any(|line| line.chars().count() > length)
                };
                if text.is_some_and(is_long) {
                    return Ok(format!(
                        "That is too long: a signature has {lines} lines of {length} characters at most."
                    ));
                }
                let mut tx = self.settle(job).await?;
                tx.set_signature(&event.sender, text).await?;
                tx.commit().await?;
                Ok(signature(text))
            }
            _ => Ok(HELP.to_owned()),
        }
    }
}

fn signature(text: Option<&str>) -> String {
    text.map_or_else(
        || "Your emails have no signature.".to_owned(),
        |text| format!("Below your emails stands:\n\n{text}"),
    )
}

fn receipts(asks: bool) -> &'static str {
    if asks {
        "Your emails ask for a read notification."
    } else {
        "Your emails do not ask for a read notification."
    }
}
