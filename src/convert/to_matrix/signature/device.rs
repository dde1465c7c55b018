//! The line that a mail program adds about itself: "Sent from my iPhone" and its like, in all languages.

use super::{has_text, is_new, take_out};
use crate::convert::to_matrix::lines::{Line, Role};

/// The longest of these lines without its link, in characters.
const MAX_CHARS: usize = 120;

/// Takes such lines out at the end of what is new.
pub(super) fn mark_last(lines: &[Line], roles: &mut [Role], limit: usize) {
    for index in (0..limit).rev() {
        if !is_new(lines, roles, index) {
            continue;
        }
        let is_device = |at: usize| lines.get(at).is_some_and(|line| is_device_line(&line.text));
        let is_link = lines.get(index).is_some_and(|line| is_link(&line.text));
        // The program's address may stand below its line.
        let start = match index.checked_sub(1) {
            Some(above) if is_link && is_device(above) => above,
            _ if is_device(index) => index,
            _ => return,
        };
        if !has_text(lines, roles, 0..start) {
            return;
        }
        take_out(roles, start..index + 1);
    }
}

/// Takes such lines out where they stand alone between others: people write below them, too.
pub(super) fn mark_apart(lines: &[Line], roles: &mut [Role], limit: usize) {
    for index in 0..limit.min(lines.len()) {
        let alone = |at: Option<usize>| at.is_none_or(|at| !is_new(lines, roles, at));
        if is_new(lines, roles, index)
            && lines
                .get(index)
                .is_some_and(|line| line.depth == 0 && is_device_line(&line.text))
            && alone(index.checked_sub(1))
            && alone(Some(index + 1))
            && has_text(lines, roles, index + 1..limit)
        {
            take_out(roles, index..index + 1);
        }
    }
}

/// How the line begins, in lower case.
#[rustfmt::skip]
const STARTS: &[&str] = &[
    // English
    "sent from my", "sent from mail for", "sent from outlook", "sent from yahoo mail", "sent from mailbox",
    "sent from a phone", "sent from windows mail", "sent from proton mail", "sent with proton mail",
    "sent from samsung", "sent from mobile", "sent from [mail]", "sent with airmail", "sent with spark",
    "sent from spark", "sent via superhuman", "sent from front", "sent from aol", "sent from the all new aol",
    "sent from mailspring", "sent with k-9", "sent with mailspring", "sent with polymail", "sent with shift",
    "sent with canary", "sent with mixmax", "sent from bluemail", "sent from typeapp", "sent from fairemail",
    "sent by galaxy", "from my iphone", "from my android", "from my blackberry", "get outlook for",
    "get [outlook", "get bluemail for", "get typeapp for", "download outlook for", "securely sent with tuta",
    "sent securely with", "yahoo mail: search, organize", "this message was sent from my", "typed on my",
    // Germanic
    "gesendet mit der", "diese nachricht wurde von meinem", "diese e-mail wurde von meinem", "von mobil gesendet",
    "von unterwegs gesendet", "outlook für", "holen sie sich outlook",
    "sicher gesendet mit tuta", "verzonden vanaf mijn", "verstuurd vanaf mijn", "verzonden vanuit mail",
    "verzonden met", "outlook voor", "skickat från min", "skickades från", "hämta outlook", "skaffa outlook",
    "sendt fra min", "sendt fra mail", "sendt fra e-post", "hent outlook", "få outlook", "skaff deg outlook",
    "sent úr", "gestuur vanaf",
    // Romance
    "envoyé de mon", "envoyé depuis mon", "envoyé à partir de", "provenance : courrier", "obtenez outlook",
    "obtenir outlook", "télécharger outlook", "ce message a été envoyé depuis mon", "enviado desde mi",
    "enviado do meu", "enviado do iphone", "enviado a partir do", "enviado de mi", "enviado dende o meu", "obtener outlook",
    "obter o outlook", "obter outlook", "baixar outlook", "scarica outlook", "ottieni outlook",
    "inviato dal mio", "inviato da iphone", "inviato da ipad", "inviato da posta", "trimis de pe", "trimis din",
    "obțineți outlook", "enviat des d", "obtén outlook",
    // Slavic and Baltic
    "wysłane z", "wysłano z", "pobierz outlook", "pobierz aplikację outlook", "pobierz program outlook",
    "odesláno z", "odoslané z", "získat outlook", "získejte outlook", "poslano s mog", "poslano sa",
    "poslato sa", "послато са", "poslano iz", "poslano z moj", "preuzmite outlook", "отправлено с iphone",
    "отправлено из мобильн", "отправлено с моего", "отправлено из моб", "отправлено из почты",
    "отправлено с айфона", "скачать outlook", "получить outlook", "надіслано з", "надіслано із", "отримати outlook",
    "изпратено от мо", "изпратено чрез", "išsiųsta iš", "nosūtīts no man", "sūtīts no", "saadetud minu",
    // Others
    "lähetetty iphone", "lähetetty minun", "hanki outlook", "elküldve az", "az iphone-om", "στάλθηκε από",
    "λήψη του outlook", "נשלח מ", "أُرسلت من", "أرسلت من", "مرسل من", "تم الإرسال من", "ارسال شده از",
    "ارسال‌شده از", "从我的", "發自我的", "发自我的", "從我的", "来自我的", "发自 ", "发自網", "发自网易", "来自网易", "發送自",
    "获取 outlook", "下载 outlook", "取得 outlook", "나의 iphone", "내 iphone", "나의 galaxy", "내 galaxy",
    "được gửi từ", "đã gửi từ", "gửi từ", "tải outlook", "dikirim dari", "dihantar dari", "dapatkan outlook",
    "ส่งจาก", "ipinadala mula sa", "imetumwa kutoka", "nire iphone", "मेरे iphone",
];

/// The same, where the words alone could begin a sentence: only a short line without a full stop counts.
#[rustfmt::skip]
const VAGUE_STARTS: &[&str] = &[
    "sent via", "sent using", "sent with", "sent by", "sent from", "gesendet von", "gesendet mit",
    "gesendet aus", "gesendet über", "envoyé depuis", "envoyé avec", "envoyé par", "envoyé via", "enviado desde",
    "enviado com", "enviado con", "enviado por", "enviado via", "enviado de", "inviato da", "inviato con",
    "inviato tramite", "verzonden vanaf", "verstuurd vanaf", "verzonden via", "verstuurd met", "skickat från",
    "skickat med", "sendt fra", "sendt med", "sendt via", "lähetetty", "elküldve", "küldve", "отправлено с",
    "отправлено из", "отправлено через", "надіслано", "gönderildi", "изпратено от", "odesláno", "odoslané",
    "wysłane", "trimis", "poslano", "poslato", "saadetud", "nosūtīts", "išsiųsta", "στάλθηκε",
];

/// How the line ends in languages that put the verb last, in lower case; it is short and names the device.
#[rustfmt::skip]
const ENDS: &[&str] = &[
    "gesendet", "versendet", "geschickt", "gönderildi", "gönderilmiştir", "から送信", "から送信されました", "から送りました",
    "보냄", "에서 보냄", "에서 보냈습니다", "에서 발송", "발송됨", "küldve", "küldött üzenet", "से भेजा गया", "발신",
    "发送", "傳送", "寄出", "发出", "bidalia", "lähetetty", "отправлено", "надіслано", "আমার iphone থেকে পাঠানো",
];

/// What these lines are about, in lower case.
#[rustfmt::skip]
const DEVICES: &[&str] = &[
    "iphone", "ipad", "ipod", "galaxy", "samsung", "android", "huawei", "xiaomi", "redmi", "oneplus", "pixel",
    "blackberry", "windows", "outlook", "gmail", "yahoo", "gmx", "web.de", "proton", "k-9", "bluemail", "spark",
    "mailspring", "thunderbird", "fairemail", "aqua", "mail.ru", "яндекс", "handy", "mobiltelefon", "smartphone",
    "mobil", "mobile", "telefon", "телефон", "айфон", "手机", "手機", "邮件", "邮箱", "メール", "携帯", "スマ", "t-online",
];

/// Whether a line is one of these.
pub(super) fn is_device_line(text: &str) -> bool {
    let lower = text
        .trim()
        .trim_start_matches([
            '<', '(', '*', '_', '[', ' ', '-', '—', '–', '~', '•', '\u{200b}', '\u{200e}', '\u{200f}',
            '\u{202a}', '\u{202b}',
        ])
        .to_lowercase();
    // The addresses behind "Get Outlook for …" in all languages.
    if lower.contains("outlook")
        && ["aka.ms/o0ukef", "aka.ms/ghei36", "aka.ms/aab9ysg"]
            .iter()
            .any(|link| lower.contains(link))
    {
        return true;
    }
    let bare = without_links(&lower);
    let bare = bare.trim_end_matches(|c: char| {
        c.is_whitespace() || matches!(c, ']' | ')' | '>' | '*' | '_' | '~' | '-' | '—')
    });
    // Their line is a whole sentence in most languages.
    let is_branded = ["proton mail", "protonmail"]
        .iter()
        .any(|brand| bare.contains(brand));
    // "Sent from my desk, is much easier than my phone" is a sentence.
    let sentence = [
        " is ", " are ", " was ", " were ", " ist ", " est ", " es ", " not ", " but ",
    ]
    .iter()
    .any(|verb| bare.contains(verb));
    if sentence || bare.is_empty() || bare.chars().count() > MAX_CHARS || bare.ends_with(['?', '!', ':']) {
        return false;
    }
    let words = bare.split_whitespace().count();
    let starts = |table: &[&str]| table.iter().any(|start| bare.starts_with(start));
    let names_device = DEVICES.iter().any(|device| bare.contains(device));
    let end = bare.trim_end_matches(['.', '。']);
    starts(STARTS)
        || (starts(VAGUE_STARTS)
            && (is_branded || !bare.ends_with('.'))
            && (words <= 6 || (names_device && words <= 9)))
        || (names_device && words <= 8 && ENDS.iter().any(|verb| end.ends_with(verb)))
        || (bare.contains("outlook") && (bare.contains("ios") || bare.contains("android")) && words <= 9)
        || (bare.starts_with("von meinem") && bare.contains("gesendet"))
        || (bare.ends_with(" from mobile") && words <= 4)
}

/// True for a line that is nothing but the address of a page.
fn is_link(text: &str) -> bool {
    let text = text.trim().trim_matches(['<', '>']);
    (text.starts_with("https://") || text.starts_with("http://")) && !text.contains(char::is_whitespace)
}

/// Programs put their address behind the line, with or without brackets.
fn without_links(lower: &str) -> String {
    let ends = ['<', '(', '[', ' '];
    if !lower.contains("://") {
        return lower.trim_end_matches(ends).to_owned();
    }
    let pieces = lower.split_inclusive(|c: char| c.is_whitespace() || matches!(c, '<' | '(' | '['));
    let kept: String = pieces.filter(|piece| !piece.contains("://")).collect();
    kept.trim_end_matches(ends).to_owned()
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
            "Von meinem/meiner Galaxy gesendet",
            "Envoyé de mon iPhone",
            "Enviado do meu iPhone",
            "Inviato da iPhone",
            "Verstuurd vanaf mijn iPhone",
            "Skickat från min iPhone",
            "Sendt fra min iPhone",
            "Lähetetty iPhonesta",
            "Wysłane z iPhone'a",
            "Odesláno z iPhonu",
            "Elküldve az iPhone-omról",
            "Trimis de pe iPhone-ul meu",
            "Poslano s mog iPhonea",
            "Надіслано з iPhone",
            "Отправлено с iPhone",
            "Изпратено от моя iPhone",
            "Στάλθηκε από το iPhone μου",
            "iPhone'umdan gönderildi",
            "\u{202b}أُرسلت من الـ iPhone\u{202c}",
            "נשלח מה-iPhone שלי",
            "iPhoneから送信",
            "나의 iPhone에서 보냄",
            "发自我的iPhone",
            "從我的iPhone傳送",
            "ส่งจาก iPhone ของฉัน",
            "Đã gửi từ iPhone của tôi",
            "Dikirim dari iPhone saya",
            "मेरे iPhone से भेजा गया",
            "Saadetud minu iPhone'ist",
            "Išsiųsta iš mano „iPhone“",
            "Get Outlook for Android<https://aka.ms/AAb9ysg>",
            "Outlook für iOS beziehen",
            "iOS için Outlook uygulamasını edinin",
            "(sent from a phone)",
            "Sent via mobile",
            "Sent from Mailspring (https://getmailspring.com/), the best free email app for work",
            "Diese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.",
            "Windows 10 版のメールから送信",
            "Gesendet mit Proton Mail sicherer E-Mail.",
            "Envoyé avec la messagerie sécurisée Proton Mail.",
        ] {
            assert!(is_device_line(line), "{line}");
        }
        for line in [
            "Sent from my desk, is much easier than my phone",
            "Von meinem Bruder soll ich grüßen.",
            "Sent via courier yesterday afternoon, it should arrive on Monday.",
            "I sent from my heart",
            "Das Paket habe ich gestern gesendet",
            "Is it possible to use Outlook on your old Android phone without paying?",
            "My phone is an iPhone",
        ] {
            assert!(!is_device_line(line), "{line}");
        }
    }
}
