//! What people of all languages answer, from their telephones: their own words, the line of the device, what they quote and from whom.

use super::super::quote::samples::{ATTRIBUTIONS, BLOCKS};
use super::{body, head};

/// What one person writes.
struct Writer {
    answer: &'static str,
    device: &'static str,
    quoted: &'static str,
    /// Who is quoted.
    name: &'static str,
}

const fn writer(
    answer: &'static str,
    device: &'static str,
    quoted: &'static str,
    name: &'static str,
) -> Writer {
    Writer {
        answer,
        device,
        quoted,
        name,
    }
}

/// One for each language.
#[rustfmt::skip]
const WRITERS: &[Writer] = &[
    writer(
        "Hallo Karl,\n\nja, Donnerstag passt mir gut. Bringst du die Unterlagen mit?\n\nViele Grüße\nJana",
        "Von meinem iPhone gesendet", "Hallo Jana,\n\nkönnen wir uns am Donnerstag um 15 Uhr treffen?\n\nGruß, Karl", "Karl Weiß",
    ),
    writer(
        "Bonjour Karl,\n\nC'est d'accord pour jeudi.\nÀ quelle heure ?\n\nCordialement,\nJana",
        "Envoyé de mon iPhone", "Bonjour,\nOn se voit jeudi ?\nKarl", "Karl Lefèvre",
    ),
    writer(
        "Hola, Karl:\n\n¿Te va bien el jueves? El lunes pasado escribí a Marta y no contestó.\n\nUn saludo",
        "Enviado desde mi iPhone", "Hola Jana, ¿nos vemos?", "Karl Núñez",
    ),
    writer(
        "Ciao Karl,\nva bene giovedì alle 15:30.\n\nA presto",
        "Inviato da iPhone", "Ciao, ci vediamo giovedì?", "Karl Rossi",
    ),
    writer(
        "Oi Karl, tudo bem?\n\nQuinta às 15h está ótimo.\n\nAbraços",
        "Enviado do meu iPhone", "Olá, podemos nos encontrar na quinta?", "Karl Gonçalves",
    ),
    writer(
        "Hoi Karl,\n\nDonderdag is prima. Op maandag schreef ik al dat ik vrij ben.\n\nGroetjes",
        "Verstuurd vanaf mijn iPhone", "Zullen we donderdag afspreken?", "Karl de Vries",
    ),
    writer(
        "Hej!\n\nTorsdag går bra. Ska jag ta med något?\n\nHälsningar",
        "Skickat från min iPhone", "Kan vi ses på torsdag?", "Karl Åberg",
    ),
    writer(
        "Hej Karl\n\nTorsdag er fint.\n\nVenlig hilsen",
        "Sendt fra min iPhone", "Kan vi mødes torsdag?", "Karl Sørensen",
    ),
    writer(
        "Hei!\n\nTorsdag passer bra, klokka 15.\n\nHilsen",
        "Sendt fra min iPhone", "Kan vi møtes torsdag?", "Karl Øverland",
    ),
    writer(
        "Moi Karl,\n\ntorstai sopii hyvin. Nähdään klo 15.\n\nTerveisin",
        "Lähetetty iPhonesta", "Voimmeko tavata torstaina?", "Karl Mäkinen",
    ),
    writer(
        "Cześć,\n\nczwartek mi pasuje. O której?\n\nPozdrawiam",
        "Wysłane z iPhone'a", "Czy możemy się spotkać w czwartek?", "Karol Wiśniewski",
    ),
    writer(
        "Ahoj Karle,\n\nčtvrtek se mi hodí. V kolik hodin?\n\nS pozdravem",
        "Odesláno z iPhonu", "Můžeme se sejít ve čtvrtek?", "Karel Novák",
    ),
    writer(
        "Ahoj,\n\nštvrtok mi vyhovuje.\n\nS pozdravom",
        "Odoslané z iPhonu", "Môžeme sa stretnúť vo štvrtok?", "Karol Kováč",
    ),
    writer(
        "Szia Karl,\n\na csütörtök jó nekem. Hány órakor?\n\nÜdv",
        "Az iPhone-omról küldve", "Találkozhatunk csütörtökön?", "Kovács Károly",
    ),
    writer(
        "Bună Karl,\n\njoi este perfect.\n\nCu drag",
        "Trimis de pe iPhone", "Ne putem vedea joi?", "Carol Țurcanu",
    ),
    writer(
        "Bok Karl,\n\nčetvrtak mi odgovara.\n\nLijep pozdrav",
        "Poslano s mojeg iPhone uređaja", "Možemo li se vidjeti u četvrtak?", "Karlo Horvat",
    ),
    writer(
        "Živjo,\n\nčetrtek mi ustreza.\n\nLep pozdrav",
        "Poslano z mojega iPhona", "Se dobiva v četrtek?", "Karel Žagar",
    ),
    writer(
        "Здравей,\n\nчетвъртък ме устройва.\n\nПоздрави",
        "Изпратено от моя iPhone", "Можем ли да се видим в четвъртък?", "Карл Петров",
    ),
    writer(
        "Привет!\n\nЧетверг подходит. Во сколько?\n\nС уважением",
        "Отправлено с iPhone", "Можем встретиться в четверг?", "Карл Иванов",
    ),
    writer(
        "Привіт!\n\nЧетвер підходить.\n\nЗ повагою",
        "Надіслано з iPhone", "Чи можемо зустрітися в четвер?", "Карл Шевченко",
    ),
    writer(
        "Γεια σου,\n\nη Πέμπτη είναι εντάξει.\n\nΧαιρετισμούς",
        "Στάλθηκε από το iPhone μου", "Μπορούμε να βρεθούμε την Πέμπτη;", "Κάρολος Παπαδόπουλος",
    ),
    writer(
        "Merhaba Karl,\n\nPerşembe bana uyar. Saat kaçta?\n\nSelamlar",
        "iPhone'umdan gönderildi", "Perşembe günü buluşabilir miyiz?", "Kemal Yılmaz",
    ),
    writer(
        "Tere!\n\nNeljapäev sobib.\n\nTervitades",
        "Saadetud minu iPhone'ist", "Kas saame kohtuda neljapäeval?", "Kaarel Tamm",
    ),
    writer(
        "Labas,\n\nketvirtadienis tinka.\n\nPagarbiai",
        "Išsiųsta iš mano „iPhone“", "Ar galime susitikti ketvirtadienį?", "Karolis Žukauskas",
    ),
    writer(
        "Sveiki!\n\nCeturtdiena der.\n\nAr cieņu",
        "Nosūtīts no mana iPhone", "Vai varam tikties ceturtdien?", "Kārlis Bērziņš",
    ),
    writer(
        "Hæ,\n\nfimmtudagur hentar vel.\n\nKveðja",
        "Sent úr iPhone-símanum mínum", "Getum við hist á fimmtudag?", "Karl Jónsson",
    ),
    writer(
        "היי קרל,\n\nיום חמישי מתאים לי.\n\nתודה",
        "נשלח מה-iPhone שלי", "אפשר להיפגש ביום חמישי?", "קרל כהן",
    ),
    writer(
        "مرحبا،\n\nيوم الخميس مناسب لي.\n\nشكرا",
        "أُرسلت من الـ iPhone", "هل يمكننا أن نلتقي يوم الخميس؟", "كارل حداد",
    ),
    writer(
        "سلام،\n\nپنجشنبه خوب است.\n\nممنون",
        "ارسال شده از iPhone من", "می‌توانیم پنجشنبه ببینیم؟", "کارل رضایی",
    ),
    writer(
        "नमस्ते,\n\nगुरुवार ठीक है।\n\nधन्यवाद",
        "मेरे iPhone से भेजा गया", "क्या हम गुरुवार को मिल सकते हैं?", "करण शर्मा",
    ),
    writer(
        "カールさん\n\n木曜日で大丈夫です。何時がいいですか？\n\nよろしくお願いします。",
        "iPhoneから送信", "木曜日に会えますか？", "田中 太郎",
    ),
    writer(
        "卡尔，你好：\n\n星期四可以，几点？\n\n谢谢",
        "发自我的iPhone", "我们星期四能见面吗？", "王伟",
    ),
    writer(
        "你好，\n\n星期四可以。\n\n謝謝",
        "從我的 iPhone 傳送", "我們星期四能見面嗎？", "陳大文",
    ),
    writer(
        "안녕하세요,\n\n목요일 괜찮습니다.\n\n감사합니다",
        "나의 iPhone에서 보냄", "목요일에 만날 수 있을까요?", "김철수",
    ),
    writer(
        "Chào Karl,\n\nThứ năm được nhé.\n\nThân",
        "Đã gửi từ iPhone của tôi", "Thứ năm gặp nhau được không?", "Nguyễn Văn An",
    ),
    writer(
        "สวัสดีครับ\n\nวันพฤหัสสะดวกครับ\n\nขอบคุณครับ",
        "ส่งจาก iPhone ของฉัน", "เจอกันวันพฤหัสได้ไหม", "สมชาย ใจดี",
    ),
    writer(
        "Halo Karl,\n\nKamis bisa. Jam berapa?\n\nSalam",
        "Dikirim dari iPhone saya", "Bisa bertemu hari Kamis?", "Budi Santoso",
    ),
    writer(
        "Hola Karl,\n\ndijous em va bé.\n\nSalutacions",
        "Enviat des del meu iPhone", "Podem quedar dijous?", "Carles Puig",
    ),
    writer(
        "Hi Karl,\n\nThursday works for me. On Monday I wrote to Tom about it: he can't come.\n\nBest,\nJana",
        "Sent from my iPhone", "Hi Jana,\n\nCould we meet on Thursday?\n\nThanks,\nKarl", "Karl O'Neill",
    ),
];

#[test]
fn answers_in_all_languages_come_back_whole_and_alone() {
    let mut failures = Vec::new();
    let above = ATTRIBUTIONS.iter().chain(BLOCKS);
    // Each writer is met by other introductions in each round, also by those of other languages: mail programs and people differ.
    for round in 0..3 {
        for (index, introduction) in above.clone().enumerate() {
            let writer = &WRITERS[(index * 7 + round * 11) % WRITERS.len()];
            let introduction = introduction.replace("Alice Smith", writer.name);
            let quoted: Vec<String> = writer
                .quoted
                .lines()
                .map(|line| {
                    if introduction.contains('\n') {
                        line.to_owned()
                    } else {
                        format!("> {line}")
                    }
                })
                .collect();
            let mail = format!(
                "{}{}\n\n{}\n\n{introduction}\n\n{}\n",
                head("text/plain"),
                writer.answer,
                writer.device,
                quoted.join("\n"),
            );
            let found = body(&mail, &[]);
            if found != writer.answer {
                failures.push(format!("{mail}=> {found:?}"));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} failed\n{}",
        failures.len(),
        failures.join("\n=====\n")
    );
}
