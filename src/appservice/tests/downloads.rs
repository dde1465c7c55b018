//! Files behind links: for whoever has the link, to be saved and nothing else.

use reqwest::{Method, Response};

use tokio::sync::mpsc;

use super::{Harness, header};

async fn follow(harness: &Harness, method: Method, link: &str) -> Response {
    let request = harness.anonymous(method, &format!("/file/{link}"));
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_link_gives_the_file_to_be_saved() {
    let harness = Harness::start();
    let response = follow(&harness, Method::GET, "film").await;
    assert_eq!(response.status(), 200);
    for (name, value) in [
        ("content-type", "video/mp4"),
        ("content-length", "15"),
        (
            "content-disposition",
            "attachment; filename=\"_ber <uns>.mp4\"; filename*=UTF-8''%C3%9Cber%20%3Cuns%3E.mp4",
        ),
        ("x-content-type-options", "nosniff"),
        (
            "content-security-policy",
            "sandbox; default-src 'none'; frame-ancestors 'none'",
        ),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "private, no-store"),
    ] {
        assert_eq!(header(&response, name), value, "{name}");
    }
    assert_eq!(response.bytes().await.unwrap(), "moving pictures");
    let head = follow(&harness, Method::HEAD, "film").await;
    assert_eq!(
        (head.status().as_u16(), header(&head, "content-length")),
        (200, "15")
    );
    assert_eq!(head.bytes().await.unwrap(), "");
}

#[tokio::test]
async fn a_link_that_leads_nowhere_says_so() {
    let harness = Harness::start();
    for (method, link, status, words) in [
        (Method::GET, "nonsense", 404, "There is no file here."),
        (Method::GET, "%00%ff", 404, ""),
        (Method::GET, "ended", 410, "This link has ended."),
        (
            Method::GET,
            "away",
            503,
            "The file can't be fetched at the moment.",
        ),
        (Method::POST, "film", 405, "A file can only be downloaded."),
    ] {
        let response = follow(&harness, method, link).await;
        assert_eq!(response.status(), status, "{link}");
        let text = response.text().await.unwrap();
        assert!(text.starts_with(words), "{link}: {text}");
        assert!(
            !text.contains("homeserver"),
            "what is wrong inside is nobody's business: {text}"
        );
    }
}

#[tokio::test]
async fn a_file_that_breaks_off_is_not_taken_for_a_whole_one() {
    let harness = Harness::start();
    let request = harness.anonymous(Method::GET, "/file/broken");
    let received = match request.send().await {
        Ok(response) => response.bytes().await,
        Err(error) => Err(error),
    };
    assert!(received.is_err(), "{received:?}");
}

#[tokio::test]
async fn downloads_at_once_are_bounded() {
    let harness = Harness::start();
    let mut taken = Vec::new();
    loop {
        let (sender, receiver) = mpsc::channel(1);
        *harness.bridge.endless.lock().unwrap() = Some(receiver);
        let response = follow(&harness, Method::GET, "endless").await;
        if response.status() == 503 {
            assert_eq!(header(&response, "retry-after"), "60");
            break;
        }
        taken.push((sender, response));
        assert!(taken.len() < 100, "there is no bound");
    }
    // Those that hang up make room.
    taken.clear();
    for _ in 0..100 {
        if follow(&harness, Method::GET, "film").await.status() == 200 {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the room of ended downloads is never free again");
}
