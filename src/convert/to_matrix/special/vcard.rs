//! Contacts (RFC 6350, and vCard 2.1 as telephones write it).

use super::{property, unfold};

/// How many lines are read; a photo is one folded line.
const MAX_LINES: usize = 2_000;

/// Name, numbers and addresses of the first contact.
pub(super) fn line(text: &str) -> Option<String> {
    let text = unfold(text);
    let mut name = None;
    let mut ways = Vec::new();
    let mut contacts = 0_usize;
    for property in text.lines().take(MAX_LINES).filter_map(property) {
        match property.name.as_str() {
            "BEGIN" => contacts += 1,
            "FN" if contacts == 1 => name = Some(property.value),
            "N" if contacts == 1 && name.is_none() => {
                let parts: Vec<&str> = property
                    .value
                    .split(';')
                    .filter(|part| !part.is_empty())
                    .collect();
                name = Some(parts.into_iter().rev().collect::<Vec<_>>().join(" "));
            }
            "TEL" | "EMAIL" if contacts == 1 && ways.len() < 4 => {
                ways.push(property.value.trim_start_matches("tel:").to_owned());
            }
            _ => {}
        }
    }
    let mut parts = vec![format!("Contact: {}", name.filter(|name| !name.is_empty())?)];
    parts.extend(ways);
    if contacts > 1 {
        parts.push(format!("and {} more", contacts - 1));
    }
    Some(parts.join(" · "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contacts_are_one_line() {
        let card = "BEGIN:VCARD\nVERSION:3.0\nN:Smith;Alice;;;\nFN:Alice Smith\nitem1.EMAIL;TYPE=work:alice@example.org\nTEL:+49 30 1\nEND:VCARD\n";
        assert_eq!(
            line(card).unwrap(),
            "Contact: Alice Smith · alice@example.org · +49 30 1"
        );
        assert_eq!(
            line(&card.repeat(3)).unwrap(),
            "Contact: Alice Smith · alice@example.org · +49 30 1 · and 2 more"
        );
        assert_eq!(
            line("BEGIN:VCARD\nN:Smith;Alice\nEND:VCARD").unwrap(),
            "Contact: Alice Smith"
        );
        assert_eq!(line("nothing"), None);
    }
}
