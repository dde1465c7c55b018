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

/// The classes, `id`s, `name`s and `data-marker`s that mail programs give to attributions.
const ATTRIBUTIONS: &[&str] = &[
    "airmail_on",
    "gmail_attr",
    "gmail_quote_attribution",
    "moz-cite-prefix",
    "moz-email-headers-table",
    "airmail_ext_on",
    "protonmail_quote_header",
    "reply-intro",
];
/// Those of quotations.
const QUOTATIONS: &[&str] = &[
    "CanaryBlockquote",
    "OLK_SRC_BODY_SECTION",
    "__HEADERS__",
    "__QUOTED_TEXT__",
    "aqm-original",
    "cm_replymail_content_wrap",
    "front-blockquote",
    "iosymail",
    "isReplyContent",
    "mail-app-auto-quote",
    "mail-editor-reference-message-container",
    "messageReplySection",
    "missive_quote",
    "ms-outlook-mobile-reference-message",
    "ntes-mailmaster-quote",
    "ntes-pcmac-quote",
    "oriMsgHtmlSeperator",
    "protonmail_quote",
    "quote",
    "quoted-content",
    "replied_mail_content",
    "reply139content",
    "sh-quoted-content",
    "skiff_quote",
    "spark_quote",
    "tutanota_quote",
    "yahoo_quoted",
    "zmail_extra",
];
/// Those of signatures.
const SIGNATURES: &[&str] = &[
    "AppleMailSignature",
    "CanarySig",
    "Signature",
    "__SIG_POST__",
    "__SIG_PRE__",
    "acompli_signature",
    "bloop_sign",
    "composer_signature",
    "edo-signature",
    "front-signature",
    "gmail_signature",
    "gmail_signature_prefix",
    "k9mail-signature",
    "mailbox_signature",
    "messageSignatureSection",
    "missive_signature",
    "moz-signature",
    "ms-outlook-mobile-signature",
    "protonmail_signature_block",
    "sh-signature",
    "signature",
];

/// What the element is for the mail program that wrote it.
pub(super) fn zone_of(element: Element<'_>) -> Option<Zone> {
    let is_mark = |name: &str| matches!(name, "id" | "class" | "name" | "data-marker");
    let marked = |marks: &[&str]| {
        element
            .attributes()
            .filter(|(name, _)| is_mark(name))
            .any(|(name, value)| {
                value.split_whitespace().map(own_mark).any(|mark| {
                    let common = match mark {
                        "quote" | "quoted-content" => name != "name",
                        "Signature" | "signature" => name != "id",
                        _ => false,
                    };
                    // Anybody may call a class like this.
                    !common && marks.contains(&mark)
                })
            })
    };
    let id = own_mark(element.attribute("id").unwrap_or_default());
    let cites = element.name() == "blockquote"
        && element
            .attribute("type")
            .is_some_and(|kind| kind.eq_ignore_ascii_case("cite"));
    if marked(ATTRIBUTIONS) {
        Some(Zone::Attribution)
    } else if marked(QUOTATIONS) || cites || id.starts_with("yahoo_quoted_") {
        Some(Zone::Quote)
    } else {
        // Mailspring has an element of its own; Mail.ru names the attribute.
        let is_signature = element.name() == "signature"
            || element.attribute("data-signature-widget").is_some()
            || marked(SIGNATURES);
        is_signature.then_some(Zone::Signature)
    }
}

/// Outlook for the web puts `x_` before the marks of what it passes on, Yahoo `ydp` and a number.
fn own_mark(mark: &str) -> &str {
    let mark = mark.trim_start_matches("x_");
    match mark.strip_prefix("ydp").and_then(|rest| rest.find("yahoo_")) {
        Some(at) => mark.get(at + 3..).unwrap_or(mark),
        None => mark,
    }
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
    let id = own_mark(element.attribute("id").unwrap_or_default());
    let marks = ["divRplyFwdMsg", "appendonsend", "stopSpelling"];
    marks.contains(&id).then_some(Zone::Quote)
}
