//! `GET /rooms/{roomAlias}`: does this alias exist? None does: portals are found by their people ([querying]).
//!
//! [querying]: https://spec.matrix.org/latest/application-service-api/#querying

use actix_web::HttpResponse;

use super::auth::FromHomeserver;
use super::error::ApiError;

pub(super) async fn get(_: FromHomeserver) -> Result<HttpResponse, ApiError> {
    Err(ApiError::not_found("Penpal has no room aliases"))
}
