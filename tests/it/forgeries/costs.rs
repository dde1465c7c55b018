//! What forgers may cost.

use std::time::Instant;

use super::*;
use crate::harness::Mood;

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
