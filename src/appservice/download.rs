//! `GET /file/{link}`: a file that was too large for an email, for whoever got the link.
//!
//! The file is hostile: it is only ever saved, never shown. It comes from the homeserver while it goes out, and is
//! not kept.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::server::State;
use super::{Download, NoDownload};

/// Seconds after which a download may be tried again.
const LATER: &str = "60";

/// The file, or a line of text that says why there is none.
pub(super) async fn get(state: Data<State>, link: Path<String>) -> HttpResponse {
    let Ok(permit) = state.downloads.clone().try_acquire_owned() else {
        return words(
            StatusCode::SERVICE_UNAVAILABLE,
            "Too many files are being downloaded. Please try again in a minute.",
        );
    };
    match state.download(link.into_inner()).await {
        Ok(download) => file(download, permit),
        Err(NoDownload::Unknown) => words(
            StatusCode::NOT_FOUND,
            "There is no file here. Is the link complete? Some mail programs break long ones.",
        ),
        Err(NoDownload::Gone) => words(
            StatusCode::GONE,
            "This link has ended. Please ask whoever sent it for the file.",
        ),
        Err(NoDownload::Unavailable(reason)) => {
            tracing::warn!(%reason, "a file could not be offered for download");
            later()
        }
    }
}

/// Not now.
pub(super) fn later() -> HttpResponse {
    words(
        StatusCode::SERVICE_UNAVAILABLE,
        "The file can't be fetched at the moment. Please try again in a minute.",
    )
}

/// Any other method.
pub(super) async fn other_method() -> HttpResponse {
    let mut response = answer(StatusCode::METHOD_NOT_ALLOWED);
    response.insert_header((ALLOW, "GET, HEAD"));
    response.body("A file can only be downloaded.\n")
}

fn words(status: StatusCode, text: &str) -> HttpResponse {
    let mut response = answer(status);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.insert_header((RETRY_AFTER, LATER));
    }
    response.body(format!("{text}\n"))
}

fn file(download: Download, permit: OwnedSemaphorePermit) -> HttpResponse {
    let mut response = answer(StatusCode::OK);
    response
        .insert_header((CONTENT_TYPE, harmless(&download.content_type)))
        .insert_header((CONTENT_DISPOSITION, attachment(&download.name)));
    response.body(Chunks {
        length: download.length,
        received: download.chunks,
        _permit: permit,
    })
}

/// The headers of every answer: nothing is kept by caches, guessed, executed, framed or told to others.
fn answer(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response
        .insert_header((CONTENT_TYPE, "text/plain; charset=utf-8"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((
            CONTENT_SECURITY_POLICY,
            "sandbox; default-src 'none'; frame-ancestors 'none'",
        ))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((CACHE_CONTROL, "private, no-store"))
        .insert_header(("X-Robots-Tag", "noindex"))
        .insert_header(("Cross-Origin-Resource-Policy", "same-origin"));
    response
}

/// The type, where a program that ignores the disposition would do no harm with it.
fn harmless(content_type: &str) -> &str {
    let (family, subtype) = content_type.split_once('/').unwrap_or_default();
    let plain = subtype
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    match family {
        // What has a `+` is XML or JSON at heart, and SVG can hold scripts.
        "image" | "audio" | "video" if plain && !subtype.is_empty() => content_type,
        _ if content_type == "application/pdf" => content_type,
        _ => "application/octet-stream",
    }
}

/// The disposition with the name twice (RFC 6266, section 4.3): in ASCII for old programs, whole for all others.
fn attachment(name: &str) -> String {
    let ascii: String = name
        .chars()
        .map(|c| match c {
            '"' | '\\' | '%' => '_',
            ' '..='~' => c,
            _ => '_',
        })
        .collect();
    let whole: String = name
        .bytes()
        .map(|byte| {
            let literal = byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            if literal {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect();
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{whole}")
}

/// The body of an answer, as it comes from the homeserver.
struct Chunks {
    length: Option<u64>,
    received: mpsc::Receiver<io::Result<Bytes>>,
    /// Held until the last byte has left.
    _permit: OwnedSemaphorePermit,
}

impl MessageBody for Chunks {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        self.length.map_or(BodySize::Stream, BodySize::Sized)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.received.poll_recv(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_that_a_browser_would_run_are_bytes() {
        for (given, shown) in [
            ("image/png", "image/png"),
            ("video/mp4", "video/mp4"),
            ("application/pdf", "application/pdf"),
            ("image/svg+xml", "application/octet-stream"),
            ("text/html", "application/octet-stream"),
            ("application/javascript", "application/octet-stream"),
            ("image/", "application/octet-stream"),
            ("image/png; x=\r\n", "application/octet-stream"),
            ("", "application/octet-stream"),
        ] {
            assert_eq!(harmless(given), shown, "{given}");
        }
    }

    #[test]
    fn names_are_written_for_old_and_new_programs() {
        assert_eq!(
            attachment("Grüße \"1\".mp4"),
            "attachment; filename=\"Gr__e _1_.mp4\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%221%22.mp4"
        );
    }
}
