//! The one way to the network.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use reqwest::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, LOCATION,
    RETRY_AFTER,
};
use reqwest::{RequestBuilder, Response};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::io::ReaderStream;
use tracing::Instrument;
use url::Url;

use super::HttpHomeserver;
use super::actor::Actor;
use super::request::{Body, Request};
use super::verdict::{Verdict, verdict, wait};
use crate::matrix::{File, MatrixError};

/// Bytes of a file that are sent at once.
const BLOCK: usize = 64 * 1024;

/// The largest JSON answer that is read: room for the state of a room with tens of thousands of members.
const LARGEST_JSON: u64 = 64 * 1024 * 1024;

/// The largest error that is read; what is longer is some proxy's page.
const LARGEST_ERROR: u64 = 64 * 1024;

/// The longest part of a homeserver's words that is kept, in characters.
const LONGEST_MESSAGE: usize = 300;

/// An answer that is no error.
pub(super) enum Answer<T> {
    /// 2xx.
    Success(T),
    /// 3xx: what was asked for is elsewhere.
    Redirect {
        /// The HTTP status.
        status: u16,
        /// Where.
        location: Option<Url>,
    },
}

impl HttpHomeserver {
    /// Sends a request whose answer is JSON.
    pub(super) async fn call<T: DeserializeOwned>(&self, request: Request<'_>) -> Result<T, MatrixError> {
        let path = request.path;
        match self.dispatch(request, LARGEST_JSON).await {
            Ok(Answer::Success(body)) => {
                serde_json::from_slice(&body).map_err(|error| MatrixError::Transient {
                    retry_after: None,
                    // The category alone: the error's text may quote the body.
                    reason: format!(
                        "the answer to {path} is not what the specification says ({:?} error in {} bytes)",
                        error.classify(),
                        body.len()
                    ),
                })
            }
            Ok(Answer::Redirect { status, location }) => Err(misdirected(status, location.as_ref())),
            Err(MatrixError::TooLarge { limit }) => Err(MatrixError::Refused {
                status: 200,
                errcode: "M_TOO_LARGE".to_owned(),
                message: format!("the answer to {path} has more than {limit} bytes"),
            }),
            Err(error) => Err(error),
        }
    }

    /// Sends a request below the homeserver's URL and reads an answer of at most `limit` bytes.
    async fn dispatch(&self, request: Request<'_>, limit: u64) -> Result<Answer<Vec<u8>>, MatrixError> {
        let (path, actor) = (request.path, request.actor);
        let builder = self.builder(request)?;
        let exchange = async {
            match self.exchange(builder, actor).await? {
                Answer::Success(response) => Ok(Answer::Success(self.whole(response, limit).await?)),
                Answer::Redirect { status, location } => Ok(Answer::Redirect { status, location }),
            }
        };
        observed(path, exchange).await
    }

    /// Sends a request below the homeserver's URL; the body of the answer is still to be read.
    pub(super) async fn open(&self, request: Request<'_>) -> Result<Answer<Response>, MatrixError> {
        let (path, actor) = (request.path, request.actor);
        let builder = self.builder(request)?;
        observed(path, self.exchange(builder, actor)).await
    }

    /// Sends a GET to any URL, as nobody; the body of the answer is still to be read.
    pub(super) async fn open_elsewhere(
        &self,
        url: Url,
        timeout: Duration,
    ) -> Result<Answer<Response>, MatrixError> {
        let builder = self.client.get(url).timeout(timeout);
        observed("redirected download", self.exchange(builder, Actor::Anonymous)).await
    }

    fn builder(&self, request: Request<'_>) -> Result<RequestBuilder, MatrixError> {
        let url = request.url(&self.settings.url)?;
        let builder = self.client.request(request.method, url).timeout(request.timeout);
        Ok(match request.body {
            Body::Empty => builder,
            Body::Json(value) => builder.json(&value),
            Body::File { content_type, file } => {
                let content_type = HeaderValue::from_str(&content_type)
                    .unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream"));
                let builder = builder.header(CONTENT_TYPE, content_type);
                match file {
                    File::Bytes(bytes) => builder.body(bytes),
                    File::Stream { length, bytes } => {
                        builder
                            .header(CONTENT_LENGTH, length)
                            .body(reqwest::Body::wrap_stream(ReaderStream::with_capacity(
                                bytes, BLOCK,
                            )))
                    }
                }
            }
        })
    }

    /// Sends what `builder` says, as `actor`, and reads the answer as far as its body, but that of an error.
    async fn exchange(
        &self,
        builder: RequestBuilder,
        actor: Actor<'_>,
    ) -> Result<Answer<Response>, MatrixError> {
        let builder = match actor.token(&self.settings) {
            Some(token) => builder.header(AUTHORIZATION, bearer(token.expose_secret())?),
            None => builder,
        };
        let response = builder.send().await.map_err(|error| self.no_answer(error))?;
        let status = response.status();
        let headers = response.headers().clone();
        if status.is_redirection() {
            let location = header(&headers, &LOCATION).and_then(|to| response.url().join(to).ok());
            return Ok(Answer::Redirect {
                status: status.as_u16(),
                location,
            });
        }
        if status.is_success() {
            return Ok(Answer::Success(response));
        }
        // A body that breaks off does not change what the status says.
        let (body, _) = self.body(response, LARGEST_ERROR).await.unwrap_or_default();
        Err(refusal(status.as_u16(), &headers, &body, actor))
    }

    /// The whole body of an answer, of at most `limit` bytes.
    async fn whole(&self, response: Response, limit: u64) -> Result<Vec<u8>, MatrixError> {
        match self.body(response, limit).await? {
            (body, true) => Ok(body),
            (_, false) => Err(MatrixError::TooLarge { limit }),
        }
    }

    /// At most `limit` bytes of a body, and whether that was all of it.
    async fn body(&self, mut response: Response, limit: u64) -> Result<(Vec<u8>, bool), MatrixError> {
        if response.content_length().is_some_and(|length| length > limit) {
            return Ok((Vec::new(), false));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.no_answer(error))? {
            let length = u64::try_from(body.len().saturating_add(chunk.len())).unwrap_or(u64::MAX);
            if length > limit {
                return Ok((body, false));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((body, true))
    }

    /// The network failed. The URL of the request stays out of the text: it names a user.
    fn no_answer(&self, error: reqwest::Error) -> MatrixError {
        let homeserver = self.settings.url.origin().ascii_serialization();
        let error = error.without_url();
        let reason = if error.is_timeout() {
            format!("{homeserver} did not answer in time")
        } else if error.is_connect() {
            format!(
                "can't connect to {homeserver}, is it running, and is homeserver.url right? {}",
                causes(&error)
            )
        } else {
            format!("the connection to {homeserver} broke: {}", causes(&error))
        };
        MatrixError::Transient {
            retry_after: None,
            reason,
        }
    }
}

/// Carries out a request under a span, and counts its outcome.
async fn observed<T>(
    endpoint: &'static str,
    request: impl Future<Output = Result<T, MatrixError>>,
) -> Result<T, MatrixError> {
    let span = tracing::debug_span!("homeserver_request", endpoint);
    let outcome = request.instrument(span).await;
    let name = match &outcome {
        Ok(_) => "success",
        Err(MatrixError::Transient { .. }) => "transient",
        Err(MatrixError::Refused { .. }) => "refused",
        Err(MatrixError::TooLarge { .. }) => "too_large",
    };
    metrics::counter!("penpal_homeserver_requests_total", "endpoint" => endpoint, "outcome" => name)
        .increment(1);
    if let Err(error) = &outcome {
        tracing::debug!(endpoint, outcome = name, %error, "request to the homeserver failed");
    }
    outcome
}

/// The `Content-Type` of an answer.
pub(super) fn content_type(response: &Response) -> Option<String> {
    header(response.headers(), &CONTENT_TYPE).map(str::to_owned)
}

/// An error and what caused it, in one line.
pub(super) fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    one_line(&text)
}

/// A redirect where the specification has none: most often `http://` was configured for a homeserver that
/// insists on `https://`. It is not followed, so that the token goes nowhere else.
pub(super) fn misdirected(status: u16, location: Option<&Url>) -> MatrixError {
    let to = location.map_or_else(|| "nowhere".to_owned(), |url| url.origin().ascii_serialization());
    MatrixError::Transient {
        retry_after: None,
        reason: format!("it answered {status} and points to {to}: is homeserver.url right?"),
    }
}

/// The `Authorization` header, marked so that no debug output shows it.
fn bearer(token: &str) -> Result<HeaderValue, MatrixError> {
    let mut value =
        HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| MatrixError::Transient {
            retry_after: None,
            reason: "the as_token holds characters that can't be in a header: mend the configuration"
                .to_owned(),
        })?;
    value.set_sensitive(true);
    Ok(value)
}

/// What an answer that is neither success nor redirect means.
fn refusal(status: u16, headers: &HeaderMap, body: &[u8], actor: Actor<'_>) -> MatrixError {
    let error: Value = serde_json::from_slice(body).unwrap_or_default();
    let errcode = error.get("errcode").and_then(Value::as_str);
    let words = error.get("error").and_then(Value::as_str).unwrap_or_default();
    let mut message = one_line(words);
    // A ping's answer says what this appservice answered.
    if let Some(ours) = error.get("status").and_then(Value::as_u64) {
        message = format!("{message} (the appservice answered {ours})");
    }
    match verdict(status, errcode, actor) {
        Verdict::Final => MatrixError::Refused {
            status,
            errcode: one_line(errcode.unwrap_or(if status == 413 { "M_TOO_LARGE" } else { "M_UNKNOWN" })),
            message,
        },
        Verdict::Transient => {
            let milliseconds = error.get("retry_after_ms").and_then(Value::as_u64);
            let reason = match errcode {
                Some(errcode) if status == 401 => {
                    format!(
                        "{status} {} {message}: it does not know our as_token. Give it registration.yaml (app_service_config_files), \
                         restart it, and compare appservice.as_token",
                        one_line(errcode)
                    )
                }
                Some(errcode) => format!("{status} {} {message}", one_line(errcode)),
                None => {
                    format!("{status} without a Matrix error: it seems to come from a proxy in front of it")
                }
            };
            MatrixError::Transient {
                retry_after: wait(
                    header(headers, &RETRY_AFTER),
                    header(headers, &DATE),
                    milliseconds,
                ),
                reason,
            }
        }
    }
}

/// A header's value, where it is text.
fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Foreign words, fit for a log line.
fn one_line(text: &str) -> String {
    text.chars()
        .take(LONGEST_MESSAGE)
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect()
}
