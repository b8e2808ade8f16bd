//! Pictures at another size: each value is an average over the part of the picture that it stands for.
//!
//! The weights are triangles as wide as the greater of the two pixels ("bilinear with antialias" in torchvision and
//! Pillow), as fixed-point numbers. Rows and columns are brought to their numbers one after the other, in Pillow's order,
//! each value rounded to a byte. Equal bytes give Pillow's bytes.

use pulp::{Arch, Simd, WithSimd};

/// Bits behind the point of a weight.
const POINT: u32 = 22;

/// A part of a picture, and the size that it is brought to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// First row and column.
    pub corner: [usize; 2],
    /// Rows and columns.
    pub size: [usize; 2],
    /// Rows and columns that come out.
    pub to: [usize; 2],
}

impl Part {
    /// All of a picture of `size` rows and columns.
    pub fn whole(size: [usize; 2], to: [usize; 2]) -> Self {
        Self { corner: [0, 0], size, to }
    }

    /// Whether rows are brought to their number before columns. The bytes differ a little, and this is what Pillow 13 does.
    fn is_lowered_first(&self) -> bool {
        let dropped = |axis: usize| self.size[axis] as i64 - self.to[axis] as i64;
        dropped(0) > 0 && dropped(0) > 2 * dropped(1)
    }

    /// Whether it holds something, lies in a picture of `size` rows and columns, and gives something that can be counted.
    pub(crate) fn lies_in(&self, size: [usize; 2]) -> bool {
        let inside = |axis: usize| {
            let end = self.corner[axis].checked_add(self.size[axis]);
            self.size[axis] > 0 && self.to[axis] > 0 && end.is_some_and(|end| end <= size[axis])
        };
        // Rows on their way have at most four bytes a pixel.
        let counts = |sides: [usize; 2]| sides[0].checked_mul(sides[1]).is_some_and(|n| n <= isize::MAX as usize / 4);
        inside(0) && inside(1) && counts(self.to) && counts([self.size[0], self.to[1]])
    }
}

/// The part, at its new size, of a plane of bytes with `width` columns.
///
/// # Panics
/// When the part does not lie in the plane.
pub(crate) fn plane(bytes: &[u8], width: usize, part: Part) -> Vec<u8> {
    Arch::new().dispatch(Lines::<1, 1> { bytes, width, part })
}

/// The part, at its new size, of rows of `width` pixels, red, green and blue side by side: plane after plane.
///
/// # Panics
/// When the part does not lie in the picture.
pub(crate) fn rgb(bytes: &[u8], width: usize, part: Part) -> Vec<u8> {
    let pixels = Arch::new().dispatch(Lines::<3, 4> { bytes, width, part });
    let pixels = pixels.as_chunks::<4>().0;
    let mut planes = Vec::with_capacity(3 * pixels.len());
    for channel in 0..3 {
        planes.extend(pixels.iter().map(|pixel| pixel[channel]));
    }
    planes
}

/// Rows of `width` pixels of `EACH` bytes, resampled with `N` values a pixel: red, green and blue and one that means
/// nothing, since four fill a register and three do not.
struct Lines<'a, const EACH: usize, const N: usize> {
    bytes: &'a [u8],
    width: usize,
    part: Part,
}

/// Values of a row that comes out that are summed up together.
const TOGETHER: usize = 32;

// Compiled once for every instruction set, with all that it calls.
impl<const EACH: usize, const N: usize> WithSimd for Lines<'_, EACH, N> {
    type Output = Vec<u8>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<u8> {
        let Part { corner: [top, left], size: [height, width], to: [rows, columns] } = self.part;
        let (across, down) = (Taps::new(width, columns), Taps::new(height, rows));
        let (stride, len) = (self.width * EACH, columns * N);
        let source = &self.bytes[top * stride + left * EACH..];
        let mut narrow = Narrow { values: vec![0; width * EACH + N - 1], sums: vec![[0; N]; columns] };
        let mut out = vec![0; rows * len];
        if self.part.is_lowered_first() {
            let mut line = vec![0; width * EACH];
            for (y, out) in out.chunks_exact_mut(len).enumerate() {
                sum_of_rows(source, stride, down.of(y), &mut line);
                narrow.line::<EACH>(&line, &across, out);
            }
        } else {
            let mut lines = vec![0; height * len];
            for (y, out) in lines.chunks_exact_mut(len).enumerate() {
                narrow.line::<EACH>(&source[y * stride..][..width * EACH], &across, out);
            }
            for (y, out) in out.chunks_exact_mut(len).enumerate() {
                sum_of_rows(&lines, len, down.of(y), out);
            }
        }
        out
    }
}

/// What a line is brought to its new width in.
struct Narrow<const N: usize> {
    values: Vec<i32>,
    sums: Vec<[i32; N]>,
}

impl<const N: usize> Narrow<N> {
    #[inline(always)]
    fn line<const EACH: usize>(&mut self, line: &[u8], taps: &Taps, out: &mut [u8]) {
        for (value, &byte) in self.values.iter_mut().zip(line) {
            *value = i32::from(byte);
        }
        match taps.each {
            3 => narrow_line::<EACH, N, 3>(&self.values, taps, &mut self.sums),
            5 => narrow_line::<EACH, N, 5>(&self.values, taps, &mut self.sums),
            7 => narrow_line::<EACH, N, 7>(&self.values, taps, &mut self.sums),
            _ => narrow_far::<EACH, N>(&self.values, taps, &mut self.sums),
        }
        to_bytes(self.sums.as_flattened(), out);
    }
}

/// A line's weighted sums at its new width, each of `TAPS` pixels.
#[inline(always)]
fn narrow_line<const EACH: usize, const N: usize, const TAPS: usize>(line: &[i32], taps: &Taps, out: &mut [[i32; N]]) {
    for ((out, &first), weights) in out.iter_mut().zip(&taps.firsts).zip(taps.weights.as_chunks::<TAPS>().0) {
        let values = &line[first * EACH..][..(TAPS - 1) * EACH + N];
        let mut sums = [HALF; N];
        for k in 0..TAPS {
            for c in 0..N {
                sums[c] += weights[k] * values[k * EACH + c];
            }
        }
        *out = sums;
    }
}

/// The same of any number of pixels.
#[inline(always)]
fn narrow_far<const EACH: usize, const N: usize>(line: &[i32], taps: &Taps, out: &mut [[i32; N]]) {
    for (x, out) in out.iter_mut().enumerate() {
        let (first, weights) = taps.of(x);
        let values = &line[first * EACH..][..(weights.len() - 1) * EACH + N];
        let mut sums = [HALF; N];
        for (k, &weight) in weights.iter().enumerate() {
            let values = &values[k * EACH..k * EACH + N];
            for c in 0..N {
                sums[c] += weight * values[c];
            }
        }
        *out = sums;
    }
}

/// One row that comes out: the weighted sum of rows that begin `stride` bytes apart.
#[inline(always)]
fn sum_of_rows(rows: &[u8], stride: usize, (first, weights): (usize, &[i32]), out: &mut [u8]) {
    let (len, rows) = (out.len(), &rows[first * stride..]);
    // The last values are summed up with some before them, in a row that is long enough.
    let last = len.checked_sub(TOGETHER);
    let starts = (0..last.map_or(0, |last| last + 1)).step_by(TOGETHER).chain(last);
    for at in starts {
        let mut sums = [HALF; TOGETHER];
        for (k, &weight) in weights.iter().enumerate() {
            let row = &rows[k * stride + at..][..TOGETHER];
            for n in 0..TOGETHER {
                sums[n] += weight * i32::from(row[n]);
            }
        }
        to_bytes(&sums, &mut out[at..at + TOGETHER]);
    }
    if last.is_none() {
        for x in 0..len {
            let values = rows[x..].iter().step_by(stride).zip(weights);
            let sum = values.fold(HALF, |sum, (&value, weight)| sum + weight * i32::from(value));
            to_bytes(&[sum], &mut out[x..=x]);
        }
    }
}

/// Half of a byte's last place, which rounds.
const HALF: i32 = 1 << (POINT - 1);

#[inline(always)]
fn to_bytes(sums: &[i32], out: &mut [u8]) {
    for (out, sum) in out.iter_mut().zip(sums) {
        *out = (sum >> POINT).min(255) as u8;
    }
}

/// How the values of a line are made from those of another: which of them, and with which weights.
struct Taps {
    firsts: Vec<usize>,
    /// As many for each value: with zeros where fewer would do, so that no processor has to guess how many.
    weights: Vec<i32>,
    each: usize,
}

impl Taps {
    fn new(len: usize, to: usize) -> Self {
        let scale = len as f64 / to as f64;
        let reach = scale.max(1.0);
        let each = len.min(2 * reach.ceil() as usize + 1);
        let mut taps = Self { firsts: Vec::with_capacity(to), weights: vec![0; to * each], each };
        for (at, weights) in taps.weights.chunks_exact_mut(each).enumerate() {
            let centre = (at as f64 + 0.5) * scale;
            let first = (centre - reach + 0.5).max(0.0) as usize;
            let last = ((centre + reach + 0.5) as usize).min(len);
            let weight = |place: usize| (1.0 - ((place as f64 - centre + 0.5) * (1.0 / reach)).abs()).max(0.0);
            let total: f64 = (first..last).map(weight).sum();
            let from = first.min(len - each);
            for (fixed, place) in weights[first - from..].iter_mut().zip(first..last) {
                // Their sum is 1, up to rounding, so that no weighted sum of bytes leaves an `i32`.
                *fixed = (weight(place) / total * f64::from(1 << POINT) + 0.5) as i32;
            }
            taps.firsts.push(from);
        }
        taps
    }

    #[inline(always)]
    fn of(&self, at: usize) -> (usize, &[i32]) {
        (self.firsts[at], &self.weights[at * self.each..][..self.each])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_size_keeps_every_byte() {
        let bytes: Vec<u8> = (0..35).map(|i| i * 3).collect();
        assert_eq!(plane(&bytes, 7, Part::whole([5, 7], [5, 7])), bytes);
        let part = plane(&bytes, 7, Part { corner: [1, 2], size: [2, 3], to: [2, 3] });
        assert_eq!(part, [&bytes[9..12], &bytes[16..19]].concat());
    }

    #[test]
    fn half_the_size_weighs_neighbours_by_their_distance() {
        // Weights 1, 3, 3, 1 of 8 around each pair; fewer at the ends.
        assert_eq!(plane(&[0, 0, 0, 80, 0, 0, 0, 0], 8, Part::whole([1, 8], [1, 4])), [0, 30, 10, 0]);
    }

    #[test]
    fn a_constant_stays_constant_at_any_size() {
        for to in [[1, 1], [13, 5], [40, 3], [7, 100]] {
            for value in [77, 255] {
                let out = plane(&[value; 13 * 29], 29, Part::whole([13, 29], to));
                assert!(out.iter().all(|&byte| byte == value), "{to:?}");
            }
        }
    }

    #[test]
    fn pixels_are_resampled_as_their_planes() {
        let (height, width) = (23, 31);
        let pixels: Vec<u8> = (0..3 * height * width).map(|i| (i * i / 7 + i) as u8).collect();
        let planes: Vec<Vec<u8>> = (0..3).map(|c| pixels.iter().skip(c).step_by(3).copied().collect()).collect();
        for to in [[1, 1], [9, 14], [23, 31], [64, 50]] {
            for (corner, size) in [([0, 0], [height, width]), ([5, 7], [18, 24]), ([3, 0], [1, 1])] {
                let part = Part { corner, size, to };
                let expected: Vec<u8> = planes.iter().flat_map(|bytes| plane(bytes, width, part)).collect();
                assert_eq!(rgb(&pixels, width, part), expected, "{part:?}");
            }
        }
    }

    #[test]
    fn parts_outside_of_the_picture_are_known() {
        let part = |corner, size, to| Part { corner, size, to };
        assert!(part([1, 2], [4, 5], [9, 9]).lies_in([5, 7]));
        for bad in [
            part([1, 3], [4, 5], [9, 9]),
            part([usize::MAX, 0], [2, 2], [9, 9]),
            part([0, 0], [0, 1], [9, 9]),
            part([0, 0], [1, 1], [9, 0]),
            part([0, 0], [1, 1], [1 << 40, 1 << 40]),
        ] {
            assert!(!bad.lies_in([5, 7]), "{bad:?}");
        }
    }
}
