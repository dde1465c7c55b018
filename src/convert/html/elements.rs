//! What kinds of elements there are, for reading them and for setting their text.

use html5ever::tokenizer::states::RawKind;

/// Elements without content and end tag (HTML, section 13.1.2).
pub(super) fn is_void(name: &str) -> bool {
    matches!(
        name,
        "area"
            | "base"
            | "br"
            | "col"
            | "embed"
            | "hr"
            | "img"
            | "input"
            | "link"
            | "meta"
            | "param"
            | "source"
            | "track"
            | "wbr"
    )
}

/// Elements whose content is text without markup (HTML, section 13.2.6.4), all of them unread.
pub(super) fn raw_kind(name: &str) -> Option<RawKind> {
    match name {
        "title" | "textarea" => Some(RawKind::Rcdata),
        "style" | "xmp" | "iframe" | "noembed" | "noframes" => Some(RawKind::Rawtext),
        "script" => Some(RawKind::ScriptData),
        _ => None,
    }
}

/// Elements whose content is no text for a reader, or repeats what was answered. The tree does not hold them.
pub(super) fn is_unread(name: &str) -> bool {
    raw_kind(name).is_some()
        || matches!(
            name,
            "area"
                | "audio"
                | "base"
                | "canvas"
                | "datalist"
                | "input"
                | "link"
                | "map"
                | "math"
                | "meta"
                | "mx-reply"
                | "noscript"
                | "object"
                | "param"
                | "select"
                | "source"
                | "svg"
                | "template"
                | "track"
                | "video"
                | "xml"
        )
}

/// Elements that mark a piece of a line.
pub(super) fn is_formatting(name: &str) -> bool {
    matches!(
        name,
        "a" | "b"
            | "big"
            | "code"
            | "del"
            | "em"
            | "font"
            | "i"
            | "ins"
            | "s"
            | "small"
            | "span"
            | "strike"
            | "strong"
            | "sub"
            | "sup"
            | "tt"
            | "u"
    )
}

/// Elements with a blank line before and after.
pub(in crate::convert) fn is_paragraph(name: &str) -> bool {
    matches!(
        name,
        "blockquote" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "ol" | "p" | "pre" | "ul"
    )
}

/// The parts of a table between it and its cells' text.
pub(in crate::convert) fn is_table_part(name: &str) -> bool {
    matches!(name, "caption" | "tbody" | "tfoot" | "thead" | "tr")
}

/// Elements that begin a line of their own; the cells of a table stand beside each other.
pub(in crate::convert) fn is_block(name: &str) -> bool {
    is_paragraph(name)
        || is_table_part(name)
        || matches!(
            name,
            "address"
                | "article"
                | "aside"
                | "center"
                | "dd"
                | "details"
                | "div"
                | "dl"
                | "dt"
                | "fieldset"
                | "figcaption"
                | "figure"
                | "footer"
                | "form"
                | "header"
                | "hr"
                | "li"
                | "main"
                | "nav"
                | "section"
                | "summary"
                | "table"
        )
}
