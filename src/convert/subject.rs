//! Subjects: what is left of one when all that programs put before it in answers is taken away (RFC 5256, section 2.1).

/// How programs say "answer", in lower case, in front of a colon. Forwards are no answers.
#[rustfmt::skip]
const ANSWERS: &[&str] = &[
    "re", "ré", "rép", "réponse", "antw", "antwort", "antwoord", "aw", "ats", "atb", "atbilde",
    "balas", "bls", "odg", "odgovor", "odp", "odpověď", "odpoveď", "odpowiedź", "r", "ref", "res",
    "resp", "resposta", "respuesta", "rif", "risposta", "răspuns", "rsp", "sv", "svar", "trả lời",
    "tl", "vast", "vastaus", "vs", "vá", "válasz", "yan", "yanıt", "ynt",
    "απ", "απάντηση", "σχετ", "відп", "відповідь", "отв", "ответ", "отг", "отговор", "одг", "одговор",
    "השב", "תגובה", "תשובה", "رد", "پاسخ", "ตอบ", "ตอบกลับ", "답장", "회신", "回信", "回复", "回覆", "答复",
    "答覆", "返信",
];
/// The longest of them with a counter behind it, in characters.
const LONGEST: usize = 16;
/// Marks that gateways put before subjects of mails from outside, in lower case.
const GATEWAYS: &[&str] = &[
    "[external]",
    "[ext]",
    "[extern]",
    "[externe]",
    "[externo]",
    "(external)",
];

/// A subject without the prefixes that say "this is an answer", in all languages, and without the marks of gateways. The
/// name of a mailing list in brackets stays.
pub fn base_subject(subject: &str) -> String {
    let mut list = "";
    let mut rest = subject.trim();
    // Each round takes something away, so this ends.
    loop {
        if let Some(after) = without_answer(rest).or_else(|| without_gateway(rest)) {
            rest = after;
        } else if let Some((name, after)) =
            list_name(rest).filter(|(name, _)| list.is_empty() || list == *name)
            && without_answer(after).is_some()
        {
            list = name;
            rest = after;
        } else {
            break;
        }
    }
    if list.is_empty() || rest.starts_with(list) {
        rest.to_owned()
    } else {
        format!("{list} {rest}")
    }
}

/// What follows "Re:", "AW:", "Re[2]:", "回复：".
fn without_answer(subject: &str) -> Option<&str> {
    let (colon, mark) = subject
        .char_indices()
        .take(LONGEST)
        .find(|(_, c)| matches!(c, ':' | '：'))?;
    let (word, after) = subject.split_at_checked(colon)?;
    let word = word
        .trim_end()
        .trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '[' | ']' | '(' | ')' | '^' | '*'));
    let word = word.trim_end().trim_end_matches('.').to_lowercase();
    let after = after.strip_prefix(mark)?;
    ANSWERS.contains(&word.as_str()).then(|| after.trim_start())
}

fn without_gateway(subject: &str) -> Option<&str> {
    GATEWAYS.iter().find_map(|mark| {
        let (start, after) = subject.split_at_checked(mark.len())?;
        start.eq_ignore_ascii_case(mark).then(|| after.trim_start())
    })
}

/// "[list] rest".
fn list_name(subject: &str) -> Option<(&str, &str)> {
    let end = subject.starts_with('[').then(|| subject.find(']'))??;
    let (name, after) = subject.split_at_checked(end + 1)?;
    Some((name, after.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_in_all_languages_have_the_subject_of_what_they_answer() {
        for prefix in [
            "Re:",
            "RE: ",
            "re :",
            "Re[2]: ",
            "Re(3): ",
            "Re^2: ",
            "Re2: ",
            "Re: Re: ",
            "AW: ",
            "Antw: ",
            "Antwort: ",
            "Antwoord: ",
            "SV: ",
            "VS: ",
            "Svar: ",
            "Ref: ",
            "RIF: ",
            "R: ",
            "RES: ",
            "Resp: ",
            "Respuesta: ",
            "RÉP. : ",
            "Odp: ",
            "Odpověď: ",
            "Odg: ",
            "Vá: ",
            "Válasz: ",
            "YNT: ",
            "Yanıt: ",
            "ATB: ",
            "Ats: ",
            "Răspuns: ",
            "BLS: ",
            "Trả lời: ",
            "ΑΠ: ",
            "ΣΧΕΤ: ",
            "Отв: ",
            "Ответ: ",
            "Відп: ",
            "Отг: ",
            "Одг: ",
            "השב: ",
            "תשובה: ",
            "رد: ",
            "پاسخ: ",
            "ตอบ: ",
            "回复: ",
            "回复：",
            "回覆: ",
            "答复: ",
            "返信: ",
            "회신: ",
            "답장: ",
            "AW: Re: SV: 回复：",
            "[EXTERNAL] Re: ",
            "Re: [Ext] ",
        ] {
            assert_eq!(
                base_subject(&format!("{prefix}Garden: roses")),
                "Garden: roses",
                "{prefix}"
            );
        }
    }

    #[test]
    fn what_is_no_answer_stays() {
        for subject in [
            "Garden",
            "Report: Re: is not at the beginning",
            "Fwd: Garden",
            "WG: Garden",
            "Research: results",
            "[list] Garden",
            "10:30",
            "",
        ] {
            assert_eq!(base_subject(subject), subject);
        }
        assert_eq!(base_subject(" Re: "), "");
        assert_eq!(base_subject("[list] Re: Garden"), "[list] Garden");
        assert_eq!(base_subject("Re: [list] AW: Garden"), "[list] Garden");
        assert_eq!(base_subject("Re: [list] Re: [list] Garden"), "[list] Garden");
    }
}
