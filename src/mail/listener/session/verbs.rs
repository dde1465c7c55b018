//! What each verb does in a session.

use std::sync::Arc;

use super::{Action, OK, OUT_OF_ORDER, Session, Sink, State, Transaction};
use crate::mail::listener::Protocol;
use crate::mail::listener::command::{Command, Hello};
use crate::mail::listener::message::{Body, DataDecoder, Finished, too_large};
use crate::mail::listener::reply::Reply;
use crate::model::IncomingMail;

impl Session {
    /// Acts on a command.
    pub(super) fn obey(&mut self, command: Command) -> Option<Action> {
        match command {
            Command::Hello(hello, name) => self.hello(hello, name),
            Command::Mail { sender, size } => self.mail(sender, size),
            Command::Rcpt { recipient } => return self.rcpt(recipient),
            Command::Data => self.data(),
            Command::Chunk { size, last } => self.chunk(size, last),
            Command::StartTls => return self.start_tls(),
            Command::Reset => {
                self.mail = None;
                self.reply(&OK);
            }
            Command::Noop => self.reply(&OK),
            Command::Verify => {
                self.reply(&Reply::new(
                    252,
                    "2.5.0",
                    "Cannot verify, but will take mail and try",
                ));
            }
            Command::Help => self.reply(&Reply::new(214, "2.0.0", "See RFC 5321")),
            Command::Quit => self.close(&Reply::new(221, "2.0.0", "Bye")),
        }
        None
    }

    fn hello(&mut self, hello: Hello, name: String) {
        let fits = match self.terms.protocol {
            Protocol::Smtp => hello != Hello::Local,
            Protocol::Lmtp => hello == Hello::Local,
        };
        if !fits {
            // RFC 2033, section 4.1: the wrong greeting must not be taken.
            let text = match self.terms.protocol {
                Protocol::Smtp => "This is SMTP: greet with EHLO",
                Protocol::Lmtp => "This is LMTP: greet with LHLO",
            };
            return self.fail(&Reply::new(500, "5.5.1", text));
        }
        self.greeted = true;
        self.peer.hello = name;
        self.peer.with = match (hello, self.tls) {
            (Hello::Plain, _) => "SMTP",
            (Hello::Extended, false) => "ESMTP",
            (Hello::Extended, true) => "ESMTPS",
            (Hello::Local, false) => "LMTP",
            (Hello::Local, true) => "LMTPS",
        };
        self.mail = None;
        if hello == Hello::Plain {
            let hostname = self.terms.hostname.clone();
            return self.reply(&Reply::with_text(250, "", hostname));
        }
        let size = format!("SIZE {}", self.terms.limits.max_size);
        let starttls = (self.terms.starttls && !self.tls).then_some("STARTTLS");
        let terms = Arc::clone(&self.terms);
        let lines = [terms.hostname.as_str(), "PIPELINING", &size]
            .into_iter()
            .chain(starttls)
            .chain(["ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8"]);
        for line in lines {
            self.output
                .extend_from_slice(format!("250-{line}\r\n").as_bytes());
        }
        self.output.extend_from_slice(b"250 CHUNKING\r\n");
    }

    fn mail(&mut self, sender: String, size: usize) {
        if !self.greeted || self.mail.is_some() {
            return self.fail(&OUT_OF_ORDER);
        }
        if size > self.terms.limits.max_size {
            let reply = too_large(self.terms.limits.max_size);
            return self.reply(&reply);
        }
        if let Some(peer) = self.stranger
            && let Err(limit) = self.terms.throttle.message(peer, &sender, self.now)
        {
            return self.reply(&limit.reply());
        }
        self.mail = Some(Transaction {
            sender,
            recipients: Vec::new(),
            tried: 0,
            chunks: None,
        });
        self.reply(&Reply::new(250, "2.1.0", "OK"));
    }

    fn rcpt(&mut self, recipient: String) -> Option<Action> {
        let limit = self.terms.limits.max_recipients;
        let Some(mail) = self.mail.as_mut().filter(|mail| mail.chunks.is_none()) else {
            self.fail(&OUT_OF_ORDER);
            return None;
        };
        if mail.tried >= limit {
            self.reply(&Reply::new(
                452,
                "4.5.3",
                "Too many recipients, send to the rest in another mail",
            ));
            return None;
        }
        mail.tried += 1;
        let action = Action::CheckRecipient {
            sender: mail.sender.clone(),
            recipient: recipient.clone(),
        };
        self.state = State::CheckingRecipient(recipient);
        Some(action)
    }

    fn data(&mut self) {
        let ready = |mail: &Transaction| !mail.recipients.is_empty() && mail.chunks.is_none();
        if !self.mail.as_ref().is_some_and(ready) {
            return self.fail(&OUT_OF_ORDER);
        }
        self.reply(&Reply::new(354, "", "Go ahead, end with <CR><LF>.<CR><LF>"));
        self.state = State::Data(DataDecoder::new(), self.new_body());
    }

    fn chunk(&mut self, size: usize, last: bool) {
        let began = self.commands;
        let body = self.new_body();
        let mail = self.mail.as_mut().filter(|mail| !mail.recipients.is_empty());
        let sink = match mail {
            Some(mail) => {
                mail.chunks.get_or_insert((began, body));
                Sink::Message
            }
            None => Sink::Nowhere,
        };
        self.state = State::Chunk {
            left: size,
            last,
            sink,
        };
    }

    /// Answers for a chunk that is complete, and for the message when it was the last one.
    pub(super) fn finish_chunk(&mut self, last: bool, sink: &Sink) -> Option<Action> {
        let (Sink::Message, Some((_, body))) = (sink, self.chunks()) else {
            self.fail(&OUT_OF_ORDER);
            return None;
        };
        let reply = body.refusal().cloned().unwrap_or(OK);
        if !last {
            self.reply(&reply);
            return None;
        }
        let (_, body) = self.mail.as_mut().and_then(|mail| mail.chunks.take())?;
        self.finish_message(body)
    }

    /// Hands a complete message over, or says why not.
    pub(super) fn finish_message(&mut self, body: Body) -> Option<Action> {
        let mail = self.mail.take()?;
        match body.finish() {
            Ok(Finished { bytes, reservation }) => {
                self.state = State::Accepting(mail.recipients.clone(), reservation);
                Some(Action::Accept(IncomingMail::new(
                    self.peer.clone(),
                    mail.sender,
                    mail.recipients,
                    bytes,
                )))
            }
            Err(refusal) => {
                // LMTP owes an answer for each recipient, whatever happened (RFC 2033, section 4.2).
                let times = match self.terms.protocol {
                    Protocol::Smtp => 1,
                    Protocol::Lmtp => mail.recipients.len(),
                };
                for _ in 0..times {
                    self.reply(&refusal);
                }
                None
            }
        }
    }

    fn start_tls(&mut self) -> Option<Action> {
        if !self.terms.starttls {
            self.fail(&Reply::new(502, "5.5.1", "STARTTLS is not configured here"));
            return None;
        }
        if self.tls || !self.greeted || self.mail.is_some() {
            self.fail(&OUT_OF_ORDER);
            return None;
        }
        self.reply(&Reply::new(220, "2.0.0", "Ready to start TLS"));
        self.state = State::StartingTls;
        Some(Action::StartTls)
    }
}
