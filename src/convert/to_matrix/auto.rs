//! Recognises mail that no person wrote, from headers and structure (RFC 3834, 3464, 8098, 5965, 2919).

use super::Auto;
use super::headers::{addresses, subject};
use super::mime::Part;

/// Classifies a mail.
pub(super) fn classify(mail: &Part<'_>) -> Auto {
    if let Some(auto) = by_structure(mail) {
        return auto;
    }
    let subject = subject(mail).to_lowercase();
    if is_bounce(mail, &subject) {
        return Auto::Bounce;
    }
    if is_auto_reply(mail, &subject) {
        return Auto::AutoReply;
    }
    if mail.field("list-id").is_some()
        || mail.field("list-post").is_some()
        || mail.field("list-unsubscribe").is_some()
        || precedence(mail) == "list"
    {
        return Auto::List;
    }
    let auto_submitted = mail.field("auto-submitted").unwrap_or_default().to_lowercase();
    if auto_submitted.starts_with("auto-generated")
        || auto_submitted.starts_with("auto-notified")
        || mail.field("feedback-id").is_some()
        || precedence(mail) == "bulk"
        || precedence(mail) == "junk"
    {
        return Auto::Generated;
    }
    Auto::None
}

fn precedence(mail: &Part<'_>) -> String {
    mail.field("precedence").unwrap_or_default().trim().to_lowercase()
}

/// What the media types say.
fn by_structure(mail: &Part<'_>) -> Option<Auto> {
    let parts = mail.walk();
    let has = |media_type: &str| parts.iter().any(|part| part.media_type == media_type);
    if mail.media_type == "multipart/report" {
        let report_type = mail.parameter("report-type").unwrap_or_default().to_lowercase();
        return match report_type.as_str() {
            "disposition-notification" => Some(Auto::Mdn),
            "feedback-report" => Some(Auto::Report),
            _ if has("message/disposition-notification") => Some(Auto::Mdn),
            _ if has("message/feedback-report") => Some(Auto::Report),
            _ => Some(Auto::Bounce),
        };
    }
    if has("message/delivery-status") {
        return Some(Auto::Bounce);
    }
    if has("message/disposition-notification") {
        return Some(Auto::Mdn);
    }
    if has("message/feedback-report") {
        return Some(Auto::Report);
    }
    let invites = parts
        .iter()
        .any(|part| part.media_type == "text/calendar" && part.parameter("method").is_some());
    invites.then_some(Auto::Calendar)
}

/// Bounces that are no report of RFC 3464: from the mail system itself, with a subject that says so.
fn is_bounce(mail: &Part<'_>, subject: &str) -> bool {
    if mail.field("x-failed-recipients").is_some() {
        return true;
    }
    let null_path = mail.field("return-path").is_some_and(|path| path.trim() == "<>");
    let from_system = addresses(mail, &["from"]).iter().any(|mailbox| {
        let local = mailbox.address.split('@').next().unwrap_or_default();
        matches!(
            local,
            "mailer-daemon" | "postmaster" | "mail-daemon" | "mailerdaemon"
        )
    });
    let says_so = BOUNCE_SUBJECTS.iter().any(|phrase| subject.contains(phrase));
    (from_system || null_path) && says_so
}

/// Phrases of bounce subjects, in lower case.
const BOUNCE_SUBJECTS: &[&str] = &[
    "undeliver",
    "delivery status notification",
    "delivery failure",
    "delivery failed",
    "delivery report",
    "delivery status",
    "failure notice",
    "mail delivery",
    "mail system error",
    "non delivery",
    "non-delivery",
    "returned mail",
    "returned to sender",
    "returning message to sender",
    "unzustellbar",
    "unable to deliver",
    "warning: could not send",
    "delayed",
];

fn is_auto_reply(mail: &Part<'_>, subject: &str) -> bool {
    let auto_submitted = mail.field("auto-submitted").unwrap_or_default().to_lowercase();
    if auto_submitted.starts_with("auto-replied") {
        return true;
    }
    if [
        "x-autoreply",
        "x-autorespond",
        "x-autoresponder",
        "x-auto-reply-from",
        "x-vacation",
    ]
    .iter()
    .any(|name| mail.field(name).is_some())
        || precedence(mail) == "auto_reply"
    {
        return true;
    }
    AUTO_SUBJECTS.iter().any(|phrase| subject.starts_with(phrase))
}

/// How the subjects of automatic answers begin, in lower case.
const AUTO_SUBJECTS: &[&str] = &[
    "auto reply",
    "auto-reply",
    "autoreply",
    "auto response",
    "automatic reply",
    "automatische antwort",
    "abwesenheitsnotiz",
    "abwesend",
    "out of office",
    "out of the office",
    "réponse automatique",
    "respuesta automática",
    "risposta automatica",
    "resposta automática",
    "automatisch antwoord",
    "automatiskt svar",
    "automatisk svar",
    "automaattinen vastaus",
    "автоответ",
    "自動応答",
    "自动回复",
    "자동 회신",
];
