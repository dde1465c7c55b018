//! A mail that can't be converted.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Content, Converted, LeftFile, Upload, files};

/// What is said above it.
const UNREADABLE: &str = "This email could not be read here. It is attached as it came.";

/// What is shown in place of a mail of so many bytes which can't be converted: that it is so, and the mail as it came.
pub fn unreadable(length: u64) -> Converted {
    let mail = Upload {
        name: "message.eml".to_owned(),
        content_type: "message/rfc822".to_owned(),
        content: Content::Left(Arc::new(LeftFile::whole_mail(length))),
    };
    let notice = json!({"msgtype": "m.notice", "body": UNREADABLE, "m.mentions": {}});
    let file = Value::Object(files::event(&mail, 0));
    let event = |content| ("m.room.message".to_owned(), content);
    Converted {
        events: vec![event(notice), event(file)],
        uploads: vec![mail],
        quoted: None,
    }
}
