//! Media: the [content repository].
//!
//! [content repository]: https://spec.matrix.org/latest/client-server-api/#content-repository

use reqwest::Method;
use ruma::{MxcUri, OwnedMxcUri, UserId};
use serde::Deserialize;
use url::Url;

use super::HttpHomeserver;
use super::actor::Actor;
use super::request::Request;
use super::send::{Answer, misdirected};
use crate::matrix::{MatrixError, Media};

/// How many redirects a download follows: homeservers send clients to a content delivery network, which may
/// send them on.
const REDIRECTS: u8 = 3;

#[derive(Deserialize)]
struct UploadAnswer {
    content_uri: OwnedMxcUri,
}

impl HttpHomeserver {
    /// Downloads with authentication (since Matrix 1.11), or, from a homeserver that does not know that endpoint
    /// (404 `M_UNRECOGNIZED`; 404 `M_NOT_FOUND` is about the media), without. All of it within `media_timeout`.
    pub(super) async fn download_media(
        &self,
        user: &UserId,
        uri: &MxcUri,
        limit: u64,
    ) -> Result<Media, MatrixError> {
        let timeout = self.settings.media_timeout;
        let (server, media_id) = uri.parts().map_err(|_| MatrixError::Refused {
            status: 400,
            errcode: "M_INVALID_PARAM".to_owned(),
            message: "the media's URI is not mxc://server/id".to_owned(),
        })?;
        let segments = [server.as_str(), media_id];
        let actor = Actor::for_user(&self.settings, user)?;
        let path = "_matrix/client/v1/media/download/{server}/{id}";
        let download = async {
            let request = Request::new(Method::GET, path, &segments, actor, timeout);
            match self.dispatch(request, limit).await {
                Err(MatrixError::Refused {
                    status: 404, errcode, ..
                }) if errcode == "M_UNRECOGNIZED" => {
                    let path = "_matrix/media/v3/download/{server}/{id}";
                    let request = Request::new(Method::GET, path, &segments, Actor::Anonymous, timeout);
                    self.follow(self.dispatch(request, limit).await?, limit).await
                }
                answer => self.follow(answer?, limit).await,
            }
        };
        tokio::time::timeout(timeout, download).await.unwrap_or_else(|_| {
            Err(MatrixError::Transient {
                retry_after: None,
                reason: format!("a download took longer than {} s", timeout.as_secs()),
            })
        })
    }

    /// Follows redirects to where the media is, without the token: the specification has 307 and 308 there.
    async fn follow(&self, mut answer: Answer, limit: u64) -> Result<Media, MatrixError> {
        let mut redirects = 0;
        loop {
            match answer {
                Answer::Success { content_type, body } => {
                    return Ok(Media {
                        content_type,
                        bytes: body,
                    });
                }
                Answer::Redirect {
                    status: 307 | 308,
                    location: Some(url),
                } if redirects < REDIRECTS && matches!(url.scheme(), "http" | "https") => {
                    redirects += 1;
                    answer = self.get_elsewhere(url, limit).await?;
                }
                Answer::Redirect { status, location } => {
                    return Err(misdirected(status, location.as_ref()));
                }
            }
        }
    }

    /// A GET of any URL, as nobody.
    async fn get_elsewhere(&self, url: Url, limit: u64) -> Result<Answer, MatrixError> {
        let builder = self.client.get(url).timeout(self.settings.media_timeout);
        self.exchange("redirected download", builder, Actor::Anonymous, limit)
            .await
    }

    /// Uploads in one step.
    pub(super) async fn upload_media(
        &self,
        user: &UserId,
        name: &str,
        content_type: &str,
        bytes: Vec<u8>,
    ) -> Result<OwnedMxcUri, MatrixError> {
        let actor = Actor::for_user(&self.settings, user)?;
        let timeout = self.settings.media_timeout;
        let request = Request::new(Method::POST, "_matrix/media/v3/upload", &[], actor, timeout)
            .query("filename", name)
            .file(content_type, bytes);
        let answer: UploadAnswer = self.call(request).await?;
        Ok(answer.content_uri)
    }
}
