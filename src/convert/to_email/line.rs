//! Foreign texts made fit for one line: names, subjects, file names.

/// Makes a text fit for one line of at most `longest` characters: control and invisible formatting characters are
/// gone, runs of blanks are one blank, and what is too long ends with an ellipsis.
///
/// Display names of 60 KB exist: homeservers limit them by bytes of the whole event only.
pub(super) fn line(text: &str, longest: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    for c in text.chars() {
        if is_invisible(c) && !is_joiner(c) {
            continue;
        }
        let c = if c.is_whitespace() || c.is_control() {
            ' '
        } else {
            c
        };
        if c == ' ' && (out.is_empty() || out.ends_with(' ')) {
            continue;
        }
        if length == longest {
            out.pop();
            let kept = out.trim_end().len();
            out.truncate(kept);
            out.push('…');
            return out;
        }
        out.push(c);
        length += 1;
    }
    let kept = out.trim_end().len();
    out.truncate(kept);
    // Nothing but joiners is nothing that a person could see.
    if out.chars().all(is_joiner) {
        out.clear();
    }
    out
}

/// Characters without a glyph: they can only reorder or hide what stands around them (Unicode Technical Report 36,
/// section 2.5.2), as in `annexe\u{202e}gpj.exe`.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Joiners belong to emoji families and to Persian and Indic spelling.
pub(super) fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_hold_nothing_that_hides() {
        for (given, expected) in [
            ("Bob", "Bob"),
            ("  Bob \t Bldr\u{a0}", "Bob Bldr"),
            ("x\r\nBcc: e", "x Bcc: e"),
            ("a\u{202e}b\u{2066}c\u{feff}\0", "abc"),
            ("\u{200d}\u{200c}", ""),
            ("👩\u{200d}👧", "👩\u{200d}👧"),
            ("123456789 ab", "123456789…"),
            ("1234567890ab", "123456789…"),
            ("1234567890", "1234567890"),
        ] {
            assert_eq!(line(given, 10), expected, "{given:?}");
        }
        assert_eq!(line(&"ü".repeat(60_000), 80).chars().count(), 80);
    }
}
