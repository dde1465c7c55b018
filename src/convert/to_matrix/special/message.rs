//! Mails attached to a mail.

use crate::convert::to_matrix::{headers, mime};

/// Subject, sender and day of an attached mail.
pub(super) fn line(bytes: &[u8]) -> Option<String> {
    let mail = mime::parse(bytes);
    let subject = headers::subject(&mail);
    let from = headers::addresses(&mail, &["from"]).into_iter().next();
    if subject.is_empty() && from.is_none() {
        return None;
    }
    let mut line = format!(
        "Email: {}",
        if subject.is_empty() {
            "without a subject"
        } else {
            &subject
        }
    );
    if let Some(from) = from {
        line.push_str(" · from ");
        line.push_str(from.name.as_deref().unwrap_or(&from.address));
    }
    Some(line)
}
