//! What mail programs call things, language by language. All in lower case.

/// "wrote", as it stands in the line that introduces a quotation.
#[rustfmt::skip]
pub(super) const WROTE: &[&str] = &[
    // Germanic
    "wrote", "writes", "said", "schrieb", "schreibt", "hat geschrieben", "schreef", "geschreven", "skrev",
    "skreiv", "skrifaði", "reageerde", "ha skrevet", "har skrevet", "geskryf",
    // Romance
    "a écrit", "écrivait", "écrit", "a ecrit", "escribió", "escribio", "escribe", "escreveu", "ha scritto",
    "scrive", "scrisse", "scritto", "va escriure", "ha escrit", "escrigué", "a scris", "escribiu",
    "escribíu", "idatzi du", "idatzi zuen",
    // Slavic
    "napsal", "napsala", "napsal(a)", "napísal", "napísala", "napísal(a)", "píše", "pisze", "napisał",
    "napisała", "napisał(a)", "napisao je", "napisala je", "je napisao", "je napisala", "napisao",
    "je napisao/la", "je napisal", "napisal(a)", "napisal", "napisala", "je napisala/a", "piše", "пише",
    "написа", "написал", "написала", "написал(а)", "пишет", "писал", "писал(а)", "писала", "написав",
    "написав(ла)", "је написао", "је написала",
    // Finno-Ugric, Baltic, Turkic, Greek, Albanian
    "kirjoitti", "kirjutas", "írta", "ezt írta", "rakstīja", "raksta", "rašė", "parašė", "yazdı",
    "yazdılar", "şunları yazdı", "şunu yazdı", "yazdi", "έγραψε", "έγραφε", "shkroi", "ka shkruar",
    // Semitic, Persian, Indic
    "כתב", "כתבה", "כתב/ה", "מאת", "كتب", "كتبت", "نوشت", "نوشته", "ने लिखा", "लिखा", "লিখেছেন",
    "எழுதியது", "రాసారు",
    // East and south-east Asian
    "写道", "寫道", "写于", "さんは書きました", "のメール", "書きました", "のメッセージ", "님이 작성", "작성:", "썼습니다", "đã viết", "viết",
    "เขียนว่า", "เขียน", "menulis", "tulis", "ha scrivuto", "sumulat", "ay sumulat", "aliandika",
];

/// How the line begins: "On …", in the languages in which it is one short word before the date.
#[rustfmt::skip]
pub(super) const ON: &[&str] = &[
    "on", "am", "le", "el", "op", "il", "em", "den", "på", "dne", "dnia", "w dniu", "o dia", "a", "el dia",
    "la", "în data de", "pe", "kl", "v", "u", "dana", "στις", "ngày", "vào", "pada", "tarihinde", "в", "у",
    "на", "בתאריך", "ב-", "في", "در", "date", "at", "i", "þann", "fecha",
];

/// A field of the header block that Outlook and others put before what they quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Label {
    From,
    Date,
    To,
    Copy,
    Subject,
    Other,
}

/// The names of the fields, without the colon.
#[rustfmt::skip]
pub(super) const LABELS: &[(Label, &[&str])] = &[
    (
        Label::From,
        &[
            "from", "von", "de", "da", "van", "från", "fra", "od", "lähettäjä", "feladó", "от", "от кого",
            "від", "від кого", "kimden", "gönderen", "frá", "saatja", "nuo", "no", "από", "מאת", "من",
            "از", "发件人", "寄件者", "寄件人", "發件人", "差出人", "送信元", "送信者", "보낸 사람", "보낸사람", "발신", "từ", "จาก",
            "dari", "expéditeur", "remitente", "mittente", "remetente", "absender", "afzender",
            "avsändare", "avsender", "afsender", "nadawca", "odesílatel", "odosielateľ", "pošiljatelj",
            "šalje", "expeditor", "de la", "desde", "sender", "nga", "д", "kirjutaja",
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
            "dato/tid", "enviat", "bidalia",
        ],
    ),
    (
        Label::To,
        &[
            "to", "an", "à", "para", "a", "aan", "till", "til", "do", "komu", "pre", "címzett",
            "vastaanottaja", "кому", "для", "kime", "alıcı", "kam", "kellele", "saaja", "προς", "אל",
            "إلى", "الى", "به", "收件人", "收件者", "宛先", "送信先", "받는 사람", "받는사람", "수신", "đến", "tới", "ถึง",
            "kepada", "ke", "pour", "destinataire", "destinatario", "empfänger", "za", "prima", "către",
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
            "assumpte", "naslov", "zadeva", "gaia", "subyek",
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

/// Headings of a forwarded message, without rules and colons.
#[rustfmt::skip]
pub(super) const FORWARDED: &[&str] = &[
    "forwarded message", "begin forwarded message", "forwarded mail", "start of forwarded message",
    "original message forwarded", "fwd message", "forwarded by", "weitergeleitete nachricht",
    "anfang der weitergeleiteten nachricht", "anfang der weitergeleiteten e-mail",
    "weitergeleitete e-mail", "beginn der weitergeleiteten nachricht", "message transféré",
    "début du message réexpédié", "début du message transféré", "message réexpédié", "courriel transféré",
    "mensaje reenviado", "inicio del mensaje reenviado", "messaggio inoltrato",
    "inizio messaggio inoltrato", "inizio del messaggio inoltrato", "mensagem encaminhada",
    "mensagem reencaminhada", "início da mensagem reencaminhada", "início da mensagem encaminhada",
    "doorgestuurd bericht", "begin doorgestuurd bericht", "doorgestuurde bericht", "doorgestuurd",
    "vidarebefordrat meddelande", "vidarebefordrat mejl", "vidarebefordrat mail",
    "början på vidarebefordrat brev", "videresendt melding", "videresendt meddelelse",
    "videresendt besked", "videresendt e-mail", "start på videresendt besked",
    "begynn videresendt melding", "videresendt mail", "start på videresendt e-mail", "välitetty viesti",
    "välitetty viesti alkaa", "edelleenlähetetty viesti", "välitetyn viestin alku", "przekazana wiadomość",
    "wiadomość przekazana dalej", "początek przekazywanej wiadomości", "przekazana wiadomosc",
    "wiadomość przekazana", "treść przekazanej wiadomości", "treść przekazywanej wiadomości",
    "wiadomość napisana przez", "přeposlaná zpráva", "začátek přeposílané zprávy", "přeposlaný e-mail",
    "preposlaná správa", "začiatok preposlanej správy", "předaná zpráva", "přeposlané zprávy",
    "továbbított üzenet", "továbbított levél", "továbbított levél kezdete", "továbbított e-mail",
    "пересылаемое сообщение", "пересланное сообщение", "начало переадресованного сообщения",
    "перенаправленное сообщение", "начало пересылаемого сообщения", "переслане повідомлення",
    "пересланий лист", "початок листа, що пересилається", "перенаправлене повідомлення",
    "початок переадресованого повідомлення", "пересилання повідомлення", "iletilmiş mesaj",
    "iletilen mesaj", "i̇letilmiş mesaj", "i̇letilen mesaj", "i̇leti başlangıcı", "iletilen ileti",
    "yönlendirilen ileti", "yönlendirilmiş ileti başlangıcı", "i̇letilen ileti", "i̇letilen e-posta",
    "mesaj redirecționat", "mesaj redirecţionat", "începutul mesajului redirecționat",
    "mesaj transmis mai departe", "începe mesajul redirecționat", "mesajul redirecționat",
    "mesajului redirecționat", "proslijeđena poruka", "prosljeđena poruka", "početak proslijeđene poruke",
    "prosleđena poruka", "posredovano sporočilo", "прослеђена порука", "započni proslijeđenu poruku",
    "препратено съобщение", "препратен имейл", "edastatud kiri", "edastatud sõnum", "persiųstas laiškas",
    "persiunčiamas laiškas", "pārsūtītā vēstule", "pārsūtīts ziņojums", "pārsūtīta ziņa",
    "προωθημένο μήνυμα", "αρχή προωθημένου μηνύματος", "áframsent skeyti", "áframsent",
    "missatge reenviat", "mezu birbidalia", "hartutako mezua", "הודעה שהועברה", "הודעה מועברת",
    "تحويل الرسالة", "رسالة معاد توجيهها", "رسالة تمت إعادة توجيهها", "الرسالة المعاد توجيهها",
    "بداية الرسالة المحولة", "پیام هدایت‌شده", "پیام ارسال شده", "转发的邮件", "转发邮件信息", "转发邮件", "被转发邮件",
    "轉寄的郵件", "轉寄郵件", "已轉寄的郵件", "開始轉寄訊息", "转发的信息", "下面是转发的信件", "下面是被转发的邮件", "以下為轉寄的信件", "転送されたメッセージ",
    "転送メッセージ", "メッセージを転送", "転送されたメール", "전달된 메시지", "전달된 메일", "전달된 메세지", "전달된 이메일", "thư đã chuyển tiếp",
    "tin nhắn chuyển tiếp", "thư được chuyển tiếp", "ข้อความที่ส่งต่อ", "pesan terusan",
    "pesan diteruskan", "mesej dimajukan", "pesan yang diteruskan", "अग्रेषित संदेश",
];

/// Headings of a message that is answered, without rules and colons.
#[rustfmt::skip]
pub(super) const ORIGINAL: &[&str] = &[
    "original message", "original mail", "original e-mail", "reply message", "reply separator",
    "in reply to", "original email", "original appointment", "ursprüngliche nachricht",
    "originalnachricht", "ursprüngliche mail", "ursprüngliche e-mail", "original-nachricht",
    "originalmail", "message d'origine", "message d’origine", "message original", "mail original",
    "mail initial", "e-mail d'origine", "message initial", "courriel original", "mail d'origine",
    "message de départ", "mensaje original", "mensagem original", "messaggio originale",
    "oorspronkelijk bericht", "origineel bericht", "oorspronkelijke mail", "ursprungligt meddelande",
    "originalmeddelande", "ursprungligt mejl", "opprinnelig melding", "oprindelig meddelelse",
    "oprindelig besked", "original melding", "originalmeddelelse", "den oprindelige mail",
    "alkuperäinen viesti", "wiadomość oryginalna", "oryginalna wiadomość", "wiadomość pierwotna",
    "původní zpráva", "pôvodná správa", "původní e-mail", "eredeti üzenet", "eredeti levél",
    "исходное сообщение", "оригинальное сообщение", "исходное письмо", "вихідне повідомлення",
    "оригінальне повідомлення", "початкове повідомлення", "orijinal mesaj", "özgün ileti",
    "orijinal ileti", "asıl mesaj", "özgün mesaj", "mesaj original", "mesajul original", "mesaj inițial",
    "izvorna poruka", "originalna poruka", "izvirno sporočilo", "оригинална порука",
    "оригинално съобщение", "algne kiri", "algne sõnum", "pradinis laiškas", "originalus laiškas",
    "sākotnējais ziņojums", "oriģinālā vēstule", "αρχικό μήνυμα", "πρωτότυπο μήνυμα", "upprunalegt skeyti",
    "upprunaleg skilaboð", "missatge original", "jatorrizko mezua", "mensaxe orixinal", "הודעה מקורית",
    "ההודעה המקורית", "الرسالة الأصلية", "رسالة أصلية", "پیام اصلی", "原始邮件", "原邮件", "原始信件", "原始郵件", "原始訊息",
    "元のメッセージ", "オリジナルメッセージ", "元のメール", "원본 메시지", "원본 메일", "원본메일", "thư gốc", "tin nhắn gốc",
    "ข้อความต้นฉบับ", "pesan asli", "mesej asal", "मूल संदेश",
];

/// What mail programs put before the subject of a forwarded mail.
#[rustfmt::skip]
pub(super) const FORWARD_PREFIXES: &[&str] = &[
    "fw", "fwd", "wg", "tr", "rv", "vb", "vs", "vl", "i", "enc", "pd", "doorst", "ilt", "i̇lt",
    "továbbítás", "转发", "轉寄", "転送", "전달", "הועבר", "пер", "пересл", "πρθ", "edastatud", "chuyển tiếp",
    "ต่อ", "inoltra", "redirecționat", "fwd.",
];
