//! The warnings that gateways of companies put above mail from outside.

use super::{has_text, is_new, take_out};
use crate::convert::to_matrix::lines::{Line, Role};

/// The longest banner, in lines.
const MAX_LINES: usize = 4;

/// What the first paragraph says when it is a banner, in lower case: one of the openings and one of the reasons.
#[rustfmt::skip]
const OPENINGS: &[&str] = &[
    "caution", "warning", "external", "[external", "this email originated", "this message originated",
    "this email came from", "this is an external", "attention", "alert", "notice", "be careful",
    "achtung", "vorsicht", "externe", "[extern", "diese e-mail", "diese nachricht", "ce message",
    "cet e-mail", "ce courriel", "mail externe", "précaution", "precaución", "atención", "este correo",
    "este mensaje", "atenção", "cuidado", "este e-mail", "esta mensagem", "attenzione", "questa e-mail",
    "let op", "deze e-mail", "dit bericht", "varning", "advarsel", "obs", "varoitus", "uwaga", "pozor",
    "upozornění", "figyelem", "внимание", "увага", "dikkat", "注意", "警告", "[外部", "【外部", "주의",
];
#[rustfmt::skip]
const REASONS: &[&str] = &[
    "originated outside", "originated from outside", "outside of", "outside the organi", "outside your organi",
    "outside our organi", "external sender", "external source", "external email", "external e-mail",
    "external mail", "external message", "from an external", "von außerhalb", "externen absender",
    "externen quelle", "stammt von extern", "von extern", "externe e-mail", "provient de l'ext",
    "provient de l’ext", "expéditeur externe", "extérieur de", "fuera de la organi", "remitente externo",
    "externo a", "origen externo", "fora da organi", "remetente externo", "dall'esterno", "mittente esterno",
    "esterno all", "van buiten", "externe afzender", "buiten de organi", "utanför organi", "extern avsändare",
    "ekstern avsender", "ekstern afsender", "udefra", "ulkopuol", "spoza organi", "zewnętrzn", "mimo organi",
    "externího", "külső", "внешн", "зовніш", "kuruluş dışı", "harici", "外部", "社外", "組織外", "외부",
];

/// Takes out a banner above the text.
pub(super) fn mark_above(lines: &[Line], roles: &mut [Role], limit: usize) {
    let Some(start) = (0..limit).find(|at| is_new(lines, roles, *at)) else {
        return;
    };
    let end = (start..limit)
        .find(|at| !is_new(lines, roles, *at))
        .unwrap_or(limit);
    if end - start > MAX_LINES || !has_text(lines, roles, end..limit) {
        return;
    }
    let text: Vec<&str> = lines
        .get(start..end)
        .unwrap_or_default()
        .iter()
        .map(|line| line.text.trim())
        .collect();
    if is_banner(&text.join(" ")) {
        take_out(roles, start..end);
    }
}

fn is_banner(text: &str) -> bool {
    let lower = text.to_lowercase();
    let lower = lower.trim_start_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '[' | '【'));
    lower.chars().count() < 600
        && OPENINGS.iter().any(|opening| lower.starts_with(opening))
        && REASONS.iter().any(|reason| lower.contains(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn banners_are_told_from_what_people_write() {
        for text in [
            "CAUTION: This email originated from outside of the company. Do not click links unless you know the sender.",
            "[EXTERNAL EMAIL] Be careful with attachments.",
            "ACHTUNG: Diese E-Mail stammt von einem externen Absender.",
            "⚠ ATTENTION : ce message provient de l'extérieur de l'entreprise.",
        ] {
            assert!(is_banner(text), "{text}");
        }
        for text in [
            "Caution: the road is icy.",
            "The cat is outside of the house.",
            "Attention please, dinner is ready",
        ] {
            assert!(!is_banner(text), "{text}");
        }
    }
}
