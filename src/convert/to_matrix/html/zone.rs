//! The marks that mail programs leave in their HTML: what is attribution, quotation, signature.

use super::tree::Node;
use crate::convert::to_matrix::lines::Zone;

/// Whether the element has one of the classes.
pub(super) fn has_class(node: &Node, wanted: &[&str]) -> bool {
    node.attribute("class")
        .split_whitespace()
        .any(|class| wanted.contains(&class))
}

/// What the element is for the mail program that wrote it.
pub(super) fn zone_of(node: &Node) -> Option<Zone> {
    let id = node.attribute("id");
    if has_class(
        node,
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
        node,
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
        || (node.name() == "blockquote" && node.attribute("type").eq_ignore_ascii_case("cite"))
    {
        return Some(Zone::Quote);
    }
    if has_class(
        node,
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
pub(super) fn starts_quotation(node: &Node) -> Option<Zone> {
    let id = node.attribute("id");
    let marks = [
        "divRplyFwdMsg",
        "x_divRplyFwdMsg",
        "appendonsend",
        "x_appendonsend",
        "stopSpelling",
    ];
    marks.contains(&id).then_some(Zone::Quote)
}
