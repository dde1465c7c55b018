//! Signatures and footers: what stands below every mail of a person and says nothing.

use super::lines::{Line, Role, Zone};

/// How long a signature may be below each delimiter, in lines with text: the custom is four, but companies like it long.
/// The delimiters that writers use for other ends as well are believed less.
fn longest_signature(delimiter: &str) -> usize {
    match delimiter {
        "-- " => 30,
        "--" | "- --" => 15,
        _ => 8,
    }
}

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
    mark_disclaimers(lines, roles, limit);
    // The line of the device stands above the disclaimer.
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
        let delimiter = lines.get(index).map_or("", |line| line.source.as_str());
        if length <= longest_signature(delimiter) {
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
#[rustfmt::skip]
const DEVICE_STARTS: &[&str] = &[
    "sent from my", "sent from mail for", "sent from outlook", "sent from yahoo mail", "sent from mailbox",
    "sent from a phone", "sent from windows mail", "sent with airmail", "sent from proton mail",
    "sent with proton mail", "sent from samsung", "sent from mobile", "sent from [mail]",
    "sent with spark", "sent from spark", "sent via superhuman", "sent from front", "sent from aol",
    "sent with k-9", "from my iphone", "get outlook for", "get [outlook", "get bluemail for",
    "sent by galaxy", "gesendet mit der", "diese nachricht wurde von meinem", "von mobil gesendet",
    "envoyé de mon", "envoyé depuis mon", "envoyé à partir de", "obtenez outlook", "télécharger outlook",
    "enviado desde mi", "enviado do meu", "enviado a partir do", "enviado de mi", "obtener outlook",
    "obter o outlook", "scarica outlook", "ottieni outlook", "inviato dal mio", "inviato da iphone",
    "verzonden vanaf mijn", "verstuurd vanaf mijn", "outlook voor", "skickat från min", "hämta outlook",
    "sendt fra min", "hent outlook", "lähetetty iphone", "hanki outlook", "wysłane z", "wysłano z",
    "pobierz outlook", "odesláno z", "odoslané z", "отправлено с iphone", "отправлено из мобильн",
    "отправлено с моего", "надіслано з iphone", "iphone'umdan gönderildi", "iphone'dan gönderildi",
    "trimis de pe", "poslano s mog", "poslano sa", "poslato sa", "изпратено от моя", "στάλθηκε από",
    "נשלח מה", "أُرسلت من", "أرسلت من", "从我的", "發自我的", "发自我的", "從我的", "iphoneから送信", "나의 iphone",
    "내 iphone", "được gửi từ", "dikirim dari", "ส่งจาก", "saadetud minu",
];

/// The same, where the words alone could begin a sentence: only a short line without a full stop counts.
#[rustfmt::skip]
const VAGUE_STARTS: &[&str] = &[
    "sent via", "sent using", "sent from the", "sent from", "gesendet von", "gesendet mit", "gesendet aus",
    "envoyé depuis", "envoyé avec", "enviado desde", "enviado com", "enviado por", "inviato da",
    "verzonden vanaf", "verstuurd vanaf", "verzonden met", "verzonden via", "skickat från", "sendt fra",
    "lähetetty", "elküldve", "отправлено с", "отправлено из", "надіслано з", "надіслано із", "gönderildi",
    "изпратено от",
];

fn is_device_line(text: &str) -> bool {
    let lower = text
        .trim()
        .trim_start_matches(['<', '(', '*', '_', '[', ' ', '-', '—', '–', '~'])
        .to_lowercase();
    // "Sent from my desk, is much easier than my phone" is a sentence.
    let sentence = [" is ", " are ", " was ", " were ", " ist ", " est ", " es "]
        .iter()
        .any(|verb| lower.contains(verb));
    if sentence || lower.chars().count() > 120 {
        return false;
    }
    let words = lower.split_whitespace().count();
    let starts = |table: &[&str]| table.iter().any(|start| lower.starts_with(start));
    starts(DEVICE_STARTS)
        || (starts(VAGUE_STARTS) && words <= 6 && !lower.ends_with('.'))
        || (lower.starts_with("von meinem") && lower.contains("gesendet"))
        || (lower.ends_with(" from mobile") && words <= 4)
        // The addresses behind "Get Outlook for …" in all languages.
        || (lower.contains("outlook") && ["aka.ms/o0ukef", "aka.ms/ghei36", "aka.ms/aab9ysg"].iter().any(|link| lower.contains(link)))
}

/// How the paragraphs begin that lawyers and virus scanners put below mails, in lower case.
#[rustfmt::skip]
const DISCLAIMERS: &[&str] = &[
    "this email and any", "this e-mail and any", "this message and any", "this email may contain",
    "this e-mail may contain", "this message may contain", "this email is confidential",
    "this e-mail is confidential", "this message is confidential", "this email message is",
    "this e-mail message is", "this communication is", "this communication may",
    "the information contained in this", "the information in this e", "the contents of this e",
    "confidentiality notice", "confidentiality note", "confidential:", "disclaimer", "legal disclaimer",
    "privileged and confidential", "if you are not the intended", "if you have received this",
    "notice: this e", "please consider the environment", "think before you print", "virus-free. www",
    "virus-free.www", "this email has been checked for viruses", "this email has been scanned",
    "this message has been scanned", "this e-mail has been scanned", "no virus found in this",
    "checked by avg", "diese e-mail enthält vertrauliche", "diese e-mail kann vertrauliche",
    "diese nachricht enthält vertrauliche", "diese email enthält vertrauliche", "virenfrei. www",
    "diese e-mail wurde von avast", "der inhalt dieser e-mail ist vertraulich",
    "ce message et toutes les pièces", "ce message et ses pièces", "ce message est confidentiel",
    "ce courriel et", "ce message peut contenir", "sans virus. www", "garanti sans virus",
    "este mensaje y sus", "este mensaje puede contener", "este correo electrónico",
    "este mensaje es confidencial", "libre de virus. www", "aviso legal", "aviso de confidencialidad",
    "esta mensagem", "este e-mail e seus anexos", "livre de vírus. www", "questo messaggio",
    "le informazioni contenute in", "privo di virus. www", "dit bericht is", "dit bericht kan",
    "deze e-mail en", "de informatie in dit", "virusvrij. www", "wiadomość ta", "niniejsza wiadomość",
    "настоящее сообщение", "данное сообщение", "без вирусов. www",
];

/// Legal disclaimers and banners of virus scanners: the last paragraphs of what is new, when they begin like one.
fn mark_disclaimers(lines: &[Line], roles: &mut [Role], limit: usize) {
    let is_text = |roles: &[Role], at: usize| {
        roles.get(at) == Some(&Role::New) && lines.get(at).is_some_and(|line| !line.is_blank())
    };
    loop {
        // The last paragraph: from the last line of new text up to the blank line above it.
        let Some(last) = (0..limit).rev().find(|at| is_text(roles, *at)) else {
            return;
        };
        let start = (0..last)
            .rev()
            .find(|at| !is_text(roles, *at))
            .map_or(0, |at| at + 1);
        let begins = lines.get(start).is_some_and(|line| {
            let lower = line
                .text
                .trim()
                .trim_start_matches(['*', '_', '-', '(', '[', ' '])
                .to_lowercase();
            DISCLAIMERS.iter().any(|phrase| lower.starts_with(phrase))
        });
        if !begins || !has_text(lines, roles, 0..start) {
            return;
        }
        for role in roles.get_mut(start..=last).unwrap_or_default() {
            *role = Role::Signature;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_devices_are_told_from_sentences() {
        for line in [
            "Sent from my iPhone",
            "Sent from my cell, please excuse any typos.",
            "Von meinem iPhone gesendet",
            "Envoyé de mon iPhone",
            "Get Outlook for Android<https://aka.ms/AAb9ysg>",
            "(sent from a phone)",
            "Sent via mobile",
            "从我的 iPhone 发送",
        ] {
            assert!(is_device_line(line), "{line}");
        }
        for line in [
            "Sent from my desk, is much easier than my phone",
            "Von meinem Bruder soll ich grüßen.",
            "Sent via courier yesterday afternoon, it should arrive on Monday.",
            "I sent from my heart",
        ] {
            assert!(!is_device_line(line), "{line}");
        }
    }
}
