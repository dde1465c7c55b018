//! What is genuine, and how near to the author's domain its proof must be.

use super::*;
use crate::harness::sign_with_rsa;

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
            other(include_str!("../../fixtures/signed/good.eml").into()),
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
async fn a_subdomain_speaks_for_its_domain_unless_that_forbids_it() {
    let scene = Scene::new("none").await;
    let sub = Signer::new(&scene.dns, "mail.example.org", "x");
    scene
        .dns
        .text("mail.example.org", &format!("v=spf1 ip4:{FORGERS} -all"));
    for (policy, kind) in [
        ("v=DMARC1; p=none", "m.text"),
        ("v=DMARC1; p=none; adkim=s; aspf=s", "m.notice"),
    ] {
        scene.dns.text("_dmarc.example.org", policy);
        let gate = gate(&scene.dns, &scene.world, &[]);
        let plain = || scene.letter().to_string();
        for (name, delivery) in [
            (
                "signature",
                Delivery::forged(sub.sign(&plain())).sender("x@mailer.example"),
            ),
            (
                "envelope",
                Delivery::forged(plain())
                    .sender("x@mail.example.org")
                    .hello("mail.example.org"),
            ),
        ] {
            scene.deliver_by(&gate, &delivery, &scene.reply_to).await.unwrap();
            assert_eq!(scene.shown().last().unwrap().0, kind, "{policy}: {name}");
        }
    }
}
