//! The boxes of ISO media files (ISO/IEC 14496-12): films and sounds in MP4, pictures in HEIC and AVIF.

use super::bytes::{be32, be64};

/// How many boxes of one level are read; a file has some ten.
const MAX_BOXES: usize = 200;

/// The boxes of one level with their content.
fn boxes(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = bytes;
    let next = move || {
        let kind = rest.get(4..8)?;
        let size = usize::try_from(be32(rest, 0)?).ok()?;
        let (head, size) = match size {
            0 => (8, rest.len()),
            1 => (16, usize::try_from(be64(rest, 8)?).ok()?),
            size => (8, size),
        };
        // The last box may be cut off.
        let content = rest.get(head..size.min(rest.len()))?;
        rest = rest.get(size..).unwrap_or_default();
        Some((kind, content))
    };
    std::iter::from_fn(next).take(MAX_BOXES)
}

/// The first box at the end of a path.
fn find<'a>(bytes: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    path.iter().try_fold(bytes, |within, kind| {
        boxes(within)
            .find(|(found, _)| found == *kind)
            .map(|(_, content)| content)
    })
}

/// How long a film or sound is, in milliseconds.
pub(super) fn duration(bytes: &[u8]) -> Option<u64> {
    let head = find(bytes, &[b"moov", b"mvhd"])?;
    let (scale, length) = match head.first()? {
        0 => (be32(head, 12)?, u64::from(be32(head, 16)?)),
        _ => (be32(head, 20)?, be64(head, 24)?),
    };
    length.checked_mul(1000)?.checked_div(u64::from(scale))
}

/// Width and height of the first track that has any.
pub(super) fn video_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let film = find(bytes, &[b"moov"])?;
    let tracks = boxes(film).filter(|(kind, _)| *kind == b"trak");
    let mut sizes = tracks.filter_map(|(_, track)| {
        let head = find(track, &[b"tkhd"])?;
        let matrix = if *head.first()? == 0 { 40 } else { 52 };
        let size = (be32(head, matrix + 36)? >> 16, be32(head, matrix + 40)? >> 16);
        // Telephones turn the film by the matrix.
        let is_turned = be32(head, matrix)? == 0 && be32(head, matrix + 16)? == 0;
        Some(if is_turned { (size.1, size.0) } else { size })
    });
    sizes.find(|size| *size != (0, 0))
}

/// Width and height of a HEIC or AVIF picture: the largest of those in the file, which has thumbnails and tiles as well.
pub(super) fn picture_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let meta = find(bytes, &[b"meta"])?.get(4..)?;
    let properties = find(meta, &[b"iprp", b"ipco"])?;
    let sizes = boxes(properties).filter(|(kind, _)| *kind == b"ispe");
    let (width, height) = sizes
        .filter_map(|(_, size)| Some((be32(size, 4)?, be32(size, 8)?)))
        .max_by_key(|(width, height)| u64::from(*width) * u64::from(*height))?;
    let turns = boxes(properties).find(|(kind, _)| *kind == b"irot");
    let is_turned = turns
        .and_then(|(_, turns)| turns.first())
        .is_some_and(|turns| turns % 2 == 1);
    Some(if is_turned {
        (height, width)
    } else {
        (width, height)
    })
}
