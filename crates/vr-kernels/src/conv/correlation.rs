//! Forward and input gradient: one or more correlations with packed weights.

use pulp::{Simd, WithSimd};

use super::accumulators::{Accumulate, MAX_COLUMNS, ROWS};
use super::ahead::{Ahead, FAR};
use super::gather::{Channels, Cut, Window};
use super::layouts::Layouts;
use super::packing::Weights;
use super::simd::{largest, part};
use super::tile::{Grid, Runs, Start, Tile};
use crate::{Affine, LANES};

/// Cache lines of input that one tile reads at most, about: they stay in the first-level cache
/// over all output channels.
const TILE_LINES: usize = 448;
/// Floats at most, about, of the inputs of a band of rows, and of its unfinished outputs: together
/// they stay in the second-level cache.
const BAND: usize = 128 << 10;

/// `output[o](y, x) = start + Σ over (c, ky, kx) of weights[o][c](ky, kx) · window[c](y, x, ky, kx)`
/// for a grid of output positions.
#[derive(Clone, Debug)]
pub(super) struct Correlation {
    window: Window,
    out_channels: usize,
    /// Channels gathered at a time, and rows of the grid.
    cut: Cut,
    /// Floats of an output channel, from one row of the grid to the next, and from one column.
    output_strides: [usize; 3],
    output_origin: usize,
    layouts: Layouts,
    /// Whether the input and the output are too large for the second-level cache.
    far: bool,
}

impl Correlation {
    pub fn new(
        window: Window,
        [in_channels, out_channels, rows]: [usize; 3],
        output_strides: [usize; 3],
        output_origin: usize,
    ) -> Self {
        let taps = window.taps_y * window.taps_x;
        let mut this = Self {
            window,
            out_channels,
            cut: Cut { channels: in_channels, chunk: 1, rows, band: 1 },
            output_strides,
            output_origin,
            layouts: Layouts::default(),
            far: false,
        };
        if taps * rows * this.window.columns == 0 {
            return this;
        }
        let lines = this.window.tile_lines(MAX_COLUMNS);
        let chunks = in_channels.div_ceil((TILE_LINES / lines).max(1));
        this.cut.chunk = in_channels.div_ceil(chunks);
        let mut band = 1;
        while band < rows && this.gathered_len(band + 1).max(this.sums_len(band + 1)) <= BAND {
            band += 1;
        }
        this.cut.band = rows.div_ceil(rows.div_ceil(band));
        let input = in_channels * this.window.height * this.window.width * LANES;
        this.far = input + out_channels * rows * this.window.columns * LANES >= FAR;
        // Channels of a picture can fall on few sets of the cache; the few of a single chunk do no harm.
        this.layouts = Layouts::new(&this.window, this.cut.chunk, [rows, this.cut.band], chunks == 1);
        this
    }

    /// Output channels of the largest block.
    fn rows(&self) -> usize {
        largest(self.out_channels, ROWS)
    }

    /// Prefetches the inputs of the chunk that follows, within the tiles of this one.
    #[inline(always)]
    fn ahead(&self, input: *const f32, band: usize, chunk: usize, max_columns: usize) -> Ahead {
        let rows = self.cut.band(band).count;
        let (band, chunk) = if chunk + 1 < self.cut.chunks() { (band, chunk + 1) } else { (band + 1, 0) };
        if !self.far || band == self.cut.bands() {
            return Ahead::none();
        }
        let blocks = self.out_channels.div_ceil(ROWS);
        let steps = rows * self.window.columns.div_ceil(max_columns) * blocks;
        self.window.ahead(input, self.cut.channels(chunk), self.cut.band(band), steps)
    }

    fn gathered_len(&self, band: usize) -> usize {
        self.cut.chunk * self.window.channel_len(band)
    }

    /// Unfinished outputs are kept beside each other as `[row][output][column][16]`: in a picture
    /// with a power of two of positions they would fall on few sets of the cache.
    fn sums_len(&self, band: usize) -> usize {
        if self.cut.chunk == self.cut.channels { 0 } else { band * self.out_channels * self.window.columns * LANES }
    }

    /// Floats of scratch that it needs.
    pub fn scratch_len(&self) -> usize {
        if self.layouts.len() == 0 { 0 } else { self.gathered_len(self.cut.band) + self.sums_len(self.cut.band) }
    }

    /// Floats of its packed weights.
    pub fn packed_len(&self) -> usize {
        self.cut.channels * self.out_channels * self.window.taps_y * self.window.taps_x
    }

    /// Packs weights as `[block of outputs][c][ky][kx][output in block]`.
    pub fn pack(&self, weights: Weights, mut packed: &mut [f32]) {
        let sizes = [self.cut.channels, self.window.taps_y, self.window.taps_x];
        let blocks = self.out_channels.div_ceil(ROWS);
        for block in 0..blocks {
            let (start, end) = part(self.out_channels, blocks, block);
            let (to, rest) = packed.split_at_mut((end - start) * sizes.iter().product::<usize>());
            packed = rest;
            match end - start {
                1 => weights.pack::<1>(start, sizes, to),
                2 => weights.pack::<2>(start, sizes, to),
                3 => weights.pack::<3>(start, sizes, to),
                _ => weights.pack::<ROWS>(start, sizes, to),
            }
        }
    }
}

/// A correlation and what it runs on.
pub(super) struct Correlate<'a> {
    pub plan: &'a Correlation,
    pub input: &'a [f32],
    pub prologue: Option<Affine<'a>>,
    pub packed: &'a [f32],
    pub bias: Option<&'a [f32]>,
    pub accumulate: bool,
    pub output: &'a mut [f32],
    /// From a cache line on.
    pub scratch: &'a mut [f32],
}

impl WithSimd for Correlate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let plan = self.plan;
        if plan.layouts.len() == 0 {
            return self.untouched();
        }
        let chunks = plan.cut.chunks();
        // SAFETY: `ConvPlan` checked all lengths against the shape that made the plan.
        unsafe {
            let gathered = self.scratch.as_mut_ptr();
            let sums = gathered.add(plan.gathered_len(plan.cut.band));
            let output = self.output.as_mut_ptr().add(plan.output_origin);
            for index in 0..plan.cut.bands() {
                let band = plan.cut.band(index);
                for chunk in 0..chunks {
                    let channels = plan.cut.channels(chunk);
                    let input = self.input.as_ptr();
                    let (layout, input) =
                        plan.layouts.inputs(simd, &plan.window, input, self.prologue, channels, band, gathered);
                    let mut ahead = plan.ahead(self.input.as_ptr(), index, chunk, Tile::max_columns::<S>(plan.rows()));
                    for y in band.first..band.first + band.count {
                        let columns = plan.window.columns * LANES;
                        let sums = sums.add((y - band.first) * plan.out_channels * columns);
                        let sums = Grid { origin: sums, row: columns, column: LANES };
                        let [row, column] = [plan.output_strides[0], plan.output_strides[2]];
                        let output = Grid { origin: output.add(y * plan.output_strides[1]), row, column };
                        let start = match self.bias {
                            _ if chunk > 0 => Start::Sums(sums),
                            _ if self.accumulate => Start::Sums(output),
                            Some(bias) => Start::Bias(bias.as_ptr()),
                            None => Start::Zero,
                        };
                        let finished = chunk + 1 == chunks;
                        Row {
                            plan,
                            channels,
                            taps: plan.window.taps_inside(y),
                            offsets: &layout.offsets,
                            input: input.add((y - band.first) * layout.row_stride),
                            packed: self.packed.as_ptr(),
                            start,
                            end: if finished { output } else { sums },
                            far: plan.far && finished,
                        }
                        .run(simd, &mut ahead);
                    }
                }
            }
        }
    }
}

impl Correlate<'_> {
    /// The outputs that no tap reaches.
    fn untouched(self) {
        let plan = self.plan;
        if self.accumulate {
            return;
        }
        let [channel, row, column] = plan.output_strides;
        for o in 0..plan.out_channels {
            for y in 0..plan.cut.rows {
                for x in 0..plan.window.columns {
                    let at = o * channel + plan.output_origin + y * row + x * column;
                    self.output[at..][..LANES].fill(self.bias.map_or(0.0, |bias| bias[o]));
                }
            }
        }
    }
}

/// One row of the grid, for some input channels and all outputs.
struct Row<'a> {
    plan: &'a Correlation,
    channels: Channels,
    /// The rows of taps that are taken, `[first, end)`: the others read zeros.
    taps: (usize, usize),
    offsets: &'a [u32],
    /// The inputs as the offsets find them, and all packed weights.
    input: *const f32,
    packed: *const f32,
    start: Start,
    end: Grid,
    far: bool,
}

impl Row<'_> {
    /// # Safety
    /// The pointers belong to the plan's row: the inputs of the channels, all packed weights, the outputs.
    #[inline(always)]
    unsafe fn run<S: Simd>(self, simd: S, ahead: &mut Ahead) {
        let Self { plan, channels, taps: (above, below), .. } = self;
        let taps = plan.window.taps_y * plan.window.taps_x;
        let skipped = above * plan.window.taps_x;
        let run = (below - above) * plan.window.taps_x;
        let runs = match channels.count {
            count if run == taps => Runs { count: 1, len: count * taps, stride: 0 },
            count => Runs { count, len: run, stride: taps },
        };
        let columns = plan.window.columns;
        let tiles = columns.div_ceil(Tile::max_columns::<S>(plan.rows()));
        let blocks = plan.out_channels.div_ceil(ROWS);
        for tile in 0..tiles {
            let (left, right) = part(columns, tiles, tile);
            for block in 0..blocks {
                let (o, next) = part(plan.out_channels, blocks, block);
                let rows = next - o;
                // SAFETY: inside what the caller says.
                unsafe {
                    let inside = |grid: Grid| Grid { origin: grid.at(o, left), ..grid };
                    let weights = (o * plan.cut.channels + channels.first * rows) * taps + skipped * rows;
                    Tile {
                        runs,
                        offsets: self.offsets.as_ptr().add(skipped),
                        weights: self.packed.add(weights),
                        input: self.input.add(left * LANES),
                        start: match self.start {
                            Start::Zero => Start::Zero,
                            Start::Bias(bias) => Start::Bias(bias.add(o)),
                            Start::Sums(grid) => Start::Sums(inside(grid)),
                        },
                        end: inside(self.end),
                        far: self.far,
                    }
                    .run(simd, rows, right - left);
                }
                ahead.step();
            }
        }
    }
}
