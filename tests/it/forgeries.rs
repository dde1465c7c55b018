//! Who wrote this? Mail by forgers, with real signatures and a DNS on loopback: none of it is shown as the puppet's words.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use penpal::bridge::Unauthenticated;
use penpal::mail::Inbound;
use penpal::mail::authentication::{Authentication, Gate};
use penpal::model::{IncomingMail, Peer, Refusal};
use ruma::OwnedRoomId;

use crate::harness::{Database, Dns, Letter, Mood, SIGNED, Signer, World, alice, bob, crlf, sign_with_rsa};

/// Where Alice's mail server is, and where the forger's.
const ALICES: &str = "192.0.2.10";
const FORGERS: &str = "203.0.113.66";
const KEYS: &str = include_str!("../fixtures/signed/keys.txt");

/// A world in which Bob has written to Alice, a DNS with their domains, and the forger's as well.
struct Scene {
    world: World,
    dns: Dns,
    gate: Gate,
    room: OwnedRoomId,
    reply_to: String,
    message_id: String,
    letters: AtomicU32,
    /// Alice's own key.
    key: Signer,
    /// The forger's key for the forger's domain.
    forger: Signer,
}

/// A mail on its way in.
struct Delivery {
    from_host: &'static str,
    hello: &'static str,
    sender: &'static str,
    mail: String,
}

impl Delivery {
    /// By the forger's server, which says that it is whoever the mail says.
    fn forged(mail: impl Into<String>) -> Self {
        Self {
            from_host: FORGERS,
            hello: "mx.example.org",
            sender: "alice@example.org",
            mail: mail.into(),
        }
    }

    fn sender(mut self, sender: &'static str) -> Self {
        self.sender = sender;
        self
    }

    fn hello(mut self, hello: &'static str) -> Self {
        self.hello = hello;
        self
    }

    fn host(mut self, host: &'static str) -> Self {
        self.from_host = host;
        self
    }
}

impl Scene {
    async fn new(policy: &str) -> Self {
        let world = World::on(Database::sqlite().await, |_| {}).await;
        let (room, mail) = world.bob_writes("hello").await;
        let dns = Dns::start().await;
        dns.text("example.org", &format!("v=spf1 ip4:{ALICES} -all"));
        dns.text("_dmarc.example.org", &format!("v=DMARC1; p={policy}"));
        dns.text("evil.example", &format!("v=spf1 ip4:{FORGERS} -all"));
        dns.text("_dmarc.evil.example", "v=DMARC1; p=reject");
        for line in KEYS.lines() {
            let (selector, record) = line.split_once(' ').unwrap();
            dns.text(&format!("{selector}._domainkey.example.org"), record);
        }
        let key = Signer::new(&dns, "example.org", "own");
        let forger = Signer::new(&dns, "evil.example", "own");
        let gate = gate(&dns, &world, &[]);
        Self {
            world,
            gate,
            room,
            reply_to: mail.reply_to.clone(),
            message_id: mail.message_id.clone(),
            letters: AtomicU32::new(0),
            key,
            forger,
            dns,
        }
    }

    /// An answer of Alice's to Bob's mail, as she would write it.
    fn letter(&self) -> Letter {
        // Each with an ID of its own, or it would be taken for one that is here already.
        let number = self.letters.fetch_add(1, Ordering::SeqCst);
        Letter::by_alice("Re: hello")
            .with("To", &self.reply_to)
            .with("Message-ID", &format!("<{number}@example.org>"))
            .with("In-Reply-To", &format!("<{}>", self.message_id))
            .text("Send me your password.")
    }

    /// That answer, in the name of the forger.
    fn by_forger(&self, from: &str) -> String {
        self.forger.sign(&self.letter().with("From", from).to_string())
    }

    async fn deliver(&self, delivery: &Delivery) -> Result<(), Refusal> {
        self.deliver_by(&self.gate, delivery, &self.reply_to).await
    }

    async fn deliver_by(&self, gate: &Gate, delivery: &Delivery, recipient: &str) -> Result<(), Refusal> {
        gate.check_recipient(delivery.sender, recipient).await?;
        let peer = Peer {
            address: Some(delivery.from_host.parse().unwrap()),
            hello: delivery.hello.to_owned(),
            with: "ESMTP",
            by: "mail.lab.test".to_owned(),
        };
        let mail = IncomingMail::new(
            peer,
            delivery.sender.to_owned(),
            vec![recipient.to_owned()],
            crlf(&delivery.mail).into_bytes().into(),
        );
        let mut answers = gate.accept(&mail).await;
        self.world.settle().await;
        answers.remove(0)
    }

    /// Everything that the puppet has sent anywhere: type of message and body.
    fn shown(&self) -> Vec<(String, String)> {
        let mut rooms = self.world.created_rooms();
        rooms.push(self.room.clone());
        let contents = rooms
            .iter()
            .flat_map(|room| self.world.homeserver.messages(room, &alice()));
        contents
            .map(|content| {
                let text = |key: &str| content[key].as_str().unwrap_or_default().to_owned();
                (text("msgtype"), text("body"))
            })
            .collect()
    }
}

/// A gate with time enough for a busy machine: that a verdict is slow is not what most tests are about.
fn gate(dns: &Dns, world: &World, sealers: &[&str]) -> Gate {
    gate_that_waits(Duration::from_mins(1), dns, world, sealers)
}

fn gate_that_waits(timeout: Duration, dns: &Dns, world: &World, sealers: &[&str]) -> Gate {
    let authentication = Authentication::Check {
        nameservers: vec![dns.address],
        timeout,
        sealers: sealers.iter().map(|&domain| domain.to_owned()).collect(),
    };
    Gate::new(authentication, world.bridge.clone()).unwrap()
}

/// Every forgery, by name.
#[expect(clippy::too_many_lines, reason = "a table")]
fn forgeries(scene: &Scene) -> Vec<(&'static str, Delivery)> {
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
            own(include_str!("../fixtures/signed/sha1.eml").into()),
        ),
        (
            "signed with 512 bits",
            own(include_str!("../fixtures/signed/short.eml").into()),
        ),
        (
            "signed with 16384 bits",
            own(include_str!("../fixtures/signed/long.eml").into()),
        ),
        (
            "signed long ago, and expired",
            own(include_str!("../fixtures/signed/expired.eml").into()),
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

#[tokio::test]
async fn no_forgery_is_shown_as_the_puppets_words() {
    for policy in ["none", "reject"] {
        let scene = Scene::new(policy).await;
        let forgeries = forgeries(&scene);
        assert!(forgeries.len() >= 30);
        let (mut refused, mut labelled) = (0, 0);
        for (name, delivery) in forgeries {
            let before = scene.shown().len();
            let answer = scene.deliver(&delivery).await;
            let shown = scene.shown();
            match (answer, &shown[before..]) {
                (Ok(()), [(kind, body)]) => {
                    labelled += 1;
                    assert_eq!(kind, "m.notice", "{name}, p={policy}: {body}");
                    let label = [
                        "This bears the address alice@example.org, but the sender could not be verified:",
                        "mallory@evil.example wrote:",
                        "mallory@evil.example (could not be verified) wrote:",
                        "alice@xn--exmple-4nf.org (could not be verified) wrote:",
                    ];
                    assert!(
                        label.iter().any(|label| body.starts_with(label)),
                        "{name}, p={policy}: {body}"
                    );
                }
                (Err(refusal), []) => {
                    refused += 1;
                    assert_eq!(refusal.code, 550, "{name}, p={policy}: {refusal}");
                }
                (answer, shown) => panic!("{name}, p={policy}: {answer:?}, {shown:?}"),
            }
        }
        assert!(
            labelled > 5 && refused > 3,
            "{labelled} labelled, {refused} refused"
        );
        assert!(
            scene.world.homeserver.requests_named("read_receipt").is_empty(),
            "Alice has read nothing"
        );
        let names = scene.world.homeserver.requests_named("set_display_name");
        assert!(!format!("{names:?}").contains("mallory"), "{names:?}");
    }
}

#[tokio::test]
async fn a_forgery_is_refused_where_the_domain_wants_it_so() {
    let scene = Scene::new("reject").await;
    for delivery in [
        Delivery::forged(scene.letter().to_string()),
        Delivery::forged(scene.forger.sign(&scene.letter().to_string())),
        Delivery::forged(
            scene
                .key
                .sign(&scene.letter().to_string())
                .replace("password", "money"),
        ),
    ] {
        let refusal = scene.deliver(&delivery).await.unwrap_err();
        assert_eq!((refusal.code, refusal.enhanced), (550, "5.7.1"));
    }
}

#[tokio::test]
async fn genuine_mail_is_shown_as_the_puppets_words() {
    let scene = Scene::new("reject").await;
    let plain = || scene.letter().to_string();
    let alices = |mail: String| Delivery::forged(mail).host(ALICES);
    let other = |mail: String| {
        Delivery::forged(mail)
            .sender("bounce@mailer.example")
            .hello("mailer.example")
    };
    let subdomain = Signer::new(&scene.dns, "mail.example.org", "x");
    let forwarder = Signer::new(&scene.dns, "lists.example", "x");
    let cautious = gate(&scene.dns, &scene.world, &[]);
    let trusting = gate(&scene.dns, &scene.world, &["lists.example"]);
    let sealed = |from: &Signer| other(from.seal(&plain(), " dmarc=pass header.from=example.org"));
    for (name, gate, delivery) in [
        ("SPF", &cautious, alices(plain())),
        ("DKIM", &cautious, other(scene.key.sign(&plain()))),
        (
            "DKIM by RSA",
            &cautious,
            other(sign_with_rsa("example.org", "good", &plain())),
        ),
        (
            "DKIM of long ago",
            &cautious,
            other(include_str!("../fixtures/signed/good.eml").into()),
        ),
        (
            "DKIM by her mail server's own name",
            &cautious,
            other(subdomain.sign(&plain())),
        ),
        (
            "DKIM beside a stranger's",
            &cautious,
            other(scene.forger.sign(&scene.key.sign(&plain()))),
        ),
        (
            "sealed by a forwarder that is known",
            &trusting,
            sealed(&forwarder),
        ),
    ] {
        let before = scene.shown().len();
        let answer = scene.deliver_by(gate, &delivery, &scene.reply_to).await;
        answer.unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        let shown = scene.shown();
        let [(kind, body)] = &shown[before..] else {
            panic!("{name}: {shown:?}")
        };
        assert_eq!(kind, "m.text", "{name}: {body}");
    }
    // Without a reverse-path a machine wrote it, whose domain the SPF of the greeting shows.
    let before = scene.shown().len();
    let greeted = alices(plain()).sender("").hello("example.org");
    let answer = scene.deliver_by(&cautious, &greeted, &scene.reply_to).await;
    answer.unwrap_or_else(|refusal| panic!("SPF of the greeting: {refusal}"));
    let shown = scene.shown();
    let [(kind, body)] = &shown[before..] else {
        panic!("{shown:?}")
    };
    assert!(kind == "m.notice" && !body.contains("verified"), "{kind} {body}");
    for (name, mail) in [
        (
            "by somebody else",
            scene.forger.seal(&plain(), " dmarc=pass header.from=example.org"),
        ),
        (
            "without a pass",
            forwarder.seal(&plain(), " dmarc=fail header.from=example.org"),
        ),
        (
            "of another mail",
            forwarder
                .seal(&plain(), " dmarc=pass header.from=example.org")
                .replace("password", "money"),
        ),
    ] {
        let refusal = scene.deliver_by(&trusting, &other(mail), &scene.reply_to).await;
        assert_eq!(
            refusal.map_err(|refusal| refusal.enhanced),
            Err("5.7.1"),
            "sealed {name}"
        );
    }
}

#[tokio::test]
async fn a_domain_that_says_nothing_stands_by_its_own_name_alone() {
    let scene = Scene::new("none").await;
    scene.dns.text("_dmarc.example.org", "");
    let sub = Signer::new(&scene.dns, "mail.example.org", "x");
    let plain = || scene.letter().to_string();
    let other = |mail: String| Delivery::forged(mail).sender("x@mailer.example");
    for (delivery, kind) in [
        (other(scene.key.sign(&plain())), "m.text"),
        (Delivery::forged(plain()).host(ALICES), "m.text"),
        (other(sub.sign(&plain())), "m.notice"),
        (other(plain()), "m.notice"),
    ] {
        scene.deliver(&delivery).await.unwrap();
        assert_eq!(scene.shown().last().unwrap().0, kind);
    }
}

#[tokio::test]
async fn tokens_open_the_thread_and_nobodys_mouth() {
    let scene = Scene::new("none").await;
    let mallory = || {
        Delivery::forged(scene.by_forger("Mallory <mallory@evil.example>"))
            .sender("mallory@evil.example")
            .hello("evil.example")
    };
    // With the right one, in whatever case: delivered with the address that wrote it.
    let (local, domain) = scene.reply_to.split_once('@').unwrap();
    for recipient in [
        scene.reply_to.clone(),
        format!("{}@{}", local.to_uppercase(), domain),
    ] {
        scene
            .deliver_by(&scene.gate, &mallory(), &recipient)
            .await
            .unwrap();
        let (kind, body) = scene.shown().pop().unwrap();
        assert_eq!(kind, "m.notice");
        assert_eq!(body, "mallory@evil.example wrote:\n\nSend me your password.");
    }
    // A guessed one is none.
    let shown = scene.shown().len();
    for token in ["a", "aaaaaaaaaaaaaaaaaaaaaaaaaa", "bcdefghijklmnopqrstuvwxyz2"] {
        let guessed = format!("bob+{token}@{domain}");
        let refusal = scene
            .deliver_by(&scene.gate, &mallory(), &guessed)
            .await
            .unwrap_err();
        assert_eq!(refusal.code, 550, "{guessed}");
    }
    // Without one: neither by Alice's thread, nor as a contact of Bob's.
    for delivery in [
        mallory(),
        Delivery::forged(scene.letter().without("In-Reply-To").to_string()),
    ] {
        let refusal = scene
            .deliver_by(&scene.gate, &delivery, "bob@mail.lab.test")
            .await
            .unwrap_err();
        assert_eq!((refusal.code, refusal.enhanced), (550, "5.7.1"));
    }
    assert_eq!(scene.shown().len(), shown);
    assert!(
        scene
            .world
            .said(&scene.room, &bob())
            .iter()
            .all(|body| body == "hello")
    );
}

#[tokio::test]
async fn a_name_that_is_another_address_is_told() {
    let scene = Scene::new("reject").await;
    let mail = scene
        .letter()
        .with("From", "\"boss@example.com\" <alice@example.org>");
    scene
        .deliver(&Delivery::forged(mail.to_string()).host(ALICES))
        .await
        .unwrap();
    let (kind, body) = scene.shown().pop().unwrap();
    assert_eq!(kind, "m.notice");
    assert!(
        body.starts_with("alice@example.org wrote, under a name that is another address:"),
        "{body}"
    );
}

#[tokio::test]
async fn what_can_not_be_verified_is_refused_if_the_admin_wants_it_so() {
    let mut scene = Scene::new("none").await;
    scene.world = scene
        .world
        .reconfigured(|settings| settings.unauthenticated = Unauthenticated::Refuse)
        .await;
    scene.gate = gate(&scene.dns, &scene.world, &[]);
    let refusal = scene
        .deliver(&Delivery::forged(scene.letter().to_string()))
        .await
        .unwrap_err();
    assert_eq!((refusal.code, refusal.enhanced), (550, "5.7.1"));
    scene
        .deliver(&Delivery::forged(scene.letter().to_string()).host(ALICES))
        .await
        .unwrap();
    assert_eq!(scene.shown().pop().unwrap().0, "m.text");
}

#[tokio::test]
async fn dns_that_is_silent_broken_loops_or_lies_costs_little() {
    for mood in [Mood::Silent, Mood::Broken, Mood::Loops, Mood::Lies] {
        let mut scene = Scene::new("none").await;
        scene.gate = gate_that_waits(Duration::from_millis(1500), &scene.dns, &scene.world, &[]);
        scene.dns.mood("example.org", mood);
        let begun = Instant::now();
        let mail = scene.key.sign(&scene.letter().to_string());
        let answer = scene.deliver(&Delivery::forged(mail).host(ALICES)).await;
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{mood:?} took {:?}",
            begun.elapsed()
        );
        assert!(
            scene.dns.questions() < 100,
            "{mood:?}: {} questions",
            scene.dns.questions()
        );
        match answer {
            Err(refusal) => assert_eq!((refusal.code, refusal.enhanced), (451, "4.4.3"), "{mood:?}"),
            Ok(()) => assert_eq!(scene.shown().pop().unwrap().0, "m.notice", "{mood:?}"),
        }
    }
}

#[tokio::test]
async fn two_hundred_signatures_cost_little() {
    let scene = Scene::new("none").await;
    let mut mail = scene.letter().to_string();
    let signers = ["a.example.org", "b.example.org", "c.stranger.example"]
        .map(|domain| Signer::new(&scene.dns, domain, "x"));
    for number in 0..200 {
        mail = signers[number % signers.len()].sign(&mail);
    }
    let begun = Instant::now();
    scene
        .deliver(&Delivery::forged(mail).sender("x@stranger.example"))
        .await
        .unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert!(scene.dns.questions() < 60, "{} questions", scene.dns.questions());
    // An SPF record that asks for itself, again and again.
    scene.dns.text(
        "loop.example",
        "v=spf1 include:loop.example include:loop.example -all",
    );
    let asked = scene.dns.questions();
    let mail = scene.letter().to_string();
    scene
        .deliver(&Delivery::forged(mail).sender("x@loop.example"))
        .await
        .unwrap();
    assert!(scene.dns.questions() - asked < 60);
    assert_eq!(scene.shown().pop().unwrap().0, "m.notice");
}
