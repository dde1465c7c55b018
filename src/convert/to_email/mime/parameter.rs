//! Parameters of `Content-Type` and `Content-Disposition`, above all file names.

use super::word;

/// A parameter value that is short and harmless may stand in quotes as it is.
const PLAIN: usize = 60;
/// Encoded characters in one section of a long value (RFC 2231, section 3), so that its line stays below 78.
const SECTION: usize = 56;

/// A parameter by RFC 2231, in words between which a line may be folded: `filename="a.png"`, or
/// `filename*=UTF-8''%C3%A4.png`, or in several sections.
pub(super) fn extended(name: &str, value: &str) -> Vec<String> {
    if is_plain(value) {
        return vec![format!("{name}=\"{value}\"")];
    }
    let mut sections = vec![String::new()];
    for c in value.chars() {
        let encoded = percent(c);
        let full = sections
            .last()
            .is_none_or(|section| section.len() + encoded.len() > SECTION);
        if full {
            sections.push(String::new());
        }
        if let Some(section) = sections.last_mut() {
            section.push_str(&encoded);
        }
    }
    if let [only] = sections.as_slice() {
        return vec![format!("{name}*=UTF-8''{only}")];
    }
    let last = sections.len() - 1;
    let section = |(index, text): (usize, &String)| {
        let charset = if index == 0 { "UTF-8''" } else { "" };
        let end = if index == last { "" } else { ";" };
        format!("{name}*{index}*={charset}{text}{end}")
    };
    sections.iter().enumerate().map(section).collect()
}

/// A parameter with encoded words in quotes. RFC 2047, section 5, forbids it; Outlook before 2010 and many web mailers
/// read file names in no other form, and all others prefer the extended one.
pub(super) fn encoded_word(name: &str, value: &str) -> Vec<String> {
    if is_plain(value) {
        return vec![format!("{name}=\"{value}\"")];
    }
    let mut words = word::encode(value);
    if let Some(first) = words.first_mut() {
        first.insert_str(0, &format!("{name}=\""));
    }
    if let Some(last) = words.last_mut() {
        last.push('"');
    }
    words
}

fn is_plain(value: &str) -> bool {
    value.len() <= PLAIN && !word::needs_encoding(value) && !value.contains(['"', '\\', '%'])
}

/// RFC 2231's `attribute-char`, or the character's UTF-8 in per cent signs.
fn percent(c: char) -> String {
    if c.is_ascii_alphanumeric() || "!#$&+-.^_`{|}~".contains(c) {
        return c.to_string();
    }
    let hex = |byte| format!("%{}", data_encoding::HEXUPPER.encode(&[byte]));
    c.encode_utf8(&mut [0; 4]).bytes().map(hex).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_encoded_as_needed() {
        assert_eq!(
            extended("filename", "my report.pdf"),
            ["filename=\"my report.pdf\""]
        );
        assert_eq!(
            extended("filename", "ä\".pdf"),
            ["filename*=UTF-8''%C3%A4%22.pdf"]
        );
        assert_eq!(
            encoded_word("name", "ä.pdf"),
            ["name=\"=?UTF-8?Q?=C3=A4=2Epdf?=\""]
        );
        let long = extended("filename", &"ö".repeat(20));
        assert_eq!(long.len(), 3);
        assert!(long[0].starts_with("filename*0*=UTF-8''%C3%B6") && long[0].ends_with(';'));
        assert!(long[2].starts_with("filename*2*=%C3%B6") && !long[2].ends_with(';'));
    }
}
