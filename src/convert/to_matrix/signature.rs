//! Signatures and footers: what stands below every mail of a person and says nothing.

use super::lines::{Line, Role, Zone};

/// How long a signature below `-- ` may be, in lines with text (the custom is four).
const MAX_SIGNATURE: usize = 25;

/// Marks the signatures among the new lines before `limit`.
pub(super) fn mark(lines: &[Line], roles: &mut [Role], limit: usize) {
    for (index, line) in lines.iter().enumerate() {
        if line.zone == Zone::Signature
            && let Some(role) = roles.get_mut(index).filter(|role| **role == Role::New)
        {
            *role = Role::Signature;
        }
    }
    mark_below_delimiter(lines, roles, limit);
    mark_device_lines(lines, roles, limit);
}

/// `-- ` and everything below it, to the next quotation or to the end.
fn mark_below_delimiter(lines: &[Line], roles: &mut [Role], limit: usize) {
    let mut index = 0;
    while index < limit {
        let is_delimiter = lines
            .get(index)
            .is_some_and(|line| line.depth == 0 && is_delimiter(&line.source))
            && roles.get(index) == Some(&Role::New);
        if !is_delimiter || !has_text(lines, roles, 0..index) {
            index += 1;
            continue;
        }
        let end = (index..limit)
            .find(|at| roles.get(*at) == Some(&Role::Quote))
            .unwrap_or(limit);
        let length = lines
            .get(index..end)
            .unwrap_or_default()
            .iter()
            .filter(|line| !line.is_blank())
            .count();
        if length <= MAX_SIGNATURE {
            for role in roles.get_mut(index..end).unwrap_or_default() {
                *role = Role::Signature;
            }
        }
        index = end.max(index + 1);
    }
}

fn has_text(lines: &[Line], roles: &[Role], range: std::ops::Range<usize>) -> bool {
    range.into_iter().any(|index| {
        roles.get(index) == Some(&Role::New) && lines.get(index).is_some_and(|line| !line.is_blank())
    })
}

/// RFC 3676, section 4.3, also as programs damage it, and the rule above a list's footer.
fn is_delimiter(source: &str) -> bool {
    let text = source.trim_end();
    matches!(text, "--" | "—" | "__" | "-- " | "- --") || (text.len() >= 20 && text.chars().all(|c| c == '_'))
}

/// "Sent from my iPhone" and its like, at the end of what is new.
fn mark_device_lines(lines: &[Line], roles: &mut [Role], limit: usize) {
    let mut index = limit;
    while index > 0 {
        index -= 1;
        let (Some(line), Some(role)) = (lines.get(index), roles.get(index)) else {
            continue;
        };
        if *role != Role::New || line.is_blank() {
            continue;
        }
        if !is_device_line(&line.text) || !has_text(lines, roles, 0..index) {
            break;
        }
        if let Some(role) = roles.get_mut(index) {
            *role = Role::Signature;
        }
    }
}

/// How the line begins that a mail program adds about itself, in lower case.
const DEVICE_STARTS: &[&str] = &[
    "sent from my",
    "sent from mail for",
    "sent from outlook",
    "sent from yahoo mail",
    "sent from mailbox",
    "sent from a phone",
    "sent from windows mail",
    "sent via",
    "sent with airmail",
    "sent from proton mail",
    "sent from samsung",
    "sent from mobile",
    "sent from the",
    "sent from [mail]",
    "from my iphone",
    "get outlook for",
    "get [outlook",
    "sent by galaxy",
    "sent using",
    "von meinem",
    "gesendet von",
    "gesendet mit",
    "diese nachricht wurde von meinem",
    "von mobil gesendet",
    "envoyé de mon",
    "envoyé depuis",
    "envoyé à partir de",
    "obtenez outlook",
    "télécharger outlook",
    "enviado desde mi",
    "enviado desde",
    "enviado do meu",
    "enviado a partir do",
    "enviado de mi",
    "obtener outlook",
    "obter o outlook",
    "inviato da",
    "inviato dal mio",
    "verzonden vanaf",
    "verstuurd vanaf",
    "verzonden met",
    "verzonden via",
    "outlook voor",
    "skickat från min",
    "skickat från",
    "sendt fra min",
    "sendt fra",
    "lähetetty",
    "hanki outlook",
    "wysłane z",
    "wysłano z",
    "odesláno z",
    "odoslané z",
    "elküldve",
    "отправлено с",
    "отправлено из",
    "надіслано з",
    "надіслано із",
    "gönderildi",
    "trimis de pe",
    "poslano s",
    "poslano sa",
    "poslato sa",
    "изпратено от",
    "στάλθηκε από",
    "נשלח מה",
    "أُرسلت من",
    "أرسلت من",
    "从我的",
    "發自我的",
    "发自我的",
    "從我的",
    "iphoneから送信",
    "나의 iphone",
    "내 iphone",
    "được gửi từ",
    "dikirim dari",
    "ส่งจาก",
    "saadetud minu",
];

fn is_device_line(text: &str) -> bool {
    let lower = text
        .trim()
        .trim_start_matches(['<', '(', '*', '_', '[', ' '])
        .to_lowercase();
    // "Sent from my desk, is much easier than my phone" is a sentence.
    let sentence = [" is ", " are ", " was ", " were ", " ist ", " est ", " es "]
        .iter()
        .any(|verb| lower.contains(verb));
    let mobile = lower.ends_with(" from mobile") && lower.split_whitespace().count() <= 4;
    lower.chars().count() <= 120
        && !sentence
        && (mobile || DEVICE_STARTS.iter().any(|start| lower.starts_with(start)))
}
