//! What the bytes of a file say, for a file that does not stay in memory.

use super::{media, special};
use crate::convert::media_type::sniff;

/// What is known of a file.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Facts {
    /// Its media type, by its content.
    pub(super) found: Option<&'static str>,
    /// Width and height in pixels.
    pub(super) dimensions: Option<(u32, u32)>,
    /// How long it plays, in milliseconds.
    pub(super) duration: Option<u64>,
    /// A small picture of it.
    pub(super) thumbnail: Option<media::Thumbnail>,
    /// The line that says what is in it.
    pub(super) said: Option<String>,
}

impl Facts {
    /// Whether more can be said of a file when all of it is known, by how it begins.
    pub(super) fn need_all(media_type: &str, head: &[u8]) -> bool {
        let found = sniff(head).unwrap_or_default();
        ["image/", "audio/", "video/"]
            .iter()
            .any(|kind| found.starts_with(kind))
            || special::is_told(media_type)
    }

    /// What a file says, or, of one that is larger, how it begins.
    pub(super) fn of(media_type: &str, bytes: &[u8], is_whole: bool) -> Self {
        let found = sniff(bytes);
        // In these the head tells it; elsewhere it is reckoned from the length or stands at the end.
        let in_head = matches!(
            found,
            Some("audio/flac" | "audio/mp4" | "video/mp4" | "video/quicktime" | "video/3gpp")
        );
        Self {
            found,
            dimensions: media::dimensions(bytes),
            duration: media::duration(bytes).filter(|_| is_whole || in_head),
            thumbnail: is_whole.then(|| media::thumbnail(bytes)).flatten(),
            said: special::said(media_type, bytes),
        }
    }
}
