//! Decoding JPEG and PNG within bounds, and whole or not at all.

use crate::{Picture, PictureError};
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use std::io::Cursor;

/// Why bytes are not decoded.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// They are no JPEG or PNG, a damaged one, or one that takes more memory than allowed.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A JPEG does not come to its end: the decoder would make up the rest.
    #[error("the JPEG data is cut off: its end marker is missing")]
    Truncated,
    /// What was decoded does not fill a picture.
    #[error(transparent)]
    Picture(#[from] PictureError),
}

/// An encoded picture whose header has been read.
pub(crate) struct Encoded<'a> {
    decoder: Box<dyn ImageDecoder + 'a>,
    memory: u64,
    /// What its content, not its name, says that it is.
    pub(crate) format: ImageFormat,
    /// Rows and columns.
    pub(crate) size: [usize; 2],
}

impl<'a> Encoded<'a> {
    /// Reads the header of a JPEG or PNG; decoding it may take `memory` bytes.
    pub(crate) fn new(bytes: &'a [u8], memory: u64) -> Result<Self, DecodeError> {
        let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(ImageError::from)?;
        // Before the header is read: a colour profile stands in it, packed.
        reader.limits(limits(memory));
        let format = reader.format().unwrap_or(ImageFormat::Jpeg);
        if format == ImageFormat::Jpeg && !comes_to_its_end(bytes) && bytes.starts_with(&[0xff, 0xd8]) {
            return Err(DecodeError::Truncated);
        }
        let decoder = reader.into_decoder()?;
        let size = <[u32; 2]>::from(decoder.dimensions());
        Ok(Self { decoder: Box::new(decoder), memory, format, size: [size[1] as usize, size[0] as usize] })
    }

    /// Red, green and blue plane.
    pub(crate) fn rgb(mut self) -> Result<Picture<'static>, DecodeError> {
        let mut limits = limits(self.memory);
        limits.reserve(self.decoder.total_bytes())?;
        self.decoder.set_limits(limits)?;
        let rgb = DynamicImage::from_decoder(self.decoder)?.into_rgb8();
        let pixels = rgb.as_raw().as_chunks::<3>().0;
        let planes = (0..3).flat_map(|channel| pixels.iter().map(move |pixel| pixel[channel]));
        let [height, width] = self.size;
        Ok(Picture::new([3, height, width], planes.collect::<Vec<_>>())?)
    }
}

fn limits(memory: u64) -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(memory);
    limits
}

/// Whether the segments of a JPEG lead to its end marker.
fn comes_to_its_end(jpeg: &[u8]) -> bool {
    let mut at = 2;
    loop {
        // Entropy-coded data, fill bytes and restart markers up to the next marker.
        let next = jpeg.get(at..).and_then(|rest| {
            let pairs = rest.windows(2);
            pairs.into_iter().position(|pair| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0x01 | 0xd0..=0xd8 | 0xff))
        });
        let Some(next) = next else { return false };
        at += next + 2;
        if jpeg[at - 1] == 0xd9 {
            return true;
        }
        let Some(&[high, low]) = jpeg.get(at..at + 2) else { return false };
        at += usize::from(u16::from_be_bytes([high, low]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::RgbImage;

    const MEMORY: u64 = 1 << 24;

    fn encoded(format: ImageFormat) -> Vec<u8> {
        let picture = RgbImage::from_fn(20, 30, |x, y| image::Rgb([x as u8 * 11, y as u8 * 7, (x * y) as u8]));
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn decode(bytes: &[u8]) -> Result<Picture<'static>, DecodeError> {
        Encoded::new(bytes, MEMORY)?.rgb()
    }

    #[test]
    fn axes_are_channel_row_column() {
        let encoded = encoded(ImageFormat::Png);
        let encoded = Encoded::new(&encoded, MEMORY).unwrap();
        assert_eq!((encoded.format, encoded.size), (ImageFormat::Png, [30, 20]));
        let picture = encoded.rgb().unwrap();
        assert_eq!(picture.shape(), [3, 30, 20]);
        let at = |channel: usize| picture.bytes()[(channel * 30 + 5) * 20 + 9];
        assert_eq!([at(0), at(1), at(2)], [99, 35, 45]);
    }

    /// A decoder that makes the rest up would give another picture.
    #[test]
    fn every_cut_is_refused_or_costs_nothing() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png] {
            let whole = encoded(format);
            let picture = decode(&whole).unwrap();
            for len in 0..whole.len() {
                match decode(&whole[..len]) {
                    Err(_) => {}
                    Ok(found) => assert!(format == ImageFormat::Png && found == picture, "{format:?} cut to {len}"),
                }
            }
            assert_eq!(decode(&[&whole[..], b"and more"].concat()).unwrap(), picture);
        }
    }
}
