//! For those who run Penpal: `/health`, `/ready` and `/metrics`. They ask for no token and tell no secrets; the
//! address they are served at is meant for the homeserver's machine.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde_json::json;

use super::server::State;

/// The longest `/ready` waits for an answer from within.
const PATIENCE: Duration = Duration::from_secs(10);

/// The process lives.
pub(super) async fn health() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

/// The database can be written, the homeserver be reached, and Penpal goes on; if not, 503 and what is wrong.
pub(super) async fn ready(state: Data<State>) -> HttpResponse {
    let outcome = if state.stopping.is_cancelled() {
        Err("Penpal is stopping".to_owned())
    } else {
        tokio::time::timeout(PATIENCE, state.service.ready())
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())))
    };
    match outcome {
        Ok(()) => HttpResponse::Ok().json(json!({"status": "ready"})),
        Err(reason) => {
            HttpResponse::ServiceUnavailable().json(json!({"status": "not ready", "reason": reason}))
        }
    }
}

/// All metrics in [Prometheus' text format].
///
/// [Prometheus' text format]: https://prometheus.io/docs/instrumenting/exposition_formats/
pub(super) async fn metrics(state: Data<State>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(state.metrics.render())
}
