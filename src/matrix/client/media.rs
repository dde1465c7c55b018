//! Media: the [content repository].
//!
//! [content repository]: https://spec.matrix.org/latest/client-server-api/#content-repository

use std::future::Future;
use std::io;
use std::time::Duration;

use reqwest::{Method, Response};
use ruma::{MxcUri, OwnedMxcUri, UserId};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::sync::mpsc;

use super::HttpHomeserver;
use super::actor::Actor;
use super::request::Request;
use super::send::{Answer, causes, content_type, misdirected};
use crate::matrix::{File, MatrixError, MediaStream};

/// How many redirects a download follows: homeservers send clients to a content delivery network, which may
/// send them on.
const REDIRECTS: u8 = 3;

/// How long a stream may take in all, and how long neither side of it may move.
pub(super) const LONGEST_STREAM: Duration = Duration::from_hours(2);
const STALL: Duration = Duration::from_mins(1);

/// How many pieces of a stream wait for a slow reader, the last word included.
const CHUNKS: usize = 5;

/// Where media are, or are to be.
#[derive(Deserialize)]
struct Place {
    content_uri: OwnedMxcUri,
}

impl HttpHomeserver {
    /// Begins a download, which may take so `long`: the homeserver must answer within `media_timeout`, which for media of other
    /// servers means that it has fetched it.
    pub(super) async fn stream_media(
        &self,
        user: &UserId,
        uri: &MxcUri,
        long: Duration,
    ) -> Result<MediaStream, MatrixError> {
        let found = self.find_media(user, uri, long);
        let mut response = within(self.settings.media_timeout, found).await?;
        let (sender, chunks) = mpsc::channel(CHUNKS);
        let stream = MediaStream {
            content_type: content_type(&response),
            length: response.content_length(),
            chunks,
        };
        // A place is kept for the bad news, so that half a file is never taken for a whole one.
        let Ok(last) = sender.clone().reserve_owned().await else {
            return Ok(stream);
        };
        tokio::spawn(async move {
            let broken = loop {
                let chunk = match tokio::time::timeout(STALL, response.chunk()).await {
                    Ok(Ok(Some(chunk))) => chunk,
                    Ok(Ok(None)) => return,
                    Ok(Err(error)) => break io::Error::other(causes(&error.without_url())),
                    Err(_) => break io::ErrorKind::TimedOut.into(),
                };
                match tokio::time::timeout(STALL, sender.send(Ok(chunk))).await {
                    Ok(Ok(())) => {}
                    // Nobody wants any more.
                    Ok(Err(_)) => return,
                    // One that takes nothing is as good as gone.
                    Err(_) => break io::ErrorKind::TimedOut.into(),
                }
            };
            last.send(Err(broken));
        });
        Ok(stream)
    }

    /// Asks for media with authentication (since Matrix 1.11), or, of a homeserver that does not know that endpoint
    /// (404 `M_UNRECOGNIZED`; 404 `M_NOT_FOUND` is about the media), without. The body is still to be read, within
    /// `timeout`.
    async fn find_media(
        &self,
        user: &UserId,
        uri: &MxcUri,
        timeout: Duration,
    ) -> Result<Response, MatrixError> {
        let segments = segments(uri)?;
        let actor = Actor::for_user(&self.settings, user)?;
        let path = "_matrix/client/v1/media/download/{server}/{id}";
        let request = Request::new(Method::GET, path, &segments, actor, timeout);
        let answer = match self.open(request).await {
            Err(MatrixError::Refused {
                status: 404, errcode, ..
            }) if errcode == "M_UNRECOGNIZED" => {
                let path = "_matrix/media/v3/download/{server}/{id}";
                let request = Request::new(Method::GET, path, &segments, Actor::Anonymous, timeout);
                self.open(request).await?
            }
            answer => answer?,
        };
        self.follow(answer, timeout).await
    }

    /// Follows redirects to where the media is, without the token: the specification has 307 and 308 there.
    async fn follow(&self, mut answer: Answer<Response>, timeout: Duration) -> Result<Response, MatrixError> {
        let mut redirects = 0;
        loop {
            match answer {
                Answer::Success(response) => return Ok(response),
                Answer::Redirect {
                    status: 307 | 308,
                    location: Some(url),
                } if redirects < REDIRECTS && matches!(url.scheme(), "http" | "https") => {
                    redirects += 1;
                    answer = self.open_elsewhere(url, timeout).await?;
                }
                Answer::Redirect { status, location } => {
                    return Err(misdirected(status, location.as_ref()));
                }
            }
        }
    }

    /// Makes a URI.
    pub(super) async fn create_media(&self, user: &UserId) -> Result<OwnedMxcUri, MatrixError> {
        let actor = Actor::for_user(&self.settings, user)?;
        let timeout = self.settings.request_timeout;
        let request =
            Request::new(Method::POST, "_matrix/media/v1/create", &[], actor, timeout).json(json!({}));
        let place: Place = self.call(request).await?;
        segments(&place.content_uri)?;
        Ok(place.content_uri)
    }

    /// Uploads to a URI, or in one step.
    pub(super) async fn upload_media(
        &self,
        user: &UserId,
        to: Option<&MxcUri>,
        name: &str,
        content_type: &str,
        file: File,
    ) -> Result<OwnedMxcUri, MatrixError> {
        let actor = Actor::for_user(&self.settings, user)?;
        let segments = to.map(segments).transpose()?;
        let (method, path) = match to {
            Some(_) => (Method::PUT, "_matrix/media/v3/upload/{server}/{id}"),
            None => (Method::POST, "_matrix/media/v3/upload"),
        };
        let segments = segments.as_ref().map_or(&[][..], |both| both);
        let request = Request::new(method, path, segments, actor, self.settings.media_timeout)
            .query("filename", name)
            .file(content_type, file);
        let Some(uri) = to else {
            let place: Place = self.call(request).await?;
            return Ok(place.content_uri);
        };
        match self.call::<IgnoredAny>(request).await {
            // Synapse says so as well while an earlier upload, all of which it has, is still being stored there.
            Err(error) if !error.is("M_CANNOT_OVERWRITE_MEDIA") => Err(error),
            _ => Ok(uri.to_owned()),
        }
    }
}

/// Server and media ID of a URI.
fn segments(uri: &MxcUri) -> Result<[&str; 2], MatrixError> {
    match uri.parts() {
        Ok((server, media_id)) => Ok([server.as_str(), media_id]),
        Err(_) => Err(MatrixError::Refused {
            status: 400,
            errcode: "M_INVALID_PARAM".to_owned(),
            message: "the media's URI is not mxc://server/id".to_owned(),
        }),
    }
}

/// Bounds a download in time.
async fn within<T>(
    timeout: Duration,
    download: impl Future<Output = Result<T, MatrixError>>,
) -> Result<T, MatrixError> {
    tokio::time::timeout(timeout, download).await.unwrap_or_else(|_| {
        Err(MatrixError::Transient {
            retry_after: None,
            reason: format!("a download took longer than {} s", timeout.as_secs()),
        })
    })
}
