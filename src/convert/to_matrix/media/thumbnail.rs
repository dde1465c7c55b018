//! A smaller picture to look at before the large one is fetched.

use std::io::Cursor;
use std::sync::{Mutex, PoisonError};

use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits};

use super::dimensions;
use crate::convert::media_type::sniff;

/// The frame that a thumbnail fits into, in pixels: that of Matrix clients, and of the homeserver's largest thumbnails.
const FRAME: (u32, u32) = (800, 600);

/// Bytes below which a picture is soon fetched as it is.
const SMALL: usize = 128 * 1024;

/// Pixels for each byte of its file beyond which a picture is soon fetched, for its size. A photograph has 2 to 10; more than
/// this have plain surfaces, and files that were made to keep a decoder busy.
const PLAIN: u64 = 40;

/// The memory in which a picture is decoded: enough for 24 megapixels in three bytes each. Larger ones go without.
const MEMORY: u64 = 72 * 1024 * 1024;

/// JPEG quality of 100: what looks the same at this size.
const QUALITY: u8 = 80;

/// Pictures are decoded one after the other: a mail of a hundred, or a hundred mails, take the memory of one.
static DECODING: Mutex<()> = Mutex::new(());

/// A picture made smaller.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Thumbnail {
    /// Its media type: JPEG, or PNG where the picture may be transparent.
    pub(in super::super) content_type: &'static str,
    /// Its file.
    pub(in super::super) bytes: Vec<u8>,
    /// Width and height in pixels.
    pub(in super::super) size: (u32, u32),
}

/// The thumbnail of a large JPEG or PNG. `None` for what is small enough as it is, and for what can't be decoded.
pub(in super::super) fn thumbnail(bytes: &[u8]) -> Option<Thumbnail> {
    let format = match sniff(bytes)? {
        "image/jpeg" => ImageFormat::Jpeg,
        "image/png" => ImageFormat::Png,
        _ => return None,
    };
    let (width, height) = dimensions(bytes)?;
    let is_plain = u64::from(width) * u64::from(height) > PLAIN * bytes.len() as u64;
    if bytes.len() < SMALL || is_plain || (width <= FRAME.0 && height <= FRAME.1) {
        return None;
    }
    let _only = DECODING.lock().unwrap_or_else(PoisonError::into_inner);
    let thumbnail = encode(&reduced(bytes, format)?)?;
    // A drawing of few colours may be as small as it is.
    (thumbnail.bytes.len() < bytes.len() / 2).then_some(thumbnail)
}

/// The picture within the frame, turned as the camera says (Exif 2.32, section 4.6.4).
fn reduced(bytes: &[u8], format: ImageFormat) -> Option<DynamicImage> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    let orientation = decoder.orientation().ok()?;
    let is_turned = matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    );
    let (width, height) = if is_turned { (FRAME.1, FRAME.0) } else { FRAME };
    let mut picture = DynamicImage::from_decoder(decoder).ok()?.thumbnail(width, height);
    picture.apply_orientation(orientation);
    Some(picture)
}

fn encode(picture: &DynamicImage) -> Option<Thumbnail> {
    let size = (picture.width(), picture.height());
    let mut bytes = Vec::new();
    let content_type = if picture.color().has_alpha() {
        picture
            .to_rgba8()
            .write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)
            .ok()?;
        "image/png"
    } else {
        let encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
        picture.to_rgb8().write_with_encoder(encoder).ok()?;
        "image/jpeg"
    };
    Some(Thumbnail {
        content_type,
        bytes,
        size,
    })
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64_MIME;
    use serde_json::json;

    use super::*;
    use crate::convert::to_matrix::{ThreadContext, convert, placeholder};
    use image::{Rgb, RgbImage, Rgba, RgbaImage};

    /// Colours that no compression makes small, the same each time.
    fn noise(x: u32, y: u32) -> [u8; 3] {
        let mixed = x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(2_246_822_519);
        let mixed = (mixed ^ mixed >> 13).wrapping_mul(3_266_489_917);
        std::array::from_fn(|index| mixed.to_be_bytes()[index])
    }

    fn file(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Vec::new();
        picture.write_to(&mut Cursor::new(&mut bytes), format).unwrap();
        bytes
    }

    fn photo(width: u32, height: u32) -> Vec<u8> {
        let pixels = RgbImage::from_fn(width, height, |x, y| Rgb(noise(x, y)));
        file(&pixels.into(), ImageFormat::Jpeg)
    }

    #[test]
    fn a_large_photo_has_a_small_one() {
        let photo = photo(1400, 980);
        let small = thumbnail(&photo).unwrap();
        assert_eq!((small.content_type, small.size), ("image/jpeg", (800, 560)));
        assert!(small.bytes.len() < photo.len() / 2);
        assert_eq!(dimensions(&small.bytes), Some((800, 560)));
    }

    #[test]
    fn the_photo_of_a_mail_is_shown_by_its_thumbnail() {
        let photo = BASE64_MIME.encode(&photo(1400, 980));
        let mail = format!(
            "Content-Type: image/jpeg; name=lake.jpg\r\nContent-Transfer-Encoding: base64\r\n\r\n{photo}"
        );
        let converted = convert(mail.as_bytes(), &ThreadContext::default());
        let [(_, content)] = converted.events.as_slice() else {
            panic!("{:?}", converted.events);
        };
        assert_eq!(
            (&content["url"], &content["info"]["w"]),
            (&json!(placeholder(0)), &json!(1400))
        );
        assert_eq!(content["info"]["thumbnail_url"], placeholder(1));
        let small = &converted.uploads[1];
        assert_eq!(
            (small.name.as_str(), small.content_type.as_str()),
            ("thumbnail.jpg", "image/jpeg")
        );
        assert_eq!(
            content["info"]["thumbnail_info"],
            json!({"mimetype": "image/jpeg", "size": small.content.len(), "w": 800, "h": 560})
        );
    }

    #[test]
    fn a_photo_taken_upright_stays_upright() {
        let photo = photo(1000, 750);
        let exif = b"\xff\xe1\0\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let turned = [&photo[..2], exif, &photo[2..]].concat();
        assert_eq!(dimensions(&turned), Some((750, 1000)));
        assert_eq!(thumbnail(&turned).unwrap().size, (450, 600));
    }

    #[test]
    fn what_is_transparent_stays_so() {
        let pixels = RgbaImage::from_fn(1000, 1000, |x, y| {
            let [r, g, b] = noise(x, y);
            Rgba([r, g, b, 0])
        });
        let small = thumbnail(&file(&pixels.into(), ImageFormat::Png)).unwrap();
        assert_eq!((small.content_type, small.size), ("image/png", (600, 600)));
        let small = image::load_from_memory(&small.bytes).unwrap();
        assert!(small.to_rgba8().pixels().all(|pixel| pixel.0[3] == 0));
    }

    #[test]
    fn small_plain_and_damaged_pictures_go_without() {
        let plain = RgbImage::from_pixel(2500, 2500, Rgb([200, 10, 10]));
        let mut plain = file(&plain.into(), ImageFormat::Png);
        plain.resize(SMALL, 0);
        let photo = photo(1400, 980);
        for picture in [
            self::photo(500, 400),
            plain,
            b"GIF89a\x40\x06\xe8\x03".to_vec(),
            photo[..200].to_vec(),
        ] {
            assert_eq!(thumbnail(&picture), None);
        }
        // Half a photo is shown by viewers, and may have a thumbnail; what matters is that it does no harm.
        let _ = thumbnail(&photo[..photo.len() / 2]);
    }
}
