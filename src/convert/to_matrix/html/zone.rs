//! The marks that mail programs leave in their HTML: what is attribution, quotation, signature.

use crate::convert::html::Element;
use crate::convert::to_matrix::lines::Zone;

/// Whether the element has one of the classes.
pub(super) fn has_class(element: Element<'_>, wanted: &[&str]) -> bool {
    element
        .attribute("class")
        .unwrap_or_default()
        .split_whitespace()
        .any(|class| wanted.contains(&class))
}

/// What the element is for the mail program that wrote it.
pub(super) fn zone_of(element: Element<'_>) -> Option<Zone> {
    let id = element.attribute("id").unwrap_or_default();
    if has_class(
        element,
        &[
            "gmail_attr",
            "moz-cite-prefix",
            "moz-email-headers-table",
            "protonmail_quote_header",
            "gmail_quote_attribution",
        ],
    ) || id == "reply-intro"
    {
        return Some(Zone::Attribution);
    }
    if has_class(
        element,
        &[
            "yahoo_quoted",
            "protonmail_quote",
            "tutanota_quote",
            "zmail_extra",
            "ms-outlook-mobile-reference-message",
        ],
    ) || matches!(
        id,
        "yahoo_quoted" | "OLK_SRC_BODY_SECTION" | "isReplyContent" | "mail-app-auto-quote"
    ) || id.starts_with("yahoo_quoted_")
        || (element.name() == "blockquote"
            && element
                .attribute("type")
                .is_some_and(|kind| kind.eq_ignore_ascii_case("cite")))
    {
        return Some(Zone::Quote);
    }
    if has_class(
        element,
        &[
            "gmail_signature",
            "moz-signature",
            "protonmail_signature_block",
            "gmail_signature_prefix",
        ],
    ) || matches!(
        id,
        "Signature" | "signature" | "ms-outlook-mobile-signature" | "AppleMailSignature"
    ) {
        return Some(Zone::Signature);
    }
    None
}

/// True for a `blockquote` that only indents, as the composers of Gmail and Apple Mail make it: it has no border.
pub(super) fn only_indents(element: Element<'_>) -> bool {
    let style = element.attribute("style").unwrap_or_default();
    let style = style.to_lowercase().replace(' ', "");
    let cites = element
        .attribute("type")
        .is_some_and(|kind| kind.eq_ignore_ascii_case("cite"));
    has_class(element, &["webkit-indent-blockquote"]) || (style.contains("border:none") && !cites)
}

/// True for the container that Gmail puts around what is answered; the same class on a `blockquote` outside of it is
/// a quotation that the writer made.
pub(super) fn is_gmail_container(element: Element<'_>) -> bool {
    element.name() == "div" && has_class(element, &["gmail_quote", "gmail_quote_container"])
}

/// The marks after which everything is the message that is answered (Outlook).
pub(super) fn starts_quotation(element: Element<'_>) -> Option<Zone> {
    let id = element.attribute("id").unwrap_or_default();
    let marks = [
        "divRplyFwdMsg",
        "x_divRplyFwdMsg",
        "appendonsend",
        "x_appendonsend",
        "stopSpelling",
    ];
    marks.contains(&id).then_some(Zone::Quote)
}
