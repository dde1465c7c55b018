//! Plain text that holds quoted lines, as HTML: chat programs show no marks as quotations.

use super::html::escape;

/// How deep quotations are shown in each other.
const MAX_DEPTH: usize = 5;

/// The markup of a text in which lines are quoted with `>`; `None` where none is.
pub(super) fn markup(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let quoted = lines.iter().any(|line| line.starts_with('>'));
    quoted.then(|| {
        let mut out = String::with_capacity(2 * text.len());
        write(&lines, 0, &mut out);
        out
    })
}

fn write(lines: &[&str], depth: usize, out: &mut String) {
    let is_quoted = |line: &&str| depth < MAX_DEPTH && line.starts_with('>');
    for run in lines.chunk_by(|one, next| is_quoted(one) == is_quoted(next)) {
        if run.first().is_some_and(is_quoted) {
            let inner: Vec<&str> = run
                .iter()
                .filter_map(|line| line.strip_prefix('>'))
                .map(|line| line.strip_prefix(' ').unwrap_or(line))
                .collect();
            out.push_str("<blockquote>");
            write(&inner, depth + 1, out);
            out.push_str("</blockquote>");
            continue;
        }
        let blank = |line: &&&str| line.trim().is_empty();
        let start = run.iter().take_while(blank).count();
        let end = run.len() - run.iter().rev().take_while(blank).count();
        for (index, line) in run.get(start..end).unwrap_or_default().iter().enumerate() {
            out.push_str(if index > 0 { "<br>" } else { "" });
            let text = line.trim_start_matches(' ');
            // The blanks before code would not be shown.
            out.push_str(&"\u{a0}".repeat(line.len() - text.len()));
            escape(text, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_quotations() {
        for (text, expected) in [
            ("no marks", None),
            (
                "> one\n> two\nthree",
                Some("<blockquote>one<br>two</blockquote>three"),
            ),
            (
                "Hi,\n\n> When?\n\nAt <ten>.\n  x\n\n>> deep\n> less",
                Some(
                    "Hi,<blockquote>When?</blockquote>At &lt;ten&gt;.<br>\u{a0}\u{a0}x<blockquote><blockquote>deep</blockquote>less</blockquote>",
                ),
            ),
            (">", Some("<blockquote></blockquote>")),
        ] {
            assert_eq!(markup(text).as_deref(), expected, "{text:?}");
        }
    }
}
