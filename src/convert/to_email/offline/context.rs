//! What the bridge would know, as JSON.

use std::collections::BTreeMap;
use std::io;

use mail_parser::DateTime;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::FromJsonError;
use crate::convert::to_email::MediaBytes;
use crate::model::Timestamp;

/// What the bridge would know of the thread; every key is optional. One that is not known is a mistake, and named.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Context {
    pub(super) domain: Option<String>,
    pub(super) from: Person,
    pub(super) to: Vec<Person>,
    pub(super) subject: Option<String>,
    pub(super) room: Room,
    pub(super) events: BTreeMap<String, Earlier>,
    pub(super) media: BTreeMap<String, Source>,
    /// The sender's signature.
    pub(super) signature: Option<String>,
    /// Whether the mail is the first of its thread.
    pub(super) first: Option<bool>,
    /// How many bytes of files the mail encloses; what is beyond that is linked to.
    pub(super) enclose: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Person {
    pub(super) address: Option<String>,
    pub(super) name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Room {
    /// Nothing in an email tells it.
    #[serde(rename = "id")]
    _id: Option<IgnoredAny>,
    pub(super) name: Option<String>,
    pub(super) topic: Option<String>,
}

/// An event that was bridged before, and the email that it is in.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Earlier {
    pub(super) message_id: Option<String>,
    pub(super) references: Vec<String>,
    pub(super) sender_name: Option<String>,
    pub(super) body: Option<String>,
    pub(super) date: Option<String>,
}

/// Where the bytes of a media URI are.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Source {
    Base64(String),
    File(String),
}

impl Context {
    /// The bytes that the context names for a media URI; `None` when it names none.
    pub(super) fn media(
        &self,
        uri: &str,
        read_file: &dyn Fn(&str) -> io::Result<Vec<u8>>,
    ) -> Result<Option<MediaBytes>, FromJsonError> {
        let bytes = match self.media.get(uri) {
            None => return Ok(None),
            Some(Source::Base64(text)) => data_encoding::BASE64
                .decode(text.as_bytes())
                .map_err(|error| FromJsonError::Context(format!("media.{uri}.base64: {error}")))?,
            Some(Source::File(path)) => read_file(path).map_err(|source| FromJsonError::File {
                uri: uri.to_owned(),
                path: path.clone(),
                source,
            })?,
        };
        Ok(Some(MediaBytes::Here {
            content_type: None,
            bytes,
        }))
    }
}

impl Earlier {
    /// When it was sent.
    pub(super) fn timestamp(&self) -> Timestamp {
        let date = self.date.as_deref().and_then(DateTime::parse_rfc3339);
        Timestamp(date.map_or(0, |date| date.to_timestamp()).saturating_mul(1000))
    }
}
