//! The names of header fields as mail programs translate them. All in lower case.

/// A field of the header block that Outlook and others put before what they quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Label {
    From,
    Date,
    To,
    Copy,
    Subject,
    Other,
}

/// The names of the fields, without the colon.
#[rustfmt::skip]
pub(in super::super) const LABELS: &[(Label, &[&str])] = &[
    (
        Label::From,
        &[
            "from", "von", "de", "da", "van", "från", "fra", "od", "lähettäjä", "feladó", "от", "от кого",
            "від", "від кого", "kimden", "gönderen", "frá", "saatja", "nuo", "no", "από", "מאת", "من",
            "از", "发件人", "寄件者", "寄件人", "發件人", "差出人", "送信元", "送信者", "보낸 사람", "보낸사람", "발신", "từ", "จาก",
            "dari", "expéditeur", "remitente", "mittente", "remetente", "absender", "afzender",
            "avsändare", "avsender", "afsender", "nadawca", "odesílatel", "odosielateľ", "pošiljatelj",
            "šalje", "expeditor", "de la", "desde", "sender", "nga", "д", "kirjutaja", "प्रेषक",
        ],
    ),
    (
        Label::Date,
        &[
            "date", "sent", "datum", "gesendet", "gesendet am", "envoyé", "envoyé le", "fecha", "enviado",
            "enviado el", "data", "inviato", "enviada", "enviada em", "enviado em", "verzonden",
            "verzonden op", "skickat", "sendt", "dato", "päiväys", "lähetetty", "päivämäärä", "wysłano",
            "wysłane", "data wysłania", "odesláno", "odoslané", "dátum", "elküldve", "küldve", "дата",
            "отправлено", "надіслано", "дата отправки", "tarih", "gönderildi", "gönderme tarihi",
            "gönderilen", "dagsetning", "sent on", "kuupäev", "saadetud", "išsiųsta", "nosūtīts", "datums",
            "ημερομηνία", "στάλθηκε", "תאריך", "נשלח", "التاريخ", "تاريخ", "تم الإرسال", "تاریخ", "发送时间",
            "日期", "時間", "寄件日期", "傳送時間", "送信日時", "日時", "日付", "보낸 날짜", "날짜", "보낸날짜", "日期时间", "ngày",
            "đã gửi", "วันที่", "ส่ง", "tanggal", "dikirim", "poslano", "poslato", "trimis", "изпратено",
            "dato/tid", "भेजा गया", "दिनांक", "enviat", "bidalia",
        ],
    ),
    (
        Label::To,
        &[
            "to", "an", "à", "para", "a", "aan", "till", "til", "do", "komu", "pre", "címzett",
            "vastaanottaja", "кому", "для", "kime", "alıcı", "kam", "kellele", "saaja", "προς", "אל",
            "إلى", "الى", "به", "收件人", "收件者", "宛先", "送信先", "받는 사람", "받는사람", "수신", "đến", "tới", "ถึง",
            "kepada", "ke", "प्रति", "pour", "destinataire", "destinatario", "empfänger", "za", "prima", "către",
            "catre", "per", "до", "nors", "nekam", "příjemce", "kinek", "vastaanottajat", "destinatari",
            "nori",
        ],
    ),
    (
        Label::Copy,
        &[
            "cc", "kopie", "kopie (cc)", "copie à", "copia", "kopia", "kopi", "kopio", "másolat",
            "másolatot kap", "dw", "udw", "копия", "копія", "bilgi", "kópia", "cópia", "抄送", "副本", "參照",
            "참조", "נסח", "kópie", "afrit", "koopia", "kopija", "κοινοποίηση", "скрытая копия",
            "do wiadomości", "samtidigt till", "bcc", "cci", "cco", "ccn", "עותק", "نسخة", "رونوشت",
            "κοιν.", "másolatot kapja", "c.c.",
        ],
    ),
    (
        Label::Subject,
        &[
            "subject", "betreff", "objet", "asunto", "oggetto", "assunto", "onderwerp", "ämne", "emne",
            "aihe", "temat", "předmět", "predmet", "tárgy", "тема", "konu", "efni", "teema", "pealkiri",
            "tema", "temats", "θέμα", "נושא", "الموضوع", "موضوع", "主题", "主題", "主旨", "件名", "제목", "chủ đề",
            "tiêu đề", "เรื่อง", "หัวเรื่อง", "subjek", "perihal", "subiect", "sujet", "относно",
            "assumpte", "naslov", "zadeva", "gaia", "subyek", "विषय",
        ],
    ),
    (
        Label::Other,
        &[
            "reply-to", "répondre à", "antwort an", "responder a", "importance", "wichtigkeit", "priority",
            "attachments", "anlagen", "mailed-by", "signed-by", "resent-from", "message-id",
            "organization", "priorité", "rispondi a", "odpowiedz do", "svar til", "svara till",
            "antwoord naar", "ответить", "responder para", "vastaus", "vastausosoite",
        ],
    ),
];
