//! The page on which an email user stops emails: reading it changes nothing, pressing its button does.

use reqwest::{Method, Response};

use super::{Harness, header};

async fn ask(harness: &Harness, method: Method, token: &str, body: &'static str) -> Response {
    let request = harness.anonymous(method, &format!("/stop/{token}")).body(body);
    request.send().await.unwrap()
}

#[tokio::test]
async fn looking_changes_nothing() {
    let harness = Harness::start();
    for method in [Method::GET, Method::HEAD] {
        let response = ask(&harness, method.clone(), "17.pair.seal", "").await;
        assert_eq!(response.status(), 200);
        for (name, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("x-content-type-options", "nosniff"),
            (
                "content-security-policy",
                "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            ),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "private, no-store"),
            ("x-robots-tag", "noindex"),
        ] {
            assert_eq!(header(&response, name), value, "{name}");
        }
        let page = response.text().await.unwrap();
        if method == Method::GET {
            assert!(
                page.contains("alice@example.org") && page.contains("@bob:hs.test"),
                "{page}"
            );
            assert!(
                page.contains("<form method=\"post\"><button name=\"emails\" value=\"stop\">"),
                "{page}"
            );
            for outside in ["http:", "https:", "<script", "src=", "style="] {
                assert!(!page.contains(outside), "{outside} {page}");
            }
        }
    }
    assert_eq!(*harness.bridge.stops.lock().unwrap(), [None, None]);
}

#[tokio::test]
async fn a_post_acts() {
    let harness = Harness::start();
    for (body, stopped) in [
        ("emails=stop", true),
        ("emails=again", false),
        ("List-Unsubscribe=One-Click", true),
        (
            "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n",
            true,
        ),
        ("", true),
    ] {
        let response = ask(&harness, Method::POST, "17.pair.seal", body).await;
        assert_eq!(response.status(), 200, "no redirection (RFC 8058, section 3.1)");
        let page = response.text().await.unwrap();
        assert_eq!(page.contains("Emails stopped"), stopped, "{body}: {page}");
        assert_eq!(page.contains("value=\"again\""), stopped, "{body}: {page}");
        assert_eq!(harness.bridge.stops.lock().unwrap().pop(), Some(Some(stopped)));
    }
}

#[tokio::test]
async fn foreign_tokens_learn_nothing() {
    let harness = Harness::start();
    for method in [Method::GET, Method::POST] {
        for token in ["17.pair.forged", "x", "%00%ff", "..%2f..%2fmetrics"] {
            let response = ask(&harness, method.clone(), token, "List-Unsubscribe=One-Click").await;
            assert_eq!(response.status(), 404, "{method} {token}");
            let page = response.text().await.unwrap();
            assert!(!page.contains("alice") && !page.contains("bob"), "{page}");
        }
        let response = ask(&harness, method, "away", "").await;
        assert_eq!(
            (response.status().as_u16(), header(&response, "retry-after")),
            (503, "60")
        );
        assert!(!response.text().await.unwrap().contains("database"));
    }
    let response = ask(&harness, Method::DELETE, "17.pair.seal", "").await;
    assert_eq!(
        (response.status().as_u16(), header(&response, "allow")),
        (405, "GET, HEAD, POST")
    );
    let long: &'static str = Box::leak("x".repeat(100_000).into_boxed_str());
    assert_eq!(
        ask(&harness, Method::POST, "17.pair.seal", long).await.status(),
        413
    );
    assert!(harness.bridge.stops.lock().unwrap().is_empty());
}
