//! Line ends in Matrix's HTML: where one is due, and where the elements around it make one already.

const BREAK: &str = "<br>";

/// Elements that begin a line of their own, with some space around them: no line end is needed beside them.
const SPACED: &[&str] = &[
    "blockquote",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "ol",
    "p",
    "pre",
    "table",
    "ul",
];

/// Ends the line, unless it is ended already.
pub(super) fn line_end(out: &mut String) {
    out.truncate(out.trim_end().len());
    let last = out
        .rfind('<')
        .and_then(|at| out.get(at..))
        .filter(|tag| tag.ends_with('>'));
    let name = last.map(|tag| tag.trim_matches(['<', '/', '>']));
    let is_ended = out.is_empty()
        || name.is_some_and(|name| SPACED.contains(&name) || matches!(name, "br" | "hr" | "li"));
    if !is_ended {
        out.push_str(BREAK);
    }
}

/// Takes the blanks at the edges of a block away, and the line end at its end, which browsers do not show.
pub(super) fn trim_block(inner: &mut String) {
    let is_blank = |c: char| c.is_ascii_whitespace();
    let text = inner.trim_matches(is_blank);
    let text = text
        .strip_suffix(BREAK)
        .unwrap_or(text)
        .trim_end_matches(is_blank);
    *inner = text.to_owned();
}

/// Takes the line ends away that stand at the beginning, at the end, or beside elements that have space around them; of the
/// others two in a row are enough.
pub(super) fn tidy(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html.trim();
    while let Some((text, after)) = rest.split_once(BREAK) {
        out.push_str(text);
        let mut count = 1;
        rest = after;
        while let Some(after) = rest.trim_start().strip_prefix(BREAK) {
            count += 1;
            rest = after;
        }
        // At the beginning and the end of a list's item or a quotation they would show.
        if !(text.is_empty() && out.is_empty()
            || rest.trim().is_empty()
            || ends_spaced(&out)
            || starts_spaced(rest))
        {
            out.push_str(BREAK);
            out.push_str(if count > 1 { BREAK } else { "" });
        }
    }
    out.push_str(rest);
    out
}

fn starts_spaced(html: &str) -> bool {
    let tag = html
        .trim_start()
        .strip_prefix('<')
        .and_then(|rest| rest.split(['>', ' ']).next());
    tag.is_some_and(|name| SPACED.contains(&name))
}

fn ends_spaced(html: &str) -> bool {
    let html = html.trim_end();
    let tag = html
        .rfind("</")
        .and_then(|at| html.get(at + 2..))
        .and_then(|tag| tag.strip_suffix('>'));
    tag.is_some_and(|name| SPACED.contains(&name))
}
