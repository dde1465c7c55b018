//! What the bytes of a file say about it: how large a picture is, how it looks when small, how long a sound is.

mod boxes;
mod bytes;
mod picture;
mod sound;
mod thumbnail;
mod tiff;

pub(super) use picture::dimensions;
pub(super) use sound::duration;
pub(super) use thumbnail::{Thumbnail, thumbnail};
