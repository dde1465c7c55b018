//! `OpenPGP` in the text itself (RFC 9580, sections 6 and 7), as it was sent before there was PGP/MIME, and still is.

/// What a text holds.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Pgp {
    /// Signed: the text without the frame and the signature.
    Signed(String),
    /// Encrypted: the text around the message, and the message.
    Encrypted(String, String),
}

const SIGNED: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
const SIGNATURE_END: &str = "-----END PGP SIGNATURE-----";
const MESSAGE: &str = "-----BEGIN PGP MESSAGE-----";
const MESSAGE_END: &str = "-----END PGP MESSAGE-----";

/// Takes a text apart; `None` when there is no `OpenPGP` in it. A quoted frame is left alone.
pub(in super::super) fn open(text: &str) -> Option<Pgp> {
    let has = |mark: &str| text.lines().any(|line| line.trim_end() == mark);
    if !text.contains("-----BEGIN PGP ") {
        None
    } else if has(SIGNED) && has(SIGNATURE) {
        Some(Pgp::Signed(unframe(text)))
    } else if has(MESSAGE) && has(MESSAGE_END) {
        let (inside, outside) = separate(text);
        Some(Pgp::Encrypted(outside, inside))
    } else {
        None
    }
}

fn unframe(text: &str) -> String {
    #[derive(PartialEq)]
    enum At {
        Outside,
        Heading,
        Text,
        Signature,
    }
    let mut at = At::Outside;
    let mut kept = Vec::new();
    for line in text.lines() {
        let mark = line.trim_end();
        match at {
            At::Outside if mark == SIGNED => at = At::Heading,
            At::Heading if mark.is_empty() => at = At::Text,
            At::Text if mark == SIGNATURE => at = At::Signature,
            // What begins with a hyphen is written with another one before it (section 7.2).
            At::Text => kept.push(line.strip_prefix("- ").unwrap_or(line)),
            At::Signature if mark == SIGNATURE_END => at = At::Outside,
            At::Heading | At::Signature => {}
            At::Outside => kept.push(line),
        }
    }
    kept.join("\n")
}

/// The first encrypted message, and all other lines.
fn separate(text: &str) -> (String, String) {
    let lines: Vec<&str> = text.lines().collect();
    let find = |mark: &str| lines.iter().position(|line| line.trim_end() == mark);
    let begin = find(MESSAGE).unwrap_or(0);
    let end = find(MESSAGE_END)
        .filter(|end| *end > begin)
        .unwrap_or(lines.len());
    let (before, rest) = lines.split_at_checked(begin).unwrap_or_default();
    let (inside, after) = rest.split_at_checked(end - begin + 1).unwrap_or((rest, &[]));
    let outside = [before, after].concat().join("\n");
    (inside.join("\n"), outside.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_away() {
        let signed = "Above\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nHello,\n- - one\n- -- \nAlice\n-----BEGIN PGP SIGNATURE-----\n\niQ==\n=ab\n-----END PGP SIGNATURE-----\nBelow";
        assert_eq!(
            open(signed),
            Some(Pgp::Signed("Above\nHello,\n- one\n-- \nAlice\nBelow".to_owned()))
        );
        let encrypted = "For you:\n-----BEGIN PGP MESSAGE-----\n\nhQ==\n-----END PGP MESSAGE-----\n";
        assert_eq!(
            open(encrypted),
            Some(Pgp::Encrypted(
                "For you:".to_owned(),
                "-----BEGIN PGP MESSAGE-----\n\nhQ==\n-----END PGP MESSAGE-----".to_owned()
            ))
        );
        for text in [
            "Hello",
            &signed.replace("\n-", "\n> -"),
            "Write -----BEGIN PGP MESSAGE----- above it",
        ] {
            assert_eq!(open(text), None);
        }
    }
}
