//! Is it the homeserver that asks? It proves that with the registration's `hs_token` ([authorization]).
//!
//! [authorization]: https://spec.matrix.org/latest/application-service-api/#authorization

use std::future::{Ready, ready};

use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, dev, web};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::error::ApiError;
use super::server::State;

/// The `hs_token`, kept as its digest: digests have one length, so that comparing them tells nothing about
/// the token's.
pub(super) struct HsToken([u8; 32]);

impl HsToken {
    pub(super) fn new(token: &SecretString) -> Self {
        Self(Sha256::digest(token.expose_secret()).into())
    }

    /// Compares in constant time.
    fn is(&self, token: &str) -> Choice {
        let digest: [u8; 32] = Sha256::digest(token).into();
        self.0.ct_eq(&digest)
    }

    /// Checks the `Authorization` header and the `access_token` query parameter, which old homeservers use.
    /// One suffices; where there are more, all must be right.
    fn check(&self, authorization: Option<&str>, query: &str) -> Result<(), ApiError> {
        let bearer = authorization.and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            // Schemes are case-insensitive (RFC 9110, section 11.1).
            let is_bearer = scheme.eq_ignore_ascii_case("bearer");
            Some(token.trim()).filter(|token| is_bearer && !token.is_empty())
        });
        let mut right = Choice::from(1);
        let mut given = false;
        if let Some(token) = bearer {
            right &= self.is(token);
            given = true;
        }
        for (name, token) in url::form_urlencoded::parse(query.as_bytes()) {
            if name == "access_token" {
                right &= self.is(&token);
                given = true;
            }
        }
        match (given, bool::from(right)) {
            (false, _) => Err(ApiError::missing_token()),
            (true, false) => Err(ApiError::forbidden()),
            (true, true) => Ok(()),
        }
    }
}

/// The proof that a request came from the homeserver: a handler that takes one can't be reached without.
pub(super) struct FromHomeserver;

impl FromRequest for FromHomeserver {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _payload: &mut dev::Payload) -> Self::Future {
        let authorization = request
            .headers()
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let outcome = match request.app_data::<web::Data<State>>() {
            Some(state) => state.hs_token.check(authorization, request.query_string()),
            None => Err(ApiError::unavailable()),
        };
        if let Err(error) = &outcome {
            tracing::warn!(%error, "refused a request that does not come from the homeserver");
        }
        ready(outcome.map(|()| Self))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError;

    use super::*;

    #[test]
    fn every_way_to_give_a_token() {
        let token = HsToken::new(&"right+token".into());
        for (header, query, status) in [
            (Some("Bearer right+token"), "", None),
            (Some("bearer right+token"), "", None),
            (Some("Bearer  right+token "), "", None),
            (None, "access_token=right%2Btoken", None),
            (None, "a=b&access_token=right%2Btoken&c", None),
            (Some("Bearer right+token"), "access_token=right%2Btoken", None),
            (Some("Basic x"), "access_token=right%2Btoken", None),
            (None, "", Some(401)),
            (Some("Basic x"), "", Some(401)),
            (Some("right+token"), "", Some(401)),
            (None, "accesstoken=right%2Btoken", Some(401)),
            (Some("Bearer wrong"), "", Some(403)),
            (Some("Bearer "), "", Some(401)),
            (Some("Bearer right+token2"), "", Some(403)),
            (Some("Bearer right+toke"), "", Some(403)),
            (None, "access_token=", Some(403)),
            (None, "access_token=right+token", Some(403)),
            (Some("Bearer right+token"), "access_token=wrong", Some(403)),
            (Some("Bearer wrong"), "access_token=right%2Btoken", Some(403)),
            (None, "access_token=right%2Btoken&access_token=wrong", Some(403)),
        ] {
            let refused = token.check(header, query).err();
            assert_eq!(
                refused.map(|error| error.status_code().as_u16()),
                status,
                "{header:?} {query}"
            );
        }
    }
}
