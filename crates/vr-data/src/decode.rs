//! Decoding JPEG and PNG within bounds, and whole or not at all.

mod jpeg;

use crate::{Picture, PictureError, raster::Raster};
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use std::io::Cursor;

/// Decoding a picture may take this much memory where nothing else is said.
pub(crate) const MEMORY: u64 = 1 << 30;

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

/// Decodes a JPEG or PNG, whatever its name says, to red, green and blue.
///
/// Orientation and colour profile are not applied, an alpha channel is dropped, and of CMYK and YCCK the usual
/// approximation is made, all as by Pillow's `convert("RGB")`. Decoding takes at most about 1 GiB.
///
/// # Errors
/// [`DecodeError`], also where the end is missing.
pub fn decode(bytes: &[u8]) -> Result<Picture<'static>, DecodeError> {
    Encoded::new(bytes, MEMORY)?.rgb()
}

/// An encoded picture whose header has been read.
pub(crate) struct Encoded<'a> {
    data: Data<'a>,
    memory: u64,
    /// What its content, not its name, says that it is.
    pub(crate) format: ImageFormat,
    /// Rows and columns.
    pub(crate) size: [usize; 2],
}

enum Data<'a> {
    Jpeg(jpeg::Jpeg<'a>),
    Other(Box<dyn ImageDecoder + 'a>),
}

impl<'a> Encoded<'a> {
    /// Reads the header of a JPEG or PNG; decoding it may take `memory` bytes.
    pub(crate) fn new(bytes: &'a [u8], memory: u64) -> Result<Self, DecodeError> {
        let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(ImageError::from)?;
        // Before the header is read: a colour profile stands in it, packed.
        reader.limits(limits(memory));
        let format = reader.format().unwrap_or(ImageFormat::Jpeg);
        if format == ImageFormat::Jpeg && bytes.starts_with(&[0xff, 0xd8]) {
            if !jpeg::comes_to_its_end(bytes) {
                return Err(DecodeError::Truncated);
            }
            let jpeg = jpeg::Jpeg::new(bytes)?;
            let size = jpeg.size;
            return Ok(Self { data: Data::Jpeg(jpeg), memory, format, size });
        }
        let decoder = reader.into_decoder()?;
        let [width, height] = <[u32; 2]>::from(decoder.dimensions());
        let size = [height as usize, width as usize];
        Ok(Self { data: Data::Other(Box::new(decoder)), memory, format, size })
    }

    /// Red, green and blue plane.
    pub(crate) fn rgb(self) -> Result<Picture<'static>, DecodeError> {
        let rows = self.size[0];
        Ok(self.rows(rows, &mut Vec::new())?.to_picture()?)
    }

    /// The first `rows` rows, and more where that is no more work; what is in `scratch` does not matter.
    pub(crate) fn rows(self, rows: usize, scratch: &mut Vec<u8>) -> Result<Raster<'_>, DecodeError> {
        let mut limits = limits(self.memory);
        match self.data {
            Data::Jpeg(jpeg) => {
                let bytes =
                    (self.size[0] as u64).saturating_mul(self.size[1] as u64).saturating_mul(jpeg.channels as u64);
                limits.reserve(bytes)?;
                Ok(jpeg.rows(rows, scratch)?)
            }
            Data::Other(mut decoder) => {
                limits.reserve(decoder.total_bytes())?;
                decoder.set_limits(limits)?;
                let rgb = DynamicImage::from_decoder(decoder)?.into_rgb8();
                Ok(Raster::new(self.size, 3, rgb.into_raw())?)
            }
        }
    }
}

fn limits(memory: u64) -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(memory);
    limits
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::RgbImage;

    const SMALL: u64 = 1 << 24;

    fn encoded(format: ImageFormat) -> Vec<u8> {
        let picture = RgbImage::from_fn(20, 30, |x, y| image::Rgb([x as u8 * 11, y as u8 * 7, (x * y) as u8]));
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn decode(bytes: &[u8]) -> Result<Picture<'static>, DecodeError> {
        Encoded::new(bytes, SMALL)?.rgb()
    }

    #[test]
    fn axes_are_channel_row_column() {
        let encoded = encoded(ImageFormat::Png);
        let encoded = Encoded::new(&encoded, SMALL).unwrap();
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

    #[test]
    fn a_picture_beyond_the_bound_is_refused() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png] {
            let whole = encoded(format);
            assert!(Encoded::new(&whole, 3 * 20 * 30).unwrap().rgb().is_ok());
            let error = Encoded::new(&whole, 3 * 20 * 30 - 1).and_then(Encoded::rgb).unwrap_err();
            assert!(matches!(error, DecodeError::Image(ImageError::Limits(_))), "{error}");
        }
    }
}
