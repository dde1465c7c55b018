//! The messages of a draft become the text of an email.

use std::sync::Arc;

use ruma::OwnedEventId;

use super::email_bytes::EmailBytes;
use super::fetch::Fetched;
use super::messages::referred;
use super::{Bridge, Failure};
use crate::convert::address::new_token;
use crate::convert::thread;
use crate::convert::to_email::{
    self, ChatMessage, EmailDraft, EnclosedFile, Intro, Quoted, RenderOptions, RenderedEmail,
};
use crate::model::{Mailbox, Timestamp};
use crate::store::{Email, FrozenEmail, LinkedFile, Message, Outgoing, StoreError, Tx};

/// Up to how many messages an email without files is rendered in no time.
const FEW_MESSAGES: usize = 10;

/// An email before it is rendered.
struct Unrendered {
    draft: EmailDraft,
    options: RenderOptions,
    links: Vec<(OwnedEventId, LinkedFile)>,
}

/// An email, and what is noted of it.
pub(super) struct Composed {
    pub(super) email: FrozenEmail,
    /// The plain text of each of its messages.
    pub(super) texts: Vec<String>,
    pub(super) row: Email,
    /// The files to which it links.
    pub(super) links: Vec<(OwnedEventId, LinkedFile)>,
}

impl Bridge {
    /// Renders the messages of a draft, with files that are `fetched`; `None` when they show nothing.
    pub(super) async fn compose(
        &self,
        tx: Tx,
        outgoing: &Outgoing,
        fetched: &mut Fetched,
    ) -> Result<Option<Composed>, Failure> {
        let Outgoing { draft, portal, .. } = outgoing;
        let Some(email) = self.email_draft(tx, outgoing, fetched).await? else {
            return Ok(None);
        };
        let row = Email {
            message_id: draft.message_id.clone(),
            portal: portal.id,
            outgoing: true,
            subject: email.draft.subject.clone(),
            chain: email.draft.references.clone(),
            bounce_token: Some(new_token(&*self.random)),
        };
        // An email with large attachments takes a while to encode.
        let messages = &email.draft.messages;
        let small = messages.len() <= FEW_MESSAGES && messages.iter().all(|message| message.media.is_none());
        let (mail, loop_key) = (Arc::clone(&self.mail), self.loop_key.clone());
        let domain = self.mail_domain(portal).to_owned();
        let rendered = self.aside.run(small, move || {
            to_email::render_with(&email.draft, &email.options).map(|mut rendered| {
                rendered.put_on_top(&loop_key.mark(&email.draft.message_id));
                if rendered.files.is_empty() {
                    let mut signing = mail.signing(&domain);
                    signing.read(&rendered.bytes);
                    rendered.put_on_top(&signing.finish());
                }
                rendered
            })
        });
        let rendered = match rendered.await? {
            Ok(rendered) if rendered.files.is_empty() => rendered,
            Ok(rendered) => self.signed(rendered, self.mail_domain(portal), fetched).await?,
            Err(nothing) => {
                tracing::info!(job = draft.job, portal = portal.id, "no email: {nothing}");
                return Ok(None);
            }
        };
        Ok(Some(Composed {
            email: frozen(rendered.bytes, &rendered.files, fetched),
            texts: rendered.texts,
            row,
            links: email.links,
        }))
    }

    /// A large email with its signatures, for which all of it is read.
    async fn signed(
        &self,
        mut rendered: RenderedEmail,
        domain: &str,
        fetched: &Fetched,
    ) -> Result<RenderedEmail, StoreError> {
        let mut signing = self.mail.signing(domain);
        let email = frozen(rendered.bytes.clone(), &rendered.files, fetched);
        let mut bytes = EmailBytes::new(&self.store, &email);
        while let Some(piece) = bytes.next().await? {
            signing.read(&piece);
        }
        rendered.put_on_top(&signing.finish());
        Ok(rendered)
    }

    /// Everything that the email is made of; `None` when all its messages were taken back.
    async fn email_draft(
        &self,
        mut tx: Tx,
        outgoing: &Outgoing,
        fetched: &mut Fetched,
    ) -> Result<Option<Unrendered>, Failure> {
        let Outgoing {
            draft,
            portal,
            messages,
            ..
        } = outgoing;
        let Some(last) = messages.last() else {
            return Ok(None);
        };
        let parent = self.parent(&mut tx, outgoing).await?;
        let mut chat = Vec::with_capacity(messages.len());
        for message in messages {
            chat.push(self.chat_message(&mut tx, message).await?);
        }
        drop(tx);
        let waited = self.now().since(draft.first_at);
        let files = self
            .download_all(&portal.puppet, messages, &mut chat, waited, fetched)
            .await?;
        let from = Mailbox {
            name: Some(last.sender_name.clone()),
            address: self.address_of(&draft.sender, self.mail_domain(portal))?,
        };
        let subject = parent
            .as_ref()
            .map(|parent| parent.subject.clone())
            .filter(|subject| !subject.is_empty())
            .or_else(|| portal.subject.clone())
            .or_else(|| portal.name.clone())
            .unwrap_or_else(|| format!("Chat with {}", last.sender_name));
        let (in_reply_to, references) = match parent {
            Some(parent) => {
                let references = thread::references_after(&parent.chain, &parent.message_id);
                (Some(parent.message_id), references)
            }
            None => (None, Vec::new()),
        };
        let intro = (!portal.introduced).then(|| Intro {
            matrix_id: draft.sender.to_string(),
            topic: portal.topic.clone(),
        });
        let domain = self.mail_domain(portal);
        let reply_to = self
            .settings
            .addresses
            .reply_address(&portal.user, &portal.token, domain);
        let unsubscribe = self.unsubscribe(portal, reply_to.as_ref().unwrap_or(&from.address));
        let draft = EmailDraft {
            from,
            reply_to,
            to: Mailbox {
                name: outgoing
                    .puppet_name
                    .clone()
                    .filter(|name| name != portal.address.as_str()),
                address: portal.address.clone(),
            },
            subject,
            message_id: draft.message_id.clone(),
            in_reply_to,
            references,
            date: messages
                .iter()
                .map(|message| message.sent_at)
                .max()
                .unwrap_or(Timestamp(0)),
            ask_receipt: outgoing.wishes.asks_receipts,
            signature: outgoing.wishes.signature.clone(),
            unsubscribe: Some(unsubscribe),
            intro,
            messages: chat,
        };
        Ok(Some(Unrendered {
            draft,
            options: files.options,
            links: files.links,
        }))
    }

    /// The email that a draft answers: the one that a message refers to, else the last one of the thread.
    async fn parent(&self, tx: &mut Tx, outgoing: &Outgoing) -> Result<Option<Email>, StoreError> {
        let Outgoing {
            draft,
            portal,
            messages,
            ..
        } = outgoing;
        for event in messages
            .iter()
            .filter_map(|message| message.content.as_ref().and_then(referred))
        {
            let Some(answered) = tx.message(&event).await? else {
                continue;
            };
            if answered.portal == portal.id
                && answered.message_id != draft.message_id
                && let Some(email) = tx.email(&answered.message_id, portal.id).await?
            {
                return Ok(Some(email));
            }
        }
        Ok(outgoing.last_email.clone())
    }

    async fn chat_message(&self, tx: &mut Tx, message: &Message) -> Result<ChatMessage, StoreError> {
        let content = message.content.clone().unwrap_or_default();
        let about = match referred(&content) {
            Some(event) => tx.message(&event).await?.map(|about| {
                let unsent = || Some(about.content.as_ref()?.get("body")?.as_str()?.to_owned());
                Quoted {
                    sender_name: about.sender_name,
                    text: about.body.or_else(unsent).unwrap_or_default(),
                    timestamp: about.sent_at,
                    content: about.content,
                }
            }),
            None => None,
        };
        Ok(ChatMessage {
            event_type: message.event_type.clone(),
            content,
            sender: message.sender.to_string(),
            sender_name: message.sender_name.clone(),
            timestamp: message.sent_at,
            about,
            media: None,
        })
    }
}

/// An email as it is stored.
fn frozen(text: Vec<u8>, files: &[EnclosedFile], fetched: &Fetched) -> FrozenEmail {
    let content = |file: &EnclosedFile| Some((file.at, *fetched.contents.get(file.number)?));
    FrozenEmail {
        text,
        files: files.iter().filter_map(content).collect(),
    }
}
