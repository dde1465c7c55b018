//! The time between the signal to stop and the end: what was asked before is finished, what is asked now is to be asked again.
//!
//! The port stays open meanwhile. A homeserver that is refused the connection can't tell a Penpal that stops from one that is not
//! there, and a proxy in front would answer for us.

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpResponse, ResponseError as _};
use tokio_util::sync::CancellationToken;

use super::error::ApiError;
use super::server::State;
use super::{download, stop};

/// The middleware.
pub(super) async fn drain(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<EitherBody<impl MessageBody, BoxBody>>, Error> {
    let stopping = request
        .app_data::<Data<State>>()
        .map(|state| state.stopping.clone());
    let is_stopping = || stopping.as_ref().is_some_and(CancellationToken::is_cancelled);
    let refusal = is_stopping().then(|| refusal(request.request().match_name()));
    let mut response = match refusal.flatten() {
        Some(refusal) => request.into_response(refusal).map_into_right_body(),
        None => next.call(request).await?.map_into_left_body(),
    };
    if is_stopping() {
        // Nothing more is to be asked on this connection.
        let head = response.response_mut().head_mut();
        head.set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}

/// What an endpoint answers now; `None` for those that tell how Penpal is.
fn refusal(endpoint: Option<&str>) -> Option<HttpResponse> {
    match endpoint {
        Some("health" | "ready" | "metrics") => None,
        Some("file") => Some(download::later()),
        Some("stop") => Some(stop::later()),
        _ => Some(ApiError::stopping().error_response()),
    }
}
