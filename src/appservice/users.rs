//! `GET /users/{userId}`: does this user exist? Asked when somebody invites a puppet that was never seen
//! ([querying]); 200 promises that it exists now.
//!
//! [querying]: https://spec.matrix.org/latest/application-service-api/#querying

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use serde_json::json;

use super::auth::FromHomeserver;
use super::error::ApiError;
use super::server::State;

pub(super) async fn get(
    _: FromHomeserver,
    state: Data<State>,
    user_id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let service = Arc::clone(&state.service);
    let user_id = user_id.into_inner();
    let exists = state
        .to_the_end(async move { service.query_user(&user_id).await })
        .await?;
    if exists {
        Ok(HttpResponse::Ok().json(json!({})))
    } else {
        Err(ApiError::not_found("No email address has this user ID"))
    }
}
