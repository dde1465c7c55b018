//! What is wrong with a request, as a status and an errcode ([standard error response]).
//!
//! | status, errcode | when |
//! | --- | --- |
//! | 401 `M_MISSING_TOKEN` | no `hs_token` was given ([authorization], [common error codes]) |
//! | 403 `M_FORBIDDEN` | a wrong one, or two that differ |
//! | 404 `M_UNRECOGNIZED` | no such endpoint ([unknown routes]) |
//! | 405 `M_UNRECOGNIZED` | no such method there |
//! | 404 `M_NOT_FOUND` | no such user, room alias, protocol |
//! | 400 `M_NOT_JSON` | the body is not JSON |
//! | 400 `M_BAD_JSON` | it is JSON, but not what the endpoint wants |
//! | 408 `M_UNKNOWN` | the body did not arrive in time |
//! | 413 `M_TOO_LARGE` | it is larger than `appservice.max_transaction_size` |
//! | 500 `M_UNKNOWN` | nothing was committed: ask again |
//! | 503 `M_LIMIT_EXCEEDED` | too many transactions are in work: ask again |
//! | 503 `M_UNKNOWN` | Penpal is stopping: ask again |
//!
//! [authorization]: https://spec.matrix.org/latest/application-service-api/#authorization
//! [common error codes]: https://spec.matrix.org/latest/client-server-api/#common-error-codes
//! [standard error response]: https://spec.matrix.org/latest/client-server-api/#standard-error-response
//! [unknown routes]: https://spec.matrix.org/latest/application-service-api/#unknown-routes

use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;

/// An error as the homeserver sees it. Its text never repeats what the request said.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    errcode: &'static str,
    message: String,
    /// The method that the endpoint knows, for 405.
    allow: Option<&'static str>,
}

impl ApiError {
    fn new(status: StatusCode, errcode: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            errcode,
            message: message.into(),
            allow: None,
        }
    }

    pub(super) fn missing_token() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "M_MISSING_TOKEN",
            "No hs_token: send Authorization: Bearer <hs_token>",
        )
    }

    pub(super) fn forbidden() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "M_FORBIDDEN",
            "That is not the hs_token: compare the homeserver's registration file with Penpal's",
        )
    }

    pub(super) fn unrecognized() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "M_UNRECOGNIZED",
            "There is no such endpoint",
        )
    }

    pub(super) fn method_not_allowed(allow: &'static str) -> Self {
        Self {
            allow: Some(allow),
            ..Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "M_UNRECOGNIZED",
                format!("This endpoint knows {allow} only"),
            )
        }
    }

    pub(super) fn not_found(message: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "M_NOT_FOUND", message)
    }

    pub(super) fn not_json() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "M_NOT_JSON", "The body is not JSON")
    }

    pub(super) fn bad_json(message: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "M_BAD_JSON", message)
    }

    pub(super) fn incomplete() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "M_NOT_JSON", "The body ended early")
    }

    pub(super) fn too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "M_UNKNOWN",
            "The body did not arrive in time",
        )
    }

    pub(super) fn too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "M_TOO_LARGE",
            format!("The body has more than {limit} bytes"),
        )
    }

    pub(super) fn unavailable() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "M_UNKNOWN",
            "Penpal can't do this now, its log says why: send it again",
        )
    }

    pub(super) fn busy() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "M_LIMIT_EXCEEDED",
            "Too many transactions are in work: send it again",
        )
    }

    pub(super) fn stopping() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "M_UNKNOWN",
            "Penpal is stopping: send it again when it runs",
        )
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.errcode, self.message)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if let Some(allow) = self.allow {
            response.insert_header((header::ALLOW, allow));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        response.json(json!({"errcode": self.errcode, "error": self.message}))
    }
}
