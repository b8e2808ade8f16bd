//! Copies the part of an input that a band of output rows reads into a padded scratch.

use pulp::Simd;

use super::ahead::Ahead;
use super::simd::{load, part, store};
use crate::affine::relu;
use crate::{Affine, LANES};

/// Neighbouring channels of an input.
#[derive(Clone, Copy)]
pub(super) struct Channels {
    pub first: usize,
    pub count: usize,
}

/// Neighbouring rows of an output, out of bands of at most `most` rows.
#[derive(Clone, Copy)]
pub(super) struct Band {
    pub first: usize,
    pub count: usize,
    pub most: usize,
}

/// How a picture is gone through: some channels at a time, and some rows of the output.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// Input channels, and at most so many of them at a time.
    pub channels: usize,
    pub chunk: usize,
    /// Output rows, and at most so many of them at a time.
    pub rows: usize,
    pub band: usize,
}

impl Cut {
    pub fn bands(&self) -> usize {
        self.rows.div_ceil(self.band)
    }

    pub fn chunks(&self) -> usize {
        self.channels.div_ceil(self.chunk)
    }

    #[inline(always)]
    pub fn band(&self, index: usize) -> Band {
        let (first, end) = part(self.rows, self.bands(), index);
        Band { first, count: end - first, most: self.band }
    }

    #[inline(always)]
    pub fn channels(&self, chunk: usize) -> Channels {
        let (first, end) = part(self.channels, self.chunks(), chunk);
        Channels { first, count: end - first }
    }
}

/// The places of inputs.
#[derive(Clone, Debug, Default)]
pub(super) struct Layout {
    /// The place of each `(channel, ky, kx)` relative to that of the first output.
    pub offsets: Vec<u32>,
    /// Floats from one output row to the next.
    pub row_stride: usize,
}

/// How the outputs of a correlation read their input: output `(y, x)` at tap `(ky, kx)` reads
/// input `(y · stride + ky + origin_y, x · stride + kx + origin_x)`, or zero outside it.
///
/// The scratch is `[channel][row][column][16]` without the rows and columns that no tap reads.
/// Its columns are sorted by `column mod stride`, so that the vectors that one tap needs for
/// neighbouring outputs are neighbours too, whatever the stride.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub height: usize,
    pub width: usize,
    /// Floats from one channel to the next, one row, and one column.
    pub strides: [usize; 3],
    pub taps_y: usize,
    pub taps_x: usize,
    pub stride: usize,
    pub origin_y: isize,
    pub origin_x: isize,
    /// Columns of the output.
    pub columns: usize,
}

impl Window {
    /// Scratch rows from one output row to the next.
    fn row_step(&self) -> usize {
        self.stride.min(self.taps_y)
    }

    /// Scratch columns of one residue modulo the stride.
    fn phase_len(&self) -> usize {
        self.columns + (self.taps_x - 1) / self.stride
    }

    /// Floats from one scratch row to the next.
    fn row_len(&self) -> usize {
        self.stride.min(self.taps_x) * self.phase_len() * LANES
    }

    /// Floats of scratch from one output row to the next.
    fn row_stride(&self) -> usize {
        self.row_step() * self.row_len()
    }

    fn rows(&self, band: usize) -> usize {
        (band - 1) * self.row_step() + self.taps_y
    }

    /// Floats from one channel to the next for bands of up to `band` rows: an odd number of cache
    /// lines, so that the channels spread over all the sets of the cache.
    pub fn channel_len(&self, band: usize) -> usize {
        self.rows(band) * self.row_len() / LANES / 2 * 2 * LANES + LANES
    }

    /// The input's rows that a band reads.
    fn source_rows(&self, band: Band) -> (usize, usize) {
        let first = (band.first * self.stride) as isize + self.origin_y;
        let last = ((band.first + band.count - 1) * self.stride + self.taps_y) as isize + self.origin_y;
        let inside = |row: isize| row.clamp(0, self.height as isize) as usize;
        (inside(first), inside(last))
    }

    /// The rows of taps that read inside the input for output row `y`.
    pub fn taps_inside(&self, y: usize) -> (usize, usize) {
        let first = (y * self.stride) as isize + self.origin_y;
        let inside = |row: isize| (row - first).clamp(0, self.taps_y as isize) as usize;
        (inside(0), inside(self.height as isize))
    }

    /// Prefetches what [`gather`](Self::gather) will read, within so many steps.
    #[inline(always)]
    pub fn ahead(&self, input: *const f32, channels: Channels, band: Band, steps: usize) -> Ahead {
        let (top, bottom) = self.source_rows(band);
        let from = input.wrapping_add(channels.first * self.strides[0] + top * self.strides[1]);
        Ahead::new(from, self.strides[0], channels.count, (bottom - top) * self.width, steps)
    }

    /// Vectors of one channel that a tile of `columns` neighbouring outputs reads.
    pub fn tile_lines(&self, columns: usize) -> usize {
        self.taps_y * (self.taps_x + self.stride.min(self.taps_x) * (columns - 1))
    }

    /// The layout of the scratch.
    pub fn gathered(&self, channels: usize, band: usize) -> Layout {
        let column = |kx| (kx % self.stride * self.phase_len() + kx / self.stride) * LANES;
        self.layout(channels, [self.channel_len(band), self.row_len()], column, self.row_stride())
    }

    /// The layout of the picture, if outputs can read it as it lies: no tap outside, and neighbours for
    /// neighbouring outputs.
    pub fn in_place(&self, rows: usize, channels: usize) -> Option<Layout> {
        let fits = [self.stride, self.strides[2]] == [1, LANES]
            && [self.origin_y, self.origin_x] == [0, 0]
            && rows + self.taps_y <= self.height + 1
            && self.columns + self.taps_x <= self.width + 1;
        let [channel, row, column] = self.strides;
        fits.then(|| self.layout(channels, [channel, row], |kx| kx * column, row))
    }

    fn layout(
        &self,
        channels: usize,
        [channel_len, row_len]: [usize; 2],
        column: impl Fn(usize) -> usize,
        row_stride: usize,
    ) -> Layout {
        let mut offsets = Vec::with_capacity(channels * self.taps_y * self.taps_x);
        for channel in 0..channels {
            for ky in 0..self.taps_y {
                for kx in 0..self.taps_x {
                    let offset = channel * channel_len + ky * row_len + column(kx);
                    offsets.push(u32::try_from(offset).expect("a picture of less than 2³² values"));
                }
            }
        }
        Layout { offsets, row_stride }
    }

    /// Fills the scratch with some channels' inputs for a band of output rows.
    ///
    /// # Safety
    /// `input` is valid for reads of all channels, `scratch` for writes of `channels.count ·
    /// channel_len(band.most)`, and the prologue has a value for each of the channels.
    #[inline(always)]
    pub unsafe fn gather<S: Simd>(
        &self,
        simd: S,
        input: *const f32,
        prologue: Option<Affine>,
        channels: Channels,
        band: Band,
        scratch: *mut f32,
    ) {
        let first = channels.first;
        for channel in 0..channels.count {
            for row in 0..self.rows(band.count) {
                let step = self.row_step();
                let iy = ((band.first + row / step) * self.stride + row % step) as isize + self.origin_y;
                let inside = 0 <= iy && iy < self.height as isize;
                // SAFETY: a row inside the picture, and a row of the channel's scratch.
                unsafe {
                    let to = scratch.add(channel * self.channel_len(band.most) + row * self.row_len());
                    if !inside {
                        std::slice::from_raw_parts_mut(to, self.row_len()).fill(0.0);
                        continue;
                    }
                    let from = input.add((first + channel) * self.strides[0] + iy as usize * self.strides[1]);
                    match prologue {
                        None => self.gather_row(
                            simd,
                            from,
                            to,
                            #[inline(always)]
                            |v| v,
                        ),
                        Some(prologue) => {
                            let scale = simd.splat_f32s(*prologue.scale.get_unchecked(first + channel));
                            let shift = simd.splat_f32s(*prologue.shift.get_unchecked(first + channel));
                            if prologue.relu {
                                self.gather_row(
                                    simd,
                                    from,
                                    to,
                                    #[inline(always)]
                                    |v| relu(simd, simd.mul_add_f32s(scale, v, shift)),
                                );
                            } else {
                                self.gather_row(
                                    simd,
                                    from,
                                    to,
                                    #[inline(always)]
                                    |v| simd.mul_add_f32s(scale, v, shift),
                                );
                            }
                        }
                    }
                }
            }
        }
    }

    /// # Safety
    /// `from` is valid for reads of the columns of a row and `to` for writes of `row_len()`.
    #[inline(always)]
    unsafe fn gather_row<S: Simd>(&self, simd: S, from: *const f32, to: *mut f32, map: impl Fn(S::f32s) -> S::f32s) {
        let len = self.phase_len();
        for phase in 0..self.stride.min(self.taps_x) {
            // Column j of the phase is column first + j · stride of the picture.
            let first = self.origin_x + phase as isize;
            let stride = self.stride as isize;
            let left = ((-first).max(0) as usize).div_ceil(self.stride).min(len);
            let right = ((self.width as isize - first + stride - 1).max(0) / stride) as usize;
            let right = right.clamp(left, len);
            // SAFETY: columns left..right lie inside the picture, and all of them in the scratch.
            unsafe {
                let to = to.add(phase * len * LANES);
                for j in (0..left).chain(right..len) {
                    for g in (0..LANES).step_by(S::F32_LANES) {
                        store::<S>(to.add(j * LANES + g), simd.splat_f32s(0.0));
                    }
                }
                for j in left..right {
                    let from = from.offset((first + j as isize * stride) * self.strides[2] as isize);
                    for g in (0..LANES).step_by(S::F32_LANES) {
                        store::<S>(to.add(j * LANES + g), map(load::<S>(from.add(g))));
                    }
                }
            }
        }
    }
}
