//! Telling what is new in a text from what is repeated.

use penpal::convert::to_matrix::{ThreadContext, convert};

use super::{event, part};

/// What was sent before, and a text that answers it.
pub fn check(data: &[u8]) {
    let [sent, text] = part::split(data);
    let sent = String::from_utf8_lossy(sent);
    let text = String::from_utf8_lossy(text);
    // A file within the text, as uuencode and yEnc have it, is no text, and OpenPGP's armour neither.
    if text.contains("begin")
        || text.contains("-----BEGIN PGP")
        || text.contains("=ybegin")
        || text.contains('\u{feff}')
    {
        return;
    }
    let mail = format!(
        "From: Alice Doe <alice@example.org>\nSubject: Re: Garden\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{text}"
    );
    let context = ThreadContext {
        sent: vec![sent.into_owned()],
        ..ThreadContext::default()
    };
    let converted = convert(mail.as_bytes(), &context);
    event::check(&converted, mail.len());
    let mut shown = part::letters(converted.quoted.as_deref().unwrap_or_default());
    let mut is_said = false;
    if let [(_, content), ..] = converted.events.as_slice() {
        let body = content["body"].as_str().unwrap_or_default();
        is_said = body != "The email is empty.";
        shown += part::letters(body);
    }
    for upload in &converted.uploads {
        shown += part::letters(&String::from_utf8_lossy(upload.content.at_hand()));
    }
    // The marks of quotation may be names (`Bob> `), for which others are written.
    let unmarked = |line: &str| line.rsplit('>').next().map_or(0, part::letters);
    let written: usize = text.lines().map(unmarked).sum();
    assert!(shown >= written, "{written} letters came in and {shown} came out");
    assert!(is_said || written == 0, "a text is shown as none");
}
