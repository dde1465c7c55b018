//! Plain text as it was meant: soft line breaks joined (RFC 3676).

/// What was kept in a file of mails has `>From ` where a line began with `From ` (RFC 4155): such a line alone is no quotation,
/// unless it is introduced as one.
pub(super) fn undo_mailbox_marks(text: String) -> String {
    if !text.starts_with(">From ") && !text.contains("\n>From ") {
        return text;
    }
    let lines: Vec<&str> = text.split('\n').collect();
    let line = |at: Option<usize>| at.and_then(|at| lines.get(at)).copied().unwrap_or_default();
    let mut out = Vec::with_capacity(lines.len());
    for index in 0..lines.len() {
        let own = line(Some(index));
        let above = lines
            .iter()
            .take(index)
            .rev()
            .find(|line| !line.trim().is_empty());
        let is_quotation = line(index.checked_sub(1)).starts_with('>')
            || line(Some(index + 1)).starts_with('>')
            || above.is_some_and(|above| above.trim_end().ends_with([':', '：']));
        out.push(match own.strip_prefix('>') {
            Some(rest) if rest.starts_with("From ") && !is_quotation => rest,
            _ => own,
        });
    }
    out.join("\n")
}

/// Undoes format=flowed. With `delsp` the space before a soft break goes too.
pub(super) fn unflow(text: &str, delsp: bool) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut open: Option<usize> = None;
    for line in text.split('\n') {
        let depth = line.bytes().take_while(|byte| *byte == b'>').count();
        let stuffed = line.get(depth..).unwrap_or_default();
        let content = stuffed.strip_prefix(' ').unwrap_or(stuffed);
        let soft = content.ends_with(' ') && content != "-- ";
        let shown = if soft && delsp {
            content.strip_suffix(' ').unwrap_or(content)
        } else {
            content
        };
        match lines
            .last_mut()
            .filter(|_| open == Some(depth) && content != "-- ")
        {
            Some(last) => last.push_str(shown),
            None if depth > 0 => lines.push(format!("{} {shown}", ">".repeat(depth))),
            None => lines.push(shown.to_owned()),
        }
        open = soft.then_some(depth);
    }
    lines.join("\n")
}

/// The width at which a text was wrapped by a program lies between these, in characters.
const WRAPPED: std::ops::RangeInclusive<usize> = 60..=80;

/// Joins the lines of paragraphs that a mail program wrapped: only lines whose end the next word would not have fitted
/// into, and nothing that looks like a list, a quotation, code or a table.
pub(super) fn rejoin(text: &str) -> String {
    let width = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    // One line that happens to be full is no sign of wrapping.
    let full = text
        .lines()
        .zip(text.lines().skip(1))
        .filter(|(line, next)| goes_on(line, next, width))
        .count();
    if !WRAPPED.contains(&width) || full < 2 {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut before: Option<&str> = None;
    let mut code = false;
    for line in text.lines() {
        code ^= line.trim_start().starts_with("```");
        if let Some(before) = before {
            out.push(if !code && goes_on(before, line, width) {
                ' '
            } else {
                '\n'
            });
        }
        out.push_str(line);
        before = Some(line);
    }
    out
}

/// Whether `line` continues the paragraph of `before`.
fn goes_on(before: &str, line: &str, width: usize) -> bool {
    let first = line.split(' ').next().unwrap_or_default();
    let full = before.chars().count() + 1 + first.chars().count() > width;
    let prose = |line: &str| {
        line.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '"' | '(' | '„' | '“' | '‘' | '«'))
    };
    let numbered = first.ends_with(['.', ')'])
        && first
            .trim_end_matches(['.', ')'])
            .chars()
            .all(|c| c.is_ascii_digit());
    let words = before
        .split(' ')
        .filter(|word| word.chars().any(char::is_alphabetic))
        .count();
    full && prose(before)
        && prose(line)
        && !numbered
        && words >= 4
        && !before.contains("  ")
        && !before.ends_with("://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapped_paragraphs_are_joined_and_nothing_else_is() {
        let long = "This is a paragraph that some mail program wrapped at a width of\nseventy characters or so, as it was the custom for many years and\nstill is.";
        assert_eq!(rejoin(long), long.replace('\n', " "));
        for text in [
            "short\nlines\nstay",
            "A first line that is just about as long as lines of a mail may become\n- and a list\n- of two",
            "A first line that is just about as long as lines of a mail may become\n> and a quotation",
            "A first line that is just about as long as lines of a mail may become\n\nand a paragraph",
            "A line that ends early, by choice.\nAnd another one, somewhat longer than the first, by some words too",
            "    let x = some_function_with_a_long_name(and, many, parameters, in_it);\n    return x",
        ] {
            assert_eq!(rejoin(text), text);
        }
    }

    #[test]
    fn lines_that_a_mailbox_marked_are_no_quotations() {
        for (given, expected) in [
            ("One.\n\n>From here on\n\nall.", "One.\n\nFrom here on\n\nall."),
            (">From here", "From here"),
            (">From here\n>to there", ">From here\n>to there"),
            ("Alice wrote:\n\n>From here", "Alice wrote:\n\n>From here"),
            ("> From here", "> From here"),
        ] {
            assert_eq!(undo_mailbox_marks(given.to_owned()), expected, "{given:?}");
        }
    }

    #[test]
    fn soft_breaks_are_joined_within_one_depth_of_quotation() {
        for (given, delsp, expected) in [
            ("one \ntwo\nthree", false, "one two\nthree"),
            ("one \ntwo", true, "onetwo"),
            ("> one \n> two\nthree", false, "> one two\nthree"),
            (">> a \n> b", false, ">> a \n> b"),
            ("text \n-- \nname", false, "text \n-- \nname"),
            (" From here", false, "From here"),
            ("\n\nlate", false, "\n\nlate"),
        ] {
            assert_eq!(unflow(given, delsp), expected, "{given:?}");
        }
    }
}
