//! `GET /thirdparty/…`: clients look for people on other networks ([third-party networks]). Ours is `email`.
//!
//! [third-party networks]: https://spec.matrix.org/latest/application-service-api/#third-party-networks

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use serde::Deserialize;
use serde_json::json;

use super::auth::FromHomeserver;
use super::error::ApiError;
use super::server::State;
use super::{ThirdPartyQuery, ThirdPartyUser};

/// The one protocol, as the registration's `protocols` has it.
const PROTOCOL: &str = "email";

/// The search fields of a user.
#[derive(Deserialize)]
pub(super) struct Fields {
    email: Option<String>,
}

/// The parameter of the reverse lookup of a user.
#[derive(Deserialize)]
pub(super) struct UserId {
    userid: Option<String>,
}

/// `protocol/{protocol}`: what the network is, and how people are found there.
pub(super) async fn protocol(_: FromHomeserver, protocol: Path<String>) -> Result<HttpResponse, ApiError> {
    known(&protocol)?;
    Ok(HttpResponse::Ok().json(json!({
        "user_fields": ["email"],
        "location_fields": [],
        // Required by the specification; Penpal brings no picture.
        "icon": "",
        "field_types": {
            "email": {"regexp": "[^\\s@]+@[^\\s@]+", "placeholder": "alice@example.org"},
        },
        "instances": [{"desc": "Email", "network_id": "email", "fields": {}}],
    })))
}

/// `user/{protocol}`: the puppet of an address.
pub(super) async fn user(
    _: FromHomeserver,
    state: Data<State>,
    protocol: Path<String>,
    fields: Query<Fields>,
) -> Result<HttpResponse, ApiError> {
    known(&protocol)?;
    let email = fields.email.as_deref().unwrap_or_default();
    found(state.service.third_party_user(ThirdPartyQuery::Email(email)))
}

/// `user`: the address of a puppet.
pub(super) async fn user_by_id(
    _: FromHomeserver,
    state: Data<State>,
    query: Query<UserId>,
) -> Result<HttpResponse, ApiError> {
    let user_id = query.userid.as_deref().unwrap_or_default();
    found(state.service.third_party_user(ThirdPartyQuery::UserId(user_id)))
}

/// `location/{protocol}`: email has no places.
pub(super) async fn location(_: FromHomeserver, protocol: Path<String>) -> Result<HttpResponse, ApiError> {
    known(&protocol)?;
    Ok(HttpResponse::Ok().json(json!([])))
}

/// `location`: no alias leads to one.
pub(super) async fn location_by_alias(_: FromHomeserver) -> HttpResponse {
    HttpResponse::Ok().json(json!([]))
}

/// Refuses every protocol but ours.
fn known(protocol: &str) -> Result<(), ApiError> {
    if protocol == PROTOCOL {
        Ok(())
    } else {
        Err(ApiError::not_found("The only protocol here is email"))
    }
}

/// What was found, as the specification's list of users.
fn found(user: Option<ThirdPartyUser>) -> Result<HttpResponse, ApiError> {
    let user = user.ok_or_else(|| ApiError::not_found("Nobody was found"))?;
    Ok(HttpResponse::Ok().json(json!([{
        "userid": user.user_id,
        "protocol": PROTOCOL,
        "fields": {"email": user.email},
    }])))
}
