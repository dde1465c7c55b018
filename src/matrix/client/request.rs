//! A request before it is sent: method, path, query, body.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use url::Url;

use super::actor::Actor;
use crate::matrix::{File, MatrixError};

/// The body of a request.
pub(super) enum Body {
    /// None.
    Empty,
    /// JSON.
    Json(Value),
    /// A file.
    File {
        /// `Content-Type`.
        content_type: String,
        /// The bytes.
        file: File,
    },
}

/// One request to the homeserver.
pub(super) struct Request<'a> {
    /// The HTTP method.
    pub(super) method: Method,
    /// The path, with `{names}` in place of its variable segments; also the endpoint's name in logs and metrics.
    pub(super) path: &'static str,
    /// What stands in place of the names, in order, not encoded.
    pub(super) segments: Vec<&'a str>,
    /// Query parameters, not encoded.
    pub(super) query: Vec<(&'static str, String)>,
    /// As whom.
    pub(super) actor: Actor<'a>,
    /// The body.
    pub(super) body: Body,
    /// The longest it may take.
    pub(super) timeout: Duration,
}

impl<'a> Request<'a> {
    /// A request without query and body.
    pub(super) fn new(
        method: Method,
        path: &'static str,
        segments: &[&'a str],
        actor: Actor<'a>,
        timeout: Duration,
    ) -> Self {
        Self {
            method,
            path,
            segments: segments.to_vec(),
            query: Vec::new(),
            actor,
            body: Body::Empty,
            timeout,
        }
    }

    /// Adds a query parameter.
    pub(super) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// Sets a JSON body.
    pub(super) fn json(mut self, body: Value) -> Self {
        self.body = Body::Json(body);
        self
    }

    /// Sets a file as the body.
    pub(super) fn file(mut self, content_type: &str, file: File) -> Self {
        self.body = Body::File {
            content_type: content_type.to_owned(),
            file,
        };
        self
    }

    /// The URL below `base`. Each segment is percent-encoded: room and event IDs are opaque and may hold `/`.
    /// A segment that no encoding can carry (empty, `.`, `..`: URLs resolve them away) is refused, since it
    /// would turn the request into another one.
    pub(super) fn url(&self, base: &Url) -> Result<Url, MatrixError> {
        let mut values = self.segments.iter().copied();
        let mut segments = Vec::new();
        for part in self.path.split('/') {
            let segment = if part.starts_with('{') {
                values.next().unwrap_or_default()
            } else {
                part
            };
            if matches!(segment, "" | "." | "..") {
                return Err(MatrixError::Refused {
                    status: 400,
                    errcode: "M_INVALID_PARAM".to_owned(),
                    message: format!("{part} of {} can't be {segment:?}", self.path),
                });
            }
            segments.push(segment);
        }
        let mut url = base.clone();
        match url.path_segments_mut() {
            Ok(mut path) => path.pop_if_empty().extend(segments),
            // `HttpHomeserver::new` takes only http and https, which have path segments.
            Err(()) => {
                return Err(MatrixError::Transient {
                    retry_after: None,
                    reason: format!("{base} can't be a base URL"),
                });
            }
        };
        if !self.query.is_empty() || self.actor.user().is_some() {
            let mut query = url.query_pairs_mut();
            for (name, value) in &self.query {
                query.append_pair(name, value);
            }
            if let Some(user) = self.actor.user() {
                query.append_pair("user_id", user.as_str());
            }
        }
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    fn url(base: &str, segments: &[&str]) -> Result<String, MatrixError> {
        let path = "_matrix/client/v3/rooms/{room}/send/{type}";
        let puppet = Actor::Puppet(user_id!("@_email_a=2bb=40c.test:hs.test"));
        Request::new(Method::GET, path, segments, puppet, Duration::from_secs(1))
            .query("ts", "5")
            .url(&Url::parse(base).unwrap())
            .map(|url| url.to_string())
    }

    #[test]
    fn segments_are_encoded_one_by_one() {
        let tail = "?ts=5&user_id=%40_email_a%3D2bb%3D40c.test%3Ahs.test";
        for (room, kind, path) in [
            (
                "!abc:hs.test",
                "m.room.message",
                "!abc:hs.test/send/m.room.message",
            ),
            (
                "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM",
                "m.x",
                "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM/send/m.x",
            ),
            ("!a/b?c#d", "x y%2F", "!a%2Fb%3Fc%23d/send/x%20y%252F"),
            ("!a\\b", "ü\u{0}", "!a%5Cb/send/%C3%BC%00"),
            ("!..", "...", "!../send/..."),
        ] {
            assert_eq!(
                url("http://hs.test", &[room, kind]).unwrap(),
                format!("http://hs.test/_matrix/client/v3/rooms/{path}{tail}")
            );
        }
    }

    #[test]
    fn a_base_with_a_path_keeps_it() {
        for base in ["https://hs.test/matrix", "https://hs.test/matrix/"] {
            let url = url(base, &["!r", "m.x"]).unwrap();
            assert!(url.starts_with("https://hs.test/matrix/_matrix/client/v3/rooms/!r/send/m.x?"));
        }
    }

    #[test]
    fn segments_that_would_make_another_path_are_refused() {
        for segments in [&["!r", ".."][..], &["!r", "."], &["", "m.x"], &["!r"]] {
            assert!(url("http://hs.test", segments).unwrap_err().is("M_INVALID_PARAM"));
        }
    }
}
