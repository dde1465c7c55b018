//! How long a sound or film is, where the container tells it without being decoded.

use super::boxes;
use super::bytes::{be32, be64, le16, le32, le64};
use crate::convert::media_type::sniff;

/// The longest duration that is believed: a week, in milliseconds.
const MAX_DURATION: u64 = 7 * 24 * 3_600_000;

/// The duration in milliseconds.
pub(in super::super) fn duration(bytes: &[u8]) -> Option<u64> {
    let found = match sniff(bytes)? {
        "audio/wav" => wav(bytes),
        "audio/mpeg" => mp3(bytes),
        "audio/ogg" => ogg(bytes),
        "audio/flac" => flac(bytes),
        "audio/amr" => amr(bytes),
        "audio/mp4" | "video/mp4" | "video/quicktime" | "video/3gpp" => boxes::duration(bytes),
        _ => None,
    }?;
    (1..=MAX_DURATION).contains(&found).then_some(found)
}

fn milliseconds(count: u64, per_second: u64) -> Option<u64> {
    count.checked_mul(1000)?.checked_div(per_second)
}

/// The size of the samples by their rate in bytes.
fn wav(bytes: &[u8]) -> Option<u64> {
    let mut rate = 0;
    let mut at = 12_usize;
    for _ in 0..50 {
        let size = le32(bytes, at.checked_add(4)?)?;
        match bytes.get(at..at.checked_add(4)?)? {
            b"fmt " => rate = le32(bytes, at + 16)?,
            b"data" => {
                // Written while recording, the size is that of no file.
                let present = bytes.len().saturating_sub(at + 8) as u64;
                return milliseconds(u64::from(size).min(present), u64::from(rate));
            }
            _ => {}
        }
        at = at.checked_add(8 + usize::try_from(size).ok()?.next_multiple_of(2))?;
    }
    None
}

/// Bit rates of layer III in kbit/s: MPEG 1, and MPEG 2 and 2.5.
const BIT_RATES: [[u64; 15]; 2] = [
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];
/// How far behind the tags the first frame is looked for.
const MAX_PADDING: usize = 8_192;

/// The count of frames in the first one (Xing, VBRI); without it the bit rate is constant.
fn mp3(bytes: &[u8]) -> Option<u64> {
    let mut start = 0;
    if bytes.starts_with(b"ID3") {
        // The size of the tag has seven bits in each byte (ID3v2.4, section 3.1).
        let size = bytes
            .get(6..10)?
            .iter()
            .fold(0_usize, |size, byte| size << 7 | usize::from(byte & 0x7f));
        start = size + 10;
    }
    let padded = bytes.get(start..)?;
    let sync = padded
        .windows(2)
        .take(MAX_PADDING)
        .position(|pair| matches!(pair, [0xff, second] if second & 0xe6 == 0xe2))?;
    let frame = padded.get(sync..)?;
    let head = be32(frame, 0)?;
    let is_first = head >> 19 & 3 == 3;
    let rates = BIT_RATES.get(usize::from(!is_first))?;
    let bit_rate = rates.get(usize::try_from(head >> 12 & 0xf).ok()?).copied()?;
    let divisor = match head >> 19 & 3 {
        3 => 1,
        2 => 2,
        0 => 4,
        _ => return None,
    };
    let rate = *[44_100_u64, 48_000, 32_000].get(usize::try_from(head >> 10 & 3).ok()?)? / divisor;
    let samples = if is_first { 1152 } else { 576 };
    let is_mono = head >> 6 & 3 == 3;
    let side = match (is_first, is_mono) {
        (true, false) => 32,
        (true, true) | (false, false) => 17,
        (false, true) => 9,
    };
    let xing = frame.get(4 + side..)?;
    let frames = if (xing.starts_with(b"Xing") || xing.starts_with(b"Info")) && be32(xing, 4)? & 1 == 1 {
        be32(xing, 8)
    } else if frame.get(36..40) == Some(b"VBRI") {
        be32(frame, 50)
    } else {
        None
    };
    match frames {
        Some(frames) => milliseconds(u64::from(frames) * samples, rate),
        None => (frame.len() as u64).checked_mul(8)?.checked_div(bit_rate),
    }
}

/// The position of the last page (RFC 3533, section 6), in samples.
fn ogg(bytes: &[u8]) -> Option<u64> {
    let segments = usize::from(*bytes.get(26)?);
    let first = bytes.get(27 + segments..)?;
    let (rate, skipped) = if first.starts_with(b"OpusHead") {
        // Always 48 kHz, whatever was recorded (RFC 7845, section 4).
        (48_000, u64::from(le16(first, 10)?))
    } else if first.starts_with(b"\x01vorbis") {
        (u64::from(le32(first, 12)?), 0)
    } else {
        return None;
    };
    // A page has 65,307 bytes at most.
    let tail = bytes.get(bytes.len().saturating_sub(65_536)..)?;
    let last = tail.windows(4).rposition(|window| window == b"OggS")?;
    milliseconds(le64(tail, last + 6)?.checked_sub(skipped)?, rate)
}

/// Rate and count of the samples (RFC 9639, section 8.2).
fn flac(bytes: &[u8]) -> Option<u64> {
    let rate = u64::from(be32(bytes, 18)? >> 12);
    milliseconds(be64(bytes, 18)? & 0xf_ffff_ffff, rate)
}

/// Frames of 20 ms, whose sizes their first bytes tell (RFC 4867, section 5.3).
fn amr(bytes: &[u8]) -> Option<u64> {
    const SIZES: [usize; 16] = [13, 14, 16, 18, 20, 21, 27, 32, 6, 1, 1, 1, 1, 1, 1, 1];
    let mut at = bytes.starts_with(b"#!AMR\n").then_some(6)?;
    let mut frames = 0;
    while let Some(head) = bytes.get(at) {
        at += SIZES.get(usize::from(head >> 3 & 0xf))?;
        frames += 1;
    }
    Some(frames * 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sounds_tell_how_long_they_are() {
        let mut wav =
            b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\x7d\0\0"
                .to_vec();
        wav.resize(wav.len() + 32_000, 0);
        // 128 kbit/s, 44.1 kHz, stereo.
        let mut constant = b"\xff\xfb\x90\x00".to_vec();
        constant.resize(32_000, 0);
        let mut counted = b"ID3\x04\0\0\0\0\0\x02\0\0\xff\xfb\x90\x00".to_vec();
        counted.resize(12 + 36, 0);
        counted.extend(b"Xing\0\0\0\x01\0\0\0\x4d");
        counted.resize(5_000, 0);
        let mut opus = b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0".to_vec();
        opus.extend(b"OggS\0\x04");
        opus.extend((96_000_u64 + 0x138).to_le_bytes());
        opus.resize(opus.len() + 30, 0);
        let mut flac = b"fLaC\0\0\0\x22\x10\0\x10\0\0\0\0\0\0\0".to_vec();
        flac.extend(((44_100_u64 << 44) + (1 << 41) + (15 << 36) + 88_200).to_be_bytes());
        let mut amr = b"#!AMR\n".to_vec();
        amr.extend(std::iter::repeat_n([0x3c; 32], 100).flatten());
        let movie = |kind: &[u8], content: &[u8]| {
            let size = u32::try_from(content.len() + 8).unwrap().to_be_bytes();
            [&size[..], kind, content].concat()
        };
        let head = movie(
            b"mvhd",
            &[&[0_u8; 12][..], &1000_u32.to_be_bytes(), &2000_u32.to_be_bytes()].concat(),
        );
        let m4a = [movie(b"ftyp", b"M4A \0\0\0\0"), movie(b"moov", &head)].concat();
        for (name, sound, expected) in [
            ("wav", &wav, 2_000),
            ("mp3 of constant rate", &constant, 2_000),
            ("mp3 with a count of frames", &counted, 2_011),
            ("opus", &opus, 2_000),
            ("flac", &flac, 2_000),
            ("amr", &amr, 2_000),
            ("m4a", &m4a, 2_000),
        ] {
            assert_eq!(duration(sound), Some(expected), "{name}");
            for end in 0..sound.len().min(400) {
                duration(&sound[..end]);
            }
        }
    }
}
