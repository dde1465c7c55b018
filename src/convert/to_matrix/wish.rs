//! Recognises the answer of somebody who wants no more mail, or wants it again: nothing but a word or two that say so, in a dozen
//! languages.
//!
//! The whole new text must say it, after quotation and signature are gone: "Please stop by on Friday" is a message. Words that answer
//! questions, such as "cancel", "end" or "quit", are left out for that reason, though providers of text messages take them.

use serde_json::Value;

use super::Converted;

/// What an email user wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// No more mail.
    Stop,
    /// Mail again.
    Start,
}

/// The longest text that is looked at, in bytes.
const LONGEST: usize = 100;

/// In lower case, without marks.
const STOP: &[&str] = &[
    // English, and what is the same in many languages
    "stop",
    "stop all",
    "stopall",
    "stop it",
    "stop please",
    "please stop",
    "stop mail",
    "stop mails",
    "stop email",
    "stop emails",
    "stop sending",
    "stop writing",
    "unsubscribe",
    "unsubscribe me",
    "please unsubscribe",
    "please unsubscribe me",
    "unsubscribe please",
    "remove me",
    "please remove me",
    "opt out",
    "optout",
    "opt-out",
    // German
    "stopp",
    "abmelden",
    "bitte abmelden",
    "abmeldung",
    "abbestellen",
    "bitte abbestellen",
    "austragen",
    "keine mails mehr",
    "keine e-mails mehr",
    "bitte keine mails mehr",
    "bitte keine e-mails mehr",
    // French
    "arrêt",
    "arrêter",
    "arrêtez",
    "arret",
    "arreter",
    "arretez",
    "désinscrire",
    "desinscrire",
    "me désinscrire",
    "se désinscrire",
    "désinscription",
    "desinscription",
    "désabonner",
    "desabonner",
    "me désabonner",
    "se désabonner",
    "désabonnement",
    "désabonnez-moi",
    "désinscrivez-moi",
    // Spanish
    "baja",
    "dar de baja",
    "darme de baja",
    "date de baja",
    "cancelar suscripción",
    "cancelar la suscripción",
    "cancelar suscripcion",
    "anular suscripción",
    "no más correos",
    "no mas correos",
    // Portuguese
    "parar",
    "descadastrar",
    "cancelar inscrição",
    "cancelar inscricao",
    "cancelar assinatura",
    "cancelar subscrição",
    // Italian
    "cancellami",
    "disiscrivimi",
    "disiscriviti",
    "disiscrizione",
    "annulla iscrizione",
    "annulla l'iscrizione",
    "rimuovimi",
    // Dutch
    "afmelden",
    "uitschrijven",
    "meld mij af",
    "schrijf mij uit",
    // Scandinavian
    "avregistrera",
    "avprenumerera",
    "avanmäl",
    "avbryt prenumeration",
    "afmeld",
    "frameld",
    "meld av",
    "avmeld",
    "peruuta tilaus",
    "lopeta",
    "poista minut",
    // Polish, Czech, Slovak, Hungarian, Romanian, Turkish, Greek
    "wypisz",
    "wypisz mnie",
    "wypisuję się",
    "odhlásit",
    "odhlasit",
    "odhlásiť",
    "odhlaste mě",
    "leiratkozás",
    "leiratkozom",
    "dezabonare",
    "dezabonează-mă",
    "abonelikten çık",
    "aboneliği iptal et",
    "διαγραφή",
    "σταματήστε",
    "σταμάτα",
    // Russian, Ukrainian
    "стоп",
    "отписаться",
    "отписка",
    "отпишите меня",
    "отпишите",
    "відписатися",
    "відпишіть мене",
    // Hebrew, Arabic
    "הסר",
    "הסירו אותי",
    "إلغاء الاشتراك",
    "توقف",
    "قف",
    // Chinese, Japanese, Korean
    "停止",
    "退订",
    "退訂",
    "取消订阅",
    "取消訂閱",
    "td",
    "配信停止",
    "購読解除",
    "退会",
    "수신거부",
    "수신 거부",
    "구독 취소",
];

const START: &[&str] = &[
    "start",
    "unstop",
    "restart",
    "subscribe",
    "resubscribe",
    "subscribe me",
    "opt in",
    "optin",
    "opt-in",
    "anmelden",
    "wieder anmelden",
    "s'inscrire",
    "m'inscrire",
    "inscrire",
    "réinscrire",
    "m'abonner",
    "alta",
    "darme de alta",
    "inscrever",
    "iscrivimi",
    "aanmelden",
    "inschrijven",
    "anmäl",
    "tilmeld",
    "påmeld",
    "aloita",
    "zapisz",
    "přihlásit",
    "feliratkozás",
    "abonare",
    "abone ol",
    "εγγραφή",
    "старт",
    "подписаться",
    "підписатися",
    "開始",
    "开始",
    "订阅",
    "訂閱",
    "購読",
    "구독",
];

/// What the new text of a mail wants, when it says nothing else.
pub fn wish(converted: &Converted) -> Option<Wish> {
    let mut texts = converted.events.iter().filter_map(|(_, content)| text(content));
    let (text, None) = (texts.next()?, texts.next()) else {
        return None;
    };
    read(text)
}

/// The words of an event: a text, or what stands below a picture.
fn text(content: &Value) -> Option<&str> {
    let field = |name| content.get(name).and_then(Value::as_str);
    let is_text = matches!(field("msgtype")?, "m.text" | "m.notice");
    let is_caption = field("filename").is_some() && field("filename") != field("body");
    field("body").filter(|_| is_text || is_caption)
}

fn read(text: &str) -> Option<Wish> {
    if text.len() > LONGEST {
        return None;
    }
    // An answer in which nothing was written shows what it quotes.
    if text.trim_start().starts_with('>') {
        return None;
    }
    let text: String = text.chars().map(half_width).collect();
    // Marks at either end, of any script; what is in quotation marks or bold says the same.
    let bare = text.trim_matches(|c: char| !c.is_alphanumeric());
    let words: Vec<String> = bare.split_whitespace().map(str::to_lowercase).collect();
    let said = words.join(" ").replace('\u{2019}', "'");
    if STOP.contains(&said.as_str()) {
        Some(Wish::Stop)
    } else {
        START.contains(&said.as_str()).then_some(Wish::Start)
    }
}

/// The letters that East Asian keyboards write for those of ASCII (Unicode block "Halfwidth and Fullwidth Forms").
fn half_width(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{3000}' => ' ',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_that_ask_to_stop() {
        for (text, expected) in [
            ("STOP", Some(Wish::Stop)),
            ("stop", Some(Wish::Stop)),
            ("  Stop! ", Some(Wish::Stop)),
            ("\u{201c}STOP\u{201d}.", Some(Wish::Stop)),
            ("*STOP*", Some(Wish::Stop)),
            ("Please\nunsubscribe me.", Some(Wish::Stop)),
            ("Abmelden", Some(Wish::Stop)),
            ("DÉSINSCRIRE", Some(Wish::Stop)),
            ("Arrêter.", Some(Wish::Stop)),
            ("¡Baja!", Some(Wish::Stop)),
            ("СТОП", Some(Wish::Stop)),
            ("配信停止。", Some(Wish::Stop)),
            ("Annulla l\u{2019}iscrizione", Some(Wish::Stop)),
            ("\u{ff33}\u{ff34}\u{ff2f}\u{ff30}\u{ff01}", Some(Wish::Stop)),
            (
                "\u{ff53}\u{ff54}\u{ff4f}\u{ff50}\u{3000}\u{ff49}\u{ff54}",
                Some(Wish::Stop),
            ),
            ("> STOP", None),
            (" > STOP\n> ", None),
            ("START", Some(Wish::Start)),
            ("Start.", Some(Wish::Start)),
            ("", None),
            ("!!!", None),
            ("Please stop by on Friday", None),
            ("Stop the train", None),
            ("Don't stop", None),
            ("cancel", None),
            ("Full stop", None),
            ("STOP\n\nI mean it, and there is more to say", None),
        ] {
            assert_eq!(read(text), expected, "{text:?}");
        }
        assert_eq!(read(&format!("stop{}", "!".repeat(200))), None, "bounded");
    }

    #[test]
    fn the_lists_are_as_they_are_compared() {
        for word in STOP.iter().chain(START) {
            assert_eq!(*word, word.to_lowercase(), "{word}");
            assert!(read(word).is_some(), "{word}");
        }
        assert!(!STOP.iter().any(|word| START.contains(word)));
    }

    #[test]
    fn files_beside_it_say_nothing() {
        let converted = |contents: &[Value]| Converted {
            events: contents
                .iter()
                .map(|content| ("m.room.message".to_owned(), content.clone()))
                .collect(),
            ..Converted::default()
        };
        let text = json!({"msgtype": "m.text", "body": "STOP"});
        let logo = json!({"msgtype": "m.image", "body": "logo.png", "filename": "logo.png"});
        let caption = json!({"msgtype": "m.image", "body": "STOP", "filename": "logo.png"});
        assert_eq!(wish(&converted(&[text.clone(), logo.clone()])), Some(Wish::Stop));
        assert_eq!(wish(&converted(&[caption])), Some(Wish::Stop));
        assert_eq!(wish(&converted(&[logo])), None);
        assert_eq!(wish(&converted(&[text.clone(), text])), None);
        assert_eq!(wish(&converted(&[])), None);
    }
}
