//! Every way in which a mail program introduces a quotation, against every way in which it is wrapped and marked.

use super::*;
use crate::convert::to_matrix::lines::join;

/// Attributions as mail programs write them, by language and program.
const ATTRIBUTIONS: &[&str] = &[
    // Gmail
    "On Tue, May 14, 2024 at 9:30 AM Alice Smith <alice@example.org> wrote:",
    "On Tue, 14 May 2024 at 09:30, Alice Smith <alice@example.org> wrote:",
    "Am Di., 14. Mai 2024 um 09:30 Uhr schrieb Alice Smith <alice@example.org>:",
    "Alice Smith <alice@example.org> schrieb am Di., 14. Mai 2024, 09:30:",
    "Le mar. 14 mai 2024 à 09:30, Alice Smith <alice@example.org> a écrit :",
    "El mar, 14 may 2024 a las 9:30, Alice Smith (<alice@example.org>) escribió:",
    "Il giorno mar 14 mag 2024 alle ore 09:30 Alice Smith <alice@example.org> ha scritto:",
    "Em ter., 14 de mai. de 2024 às 09:30, Alice Smith <alice@example.org> escreveu:",
    "Alice Smith <alice@example.org> escreveu (terça, 14/05/2024 à(s) 09:30):",
    "Op di 14 mei 2024 om 09:30 schreef Alice Smith <alice@example.org>:",
    "Den tis 14 maj 2024 kl 09:30 skrev Alice Smith <alice@example.org>:",
    "Den tir. 14. maj 2024 kl. 09.30 skrev Alice Smith <alice@example.org>:",
    "tir. 14. mai 2024 kl. 09:30 skrev Alice Smith <alice@example.org>:",
    "ti 14. toukok. 2024 klo 9.30 Alice Smith (alice@example.org) kirjoitti:",
    "wt., 14 maj 2024 o 09:30 Alice Smith <alice@example.org> napisał(a):",
    "út 14. 5. 2024 v 9:30 odesílatel Alice Smith <alice@example.org> napsal:",
    "ut 14. 5. 2024 o 9:30 Alice Smith <alice@example.org> napísal(a):",
    "Alice Smith <alice@example.org> ezt írta (időpont: 2024. máj. 14., K, 9:30):",
    "În mar., 14 mai 2024 la 09:30, Alice Smith <alice@example.org> a scris:",
    "uto, 14. svi 2024. u 09:30 Alice Smith <alice@example.org> napisao je:",
    "V V tor., 14. maj 2024 ob 09:30 je oseba Alice Smith <alice@example.org> napisala:",
    "уто, 14. мај 2024. у 09:30 Alice Smith <alice@example.org> је написао/ла:",
    "На вт, 14.05.2024 г. в 9:30 Alice Smith <alice@example.org> написа:",
    "вт, 14 мая 2024 г. в 09:30, Alice Smith <alice@example.org>:",
    "вт, 14 трав. 2024 р. о 09:30 Alice Smith <alice@example.org> пише:",
    "Στις Τρί 14 Μαΐ 2024 στις 9:30 π.μ., ο χρήστης Alice Smith <alice@example.org> έγραψε:",
    "Alice Smith <alice@example.org>, 14 May 2024 Sal, 09:30 tarihinde şunu yazdı:",
    "Kontakt Alice Smith (<alice@example.org>) kirjutas kuupäeval T, 14. mai 2024 kell 09:30:",
    "otrd., 2024. g. 14. maijs, plkst. 09:30 — lietotājs Alice Smith (<alice@example.org>) rakstīja:",
    "2024-05-14, an, 09:30 Alice Smith <alice@example.org> rašė:",
    "\u{202b}בתאריך יום ג׳, 14 במאי 2024 ב-9:30 מאת \u{202a}Alice Smith\u{202c}\u{200f} <\u{202a}alice@example.org\u{202c}\u{200f}>:\u{202c}",
    "في الثلاثاء، 14 مايو 2024 في 9:30 ص تمت كتابة ما يلي بواسطة \u{202a}Alice Smith\u{202c}\u{200f} <\u{202a}alice@example.org\u{202c}\u{200f}>:",
    "در تاریخ سه‌شنبه ۱۴ مهٔ ۲۰۲۴،\u{200f} ۹:۳۰ Alice Smith <alice@example.org> نوشت:",
    "2024年5月14日(火) 9:30 Alice Smith <alice@example.org>:",
    "2024년 5월 14일 (화) 오전 9:30, Alice Smith <alice@example.org>님이 작성:",
    "Alice Smith <alice@example.org> 于2024年5月14日周二 09:30写道：",
    "Alice Smith <alice@example.org> 於 2024年5月14日 週二 上午9:30寫道：",
    "Vào Th 3, 14 thg 5, 2024 vào lúc 09:30 Alice Smith <alice@example.org> đã viết:",
    "ในวันที่ อ. 14 พ.ค. 2024 เวลา 09:30 Alice Smith <alice@example.org> เขียนว่า:",
    "Pada tanggal Sel, 14 Mei 2024 pukul 09.30 Alice Smith <alice@example.org> menulis:",
    "Pada Sel, 14 Mei 2024 pada 9:30 PG Alice Smith <alice@example.org> menulis:",
    "मंगल, 14 मई 2024 को 9:30 am बजे को Alice Smith <alice@example.org> ने लिखा:",
    "Missatge de Alice Smith <alice@example.org> del dia dt., 14 de maig 2024 a les 9:30:",
    "Alice Smith erabiltzaileak (<alice@example.org>) hau idatzi du (2024 mai. 14, ar. (09:30)):",
    "O mar., 14 de maio de 2024 ás 9:30, Alice Smith (<alice@example.org>) escribiu:",
    "Þann þri., 14. maí 2024 kl. 09:30 skrifaði Alice Smith <alice@example.org>:",
    "Op Di., 14 Mei 2024 om 09:30 het Alice Smith <alice@example.org> geskryf:",
    "Noong Mar, Mayo 14, 2024, 9:30 AM, si Alice Smith <alice@example.org> ay sumulat:",
    // Apple Mail
    "On May 14, 2024, at 9:30 AM, Alice Smith <alice@example.org> wrote:",
    "On 14. May 2024, at 09:30, Alice Smith <alice@example.org> wrote:",
    "Am 14.05.2024 um 09:30 schrieb Alice Smith <alice@example.org>:",
    "Le 14 mai 2024 à 09:30, Alice Smith <alice@example.org> a écrit :",
    "El 14 may 2024, a las 9:30, Alice Smith <alice@example.org> escribió:",
    "Il giorno 14 mag 2024, alle ore 09:30, Alice Smith <alice@example.org> ha scritto:",
    "Op 14 mei 2024, om 09:30 heeft Alice Smith <alice@example.org> het volgende geschreven:",
    "14 maj 2024 kl. 09:30 skrev Alice Smith <alice@example.org>:",
    "Alice Smith <alice@example.org> kirjoitti 14.5.2024 kello 9.30:",
    "Wiadomość napisana przez Alice Smith <alice@example.org> w dniu 14 maj 2024, o godz. 09:30:",
    "14 мая 2024 г., в 09:30, Alice Smith <alice@example.org> написал(а):",
    "14 трав. 2024 р. о 09:30 Alice Smith <alice@example.org> написав(-ла):",
    "14. 5. 2024 v 9:30, Alice Smith <alice@example.org>:",
    "Dňa 14. 5. 2024 o 9:30 používateľ Alice Smith <alice@example.org> napísal:",
    "2024. 05. 14. dátummal, 9:30 időpontban Alice Smith <alice@example.org> írta:",
    "Alice Smith <alice@example.org> şunları yazdı (14 May 2024 09:30):",
    "2024/05/14 9:30、Alice Smith <alice@example.org>のメール:",
    "2024年5月14日 09:30，Alice Smith <alice@example.org> 写道：",
    "2024. 5. 14. 오전 9:30, Alice Smith <alice@example.org> 작성:",
    "เมื่อ 14 พ.ค. 2567 09:30 Alice Smith <alice@example.org> เขียนว่า:",
    "\u{200f}ב-14 במאי 2024, בשעה 9:30, \u{200f}\u{200f}Alice Smith \u{200f}<\u{200f}alice@example.org\u{200f}> כתב/ה:",
    "في ١٤‏/٠٥‏/٢٠٢٤، الساعة ٩:٣٠ ص، كتب/كتبت Alice Smith <alice@example.org>:",
    "Dana 14.05.2024., u 09:30, Alice Smith <alice@example.org> je napisao/la:",
    // Thunderbird
    "On 14/05/2024 09:30, Alice Smith wrote:",
    "On 5/14/24 9:30 AM, Alice Smith via Friends wrote:",
    "Am 14.05.24 um 09:30 schrieb Alice Smith:",
    "Le 14/05/2024 à 09:30, Alice Smith a écrit :",
    "El 14/5/24 a las 9:30, Alice Smith escribió:",
    "Il 14/05/2024 09:30, Alice Smith ha scritto:",
    "Op 14-05-2024 om 09:30 schreef Alice Smith:",
    "Den 2024-05-14 kl. 09:30, skrev Alice Smith:",
    "Den 14.05.2024 09:30, skrev Alice Smith:",
    "Alice Smith kirjoitti 14.5.2024 klo 9.30:",
    "W dniu 14.05.2024 o 09:30, Alice Smith pisze:",
    "Dne 14. 05. 24 v 9:30 Alice Smith napsal(a):",
    "2024. 05. 14. 9:30 keltezéssel, Alice Smith írta:",
    "14.05.2024 09:30, Alice Smith пишет:",
    "14.05.24 09:30, Alice Smith пише:",
    "Em 14/05/2024 09:30, Alice Smith escreveu:",
    "Às 09:30 de 14/05/2024, Alice Smith escreveu:",
    "14.05.2024 09:30 tarihinde Alice Smith yazdı:",
    "Στις 14/5/2024 9:30 π.μ., ο/η Alice Smith έγραψε:",
    "La 14.05.2024 09:30, Alice Smith a scris:",
    "Alice Smith kirjutas 14.05.2024 kell 09:30:",
    "Dne 14. 05. 24 ob 09:30 je Alice Smith napisal(a):",
    "2024(e)k 05(r)en 14(e)an 09:30(e)tan, Alice Smith(e)k idatzi zuen:",
    "El 14/5/24 a les 9:30, Alice Smith ha escrit:",
    // Others
    "On 14/05/2024, 09:30, \"Alice Smith\" <alice@example.org> wrote:",
    "On Tuesday, May 14, 2024 at 09:30:00 AM GMT+2, Alice Smith <alice@example.org> wrote:",
    "Am Dienstag, 14. Mai 2024 um 09:30:00 MESZ hat Alice Smith <alice@example.org> Folgendes geschrieben:",
    "Le mardi 14 mai 2024 à 09:30:00 UTC+2, Alice Smith <alice@example.org> a écrit :",
    "On Tuesday, May 14th, 2024 at 9:30 AM, Alice Smith <alice@example.org> wrote:",
    "Am 14. Mai 2024 09:30:00 MESZ schrieb Alice Smith <alice@example.org>:",
    "Alice Smith <alice@example.org> wrote on 05/14/2024 09:30:00 AM:",
    "On Tue, May 14, 2024 at 09:30:00AM +0200, Alice Smith wrote:",
    "On Tue, May 14, 2024 at 9:30 AM, Alice Smith < alice@example.org > wrote:",
    "On May 14, 2024, 9:30 AM +0200, Alice Smith <alice@example.org>, wrote:",
    "---- On Tue, 14 May 2024 09:30:00 +0200 Alice Smith <alice@example.org> wrote ----",
    "At 2024-05-14 09:30:00, \"Alice Smith\" <alice@example.org> wrote:",
    "在 2024-05-14 09:30:00，\"Alice Smith\" <alice@example.org> 写道：",
    "Вторник, 14 мая 2024, 9:30 +03:00 от Alice Smith <alice@example.org>:",
    "14.05.2024, 09:30, \"Alice Smith\" <alice@example.org>:",
    "2024-05-14 9:30 GMT+02:00 Alice Smith <alice@example.org>:",
    "On Tue, May 14, 2024 9:30 am, Alice Smith wrote:",
    "Alice Smith <alice@example.org> (Tue, 14 May 2024 09:30:00 +0200):",
    "Alice Smith (2024-05-14 09:30:00):",
    "Quoting Alice Smith <alice@example.org>:",
];

/// Header blocks as Outlook and others put them above what they quote.
const BLOCKS: &[&str] = &[
    "From: Alice Smith <alice@example.org>\nSent: Tuesday, May 14, 2024 9:30 AM\nTo: Bob <bob@example.org>\nSubject: Lunch",
    "From: Alice Smith <alice@example.org>\nDate: Tuesday, 14 May 2024 at 09:30\nTo: Bob <bob@example.org>\nSubject: Lunch",
    "-----Original Message-----\nFrom: Alice Smith [mailto:alice@example.org]\nSent: Tuesday, May 14, 2024 9:30 AM\nTo: Bob\nSubject: Lunch",
    "________________________________\nFrom: Alice Smith <alice@example.org>\nSent: Tuesday, May 14, 2024 9:30:00 AM\nTo: Bob <bob@example.org>\nSubject: Lunch",
    "________________________________\nVon: Alice Smith <alice@example.org>\nGesendet: Dienstag, 14. Mai 2024 09:30\nAn: Bob <bob@example.org>\nBetreff: Lunch",
    "Gesendet: Dienstag, 14. Mai 2024 um 09:30 Uhr\nVon: \"Alice Smith\" <alice@example.org>\nAn: bob@example.org\nBetreff: Lunch",
    "De : Alice Smith <alice@example.org>\nEnvoyé : mardi 14 mai 2024 09:30\nÀ : Bob <bob@example.org>\nObjet : Lunch",
    "De: Alice Smith <alice@example.org>\nEnviado el: martes, 14 de mayo de 2024 9:30\nPara: Bob <bob@example.org>\nAsunto: Lunch",
    "De: Alice Smith <alice@example.org>\nEnviada: terça-feira, 14 de maio de 2024 09:30\nPara: Bob <bob@example.org>\nAssunto: Lunch",
    "Da: Alice Smith <alice@example.org>\nInviato: martedì 14 maggio 2024 09:30\nA: Bob <bob@example.org>\nOggetto: Lunch",
    "Van: Alice Smith <alice@example.org>\nVerzonden: dinsdag 14 mei 2024 09:30\nAan: Bob <bob@example.org>\nOnderwerp: Lunch",
    "Från: Alice Smith <alice@example.org>\nSkickat: den 14 maj 2024 09:30\nTill: Bob <bob@example.org>\nÄmne: Lunch",
    "Fra: Alice Smith <alice@example.org>\nSendt: 14. maj 2024 09:30\nTil: Bob <bob@example.org>\nEmne: Lunch",
    "Lähettäjä: Alice Smith <alice@example.org>\nLähetetty: tiistai 14. toukokuuta 2024 9.30\nVastaanottaja: Bob <bob@example.org>\nAihe: Lunch",
    "Od: Alice Smith <alice@example.org>\nWysłano: wtorek, 14 maja 2024 09:30\nDo: Bob <bob@example.org>\nTemat: Lunch",
    "Od: Alice Smith <alice@example.org>\nOdesláno: úterý 14. května 2024 9:30\nKomu: Bob <bob@example.org>\nPředmět: Lunch",
    "Feladó: Alice Smith <alice@example.org>\nElküldve: 2024. május 14., kedd 9:30\nCímzett: Bob <bob@example.org>\nTárgy: Lunch",
    "От: Alice Smith <alice@example.org>\nОтправлено: 14 мая 2024 г. 9:30\nКому: Bob <bob@example.org>\nТема: Lunch",
    "Від: Alice Smith <alice@example.org>\nНадіслано: 14 травня 2024 р. 9:30\nКому: Bob <bob@example.org>\nТема: Lunch",
    "Gönderen: Alice Smith <alice@example.org>\nGönderildi: 14 Mayıs 2024 Salı 09:30\nKime: Bob <bob@example.org>\nKonu: Lunch",
    "Kimden: Alice Smith <alice@example.org>\nTarih: 14 Mayıs 2024 Salı 09:30\nKime: Bob <bob@example.org>\nKonu: Lunch",
    "Από: Alice Smith <alice@example.org>\nΣτάλθηκε: Τρίτη, 14 Μαΐου 2024 9:30 πμ\nΠρος: Bob <bob@example.org>\nΘέμα: Lunch",
    "De la: Alice Smith <alice@example.org>\nTrimis: marți, 14 mai 2024 09:30\nCătre: Bob <bob@example.org>\nSubiect: Lunch",
    "差出人: Alice Smith <alice@example.org>\n送信日時: 2024年5月14日 9:30\n宛先: Bob <bob@example.org>\n件名: Lunch",
    "发件人: Alice Smith <alice@example.org>\n发送时间: 2024年5月14日 9:30\n收件人: Bob <bob@example.org>\n主题: Lunch",
    "寄件者: Alice Smith <alice@example.org>\n寄件日期: 2024年5月14日 上午 09:30\n收件者: Bob <bob@example.org>\n主旨: Lunch",
    "보낸 사람: Alice Smith <alice@example.org>\n보낸 날짜: 2024년 5월 14일 화요일 오전 9:30\n받는 사람: Bob <bob@example.org>\n제목: Lunch",
    "מאת: Alice Smith <alice@example.org>\nנשלח: יום שלישי 14 מאי 2024 09:30\nאל: Bob <bob@example.org>\nנושא: Lunch",
    "من: Alice Smith <alice@example.org>\nتم الإرسال: الثلاثاء، 14 مايو 2024 09:30 ص\nإلى: Bob <bob@example.org>\nالموضوع: Lunch",
    "------------------ 原始邮件 ------------------\n发件人: \"Alice Smith\" <alice@example.org>;\n发送时间: 2024年5月14日(星期二) 上午9:30\n收件人: \"Bob\"<bob@example.org>;\n主题: Lunch",
    "-------- Original message --------\nFrom: Alice Smith <alice@example.org>\nDate: 14/05/2024 09:30 (GMT+01:00)\nTo: bob@example.org\nSubject: Lunch",
    "-------- Ursprüngliche Nachricht --------\nVon: Alice Smith <alice@example.org>\nDatum: 14.05.24 09:30 (GMT+01:00)\nAn: bob@example.org\nBetreff: Lunch",
    "----- Mail original -----\nDe: \"Alice Smith\" <alice@example.org>\nÀ: \"Bob\" <bob@example.org>\nEnvoyé: Mardi 14 Mai 2024 09:30:00\nObjet: Lunch",
    "*From:* Alice Smith <alice@example.org>\n*Sent:* Tuesday, May 14, 2024 9:30 AM\n*To:* Bob <bob@example.org>\n*Subject:* Lunch",
];

const REPLIES: &[&str] = &[
    "Yes, gladly.",
    "Hi Alice,\n\nyes, at 10:30: see you there!\n\nBob",
    "Three things:\n- one\n- two\n\nSee https://example.org/2024/05",
];

const QUOTED: &str = "Hello Bob,\n\nshall we meet for lunch?\n\nAlice";

fn wrap(text: &str, width: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    for word in text.split(' ') {
        let chars = word.chars().count();
        if length > 0 && length + 1 + chars > width {
            out.push('\n');
            length = 0;
        } else if length > 0 {
            out.push(' ');
            length += 1;
        }
        out.push_str(word);
        length += chars;
    }
    out
}

fn marked(text: &str) -> String {
    text.lines()
        .map(|line| format!("> {line}").trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

fn new_text(mail: &str) -> String {
    let lines = plain_lines(mail);
    let roles = classify(&lines, Hints::default());
    join(&lines, &roles, |role| role == Role::New)
}

#[test]
fn the_reply_above_a_quotation_is_all_that_is_left() {
    let mut failures = Vec::new();
    for attribution in ATTRIBUTIONS {
        for reply in REPLIES {
            for width in [1_000, 76, 60] {
                let attribution = wrap(attribution, width);
                for mail in [
                    format!("{reply}\n\n{attribution}\n\n{}\n", marked(QUOTED)),
                    format!("{reply}\n\n{attribution}\n{}\n", marked(QUOTED)),
                    format!("{reply}\n\n{}\n", marked(&format!("{attribution}\n\n{QUOTED}"))),
                ] {
                    let found = new_text(&mail);
                    if found != *reply {
                        failures.push(format!("{mail}\n=> {found:?}\n"));
                    }
                }
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} failures\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn unmarked_quotations_are_left_out_too() {
    let mut failures = Vec::new();
    for announcement in ATTRIBUTIONS
        .iter()
        .filter(|text| !text.starts_with("Quoting") && !text.starts_with("Alice Smith (2024"))
        .chain(BLOCKS)
    {
        for reply in REPLIES {
            for mail in [
                format!("{reply}\n\n{announcement}\n\n{QUOTED}\n"),
                format!("{reply}\n\n{announcement}\n{QUOTED}\n"),
            ] {
                let found = new_text(&mail);
                if found != *reply {
                    failures.push(format!("{mail}\n=> {found:?}\n"));
                }
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} failures\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn the_reply_below_a_whole_quotation_is_all_that_is_left() {
    for attribution in ATTRIBUTIONS {
        for reply in REPLIES {
            let mail = format!("{attribution}\n{}\n\n{reply}\n", marked(QUOTED));
            assert_eq!(new_text(&mail), *reply, "{mail}");
        }
    }
}

#[test]
fn answers_between_quoted_lines_keep_what_they_answer() {
    let mail = "On Tue, 14 May 2024 at 09:30, Alice wrote:\n> When?\nAt ten.\n> Where?\nAt home.\n";
    assert_eq!(new_text(mail), "> When?\nAt ten.\n> Where?\nAt home.");
}

#[test]
fn a_mail_without_quotation_stays_whole() {
    for mail in [
        "I wrote to bob@example.org on 2024-05-14 at 09:30 and he said: no",
        "Agenda:\n\nFrom: the station\nTo: the museum\nthen home",
        "See below:\n\n1. Date: 14 May\n2. Place: home",
        "As she wrote:\n\nto be or not to be",
        "| a | b |\n| 1 | 2 |",
        "Meeting at 10:30:\n\n- coffee\n- cake",
    ] {
        assert_eq!(new_text(mail), mail.replace("\n\n\n", "\n\n"));
    }
}

fn new_text_knowing(mail: &str, sent: &str) -> String {
    let mut lines = plain_lines(mail);
    mark_sent(&mut lines, &[sent.to_owned()]);
    let roles = classify(&lines, Hints::default());
    join(&lines, &roles, |role| role == Role::New)
}

#[test]
fn what_was_sent_is_known_without_any_mark() {
    let sent = "Shall we meet for lunch on Tuesday at the usual place near the station?\n\nI could also come by train.";
    for mail in [
        // A gateway that strips the marks, the attribution in no language we know.
        format!("Gladly!\n\nBob skribis:\n\n{sent}\n"),
        // Reflowed.
        "Gladly!\n\nShall we meet for lunch on Tuesday\nat the usual place near the station?\n\nI could also come by train.\n".to_owned(),
        // Cut short.
        "Gladly!\n\nShall we meet for lunch on Tuesday at the usual\n".to_owned(),
    ] {
        let found = new_text_knowing(&mail, sent);
        assert!(found.starts_with("Gladly!") && !found.contains("lunch"), "{mail}\n=> {found}");
    }
    assert_eq!(
        new_text_knowing("Yes, Tuesday at the station.", sent),
        "Yes, Tuesday at the station."
    );
    assert_eq!(new_text_knowing(sent, sent), sent);
}
