//! Headings above a forwarded or answered message, and the prefixes of a forwarded subject. All in lower case.

/// Headings of a forwarded message, without rules and colons.
#[rustfmt::skip]
pub(in super::super) const FORWARDED: &[&str] = &[
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
    "wiadomość napisana przez", "wiadomość przesłana dalej", "przesłana wiadomość", "přeposlaná zpráva", "začátek přeposílané zprávy", "přeposlaný e-mail",
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
pub(in super::super) const ORIGINAL: &[&str] = &[
    "original message", "original mail", "original e-mail", "reply message", "reply separator",
    "in reply to", "replied message", "reply above this line", "please type your reply above this line",
    "please reply above this line", "bitte geben sie ihre antwort oberhalb dieser zeile ein", "antwort nachricht", "original message processed by", "original email", "original appointment", "ursprüngliche nachricht",
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
    "ההודעה המקורית", "الرسالة الأصلية", "رسالة أصلية", "پیام اصلی", "原始邮件", "原邮件", "回复的原邮件", "回复的邮件", "原始信件", "原始郵件", "原始訊息",
    "元のメッセージ", "オリジナルメッセージ", "元のメール", "원본 메시지", "원본 메일", "원본메일", "thư gốc", "tin nhắn gốc",
    "ข้อความต้นฉบับ", "pesan asli", "mesej asal", "मूल संदेश",
];

/// What mail programs put before the subject of a forwarded mail.
#[rustfmt::skip]
pub(in super::super) const FORWARD_PREFIXES: &[&str] = &[
    "fw", "fwd", "wg", "tr", "rv", "vb", "vs", "vl", "i", "enc", "pd", "doorst", "ilt", "i̇lt",
    "továbbítás", "转发", "轉寄", "転送", "전달", "הועבר", "пер", "пересл", "πρθ", "edastatud", "chuyển tiếp",
    "ต่อ", "inoltra", "redirecționat", "fwd.",
];
