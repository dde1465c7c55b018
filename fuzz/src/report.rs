//! Delivery reports and read notifications.

use penpal::convert::to_matrix::{DeliveryReport, arriving_headers, delivery_report, displayed};

use super::event;

/// How much of a mail server's words is shown, in characters.
const MAX_WORDS: usize = 400;
/// The longest ID, in bytes (RFC 5322, section 2.1.1).
const MAX_ID: usize = 998;

/// A mail that says what became of another one.
pub fn check(data: &[u8]) {
    let DeliveryReport {
        words, recipients, ..
    } = delivery_report(data);
    if let Some(words) = words {
        assert!(words.chars().count() <= MAX_WORDS, "{words}");
        assert!(!words.contains(|c: char| c.is_control()), "{words:?}");
    }
    assert!(recipients.len() <= data.len() / 3 + 1);
    for id in displayed(data).iter().chain(&arriving_headers(data, "").reported) {
        assert!(
            !id.is_empty() && id.len() <= MAX_ID && !id.contains(char::is_control),
            "{id:?}"
        );
        event::no_nul(id);
    }
}
