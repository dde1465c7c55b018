//! A mail as somebody's mail program writes it.

use std::fmt;

use super::ReceivedMail;

/// A mail to be received by Penpal.
#[derive(Clone, Debug)]
pub struct Letter {
    headers: Vec<(String, String)>,
    body: String,
}

impl Letter {
    /// A mail with this `From`, as it stands in the header.
    pub fn from(from: &str) -> Self {
        let letter = Self {
            headers: Vec::new(),
            body: String::new(),
        };
        letter
            .with("From", from)
            .with("Date", "Sat, 21 Nov 2026 12:34:56 +0000")
    }

    /// Alice's mail with this subject.
    pub fn by_alice(subject: &str) -> Self {
        Self::from("Alice Liddell <alice@example.org>").with("Subject", subject)
    }

    /// Alice's answer to a mail, as her program addresses and quotes it.
    pub fn answering(mail: &ReceivedMail, text: &str) -> Self {
        let quoted: String = mail.text.lines().map(|line| format!("> {line}\n")).collect();
        let mut references = mail.references.clone();
        references.push(mail.message_id.clone());
        let references: Vec<String> = references.iter().map(|id| format!("<{id}>")).collect();
        Self::by_alice(&format!("Re: {}", mail.subject.trim_start_matches("Re: ")))
            .with("To", &mail.reply_to)
            .with("In-Reply-To", &format!("<{}>", mail.message_id))
            .with("References", &references.join(" "))
            .text(&format!(
                "{text}\n\nOn Sat, Nov 21, 2026 at 12:00 PM Bob <{}> wrote:\n{quoted}",
                mail.from
            ))
    }

    /// With another header field, below those that are there; one of that name is replaced.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without a header field.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self
    }

    /// With this `Message-ID`.
    pub fn id(self, id: &str) -> Self {
        self.with("Message-ID", &format!("<{id}>"))
    }

    /// With this body.
    pub fn text(mut self, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self
    }

    /// With its body as the first part and these attachments: name, type, content (ASCII).
    pub fn attach(self, attachments: &[(&str, &str, &str)]) -> Self {
        let mut body = format!("--sep\nContent-Type: text/plain\n\n{}\n", self.body);
        for (name, kind, content) in attachments {
            body += &format!(
                "--sep\nContent-Type: {kind}\nContent-Disposition: attachment; filename=\"{name}\"\n\n{content}\n"
            );
        }
        body += "--sep--\n";
        self.with("MIME-Version", "1.0")
            .with("Content-Type", "multipart/mixed; boundary=sep")
            .text(&body)
    }
}

impl fmt::Display for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {value}")?;
        }
        write!(f, "\n{}", self.body)
    }
}
