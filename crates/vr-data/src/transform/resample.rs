//! Pictures at another size: each value is an average over the part of the picture that it stands for.

use crate::{Picture, PictureError};
use std::ops::Range;

/// Bits behind the point of a weight.
const POINT: u32 = 22;

/// The rows and columns of a picture that are resampled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Region {
    /// First row and column.
    pub(super) corner: [usize; 2],
    /// Rows and columns.
    pub(super) size: [usize; 2],
}

/// The values of a line that make up one of another length.
struct Taps {
    range: Range<usize>,
    /// Fixed-point: their sum is 1, up to rounding.
    weights: Vec<i64>,
}

/// The region at another size, by triangles that are as wide as the greater of the two pixels ("bilinear with antialias"
/// in torchvision and Pillow), along rows and then along columns, each rounded to a byte.
///
/// # Panics
/// When the region leaves the picture or holds nothing.
pub(super) fn resample(
    picture: &Picture<'_>,
    region: Region,
    [rows, columns]: [usize; 2],
) -> Result<Picture<'static>, PictureError> {
    let [channels, height, width] = picture.shape();
    let [down, across] = [(rows, 0), (columns, 1)].map(|(to, axis)| taps(region.corner[axis], region.size[axis], to));
    let mut narrow = vec![0; region.size[0] * columns];
    let mut out = Vec::with_capacity(channels * rows * columns);
    for plane in picture.bytes().chunks_exact(height * width) {
        let lines = plane.chunks_exact(width).skip(region.corner[0]);
        for (line, narrow) in lines.zip(narrow.chunks_exact_mut(columns)) {
            for (value, taps) in narrow.iter_mut().zip(&across) {
                *value = weighted(taps, line[taps.range.clone()].iter().copied());
            }
        }
        for taps in &down {
            let first = (taps.range.start - region.corner[0]) * columns;
            let lines = &narrow[first..][..taps.range.len() * columns];
            out.extend((0..columns).map(|x| weighted(taps, lines[x..].iter().step_by(columns).copied())));
        }
    }
    Picture::new([channels, rows, columns], out)
}

fn weighted(taps: &Taps, values: impl Iterator<Item = u8>) -> u8 {
    let half = 1 << (POINT - 1);
    let sum = taps.weights.iter().zip(values).fold(half, |sum, (weight, value)| sum + weight * i64::from(value));
    (sum >> POINT).clamp(0, 255) as u8
}

/// How `to` values are made from the `len` values that begin at `start`.
fn taps(start: usize, len: usize, to: usize) -> Vec<Taps> {
    let scale = len as f64 / to as f64;
    let reach = scale.max(1.0);
    let of = |at: usize| {
        let centre = (at as f64 + 0.5) * scale;
        let first = (centre - reach + 0.5).max(0.0) as usize;
        let last = ((centre + reach + 0.5) as usize).min(len);
        let weight = |place: usize| (1.0 - ((place as f64 + 0.5 - centre) / reach).abs()).max(0.0);
        let total: f64 = (first..last).map(weight).sum();
        let one = f64::from(1 << POINT);
        let weights = (first..last).map(|place| (weight(place) / total * one).round() as i64).collect();
        Taps { range: start + first..start + last, weights }
    };
    (0..to).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(picture: &Picture<'_>) -> Region {
        let [_, height, width] = picture.shape();
        Region { corner: [0, 0], size: [height, width] }
    }

    #[test]
    fn the_same_size_keeps_every_byte() {
        let picture = Picture::new([2, 5, 7], (0..70).map(|i| i * 3).collect::<Vec<u8>>()).unwrap();
        assert_eq!(resample(&picture, whole(&picture), [5, 7]).unwrap(), picture);
        let region = Region { corner: [1, 2], size: [2, 3] };
        let part = resample(&picture, region, [2, 3]).unwrap();
        assert_eq!(part.bytes()[..3], picture.bytes()[9..12]);
        assert_eq!(part.bytes()[9..], picture.bytes()[35 + 16..][..3]);
    }

    #[test]
    fn half_the_size_weighs_neighbours_by_their_distance() {
        let picture = Picture::new([1, 1, 8], vec![0, 0, 0, 80, 0, 0, 0, 0]).unwrap();
        // Weights 1, 3, 3, 1 of 8 around each pair; fewer at the ends.
        assert_eq!(resample(&picture, whole(&picture), [1, 4]).unwrap().bytes(), [0, 30, 10, 0]);
    }

    #[test]
    fn a_constant_stays_constant_at_any_size() {
        let picture = Picture::new([3, 13, 29], vec![77; 3 * 13 * 29]).unwrap();
        for to in [[1, 1], [13, 5], [40, 3], [7, 100]] {
            let out = resample(&picture, whole(&picture), to).unwrap();
            assert!(out.bytes().iter().all(|&byte| byte == 77), "{to:?}");
        }
    }
}
