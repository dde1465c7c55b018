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
