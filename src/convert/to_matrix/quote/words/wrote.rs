//! The words of the line that introduces a quotation, language by language. All in lower case.

/// "wrote", as it stands in the line that introduces a quotation.
#[rustfmt::skip]
pub(in super::super) const WROTE: &[&str] = &[
    // Germanic
    "wrote", "writes", "said", "schrieb", "schrieben sie", "schreibt", "hat geschrieben", "schreef", "geschreven", "skrev",
    "skreiv", "skrifaði", "reageerde", "ha skrevet", "har skrevet", "geskryf",
    // Romance
    "a écrit", "écrivait", "écrit", "a ecrit", "escribió", "escribio", "escribe", "escreveu", "ha scritto",
    "scrive", "scrisse", "scritto", "va escriure", "ha escrit", "escrigué", "a scris", "escribiu",
    "escribíu", "idatzi du", "idatzi zuen",
    // Slavic
    "napsal", "napsala", "napsal(a)", "napísal", "napísala", "napísal(a)", "píše", "pisze", "napisał",
    "napisała", "napisał(a)", "napisana przez", "napisao je", "napisala je", "je napisao", "je napisala", "napisao",
    "je napisao/la", "je napisal", "napisal(a)", "napisal", "napisala", "je napisala/a", "piše", "пише",
    "написа", "написал", "написала", "написал(а)", "писали", "пишет", "писал", "писал(а)", "писала", "написав",
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
pub(in super::super) const ON: &[&str] = &[
    "on", "am", "le", "el", "op", "il", "em", "den", "på", "dne", "dnia", "w dniu", "o dia", "a", "el dia",
    "la", "în data de", "pe", "kl", "v", "u", "dana", "στις", "ngày", "vào", "pada", "tarihinde", "в", "у",
    "на", "בתאריך", "ב-", "في", "در", "date", "at", "i", "þann", "fecha",
];
