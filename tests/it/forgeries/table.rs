//! The forgeries.

use super::*;
use crate::harness::SIGNED;

/// Every forgery, by name.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn forgeries(scene: &Scene) -> Vec<(&'static str, Delivery)> {
    let letter = || scene.letter();
    let plain = || letter().to_string();
    let signed = || scene.key.sign(&plain());
    let own = |mail: String| {
        Delivery::forged(mail)
            .sender("mallory@evil.example")
            .hello("evil.example")
    };
    let dns = &scene.dns;
    let signer_of = |domain: &str| Signer::new(dns, domain, "x");
    let add = |field: &str| format!("{field}\r\n{}", signed());
    let results = "Authentication-Results: mail.lab.test; dmarc=pass header.from=example.org; dkim=pass header.d=example.org";
    dns.text("revoked._domainkey.example.org", "v=DKIM1; k=ed25519; p=");
    dns.text("garbage._domainkey.example.org", "v=spf1 +all");
    let stranger = signer_of("stranger.example");
    let posing = |selector: &str| Signer::new(dns, "example.org", selector);
    let (revoked, garbage, missing) = (posing("revoked"), posing("garbage"), posing("missing"));
    dns.text("revoked._domainkey.example.org", "v=DKIM1; k=ed25519; p=");
    dns.text("garbage._domainkey.example.org", "v=spf1 +all");
    dns.text("missing._domainkey.example.org", "");
    vec![
        ("nothing at all", Delivery::forged(plain())),
        ("the forger's own envelope", own(plain())),
        (
            "null sender, Alice's name in the greeting",
            Delivery::forged(plain()).sender("").hello("example.org"),
        ),
        (
            "null sender, the forger's own name",
            Delivery::forged(plain()).sender("").hello("evil.example"),
        ),
        (
            "Alice's name in the greeting alone",
            own(plain()).hello("example.org"),
        ),
        ("signed by the forger", own(scene.forger.sign(&plain()))),
        (
            "signed by a domain that ends alike",
            own(signer_of("evilexample.org").sign(&plain())),
        ),
        (
            "signed by a domain that begins alike",
            own(signer_of("example.org.evil.example").sign(&plain())),
        ),
        (
            "signed by the top-level domain",
            own(signer_of("org").sign(&plain())),
        ),
        (
            "signed by somebody of the same top-level domain",
            own(signer_of("evil.org").sign(&plain())),
        ),
        (
            "signed with a key that is not published",
            own(missing.sign(&plain())),
        ),
        ("signed with a revoked key", own(revoked.sign(&plain()))),
        (
            "signed with a key whose record is something else",
            own(garbage.sign(&plain())),
        ),
        (
            "replayed with another subject",
            own(signed().replace("Re: hello", "Re: money")),
        ),
        ("replayed with another subject on top", own(add("Subject: money"))),
        (
            "replayed with another text",
            own(signed().replace("your password", "1000 Euro")),
        ),
        (
            "replayed with another date",
            own(signed().replace("12:34:56", "12:34:57")),
        ),
        (
            "replayed with a tail behind the length",
            own(scene.key.sign_fields(SIGNED, &plain(), true) + "\r\nAnd send me money.\r\n"),
        ),
        (
            "replayed with another subject, which was not signed",
            own(scene
                .key
                .sign_fields(&["From", "To", "Date"], &plain(), false)
                .replace("Re: hello", "Re: money")),
        ),
        (
            "a signature that leaves the author open",
            own(scene.key.sign_fields(&["To", "Subject", "Date"], &plain(), false)),
        ),
        (
            "replayed with another author on top",
            own(add("From: mallory@evil.example")),
        ),
        (
            "another author above, Alice below",
            own(format!("From: mallory@evil.example\r\n{}", plain())),
        ),
        (
            "replayed with a line that ends the header",
            own(add("this is no field")),
        ),
        (
            "replayed with another type on top",
            own(add("Content-Type: text/html\r\nContent-Type: text/plain")),
        ),
        (
            "replayed with a blank before the colon",
            own(add("Subject : money")),
        ),
        (
            "signed with SHA-1",
            own(include_str!("../../fixtures/signed/sha1.eml").into()),
        ),
        (
            "signed with 512 bits",
            own(include_str!("../../fixtures/signed/short.eml").into()),
        ),
        (
            "signed with 16384 bits",
            own(include_str!("../../fixtures/signed/long.eml").into()),
        ),
        (
            "signed long ago, and expired",
            own(include_str!("../../fixtures/signed/expired.eml").into()),
        ),
        (
            "two authors",
            own(scene.by_forger("alice@example.org, mallory@evil.example")),
        ),
        (
            "two authors, the forger first",
            own(scene.by_forger("mallory@evil.example, alice@example.org")),
        ),
        ("a group", own(scene.by_forger("friends: alice@example.org;"))),
        ("no author", own(letter().without("From").to_string())),
        ("an empty author", own(scene.by_forger("<>"))),
        (
            "Alice as the name",
            own(scene.by_forger("\"alice@example.org\" <mallory@evil.example>")),
        ),
        (
            "Alice as the encoded name",
            own(scene.by_forger("=?utf-8?q?alice=40example=2Eorg?= <mallory@evil.example>")),
        ),
        (
            "Alice in an encoded word that closes the bracket",
            own(scene.by_forger("=?utf-8?q?Alice_=3Calice=40example=2Eorg=3E?= <mallory@evil.example>")),
        ),
        (
            "everything in one encoded word",
            own(scene.by_forger("=?utf-8?q?Alice_=3Calice=40example.org=3E?=")),
        ),
        (
            "Alice in a comment",
            own(scene.by_forger("mallory@evil.example (alice@example.org)")),
        ),
        (
            "two addresses in brackets",
            own(scene.by_forger("<alice@example.org> <mallory@evil.example>")),
        ),
        (
            "Alice before a zero byte",
            own(plain().replace("alice@example.org>", "alice@example.org>\0(mallory@evil.example)")),
        ),
        (
            "a look-alike of her domain",
            own(plain().replace("alice@example.org", "alice@ex\u{430}mple.org")),
        ),
        (
            "a spoofed Reply-To and Sender",
            own(scene.forger.sign(
                &letter()
                    .with("From", "mallory@evil.example")
                    .with("Reply-To", "alice@example.org")
                    .with("Sender", "alice@example.org")
                    .to_string(),
            )),
        ),
        (
            "results in our name, above",
            own(format!("{results}\r\n{}", plain())),
        ),
        (
            "results in our name, below",
            own(plain().replace("\n\n", &format!("\n{results}\n\n"))),
        ),
        (
            "our own note on the author",
            own(format!(
                "X-Penpal-Verdict: authenticated alice@example.org\r\n{}",
                plain()
            )),
        ),
        (
            "sealed by a forwarder that nobody knows",
            own(stranger.seal(&plain(), " dmarc=pass header.from=example.org")),
        ),
        (
            "Alice's server for another domain's mail",
            Delivery::forged(plain())
                .sender("mallory@evil.example")
                .host(ALICES),
        ),
    ]
}
