//! `POST /ping`: can the homeserver reach us, and is its `hs_token` right? Asked when we ask for it ([pinging]).
//!
//! [pinging]: https://spec.matrix.org/latest/application-service-api/#pinging

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::auth::FromHomeserver;
use super::body;
use super::error::ApiError;

/// A ping holds a transaction ID.
const LIMIT: usize = 64 * 1024;

pub(super) async fn post(
    _: FromHomeserver,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let body = body::read(&request, payload, LIMIT).await?;
    // The body may be left out: the specification does not call it required.
    if !body.is_empty() {
        let ping: Value = serde_json::from_slice(&body).map_err(|_| ApiError::not_json())?;
        let is_text = ping
            .get("transaction_id")
            .is_none_or(|id| id.is_string() || id.is_null());
        if !ping.is_object() || !is_text {
            return Err(ApiError::bad_json(
                "A ping is an object with a transaction_id, a text",
            ));
        }
    }
    tracing::debug!("pinged by the homeserver");
    Ok(HttpResponse::Ok().json(json!({})))
}
