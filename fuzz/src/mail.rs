//! Mails that come in.

use penpal::convert::envelope;
use penpal::convert::to_matrix::{
    ThreadContext, convert, displayed, gist, headers, name_missing, report, wish,
};

use super::{event, part};

/// A mail without anything before it.
pub fn check(data: &[u8]) {
    judge(data, &ThreadContext::default());
    let _ = (displayed(data), report(data), envelope::read(data));
}

/// What was sent before, what came before, and a mail that answers.
pub fn check_in_thread(data: &[u8]) {
    let [sent, received, mail] = part::split(data);
    let texts = |part: &[u8]| {
        let text = String::from_utf8_lossy(part).into_owned();
        if text.is_empty() { Vec::new() } else { vec![text] }
    };
    let context = ThreadContext {
        sent: texts(sent),
        received: texts(received),
        answers: Some("$earlier:hs.example".try_into().expect("an ID")),
    };
    judge(mail, &context);
}

fn judge(mail: &[u8], context: &ThreadContext) {
    let mut converted = convert(mail, context);
    event::check(&converted, mail.len());
    let (events, uploads) = (converted.events.len(), converted.uploads.len());
    let _ = (wish(&converted), gist(mail));
    // However many of its files could not be uploaded, each event still says something.
    for index in 0..uploads {
        name_missing(&mut converted, index, "the homeserver is full");
    }
    assert_eq!(converted.events.len(), events);
    event::check(&converted, mail.len());
    assert!(
        event::files(&converted).is_empty(),
        "a file that is missing is still shown"
    );
    let headers = headers(mail);
    for text in [&headers.subject]
        .into_iter()
        .chain(&headers.message_id)
        .chain(&headers.references)
    {
        event::no_nul(text);
    }
}
