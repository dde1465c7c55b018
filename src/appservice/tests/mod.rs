//! The endpoints through real HTTP on loopback.

mod downloads;
mod drain;
mod metrics;
mod queries;
mod refusals;
mod stops;
mod transactions;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use metrics_exporter_prometheus::PrometheusBuilder;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::{
    Correspondence, Download, NoCorrespondence, NoDownload, Server, ServerSettings, Service, ThirdPartyQuery,
    ThirdPartyUser, Unavailable, serve,
};

const HS_TOKEN: &str = "hs-token-of-the-homeserver";

const ALICE: &str = "@_email_alice=40example.org:hs.test";

/// What stands behind the endpoints in these tests.
struct FakeBridge {
    /// The transactions that were committed.
    committed: Mutex<Vec<(String, Value)>>,
    /// How many transactions have begun.
    begun: Semaphore,
    /// A transaction takes one permit before it is committed.
    gate: Semaphore,
    /// How many more transactions fail.
    failures: Mutex<u32>,
    /// The next file that never ends.
    endless: Mutex<Option<mpsc::Receiver<std::io::Result<bytes::Bytes>>>>,
    /// What links to stop emails were asked for.
    stops: Mutex<Vec<Option<bool>>>,
    /// What `/ready` says.
    trouble: Mutex<Option<String>>,
}

impl FakeBridge {
    /// Every transaction waits.
    fn closed() -> Self {
        Self {
            committed: Mutex::default(),
            begun: Semaphore::new(0),
            gate: Semaphore::new(0),
            failures: Mutex::default(),
            endless: Mutex::default(),
            stops: Mutex::default(),
            trouble: Mutex::default(),
        }
    }

    fn committed(&self) -> Vec<(String, Value)> {
        self.committed.lock().unwrap().clone()
    }

    /// Waits until one more transaction has begun.
    async fn begun(&self) {
        self.begun.acquire().await.unwrap().forget();
    }
}

#[async_trait]
impl Service for FakeBridge {
    async fn transaction(&self, txn_id: &str, body: Value) -> Result<(), Unavailable> {
        self.begun.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
        let failed = self.failures.lock().unwrap().checked_sub(1);
        if let Some(left) = failed {
            *self.failures.lock().unwrap() = left;
            return Err(Unavailable("the database file is locked".to_owned()));
        }
        assert_ne!(txn_id, "panic", "a fault in the bridge");
        self.committed.lock().unwrap().push((txn_id.to_owned(), body));
        Ok(())
    }

    async fn query_user(&self, user_id: &str) -> Result<bool, Unavailable> {
        match user_id {
            "@_email_away:hs.test" => Err(Unavailable("the homeserver is away".to_owned())),
            user_id => Ok(user_id == ALICE || user_id == "@_email_a/b+c=40example.org:hs.test"),
        }
    }

    fn third_party_user(&self, query: ThirdPartyQuery<'_>) -> Option<ThirdPartyUser> {
        let known = matches!(
            query,
            ThirdPartyQuery::Email("alice@example.org") | ThirdPartyQuery::UserId(ALICE)
        );
        known.then(|| ThirdPartyUser {
            user_id: ALICE.to_owned(),
            email: "alice@example.org".to_owned(),
        })
    }

    async fn correspondence(
        &self,
        token: &str,
        stop: Option<bool>,
    ) -> Result<Correspondence, NoCorrespondence> {
        match token {
            "17.pair.seal" => {}
            "away" => return Err(NoCorrespondence::Unavailable("the database is away".to_owned())),
            _ => return Err(NoCorrespondence::Unknown),
        }
        self.stops.lock().unwrap().push(stop);
        Ok(Correspondence {
            user: "@bob:hs.test".to_owned(),
            address: "alice@example.org".to_owned(),
            stopped: stop.unwrap_or_default(),
        })
    }

    async fn download(&self, link: &str) -> Result<Download, NoDownload> {
        let chunks = match link {
            "endless" => {
                let chunks = self.endless.lock().unwrap().take();
                return Ok(Download {
                    name: "endless".to_owned(),
                    content_type: String::new(),
                    length: None,
                    chunks: chunks.unwrap(),
                });
            }
            "film" => vec![Ok("moving "), Ok("pictures")],
            "broken" => vec![Ok("moving"), Err(std::io::ErrorKind::ConnectionReset)],
            "ended" => return Err(NoDownload::Gone),
            "away" => return Err(NoDownload::Unavailable("the homeserver is away".to_owned())),
            _ => return Err(NoDownload::Unknown),
        };
        let (sender, receiver) = mpsc::channel(chunks.len());
        for chunk in chunks {
            sender
                .try_send(chunk.map(Into::into).map_err(Into::into))
                .unwrap();
        }
        Ok(Download {
            name: "Über <uns>.mp4".to_owned(),
            content_type: "video/mp4".to_owned(),
            length: Some(15),
            chunks: receiver,
        })
    }

    async fn ready(&self) -> Result<(), String> {
        self.trouble.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

fn settings() -> ServerSettings {
    ServerSettings {
        listen: "127.0.0.1:0".parse().unwrap(),
        hs_token: HS_TOKEN.into(),
        max_transaction_size: 1024 * 1024,
        shutdown_timeout: Duration::from_secs(10),
    }
}

/// A running server and a homeserver's way to ask it.
struct Harness {
    bridge: Arc<FakeBridge>,
    address: SocketAddr,
    server: Server,
    stop: CancellationToken,
    http: Client,
}

impl Harness {
    /// Transactions are let through at once.
    fn start() -> Self {
        let harness = Self::start_closed();
        harness.bridge.gate.add_permits(1000);
        harness
    }

    /// Transactions wait for a permit of the gate.
    fn start_closed() -> Self {
        let bridge = Arc::new(FakeBridge::closed());
        let stop = CancellationToken::new();
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let service: Arc<dyn Service> = bridge.clone();
        let server = serve(&settings(), service, metrics, stop.clone()).unwrap();
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
        Self {
            bridge,
            address: server.address(),
            server,
            stop,
            http: Client::builder().no_proxy().build().unwrap(),
        }
    }

    /// A request without a token.
    fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("http://{}{path}", self.address))
            .timeout(Duration::from_secs(20))
    }

    /// A request with the right token.
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path).bearer_auth(HS_TOKEN)
    }

    async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    async fn transaction(&self, txn_id: &str, body: impl Into<reqwest::Body>) -> Response {
        self.request(Method::PUT, &format!("/_matrix/app/v1/transactions/{txn_id}"))
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .unwrap()
    }
}

/// Asserts a standard error response.
#[track_caller]
fn is_error((code, body): (u16, Value), status: u16, errcode: &str) {
    assert_eq!((code, &body["errcode"]), (status, &Value::from(errcode)));
    assert!(body["error"].as_str().is_some_and(|text| !text.is_empty()));
}

/// A header of a response; nothing when it is not there.
fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    let value = response.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

/// The status and the JSON of a response.
async fn answer(response: Response) -> (u16, Value) {
    (response.status().as_u16(), response.json().await.unwrap())
}
