use proptest::prelude::*;
use ruma::{server_name, user_id};

use super::*;
use crate::convert::address::new_token;
use crate::model::SeededRandom;

const DOMAIN: &str = "mail.example.org";
const TOKEN: &str = "abcdefghijklmnopqrstuvwx2a";

fn book(scheme: AddressScheme) -> AddressBook {
    AddressBook::new("Mail.Example.org", scheme, server_name!("hs.tld").to_owned()).unwrap()
}

fn single() -> AddressScheme {
    AddressScheme::Single {
        mailbox: EmailAddress::parse("penpal@provider.example").unwrap(),
    }
}

fn text(address: Option<EmailAddress>) -> Option<String> {
    address.map(String::from)
}

#[test]
fn users_and_addresses_map_both_ways() {
    let book = book(AddressScheme::Plus);
    for (user, local) in [
        ("@bob:hs.tld", "bob"),
        ("@bob:matrix.org", "bob=matrix.org"),
        ("@bob.b_o-b:hs.tld", "bob.b_o-b"),
        ("@.bob.:hs.tld", "~2ebob~2e"),
        ("@b..b:hs.tld", "b.~2eb"),
        ("@b...b:hs.tld", "b.~2e~2eb"),
        ("@b=b:hs.tld", "b~3db"),
        ("@b+b/b:hs.tld", "b~2bb~2fb"),
        ("@b~b:hs.tld", "b~7eb"),
        ("@Bob:hs.tld", "~42ob"),
        ("@jürgen:hs.tld", "j~c3~bcrgen"),
        ("@bob:localhost:8448", "bob=localhost~3a8448"),
        ("@bob:[::1]:8448", "bob=~5b~3a~3a1~5d~3a8448"),
        ("@postmaster:hs.tld", "~70ostmaster"),
        ("@reply:hs.tld", "~72eply"),
        ("@bounce:hs.tld", "~62ounce"),
        ("@reply-guy:hs.tld", "~72eply-guy"),
        ("@bounced:hs.tld", "bounced"),
        ("@postmaster:matrix.org", "~70ostmaster=matrix.org"),
    ] {
        let id = UserId::parse(user).unwrap();
        let address = format!("{local}@mail.example.org");
        assert_eq!(text(book.address(&id, DOMAIN)).as_ref(), Some(&address), "{user}");
        assert_eq!(book.classify(&address), Some(Recipient::User(id.clone())));
        assert_eq!(book.classify(&address.to_uppercase()), Some(Recipient::User(id)));
    }
}

#[test]
fn each_scheme_has_its_addresses() {
    let bob = user_id!("@bob:hs.tld");
    for (scheme, stable, reply, bounce) in [
        (
            AddressScheme::Plus,
            "bob@mail.example.org",
            "bob+abcdefghijklmnopqrstuvwx2a@mail.example.org",
            "bounce+abcdefghijklmnopqrstuvwx2a@mail.example.org",
        ),
        (
            AddressScheme::CatchAll,
            "bob@mail.example.org",
            "reply-abcdefghijklmnopqrstuvwx2a@mail.example.org",
            "bounce-abcdefghijklmnopqrstuvwx2a@mail.example.org",
        ),
        (
            single(),
            "penpal@provider.example",
            "penpal@provider.example",
            "penpal@provider.example",
        ),
    ] {
        let book = book(scheme);
        assert_eq!(text(book.address(bob, DOMAIN)).unwrap(), stable);
        assert_eq!(text(book.reply_address(bob, TOKEN, DOMAIN)).unwrap(), reply);
        assert_eq!(text(book.bounce_address(TOKEN, DOMAIN)).unwrap(), bounce);
    }
}

#[test]
fn users_write_from_the_domain_that_is_theirs() {
    let patterns = |texts: &[&str]| {
        texts
            .iter()
            .map(|text| UserPattern::parse(text).unwrap())
            .collect()
    };
    let book = book(AddressScheme::Plus)
        .with_domain("Mail.Firm.example", patterns(&["firm.example", "@dora:hs.tld"]))
        .and_then(|book| {
            book.with_domain(
                "bücher.example",
                patterns(&["@*:firm.example", "@boss:firm.example"]),
            )
        })
        .and_then(|book| book.with_domain("idle.example", Vec::new()))
        .unwrap();
    let domains: Vec<&str> = book.domains().collect();
    assert_eq!(
        domains,
        [
            DOMAIN,
            "mail.firm.example",
            "xn--bcher-kva.example",
            "idle.example"
        ]
    );
    for (user, domain) in [
        (user_id!("@bob:hs.tld"), DOMAIN),
        (user_id!("@dora:hs.tld"), "mail.firm.example"),
        (user_id!("@boss:firm.example"), "xn--bcher-kva.example"),
    ] {
        assert_eq!(book.domain_of(user), domain);
        assert_eq!(book.domain_for(user, None), domain);
        assert_eq!(book.domain_for(user, Some("idle.example")), "idle.example");
        assert_eq!(book.domain_for(user, Some("gone.example")), domain);
        assert_eq!(book.domain_reached("x@IDLE.example", user), "idle.example");
        assert_eq!(book.domain_reached("postmaster", user), domain);
        // Each has an address on every domain.
        for domain in book.domains() {
            let address = book.address(user, domain).unwrap();
            assert!(book.is_ours(&address) && address.domain() == domain);
            assert_eq!(
                book.classify(address.as_str()),
                Some(Recipient::User(user.to_owned()))
            );
            let bounce = book.bounce_address(TOKEN, domain).unwrap();
            assert_eq!(book.classify(bounce.as_str()), Some(bounce_of(TOKEN)));
        }
    }
    assert_eq!(book.classify("bob@elsewhere.example"), None);
    assert!(book.with_domain("-example", Vec::new()).is_err());
}

fn bounce_of(token: &str) -> Recipient {
    Recipient::Bounce {
        token: token.to_owned(),
    }
}

#[test]
fn recipients_are_told_apart_under_every_scheme() {
    let token = TOKEN.to_owned();
    let bob = user_id!("@bob:hs.tld").to_owned();
    let other = user_id!("@bob:matrix.org").to_owned();
    let of = |user| Recipient::Reply {
        token: token.clone(),
        user,
    };
    for scheme in [AddressScheme::Plus, AddressScheme::CatchAll, single()] {
        let book = book(scheme);
        for (recipient, expected) in [
            (
                format!("bob+{TOKEN}@mail.example.org"),
                Some(of(Some(bob.clone()))),
            ),
            (
                format!("BOB+{}@MAIL.example.org", TOKEN.to_uppercase()),
                Some(of(Some(bob.clone()))),
            ),
            (
                format!("bob=matrix.org+{TOKEN}@mail.example.org"),
                Some(of(Some(other.clone()))),
            ),
            (format!("reply+{TOKEN}@mail.example.org"), Some(of(None))),
            (format!("reply-{TOKEN}@mail.example.org"), Some(of(None))),
            (
                format!("bounce+{TOKEN}@mail.example.org"),
                Some(Recipient::Bounce { token: token.clone() }),
            ),
            (
                format!("Bounce-{TOKEN}@mail.example.org"),
                Some(Recipient::Bounce { token: token.clone() }),
            ),
            (
                "bob+news@mail.example.org".into(),
                Some(Recipient::User(bob.clone())),
            ),
            ("postmaster@mail.example.org".into(), Some(Recipient::Postmaster)),
            ("Postmaster".into(), Some(Recipient::Postmaster)),
            ("postmaster@elsewhere.example".into(), None),
            ("bob@elsewhere.example".into(), None),
            (format!("bob+{TOKEN}@elsewhere.example"), None),
            ("bounce+news@mail.example.org".into(), None),
            ("bounce@mail.example.org".into(), None),
            ("reply-news@mail.example.org".into(), None),
            ("b~4@mail.example.org".into(), None),
            ("b~zz@mail.example.org".into(), None),
            ("~62ob@mail.example.org".into(), None),
            ("bob=hs.tld@mail.example.org".into(), None),
            ("bob=@mail.example.org".into(), None),
            ("=matrix.org@mail.example.org".into(), None),
            ("a=b=c@mail.example.org".into(), None),
            ("o'brien@mail.example.org".into(), None),
            (".@mail.example.org".into(), None),
            (format!("+{TOKEN}@mail.example.org"), None),
            ("@mail.example.org".into(), None),
            ("mail.example.org".into(), None),
            (String::new(), None),
            ("a\r\nb@mail.example.org".into(), None),
        ] {
            assert_eq!(book.classify(&recipient), expected, "{recipient:?}");
        }
    }
}

#[test]
fn the_mailbox_is_recognised_only_where_there_is_one() {
    assert_eq!(
        book(single()).classify("Penpal@Provider.example"),
        Some(Recipient::Mailbox)
    );
    assert_eq!(
        book(AddressScheme::Plus).classify("penpal@provider.example"),
        None
    );
}

#[test]
fn a_long_user_id_has_an_address_as_long_as_64_bytes_allow() {
    let book = book(AddressScheme::Plus);
    for (length, reply) in [
        (37, format!("{}+{TOKEN}@mail.example.org", "b".repeat(37))),
        (38, format!("reply+{TOKEN}@mail.example.org")),
        (65, format!("reply+{TOKEN}@mail.example.org")),
    ] {
        let user = UserId::parse(format!("@{}:hs.tld", "b".repeat(length))).unwrap();
        assert_eq!(book.address(&user, DOMAIN).is_some(), length <= 64);
        assert_eq!(text(book.reply_address(&user, TOKEN, DOMAIN)), Some(reply));
    }
}

#[test]
fn a_domain_is_checked_and_normalised() {
    let server = server_name!("hs.tld");
    let book = AddressBook::new("Müller.de", AddressScheme::Plus, server.to_owned()).unwrap();
    assert_eq!(book.domain(), "xn--mller-kva.de");
    for domain in ["", "a b", "-a.org", "a@b.org@"] {
        assert!(
            AddressBook::new(domain, AddressScheme::Plus, server.to_owned()).is_err(),
            "{domain:?}"
        );
    }
}

#[test]
fn who_may_be_on_the_other_side() {
    for (scheme, address, ours) in [
        (AddressScheme::Plus, "bob@mail.example.org", true),
        (AddressScheme::CatchAll, "anything@mail.example.org", true),
        (AddressScheme::Plus, "alice@example.org", false),
        (single(), "penpal@provider.example", true),
        (single(), "alice@provider.example", false),
        (single(), "alice@mail.example.org", false),
    ] {
        let address = EmailAddress::parse(address).unwrap();
        assert_eq!(book(scheme).is_ours(&address), ours, "{address:?}");
    }
}

proptest! {
    #[test]
    fn every_user_comes_back(local in "[!-9;-~]{1,30}|[a-z.+-]{1,30}|(reply|bounce|postmaster)[-+a-z2-7]{0,27}", server in "hs\\.tld|[a-z]{1,8}\\.org(:[1-9][0-9]{1,3})?", seed: u64) {
        let user = UserId::parse(format!("@{local}:{server}")).unwrap();
        let token = new_token(&SeededRandom::new(seed));
        for scheme in [AddressScheme::Plus, AddressScheme::CatchAll] {
            let book = book(scheme);
            if let Some(address) = book.address(&user, DOMAIN) {
                prop_assert_eq!(book.classify(address.as_str()), Some(Recipient::User(user.clone())));
            }
            let reply = book.reply_address(&user, &token, DOMAIN).unwrap();
            let found = match book.classify(reply.as_str()) {
                Some(Recipient::Reply { token, user }) => Some((token, user)),
                _ => None,
            };
            let (found_token, found_user) = found.unwrap();
            prop_assert_eq!(&found_token, &token);
            prop_assert!(found_user.is_none() || found_user == Some(user.clone()));
            let bounce = book.bounce_address(&token, DOMAIN).unwrap();
            prop_assert_eq!(book.classify(bounce.as_str()), Some(Recipient::Bounce { token: token.clone() }));
        }
    }

    #[test]
    fn what_is_read_as_a_user_is_spelt_one_way(local in "[a-z0-9~=.]{1,12}") {
        let book = book(AddressScheme::Plus);
        let address = format!("{local}@mail.example.org");
        if let Some(Recipient::User(user)) = book.classify(&address) {
            prop_assert_eq!(text(book.address(&user, DOMAIN)), Some(address));
        }
    }
}
