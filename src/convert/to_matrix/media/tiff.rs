//! The first directory of a TIFF file (TIFF 6.0, section 2), which Exif uses as well.

use super::bytes::{be16, be32, le16, le32};

/// The tag of the width in pixels.
pub(super) const WIDTH: u16 = 0x0100;
/// The tag of the height in pixels.
pub(super) const HEIGHT: u16 = 0x0101;
/// The tag that says how the picture is turned.
pub(super) const ORIENTATION: u16 = 0x0112;
/// How many entries of the directory are read; cameras write some twenty.
const MAX_ENTRIES: u16 = 200;

/// A file and its order of bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiff<'a> {
    bytes: &'a [u8],
    is_little: bool,
}

impl<'a> Tiff<'a> {
    /// Reads the head; `None` when it is not one.
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        let is_little = match bytes.get(..4)? {
            b"II*\0" => true,
            b"MM\0*" => false,
            _ => return None,
        };
        Some(Self { bytes, is_little })
    }

    /// The first number of a tag.
    pub(super) fn value(self, tag: u16) -> Option<u32> {
        let directory = usize::try_from(self.long(4)?).ok()?;
        let entries = self.short(directory)?.min(MAX_ENTRIES);
        (0..entries).find_map(|entry| {
            let at = directory.checked_add(2 + usize::from(entry) * 12)?;
            if self.short(at)? != tag {
                return None;
            }
            match self.short(at.checked_add(2)?)? {
                3 => self.short(at.checked_add(8)?).map(u32::from),
                4 => self.long(at.checked_add(8)?),
                _ => None,
            }
        })
    }

    fn short(self, at: usize) -> Option<u16> {
        if self.is_little {
            le16(self.bytes, at)
        } else {
            be16(self.bytes, at)
        }
    }

    fn long(self, at: usize) -> Option<u32> {
        if self.is_little {
            le32(self.bytes, at)
        } else {
            be32(self.bytes, at)
        }
    }
}
