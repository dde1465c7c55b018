//! Addresses and Matrix IDs, each of which comes back from the other.

use penpal::convert::address::{AddressBook, AddressScheme, Recipient, address_of, puppet_of};
use penpal::model::{EmailAddress, PuppetNamespace};
use ruma::{OwnedUserId, UserId, server_name};

const DOMAIN: &str = "mail.example.org";
const TOKEN: &str = "abcdefghijklmnopqrstuvwxyy";
/// The longest part before the `@`, in bytes (RFC 5321, section 4.5.3.1.1).
const MAX_LOCAL: usize = 64;

/// A text that may be an address, a recipient, or a Matrix ID.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let puppets = PuppetNamespace::new("_email_", server_name!("hs.example").to_owned(), "penpal")
        .expect("a namespace");
    if let Ok(address) = EmailAddress::parse(&text) {
        check_address(&puppets, &address);
    }
    for user in [
        text.as_ref(),
        &format!("@{text}:hs.example"),
        &format!("@_email_{text}:hs.example"),
    ] {
        if let Ok(user) = UserId::parse(user) {
            check_user(&puppets, &user);
        }
    }
    let mailbox = EmailAddress::parse("bridge@example.org").expect("an address");
    for scheme in [
        AddressScheme::Plus,
        AddressScheme::CatchAll,
        AddressScheme::Single { mailbox },
    ] {
        let book = book(scheme);
        let _ = (book.classify(&text), book.classify(&format!("{text}@{DOMAIN}")));
    }
}

fn book(scheme: AddressScheme) -> AddressBook {
    AddressBook::new(DOMAIN, scheme, server_name!("hs.example").to_owned()).expect("a domain")
}

fn check_address(puppets: &PuppetNamespace, address: &EmailAddress) {
    let written = address.as_str();
    assert_eq!(
        EmailAddress::parse(written).as_ref(),
        Ok(address),
        "it is read as it is written"
    );
    assert!(
        !written.contains(char::is_control) && !written.contains(char::is_whitespace),
        "{written:?}"
    );
    assert_eq!(format!("{}@{}", address.local(), address.domain()), written);
    if let Some(puppet) = puppet_of(puppets, address) {
        assert!(puppets.is_ours(&puppet));
        assert_eq!(address_of(puppets, &puppet).as_ref(), Some(address));
    }
}

fn check_user(puppets: &PuppetNamespace, user: &OwnedUserId) {
    if let Some(address) = address_of(puppets, user) {
        check_address(puppets, &address);
        assert!(puppets.is_ours(user), "a puppet is one of ours");
    }
    for scheme in [AddressScheme::Plus, AddressScheme::CatchAll] {
        let book = book(scheme);
        if let Some(address) = book.address(user, DOMAIN) {
            assert!(address.local().len() <= MAX_LOCAL);
            assert!(book.is_ours(&address));
            assert_eq!(
                book.classify(address.as_str()),
                Some(Recipient::User(user.clone())),
                "{address}"
            );
        }
        let reply = book.reply_address(user, TOKEN, DOMAIN).expect("a reply address");
        match book.classify(reply.as_str()) {
            Some(Recipient::Reply { token, user: named }) => {
                assert_eq!(token, TOKEN);
                assert!(named.is_none_or(|named| named == *user), "{reply}");
            }
            other => panic!("{reply} is {other:?}"),
        }
    }
}
