//! JPEG, by zune-jpeg, as far down as it is wanted.

use crate::raster::Raster;
use image::{
    ImageError, ImageFormat,
    error::{DecodingError, LimitError, LimitErrorKind, UnsupportedError, UnsupportedErrorKind},
};
use std::borrow::Cow;
use zune_jpeg::{
    JpegDecoder,
    errors::DecodeErrors,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

/// A JPEG whose header has been read.
pub(super) struct Jpeg<'a> {
    bytes: &'a [u8],
    /// Rows and columns.
    pub(super) size: [usize; 2],
    /// 1 where it is grey, else 3.
    pub(super) channels: usize,
}

impl<'a> Jpeg<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, ImageError> {
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options());
        decoder.decode_headers().map_err(failed)?;
        let (width, height) = decoder.dimensions().unwrap_or_default();
        let channels = if decoder.input_colorspace() == Some(ColorSpace::Luma) { 1 } else { 3 };
        Ok(Self { bytes, size: [height, width], channels })
    }

    /// The first `rows` rows at least, decoded into `scratch`.
    pub(super) fn rows(self, rows: usize, scratch: &mut Vec<u8>) -> Result<Raster<'_>, ImageError> {
        let shorter = shortened(self.bytes, rows);
        let colours = if self.channels == 1 { ColorSpace::Luma } else { ColorSpace::RGB };
        let options = options().jpeg_set_out_colorspace(colours);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&shorter[..]), options);
        decoder.decode_headers().map_err(failed)?;
        let bytes = decoder.output_buffer_size().ok_or_else(|| undecodable("it says no size".into()))?;
        // A damaged picture may leave some of it as it is, which must not be what another picture left.
        scratch.clear();
        scratch.resize(bytes, 0);
        decoder.decode_into(scratch).map_err(failed)?;
        Raster::new(self.size, self.channels, &scratch[..]).map_err(|error| undecodable(error.to_string()))
    }
}

fn options() -> DecoderOptions {
    // What a JPEG can say: sizes are bounded by the memory that they take.
    DecoderOptions::default().set_strict_mode(false).set_max_width(usize::MAX).set_max_height(usize::MAX)
}

fn failed(error: DecodeErrors) -> ImageError {
    match error {
        DecodeErrors::Unsupported(what) => ImageError::Unsupported(UnsupportedError::from_format_and_kind(
            ImageFormat::Jpeg.into(),
            UnsupportedErrorKind::GenericFeature(format!("{what:?}")),
        )),
        DecodeErrors::LargeDimensions(_) => ImageError::Limits(LimitError::from_kind(LimitErrorKind::DimensionError)),
        error => ImageError::Decoding(DecodingError::new(ImageFormat::Jpeg.into(), error)),
    }
}

fn undecodable(why: String) -> ImageError {
    ImageError::Decoding(DecodingError::new(ImageFormat::Jpeg.into(), why))
}

/// The frame's header: where its height stands, and how many rows are coded together.
#[derive(Debug, PartialEq, Eq)]
struct Frame {
    height_at: usize,
    height: usize,
    together: usize,
}

/// The same JPEG with a header that claims fewer rows, `rows` at least, so that no decoder goes further.
///
/// That is sound where all of a row is coded before the next one is: not for progressive ones, and not where the
/// components come one after the other.
fn shortened(jpeg: &[u8], rows: usize) -> Cow<'_, [u8]> {
    let Some(Frame { height_at, height, together }) = frame(jpeg) else { return Cow::Borrowed(jpeg) };
    // Colours between two rows that are coded together come from both.
    let wanted = (rows.div_ceil(together) + 1) * together;
    match u16::try_from(wanted) {
        Ok(wanted) if usize::from(wanted) < height => {
            let mut shorter = jpeg.to_vec();
            shorter[height_at..height_at + 2].copy_from_slice(&wanted.to_be_bytes());
            Cow::Owned(shorter)
        }
        _ => Cow::Borrowed(jpeg),
    }
}

/// The header of a sequential frame that has a single scan of all its components.
fn frame(jpeg: &[u8]) -> Option<Frame> {
    let mut at = 2;
    let mut frame = None;
    loop {
        let &[0xff, marker, high, low] = jpeg.get(at..at + 4)? else { return None };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let body = jpeg.get(at + 4..at + 2 + length)?;
        match marker {
            // Baseline and extended, by Huffman's codes.
            0xc0 | 0xc1 if frame.is_none() => {
                let components = usize::from(*body.get(5)?);
                let factors = body.get(6..6 + 3 * components)?.chunks_exact(3).map(|component| component[1] & 15);
                let height = usize::from(u16::from_be_bytes([body[1], body[2]]));
                let together = 8 * usize::from(factors.max()?);
                frame = Some((Frame { height_at: at + 5, height, together }, components));
            }
            0xc0..=0xcf if marker != 0xc4 => return None,
            0xda => {
                let (frame, components) = frame?;
                return (usize::from(*body.first()?) == components && frame.together > 0).then_some(frame);
            }
            _ => {}
        }
        at += 2 + length;
    }
}

/// Whether the segments of a JPEG lead to its end marker.
pub(super) fn comes_to_its_end(jpeg: &[u8]) -> bool {
    let mut at = 2;
    loop {
        // Entropy-coded data, fill bytes and restart markers up to the next marker.
        let next = jpeg.get(at..).and_then(|rest| {
            let mut marks = memchr::memchr_iter(0xff, rest);
            marks.find(|&mark| rest.get(mark + 1).is_some_and(|next| !matches!(next, 0x00 | 0x01 | 0xd0..=0xd8 | 0xff)))
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
    use crate::Part;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Fixtures {
        encoded: Vec<Encoded>,
    }

    #[derive(Deserialize)]
    struct Encoded {
        name: String,
        data: String,
    }

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    /// Pictures whose rows are coded by 8 and 16 together, with and without colours between rows.
    #[test]
    fn the_first_rows_are_those_of_the_whole() {
        let fixtures: Fixtures = serde_json::from_str(include_str!("../../tests/pytorch/pictures.json")).unwrap();
        let mut shorter = 0;
        for Encoded { name, data } in fixtures.encoded.iter().filter(|encoded| encoded.name != "png") {
            let data = bytes(data);
            let [height, width] = Jpeg::new(&data).unwrap().size;
            let (mut all, mut some) = (Vec::new(), Vec::new());
            let whole = Jpeg::new(&data).unwrap().rows(height, &mut all).unwrap();
            for rows in 1..height {
                let top = Jpeg::new(&data).unwrap().rows(rows, &mut some).unwrap();
                shorter += usize::from(top.len() < whole.len());
                let part = Part::whole([rows, width], [rows, width]);
                assert_eq!(top.resampled(part).unwrap(), whole.resampled(part).unwrap(), "{name}: {rows} rows");
            }
        }
        assert!(shorter > 50, "{shorter}");
    }

    #[test]
    fn progressive_pictures_are_decoded_whole() {
        let fixtures: Fixtures = serde_json::from_str(include_str!("../../tests/pytorch/pictures.json")).unwrap();
        for Encoded { name, data } in &fixtures.encoded {
            assert_eq!(frame(&bytes(data)).is_some(), !matches!(&**name, "progressive" | "png"), "{name}");
        }
    }
}
