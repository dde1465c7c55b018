//! Legal disclaimers, banners of virus scanners and footers of lists.

use super::{has_text, is_new, take_out};
use crate::convert::to_matrix::lines::{Line, Role};

/// The fewest words of a disclaimer: a single one may be what somebody wrote.
const MIN_WORDS: usize = 2;

/// How the paragraphs begin that say enough with it, in lower case.
#[rustfmt::skip]
const SURE_STARTS: &[&str] = &[
    "confidentiality notice", "confidentiality note", "disclaimer", "legal disclaimer", "legal notice",
    "privileged and confidential", "if you are not the intended", "if you have received this e",
    "if you have received this message in error", "please consider the environment", "think before you print",
    "before printing", "virus-free. www", "virus-free.www", "no virus found in this", "checked by avg",
    "virenfrei. www", "virenfrei.www", "diese e-mail wurde von avast", "bitte denken sie an die umwelt",
    "denken sie an die umwelt", "sans virus. www", "garanti sans virus", "pensez à l'environnement",
    "pensez à l’environnement", "merci de penser à l", "libre de virus. www", "aviso legal",
    "aviso de confidencialidad", "livre de vírus. www", "privo di virus. www", "virusvrij. www",
    "без вирусов. www", "wolny od wirusów. www", "virusfri. www", "virusfritt. www", "bez virů. www",
    "you received this message because you are subscribed", "you are receiving this because you",
    "to unsubscribe from this group", "to unsubscribe send", "to unsubscribe, send", "this message was sent using imp",
];

/// How they begin in words that an ordinary sentence may begin with, in lower case.
#[rustfmt::skip]
const STARTS: &[&str] = &[
    // English
    "this email", "this e-mail", "this message", "this communication", "this mail", "the information",
    "the contents of this", "the content of this", "confidential", "notice", "important", "note:", "any views",
    "if you have received", "unless otherwise stated", "unauthorized", "unauthorised",
    // Germanic
    "diese e-mail", "diese email", "diese mail", "diese nachricht", "der inhalt dieser", "die information",
    "dies ist eine vertrauliche", "dit bericht", "deze e-mail", "deze email", "de informatie in", "de inhoud van",
    "detta meddelande", "detta mail", "denne e-mail", "denne mail", "denne meddelelse", "denne meldingen",
    "denne e-posten", "þessi tölvupóstur",
    // Romance
    "ce message", "ce courriel", "cet e-mail", "ce mail", "les informations contenues", "este mensaje",
    "este correo", "la información contenida", "este e-mail", "esta mensagem", "as informações contidas",
    "questo messaggio", "questa e-mail", "le informazioni", "aquest missatge", "aquest correu", "acest mesaj",
    "acest e-mail", "informațiile conținute",
    // Slavic, Baltic, Finno-Ugric, others
    "wiadomość ta", "ta wiadomość", "niniejsza wiadomość", "informacje zawarte", "tato zpráva", "tento e-mail",
    "táto správa", "ovaj e-mail", "ova poruka", "to sporočilo", "настоящее сообщение", "данное сообщение",
    "это сообщение", "информация, содержащаяся", "це повідомлення", "това съобщение", "šis laiškas", "šis e-pasts",
    "see e-kiri", "tämä viesti", "tämä sähköposti", "ez az üzenet", "ez az e-mail", "bu e-posta", "bu ileti",
    "bu mesaj", "το παρόν", "αυτό το μήνυμα", "הודעה זו", "هذه الرسالة", "本邮件", "此邮件", "本郵件", "このメール",
    "本メール", "이 메일", "본 메일", "email này", "email ini", "อีเมลนี้",
];

/// What such paragraphs are about, in lower case.
#[rustfmt::skip]
const MATTERS: &[&str] = &[
    "confidential", "privileged", "intended recipient", "intended only", "intended solely", "for the use of the",
    "solely for the", "disclos", "viruses", "virus-free", "malware", "in error", "do not necessarily",
    "vertraulich", "ausschließlich für", "bestimmten empfänger", "rechtlich geschützt", "viren", "irrtümlich",
    "vertrouwelijk", "uitsluitend bestemd", "geadresseerde", "konfidentiel", "fortrolig", "konfidensiel",
    "konfidentiell", "trúnaðar", "confidentiel", "destinataire", "confidencial", "destinatari", "destinado",
    "riservat", "confidenț", "poufn", "wyłącznie", "adresata", "důvěrn", "dôvern", "povjerljiv", "poverljiv",
    "zaupn", "конфиденц", "конфіденц", "поверител", "предназначен", "konfidencial", "konfidenci", "luottamuks",
    "konfidents", "bizalmas", "címzett", "gizli", "εμπιστευτικ", "חסוי", "סודי", "سري", "保密", "机密", "機密",
    "秘密", "기밀", "bảo mật", "rahasia", "ความลับ",
];

/// The addresses in the last line of what virus scanners add.
const SCANNERS: [&str; 4] = ["www.avast.com", "www.avg.com", "s-v.avast.com", "www.eset.com"];

/// Takes the last paragraphs of what is new out, as long as they begin like one.
pub(super) fn mark_last(lines: &[Line], roles: &mut [Role], limit: usize) {
    let mut limit = limit;
    loop {
        // The last paragraph: from the last line of new text up to the blank line above it.
        let Some(last) = (0..limit).rev().find(|at| is_new(lines, roles, *at)) else {
            return;
        };
        let start = (0..last)
            .rev()
            .find(|at| !is_new(lines, roles, *at))
            .map_or(0, |at| at + 1);
        let is_disclaimer = lines.get(start..=last).is_some_and(begins_like_one);
        if !is_disclaimer || !has_text(lines, roles, 0..start) {
            return;
        }
        take_out(roles, start..last + 1);
        limit = start;
    }
}

fn begins_like_one(paragraph: &[Line]) -> bool {
    let words: usize = paragraph
        .iter()
        .map(|line| line.text.split_whitespace().count())
        .sum();
    let is_rule = |line: &&Line| !line.text.contains(char::is_alphanumeric);
    let (Some(first), Some(last)) = (paragraph.iter().find(|line| !is_rule(line)), paragraph.last()) else {
        return false;
    };
    // Virus scanners say in the language of the system that they found nothing; their address is the same in all.
    let is_scanner = paragraph.len() <= 4 && SCANNERS.iter().any(|address| last.text.contains(address));
    let lower = first
        .text
        .trim()
        .trim_start_matches(['*', '_', '-', '(', '[', ' '])
        .to_lowercase();
    let starts = |table: &[&str]| table.iter().any(|phrase| lower.starts_with(phrase));
    words >= MIN_WORDS
        && (is_scanner
            || starts(SURE_STARTS)
            || (starts(STARTS)
                && paragraph.iter().any(|line| {
                    let line = line.text.to_lowercase();
                    MATTERS.iter().any(|matter| line.contains(matter))
                })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disclaimers_are_told_from_what_people_write() {
        let is_one = |text: &str| {
            let line = Line {
                text: text.to_owned(),
                ..Line::default()
            };
            begins_like_one(&[line])
        };
        for text in [
            "This message is for the intended recipient only and may be privileged.",
            "Disclaimer: opinions are my own",
            "*Diese E-Mail enthält vertrauliche Informationen.",
            "Este correo electrónico puede contener información confidencial.",
            "Настоящее сообщение содержит конфиденциальную информацию.",
            "Virus-free. www.example.com",
        ] {
            assert!(is_one(text), "{text}");
        }
        for text in [
            "disclaimer",
            "This message is for Bob as well.",
            "Este correo electrónico no llegó ayer.",
            "Diese Nachricht habe ich zweimal bekommen.",
            "Important: bring your own towel.",
        ] {
            assert!(!is_one(text), "{text}");
        }
    }
}
