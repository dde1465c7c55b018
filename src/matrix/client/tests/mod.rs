//! The client against an HTTP server on loopback.

mod failures;
mod media;
mod requests;

use std::time::Duration;

use ruma::{UserId, server_name, user_id};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

use super::{ClientSettings, HttpHomeserver};
use crate::model::PuppetNamespace;

const AS_TOKEN: &str = "as-token-of-penpal";
const DOUBLE_PUPPET_TOKEN: &str = "as-token-for-people";

fn puppet() -> &'static UserId {
    user_id!("@_email_alice=40example.org:hs.test")
}

fn bob() -> &'static UserId {
    user_id!("@bob:hs.test")
}

fn settings(url: &str) -> ClientSettings {
    ClientSettings {
        url: url.parse().unwrap(),
        appservice_id: "penpal".to_owned(),
        as_token: AS_TOKEN.into(),
        namespace: PuppetNamespace::new("_email_", server_name!("hs.test").to_owned(), "penpal").unwrap(),
        double_puppet_token: Some(DOUBLE_PUPPET_TOKEN.into()),
        request_timeout: Duration::from_secs(20),
        media_timeout: Duration::from_secs(20),
    }
}

fn client(url: &str) -> HttpHomeserver {
    HttpHomeserver::new(settings(url)).unwrap()
}

/// A homeserver that answers everything in the same way, and a client for it.
async fn homeserver(answer: ResponseTemplate) -> (MockServer, HttpHomeserver) {
    let server = MockServer::start().await;
    Mock::given(matchers::any())
        .respond_with(answer)
        .mount(&server)
        .await;
    let client = client(&server.uri());
    (server, client)
}

/// The only request a server got.
async fn only_request(server: &MockServer) -> wiremock::Request {
    let mut requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 1);
    requests.remove(0)
}

fn authorization(request: &wiremock::Request) -> Option<&str> {
    request
        .headers
        .get("authorization")
        .map(|value| value.to_str().unwrap())
}
