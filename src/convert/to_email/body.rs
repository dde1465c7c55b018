//! The plain text of a message: `body`, cleaned, without the copy of what it answers.

/// Makes a text fit for a mail: LF line ends, no control characters but tabs, no blank lines around it.
///
/// NUL would end the mail for programs written in C, and bare CR is forbidden (RFC 5322, section 2.3).
pub(super) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut after_return = false;
    for c in text.chars() {
        match c {
            '\n' if after_return => {}
            '\r' | '\n' => out.push('\n'),
            '\t' => out.push(c),
            c if c.is_control() || c == '\u{feff}' => {}
            c => out.push(c),
        }
        after_return = c == '\r';
    }
    let kept = out.trim_end().len();
    out.truncate(kept);
    let blank: usize = out
        .split_inclusive('\n')
        .take_while(|line| line.trim().is_empty())
        .map(str::len)
        .sum();
    out.drain(..blank);
    out
}

/// Removes the reply fallback that clients put into `body` before version 1.13 of the specification
/// (client-server API, "Rich replies"): lines that begin with `> `, of which the first names a user, and a blank line.
///
/// A text that begins with a quotation of the writer's own names no user and stays.
pub(super) fn without_reply_fallback(body: &str) -> &str {
    if !body.starts_with("> <@") && !body.starts_with("> * <@") {
        return body;
    }
    let quoted: usize = body
        .split_inclusive('\n')
        .take_while(|line| line.starts_with("> ") || line.trim_end() == ">")
        .map(str::len)
        .sum();
    let rest = body.get(quoted..).unwrap_or_default();
    rest.strip_prefix("\r\n")
        .or_else(|| rest.strip_prefix('\n'))
        .unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cleaned() {
        for (given, expected) in [
            ("hi", "hi"),
            ("a\r\nb\rc\nd", "a\nb\nc\nd"),
            ("a\0b\u{7}c\td\u{feff}", "abc\td"),
            ("\n \n  indented\n\n\nend  \n", "  indented\n\n\nend"),
            ("\u{2028}", ""),
        ] {
            assert_eq!(clean(given), expected, "{given:?}");
        }
    }

    #[test]
    fn reply_fallback_is_removed_and_nothing_else() {
        for (given, expected) in [
            ("> <@alice:hs.test> hi\n> there\n\nhello", "hello"),
            ("> * <@alice:hs.test> waves\n\nhello\n> mine", "hello\n> mine"),
            ("> <@alice:hs.test> hi\n>\n> more\r\n\r\nhello", "hello"),
            ("> my own quotation\n\nhello", "> my own quotation\n\nhello"),
            ("> <@alice:hs.test> only that", ""),
            ("hello", "hello"),
        ] {
            assert_eq!(without_reply_fallback(given), expected, "{given:?}");
        }
    }
}
