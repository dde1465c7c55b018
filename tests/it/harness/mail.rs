//! A mail as the email user's program shows it.

use mail_parser::{MessageParser, MimeHeaders, PartType};
use penpal::replay::mail::SentMail;

/// A mail, taken apart.
#[derive(Clone, Debug)]
pub struct ReceivedMail {
    pub return_path: String,
    pub from: String,
    pub from_name: String,
    pub reply_to: String,
    pub to: String,
    pub subject: String,
    pub message_id: String,
    pub in_reply_to: Vec<String>,
    pub references: Vec<String>,
    pub text: String,
    pub html: Option<String>,
    /// Name, type and bytes of each attachment.
    pub attachments: Vec<(String, String, Vec<u8>)>,
    pub raw: String,
}

impl ReceivedMail {
    pub fn read(sent: &SentMail) -> Self {
        let mail = MessageParser::default()
            .parse(&sent.message)
            .expect("what we send can be read");
        let address = |address: Option<&mail_parser::Address<'_>>| {
            let first = address.and_then(mail_parser::Address::first);
            let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
            (
                text(first.and_then(|a| a.address())),
                text(first.and_then(|a| a.name())),
            )
        };
        let ids = |value: &mail_parser::HeaderValue<'_>| {
            value
                .as_text_list()
                .unwrap_or_default()
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        let (from, from_name) = address(mail.from());
        let html = mail.html_body.first().and_then(|id| mail.part(*id));
        let html = html.and_then(|part| match &part.body {
            PartType::Html(html) => Some(html.to_string()),
            _ => None,
        });
        Self {
            return_path: sent
                .envelope
                .sender
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            from,
            from_name,
            reply_to: address(mail.reply_to()).0,
            to: address(mail.to()).0,
            subject: mail.subject().unwrap_or_default().to_owned(),
            message_id: mail.message_id().unwrap_or_default().to_owned(),
            in_reply_to: ids(mail.in_reply_to()),
            references: ids(mail.references()),
            text: mail.body_text(0).unwrap_or_default().replace("\r\n", "\n"),
            html,
            attachments: mail
                .attachments()
                .map(|part| {
                    let kind = part
                        .content_type()
                        .map(|kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()));
                    (
                        part.attachment_name().unwrap_or_default().to_owned(),
                        kind.unwrap_or_default(),
                        part.contents().to_vec(),
                    )
                })
                .collect(),
            raw: String::from_utf8_lossy(&sent.message).into_owned(),
        }
    }
}
