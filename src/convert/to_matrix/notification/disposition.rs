//! What a mail program says its user did with a mail (RFC 8098).

use super::{groups, value};
use crate::convert::to_matrix::headers::ids;
use crate::convert::to_matrix::mime::{self, Part};
use crate::convert::to_matrix::{read_mail, returned};

/// The IDs of the mail that a read notification says was displayed, the likeliest first; none when it was not displayed, or nothing
/// says so.
pub fn displayed(raw: &[u8]) -> Vec<String> {
    let bytes = read_mail(raw);
    let mail = mime::parse(&bytes);
    let Some(group) = disposition(&mail) else {
        return Vec::new();
    };
    // "manual-action/MDN-sent-manually; displayed": the type, then its modifiers behind a slash.
    let done = value(&group, "disposition").unwrap_or_default().to_lowercase();
    let done = done.split(['/', ',']).next().unwrap_or_default().trim();
    if done != "displayed" {
        return Vec::new();
    }
    displayed_message(&mail)
}

/// The IDs of the mail that a read notification is about: as it names it, else as it returns it.
pub(in crate::convert::to_matrix) fn displayed_message(mail: &Part<'_>) -> Vec<String> {
    let named = disposition(mail)
        .and_then(|group| {
            let field = group
                .into_iter()
                .find(|field| field.name == "original-message-id")?;
            Some(ids(&field.value, false))
        })
        .unwrap_or_default();
    if named.is_empty() {
        returned::message_ids(mail)
    } else {
        named
    }
}

fn disposition(mail: &Part<'_>) -> Option<Vec<mime::Field>> {
    let parts = mail.walk();
    let part = parts.into_iter().find(|part| {
        matches!(
            part.media_type.as_str(),
            "message/disposition-notification" | "message/global-disposition-notification"
        )
    })?;
    groups(&part.bytes()).into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notification(fields: &str, returned: &str) -> Vec<String> {
        let mail = format!(
            "From: alice@example.org\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n\
             --b\n\nread\n--b\nContent-Type: message/disposition-notification\n\n{fields}\n\n\
             --b\nContent-Type: text/rfc822-headers\n\n{returned}\n--b--\n"
        );
        displayed(mail.as_bytes())
    }

    #[test]
    fn what_was_displayed() {
        for (disposition, read) in [
            ("manual-action/MDN-sent-manually; displayed", true),
            ("automatic-action/MDN-sent-automatically;displayed/error", true),
            ("Manual-Action/MDN-Sent-Manually; Displayed", true),
            ("manual-action/MDN-sent-manually; deleted", false),
            ("displayed; deleted", false),
            ("", false),
        ] {
            let fields = format!("Original-Message-ID: <one@mail.lab.test>\nDisposition: {disposition}");
            let found = notification(&fields, "Message-ID: <two@mail.lab.test>");
            assert_eq!(found == ["one@mail.lab.test"], read, "{disposition}");
        }
        assert!(displayed(b"From: x@y.test\n\nhi").is_empty());
    }

    #[test]
    fn the_mail_is_known_by_what_is_returned_when_it_is_not_named() {
        let fields = "Disposition: manual-action/MDN-sent-manually; displayed";
        assert_eq!(
            notification(fields, "Message-ID: <two@mail.lab.test>"),
            ["two@mail.lab.test"]
        );
        assert!(notification(fields, "Subject: x").is_empty());
    }
}
