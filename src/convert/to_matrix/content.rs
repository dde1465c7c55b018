//! The bytes of a file on its way to the homeserver: at hand, or still in the mail.

use std::borrow::Cow;
use std::sync::Arc;

use super::media::{self, Thumbnail};
use super::mime::{LeftFile, Part};
use super::special;
use crate::convert::media_type::sniff;

/// The decoded bytes of a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// At hand.
    Here(Vec<u8>),
    /// In the mail, which is too large for memory.
    Left(Arc<LeftFile>),
}

impl Content {
    /// The content of a part.
    pub(super) fn of(part: &Part<'_>) -> Self {
        match &part.left {
            Some(left) => Self::Left(Arc::clone(left)),
            None => Self::Here(part.bytes().into_owned()),
        }
    }

    /// The number of bytes.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> u64 {
        match self {
            Self::Here(bytes) => bytes.len() as u64,
            Self::Left(left) => left.length,
        }
    }

    /// The bytes, as far as they are at hand.
    pub fn at_hand(&self) -> &[u8] {
        match self {
            Self::Here(bytes) => bytes,
            Self::Left(_) => &[],
        }
    }

    /// The media type by the content.
    pub(super) fn sniff(&self) -> Option<&'static str> {
        match self {
            Self::Here(bytes) => sniff(bytes),
            Self::Left(left) => left.facts.found,
        }
    }

    /// Width and height in pixels.
    pub(super) fn dimensions(&self) -> Option<(u32, u32)> {
        match self {
            Self::Here(bytes) => media::dimensions(bytes),
            Self::Left(left) => left.facts.dimensions,
        }
    }

    /// How long it plays, in milliseconds.
    pub(super) fn duration(&self) -> Option<u64> {
        match self {
            Self::Here(bytes) => media::duration(bytes),
            Self::Left(left) => left.facts.duration,
        }
    }

    /// The thumbnail of a large picture.
    pub(super) fn thumbnail(&self) -> Option<Cow<'_, Thumbnail>> {
        match self {
            Self::Here(bytes) => media::thumbnail(bytes).map(Cow::Owned),
            Self::Left(left) => left.facts.thumbnail.as_ref().map(Cow::Borrowed),
        }
    }

    /// The line that says what is in a file of this type.
    pub(super) fn said(&self, media_type: &str) -> Option<Cow<'_, str>> {
        match self {
            Self::Here(bytes) => special::said(media_type, bytes).map(Cow::Owned),
            Self::Left(left) => left.facts.said.as_deref().map(Cow::Borrowed),
        }
    }
}
