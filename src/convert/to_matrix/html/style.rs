//! What inline style says that matters in a chat.

use super::zone::has_class;
use crate::convert::html::Element;

/// The value of a property in the `style` attribute, in lower case without blanks.
pub(super) fn property(element: Element<'_>, name: &str) -> Option<String> {
    let style = element.attribute("style")?;
    style.split(';').find_map(|declaration| {
        let (property, value) = declaration.split_once(':')?;
        property.trim().eq_ignore_ascii_case(name).then(|| {
            value
                .to_lowercase()
                .replace("!important", "")
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        })
    })
}

/// True for what is not meant to be read: preheaders, tracking pixels. A font size of zero hides nothing: MJML and its like
/// put it on every cell and set the size again inside; `mso-hide` hides from Outlook alone.
pub(super) fn is_hidden(element: Element<'_>) -> bool {
    let is = |name: &str, values: &[&str]| {
        property(element, name).is_some_and(|value| values.contains(&value.as_str()))
    };
    let zero = ["0", "0px", "0pt", "0em"];
    element
        .attribute("style")
        .is_some_and(|style| style.len() < 4_096 && may_hide(style))
        && (is("display", &["none"])
            || is("visibility", &["hidden"])
            || is("opacity", &["0"])
            || (is("max-height", &zero) && is("overflow", &["hidden"])))
}

/// The mark of an item of a list as Word writes it, a paragraph with a symbol and many blanks: `- `, or the number as it stands. `text` is
/// asked for only where there is one.
pub(super) fn list_mark(element: Element<'_>, text: impl Fn() -> String) -> Option<String> {
    if element.name() != "span" || property(element, "mso-list").as_deref() != Some("ignore") {
        return None;
    }
    let mark = text();
    let mark = mark.trim_matches(|c: char| c.is_whitespace());
    let is_number = mark.ends_with(['.', ')']) && mark.chars().count() <= 8;
    Some(if is_number {
        format!("{mark} ")
    } else {
        "- ".to_owned()
    })
}

/// True for such an item.
pub(super) fn is_list_item(element: Element<'_>) -> bool {
    element.name() == "p"
        && element
            .attribute("class")
            .is_some_and(|class| class.starts_with("MsoListParagraph"))
}

/// True for a paragraph that is no more than a line: those of Word have no space around them, and an empty one is the gap.
pub(super) fn is_line(element: Element<'_>) -> bool {
    let word = ["MsoNormal", "MsoNoSpacing", "MsoPlainText"];
    let has_gap = || {
        ["margin-top", "margin-bottom"].iter().any(|side| {
            property(element, side).is_some_and(|size| {
                size.trim_start_matches(['0', '.'])
                    .starts_with(|c: char| c.is_ascii_digit())
            })
        })
    };
    element.name() == "p" && has_class(element, &word) && !has_gap()
}

/// Whether one of the properties by which things are hidden is set. Most styles have none.
fn may_hide(style: &str) -> bool {
    let names = style
        .split(';')
        .filter_map(|declaration| Some(declaration.split_once(':')?.0.trim()));
    let hide = ["display", "visibility", "opacity", "max-height"];
    let mut hiding = names.filter(|name| hide.iter().any(|property| name.eq_ignore_ascii_case(property)));
    hiding.next().is_some()
}

/// Whether line ends and blanks count in the element, where it says so.
pub(super) fn keeps_lines(element: Element<'_>) -> Option<bool> {
    let styled = element
        .attribute("style")
        .filter(|style| style.contains("white-space"))
        .and_then(|_| property(element, "white-space"));
    match styled.as_deref() {
        Some("pre" | "pre-wrap" | "pre-line" | "break-spaces") => Some(true),
        Some("normal" | "nowrap") => Some(false),
        _ => (element.name() == "pre").then_some(true),
    }
}

/// True for a `pre` that is no code: the text of mails that were written as plain text (Thunderbird, K-9, `NetEase`).
pub(super) fn is_plain_text(element: Element<'_>) -> bool {
    element.name() == "pre"
        && (has_class(element, &["moz-quote-pre", "k9mail", "moz-signature"])
            || element.attribute("wrap").is_some())
}

/// True where the style makes the text bold.
pub(super) fn is_bold(element: Element<'_>) -> bool {
    property(element, "font-weight")
        .is_some_and(|weight| matches!(weight.as_str(), "bold" | "bolder" | "600" | "700" | "800" | "900"))
}

/// True where the style makes the text italic.
pub(super) fn is_italic(element: Element<'_>) -> bool {
    property(element, "font-style").is_some_and(|style| style == "italic")
}

/// True where the style strikes the text through.
pub(super) fn is_struck(element: Element<'_>) -> bool {
    ["text-decoration", "text-decoration-line"]
        .iter()
        .any(|name| property(element, name).is_some_and(|value| value.contains("line-through")))
}
