//! Who wrote this? Mail by forgers, with real signatures and a DNS on loopback: none of it is shown as the puppet's words.

mod costs;
mod genuine;
mod table;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use penpal::bridge::Unauthenticated;
use penpal::mail::Inbound;
use penpal::mail::authentication::{Authentication, Gate};
use penpal::model::{IncomingMail, Peer, Refusal};
use penpal::replay::homeserver::RoomOptions;
use ruma::OwnedRoomId;

use crate::harness::{Database, Dns, Letter, Signer, World, alice, bob, crlf, erin};

/// Where Alice's mail server is, and where the forger's.
const ALICES: &str = "192.0.2.10";
const FORGERS: &str = "203.0.113.66";
const KEYS: &str = include_str!("../../fixtures/signed/keys.txt");

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

#[tokio::test]
async fn no_forgery_is_shown_as_the_puppets_words() {
    for policy in ["none", "reject"] {
        let scene = Scene::new(policy).await;
        let forgeries = table::forgeries(&scene);
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
async fn the_token_of_another_thread_gives_nobody_a_voice() {
    let scene = Scene::new("reject").await;
    let room = scene
        .world
        .opens_chat(&bob(), &erin(), &RoomOptions::default())
        .await;
    scene.world.says(&bob(), &room, "hello Erin").await;
    scene.world.settle().await;
    let token = scene.world.mail().reply_to;
    let shown = scene.shown();
    // By Alice, proved, and in answer to what Bob wrote to her.
    let delivery = Delivery::forged(scene.letter().to_string()).host(ALICES);
    scene.deliver_by(&scene.gate, &delivery, &token).await.unwrap();
    assert_eq!(scene.shown(), shown, "nothing in Alice's chat");
    let said = scene.world.homeserver.messages(&room, &erin());
    assert_eq!(said[0]["msgtype"], "m.notice");
    assert_eq!(
        said[0]["body"],
        "alice@example.org wrote:\n\nSend me your password."
    );
}
