//! One count and one line in the log for each request. Neither shows the path as asked for: it may name users,
//! and its query may hold a token.

use std::time::Instant;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;

/// The middleware.
pub(super) async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    let endpoint = request.request().match_name().unwrap_or("unknown").to_owned();
    let response = next.call(request).await?;
    let status = response.status().as_u16();
    let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(endpoint, status, milliseconds, "answered the homeserver");
    metrics::counter!(
        "penpal_appservice_requests_total",
        "endpoint" => endpoint,
        "status" => status.to_string()
    )
    .increment(1);
    Ok(response)
}
