//! What a machine reports about a message, in a sentence: delivery status (RFC 3464) and read notification (RFC 8098).

use crate::convert::to_matrix::notification::{groups, value};

/// How many recipients are named.
const MAX_NAMED: usize = 5;

/// "Not delivered to bob@example.org: 550 5.1.1 User unknown", for each recipient.
pub(super) fn delivery(bytes: &[u8]) -> Option<String> {
    let groups = groups(bytes);
    let mut sentences = Vec::new();
    for group in &groups {
        let Some(recipient) = value(group, "final-recipient").or_else(|| value(group, "original-recipient"))
        else {
            continue;
        };
        let done = match value(group, "action")
            .unwrap_or_default()
            .to_ascii_lowercase()
            .as_str()
        {
            "failed" => "Not delivered to",
            "delayed" => "Not delivered yet to",
            "delivered" => "Delivered to",
            "relayed" => "Passed on, without word of the delivery, to",
            "expanded" => "Passed on to several recipients by",
            _ => continue,
        };
        let reason = value(group, "diagnostic-code").or_else(|| value(group, "status"));
        let until = value(group, "will-retry-until").map(|until| format!("; tried until {until}"));
        let reason = reason.map(|reason| format!(": {reason}"));
        sentences.push(format!(
            "{done} {recipient}{}{}",
            reason.unwrap_or_default(),
            until.unwrap_or_default()
        ));
    }
    let more = sentences.len().saturating_sub(MAX_NAMED);
    sentences.truncate(MAX_NAMED);
    if more > 0 {
        sentences.push(format!("and {more} more recipients"));
    }
    (!sentences.is_empty()).then(|| sentences.join("\n"))
}

/// "Read by bob@example.org", or what else became of the message.
pub(super) fn disposition(bytes: &[u8]) -> Option<String> {
    let group = groups(bytes).into_iter().next()?;
    let recipient = value(&group, "final-recipient").or_else(|| value(&group, "original-recipient"))?;
    // "manual-action/MDN-sent-manually; displayed"
    let done = value(&group, "disposition")?.to_ascii_lowercase();
    let done = match done.split('/').next().unwrap_or_default().trim() {
        "displayed" => "Read by",
        "deleted" => "Deleted unread by",
        "dispatched" => "Passed on by",
        "processed" => "Processed without being shown by",
        "denied" => "Not confirmed by",
        _ => return None,
    };
    Some(format!("{done} {recipient}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_become_sentences() {
        let status = b"Reporting-MTA: dns; mx.example.org\n\nOriginal-Recipient: rfc822;bob@example.org\nFinal-Recipient: RFC822; bob@example.org\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1\n  User unknown\n\nFinal-Recipient: rfc822;eve@example.org\nAction: delayed\nStatus: 4.4.1\nWill-Retry-Until: Fri, 17 May 2024 09:30:00 +0200\n";
        assert_eq!(
            delivery(status).unwrap(),
            "Not delivered to bob@example.org: 550 5.1.1 User unknown\n\
             Not delivered yet to eve@example.org: 4.4.1; tried until Fri, 17 May 2024 09:30:00 +0200"
        );
        let many = format!(
            "Reporting-MTA: dns;x\n\n{}",
            "Final-Recipient: rfc822;a@x\nAction: failed\n\n".repeat(30)
        );
        assert!(
            delivery(many.as_bytes())
                .unwrap()
                .ends_with("\nand 25 more recipients")
        );
        assert_eq!(delivery(b"nothing"), None);
        let read = "Reporting-UA: x\nFinal-Recipient: rfc822;bob@example.org\nDisposition: manual-action/MDN-sent-manually; displayed\n";
        for (given, expected) in [
            ("displayed", Some("Read by bob@example.org")),
            ("deleted/error", Some("Deleted unread by bob@example.org")),
            ("unknown", None),
        ] {
            let read = read.replace("displayed", given);
            assert_eq!(disposition(read.as_bytes()).as_deref(), expected);
        }
    }
}
