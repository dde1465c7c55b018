//! `/stop/{token}`: where an email user stops the emails of a Matrix user, or takes them again.
//!
//! `GET` shows a page with a button and changes nothing, because mail scanners follow links. `POST` acts: for the page's button, and for mail
//! programs that do it by themselves (RFC 8058), whose body says `List-Unsubscribe=One-Click`. There is no session that a foreign page could
//! abuse: all that counts is the token in the path.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};

use super::body;
use super::error::ApiError;
use super::server::State;
use super::{Correspondence, NoCorrespondence};

/// The largest body that is read: a mail program sends thirty bytes, in several parts two hundred.
const MAX_BODY: usize = 4096;

/// What the button that takes emails again sends.
const AGAIN: &[u8] = b"emails=again";

/// Seconds after which it may be tried again.
const LATER: &str = "60";

/// The page.
pub(super) async fn get(state: Data<State>, token: Path<String>) -> HttpResponse {
    answer(state.correspondence(token.into_inner(), None).await)
}

/// Acts, and shows the page as it is then. Whatever the body says is a wish to stop, but for the one button.
pub(super) async fn post(
    state: Data<State>,
    token: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let body = body::read(&request, payload, MAX_BODY).await?;
    let stop = body.as_ref() != AGAIN;
    Ok(answer(state.correspondence(token.into_inner(), Some(stop)).await))
}

/// Any other method.
pub(super) async fn other_method() -> HttpResponse {
    let mut response = head(StatusCode::METHOD_NOT_ALLOWED);
    response.insert_header((ALLOW, "GET, HEAD, POST"));
    response.body(page(
        "Emails from a chat",
        "<p>This page can only be read, and its button pressed.</p>",
    ))
}

fn answer(found: Result<Correspondence, NoCorrespondence>) -> HttpResponse {
    match found {
        Ok(correspondence) => head(StatusCode::OK).body(about(&correspondence)),
        Err(NoCorrespondence::Unknown) => head(StatusCode::NOT_FOUND).body(page(
            "There is nothing here",
            "<p>Is the link complete? Some mail programs break long ones. You can also answer the email with the word STOP.</p>",
        )),
        Err(NoCorrespondence::Unavailable(reason)) => {
            tracing::warn!(%reason, "an email user could not stop emails");
            later()
        }
    }
}

/// Not now.
pub(super) fn later() -> HttpResponse {
    let mut response = head(StatusCode::SERVICE_UNAVAILABLE);
    response.insert_header((RETRY_AFTER, LATER));
    response.body(page("Not at the moment", "<p>Please try again in a minute.</p>"))
}

fn about(correspondence: &Correspondence) -> String {
    let user = escape(&correspondence.user);
    let address = escape(&correspondence.address);
    if correspondence.stopped {
        let words = format!(
            "<p><b>{address}</b> gets no email from <b>{user}</b>.</p>\n\
             <form method=\"post\"><button name=\"emails\" value=\"again\">Get these emails again</button></form>"
        );
        return page("Emails stopped", &words);
    }
    let words = format!(
        "<p><b>{address}</b> gets the emails that <b>{user}</b> writes in a chat on Matrix.</p>\n\
         <form method=\"post\"><button name=\"emails\" value=\"stop\">Stop these emails</button></form>"
    );
    page("Emails from a chat", &words)
}

/// A page of its own: nothing is loaded from anywhere, and there is no script.
fn page(title: &str, content: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n</head>\n<body>\n\
         <h1>{title}</h1>\n{content}\n</body>\n</html>\n"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

/// The headers of every answer: nothing is kept by caches, guessed, executed, loaded, framed or told to others.
fn head(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response
        .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((CACHE_CONTROL, "private, no-store"))
        .insert_header(("X-Robots-Tag", "noindex"))
        .insert_header(("Cross-Origin-Resource-Policy", "same-origin"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_text() {
        let hostile = Correspondence {
            user: "@<script>alert(1)</script>:x".to_owned(),
            address: "\"'&@x".to_owned(),
            stopped: false,
        };
        let page = about(&hostile);
        assert!(!page.contains("<script>"), "{page}");
        assert!(page.contains("&quot;&#39;&amp;@x"), "{page}");
    }
}
