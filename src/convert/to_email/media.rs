//! The media of messages, as they are given to be rendered.

use super::mime::FileBody;
use crate::model::Timestamp;

/// How many bytes of a file are looked at to tell its type.
pub const FIRST_BYTES: usize = 4096;

/// Media as downloaded from the homeserver, or what stands for it.
#[derive(Clone, Debug, PartialEq)]
pub enum MediaBytes {
    /// The bytes, with the homeserver's `Content-Type`.
    Here {
        /// `Content-Type`; hostile input.
        content_type: Option<String>,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// The same for a file whose bytes are kept elsewhere, because they are many.
    Kept {
        /// `Content-Type`; hostile input.
        content_type: Option<String>,
        /// The first [`FIRST_BYTES`], by which its type is told.
        start: Vec<u8>,
        /// Which of the files that are kept elsewhere it is, as the caller counts them.
        number: usize,
        /// How many there are.
        size: u64,
    },
    /// It is too large for the mail, and offered for download.
    Link {
        /// Where.
        url: String,
        /// Until when.
        until: Timestamp,
    },
    /// It could not be had; the mail says so in these words.
    Missing {
        /// For a person: "is larger than 20 MB", "is not available any more".
        reason: String,
    },
}

/// The bytes of media, whether here or kept elsewhere.
pub(super) struct Bytes<'a> {
    pub(super) content_type: Option<&'a str>,
    /// The first of them, or all.
    pub(super) start: &'a [u8],
    pub(super) body: FileBody<'a>,
}

impl MediaBytes {
    /// How many bytes there are to enclose.
    pub fn size(&self) -> u64 {
        self.bytes().map_or(0, |bytes| bytes.body.size())
    }

    pub(super) fn bytes(&self) -> Option<Bytes<'_>> {
        let (content_type, start, body) = match self {
            Self::Here { content_type, bytes } => (content_type, bytes, FileBody::Here(bytes)),
            Self::Kept {
                content_type,
                start,
                number,
                size,
            } => {
                let (number, size) = (*number, *size);
                (content_type, start, FileBody::Kept { number, size })
            }
            Self::Link { .. } | Self::Missing { .. } => return None,
        };
        Some(Bytes {
            content_type: content_type.as_deref(),
            start,
            body,
        })
    }
}
