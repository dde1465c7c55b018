//! Recognises mail that no person wrote, from headers and structure (RFC 3834, 3464, 8098, 5965, 2919).

use super::headers::subject;
use super::mime::Part;
use super::{Auto, Sign};

/// Whether a mail that was delivered came with the null reverse-path.
pub(super) fn has_null_path(mail: &Part<'_>) -> bool {
    mail.field("return-path").is_some_and(|path| path.trim() == "<>")
}

/// Classifies a mail, and says by what.
pub(super) fn classify(mail: &Part<'_>, null_path: bool) -> (Auto, Sign) {
    let subject = subject(mail).to_lowercase();
    let declared = by_structure(mail)
        .or_else(|| is_bounce(mail, &subject, null_path).then_some(Auto::Bounce))
        .or_else(|| declares_auto_reply(mail).then_some(Auto::AutoReply));
    if let Some(auto) = declared {
        return (auto, Sign::Declared);
    }
    if has_auto_subject(&subject) {
        return (Auto::AutoReply, Sign::Subject);
    }
    match by_fields(mail) {
        // Nothing else than reports and automatic answers has no return path (RFC 3834, section 3.3; RFC 5321, section 4.5.5).
        Auto::None if null_path => (Auto::AutoReply, Sign::NullSender),
        auto => (auto, Sign::Declared),
    }
}

/// What the fields say that lists and programs put in.
fn by_fields(mail: &Part<'_>) -> Auto {
    if mail.field("list-id").is_some()
        || mail.field("list-post").is_some()
        || (mail.field("list-unsubscribe").is_some() && !is_penpals(mail))
        || precedence(mail) == "list"
    {
        return Auto::List;
    }
    let auto_submitted = mail.field("auto-submitted").unwrap_or_default().to_lowercase();
    let is_generated = auto_submitted.starts_with("auto-generated");
    // Programs of Microsoft's world ask each other not to answer.
    let suppresses = mail
        .field("x-auto-response-suppress")
        .is_some_and(|what| !matches!(what.trim().to_lowercase().as_str(), "" | "none"));
    // Exchange says so of what its rules answer.
    if (is_generated || suppresses) && mail.field("in-reply-to").is_some() {
        return Auto::AutoReply;
    }
    if is_generated
        || suppresses
        || auto_submitted.starts_with("auto-notified")
        || mail.field("feedback-id").is_some_and(is_bulk_feedback)
        || precedence(mail) == "bulk"
        || precedence(mail) == "junk"
    {
        return Auto::Generated;
    }
    Auto::None
}

/// Whether the field by which senders of bulk mail know their complaints is one of them: Proton and Fastmail put it into
/// what people write, too.
fn is_bulk_feedback(field: &str) -> bool {
    let sender = field.rsplit(':').next().unwrap_or_default().trim();
    !["proton", "fastmail"]
        .iter()
        .any(|service| sender.eq_ignore_ascii_case(service))
}

/// Whether another Penpal sent it: each of its emails can be stopped, and people wrote them.
fn is_penpals(mail: &Part<'_>) -> bool {
    mail.field("x-penpal-loop").is_some()
}

fn precedence(mail: &Part<'_>) -> String {
    mail.field("precedence").unwrap_or_default().trim().to_lowercase()
}

/// What the media types say.
fn by_structure(mail: &Part<'_>) -> Option<Auto> {
    let parts = mail.walk();
    let has = |media_type: &str| parts.iter().any(|part| part.media_type == media_type);
    let declared = mail
        .field("content-type")
        .unwrap_or_default()
        .trim_start()
        .to_lowercase();
    if declared.starts_with("multipart/report") {
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
    // Hotmail's complaints are a bare message with this subject.
    if subject(mail)
        .to_lowercase()
        .starts_with("complaint about message from")
    {
        return Some(Auto::Report);
    }
    let invites = parts
        .iter()
        .any(|part| part.media_type == "text/calendar" && part.parameter("method").is_some());
    invites.then_some(Auto::Calendar)
}

/// Bounces that are no report of RFC 3464: by who sent them, by the subject, by the words of the text. Two of the three
/// must agree, because people forward bounces and write about them.
fn is_bounce(mail: &Part<'_>, subject: &str, null_path: bool) -> bool {
    if mail.field("x-failed-recipients").is_some() {
        return true;
    }
    let subject_says = BOUNCE_SUBJECTS.iter().any(|phrase| subject.contains(phrase));
    let text = || beginning(mail);
    if is_from_system(mail) || null_path {
        return subject_says || says_undelivered(&text());
    }
    // Amazon's notification service wraps bounces into JSON.
    if mail.field("x-amz-sns-message-id").is_some() && text().contains("\"notificationtype\":\"bounce\"") {
        return true;
    }
    let returned = || {
        let parts = mail.walk();
        parts
            .iter()
            .any(|part| matches!(part.media_type.as_str(), "message/rfc822" | "text/rfc822-headers"))
    };
    // Names that people bear, too, are believed together with the subject or the returned mail.
    let written = mail.field("in-reply-to").is_some() || mail.field("user-agent").is_some();
    let answers = written && !is_from_administrator(mail);
    !answers && (subject_says || returned()) && says_undelivered(&text())
}

/// The first kilobytes of the text, in lower case, without the escapes of JSON.
fn beginning(mail: &Part<'_>) -> String {
    let parts = mail.walk();
    let text = parts
        .iter()
        .find(|part| part.is("text/") && part.children.is_empty());
    text.map(|part| part.text_head(8_192).to_lowercase().replace('\\', ""))
        .unwrap_or_default()
}

fn is_from_system(mail: &Part<'_>) -> bool {
    let from = mail.field("from").unwrap_or_default().to_lowercase();
    SYSTEM_SENDERS.iter().any(|name| from.contains(name))
}

/// Names of mail systems in `From`, in lower case.
const SYSTEM_SENDERS: &[&str] = &[
    "mailer-daemon",
    "mailerdaemon",
    "mail-daemon",
    "mail daemon",
    "mail delivery s",
    "postmaster@",
    "post_master@",
    "post-master@",
    "mdaemon@",
    "mmdf@",
    "postmast",
];

/// Names in `From` that administrators may bear as well, in lower case.
fn is_from_administrator(mail: &Part<'_>) -> bool {
    let from = mail.field("from").unwrap_or_default().to_lowercase();
    [
        "mail delivery",
        "administrator",
        "mail system",
        "mailadmin",
        "mail router",
        "internet mail",
        "mail admin",
        "email admin",
        "bounce",
    ]
    .iter()
    .any(|name| from.contains(name))
}

fn says_undelivered(text: &str) -> bool {
    UNDELIVERED.iter().any(|phrase| text.contains(phrase))
}

/// What bounces say, in lower case, in the words of the systems that write them.
#[rustfmt::skip]
const UNDELIVERED: &[&str] = &[
    "could not be delivered", "couldn't be delivered", "cannot be delivered", "can not be delivered",
    "was not delivered", "not be delivered", "wasn't delivered", "undeliverable", "unable to deliver",
    "delivery failed", "delivery has failed", "delivery to the following", "deliver the message",
    "deliver your message", "delivering your m", "error delivering", "trouble delivering",
    "did not reach the following", "following addresses failed", "permanent fatal error",
    "permanent error", "returned permanent errors", "transcript of session", "transient non-fatal errors",
    "user unknown", "unknown user", "no such user", "invalid user", "no such recipient",
    "unknown recipient", "recipient unknown", "recipient address rejected", "address rejected",
    "mailbox unavailable", "mailbox full", "mailbox is full", "over quota", "quota exceeded",
    "host unknown", "unknown host", "does not exist", "returned to you", "returning your message",
    "return to sender", "message delivery", "mail system at host", "failed to deliver",
    "refused to accept", "message could not", "was rejected", "has been rejected", "550 5.", "554 5.",
    " 550 ", "5.1.1", "below this line is a copy", "copy of the message", "original message follows",
    "message headers follow", "message header follows", "message text follows", "unzustellbar",
    "nicht zugestellt", "nicht ausgeliefert", "n'a pas pu être", "n'a pu être", "no se pudo entregar",
    "no se ha podido", "não foi entregue", "não pôde ser", "non è stato possibile", "kon niet worden",
    "kunne ikke leveres", "не удалось доставить", "не доставлено", "не может быть доставлен", "送信できません",
    "配信できません", "配送できません", "配信に失敗", "届けられません", "見つかりません", "无法投递", "退信", "無法傳遞", "전송하지 못",
];

/// Phrases of bounce subjects, in lower case.
#[rustfmt::skip]
const BOUNCE_SUBJECTS: &[&str] = &[
    "undeliver", "delivery status", "delivery failure", "delivery failed", "delivery has failed",
    "delivery report", "delivery problem", "delivery error", "delivery notification", "failed delivery",
    "failure delivery", "failure notice", "failure notification", "mail delivery", "message delivery",
    "mail system error", "mail error", "mail failed", "mail failure", "message failed", "non delivery",
    "non-delivery", "nondeliverable", "not delivered", "could not be delivered", "not deliver",
    "could not send", "couldn't be delivered", "returned mail", "returned message",
    "return receipt failed", "returned to sender", "returning to sender", "returning message",
    "rejected mail", "mail returned", "delivery delayed", "delayed mail", "delivery temporarily",
    "warning: message", "user unknown", "unknown user", "error sending your mail", "errors from",
    "problem delivering", "mail could not", "message not sent", "message you sent", "bounce",
    "unzustellbar", "nicht zustellbar", "zustellung fehlgeschlagen", "zustellfehler", "échec de la remise",
    "non remis", "non distribuable", "retour de courrier", "no entregado", "error de entrega",
    "no se puede entregar", "não entregue", "falha na entrega", "mancata consegna",
    "consegna non riuscita", "niet bezorgd", "onbestelbaar", "niet afgeleverd", "olevererbart",
    "kan ikke leveres", "kunde inte levereras", "ei voitu toimittaa", "niedostarczon",
    "nie można dostarczyć", "nedoručiteln", "kézbesíthetetlen", "недоставлен", "не доставлено",
    "невозможно доставить", "не удалось доставить", "недоставлене", "teslim edilemedi", "iletilemedi",
    "エラー", "配信", "配送", "送信できま", "不達", "退信", "无法投递", "未传递", "傳遞失敗", "반송", "전송 실패",
];

/// Whether a mail says in fields made for that that it is an automatic answer (RFC 3834, and what was in use before).
fn declares_auto_reply(mail: &Part<'_>) -> bool {
    let auto_submitted = mail.field("auto-submitted").unwrap_or_default().to_lowercase();
    auto_submitted.starts_with("auto-replied")
        || precedence(mail) == "auto_reply"
        || [
            "x-autoreply",
            "x-auto-reply",
            "x-autorespond",
            "x-autoresponder",
            "x-auto-reply-from",
            "x-mail-autoreply",
            "x-vacation",
        ]
        .iter()
        .any(|name| mail.field(name).is_some())
}

/// A weak sign: people write about being out of the office as well.
fn has_auto_subject(subject: &str) -> bool {
    AUTO_SUBJECTS.iter().any(|phrase| subject.starts_with(phrase))
        || ["(auto-reply)", "[auto-reply]", "(automatic reply)"]
            .iter()
            .any(|mark| subject.contains(mark))
}

/// How the subjects of automatic answers begin, in lower case.
#[rustfmt::skip]
const AUTO_SUBJECTS: &[&str] = &[
    "auto reply", "auto-reply", "autoreply", "auto response", "automated reply", "autoresponder",
    "i am out of", "i'm out of", "fuera de la oficina", "fuera de oficina", "fuori sede",
    "fora do escritório", "absence du bureau", "je suis absent", "poza biurem", "odpowiedź automatyczna",
    "automatická odpověď", "automatikus válasz", "răspuns automat", "otomatik yanıt", "αυτόματη απάντηση",
    "автоматический ответ", "автоматична відповідь", "תשובה אוטומטית", "رد تلقائي", "自动答复", "自動回覆",
    "자동 응답", "automatic reply", "automatische antwort", "abwesenheitsnotiz", "out of office",
    "out of the office", "réponse automatique", "respuesta automática", "risposta automatica",
    "resposta automática", "automatisch antwoord", "automatiskt svar", "automatisk svar",
    "automaattinen vastaus", "автоответ", "自動応答", "自动回复", "자동 회신",
];
