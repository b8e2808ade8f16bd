//! Tiles of a picture's channel, to the points and back.

use pulp::Simd;

use super::axis::{Axis, MAX_POINTS, MAX_SIDE, across};
use super::four::Four;
use super::two::Two;
use crate::affine::relu;
use crate::conv::simd::{load, part, store};
use crate::{Affine, LANES};

/// Columns of a tile's outputs.
pub(super) const SIDE_X: usize = Four::SIDE;

/// The size of the parts, of up to `most`, into which a length is cut evenly.
pub(super) fn even(length: usize, most: usize) -> usize {
    length.div_ceil(length.div_ceil(most.max(1)))
}

/// Rows of a tile's outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::conv) enum Rows {
    Two,
    Four,
}

/// Some tiles of a picture: `rows × columns` of them from tile `(top, left)` on.
#[derive(Clone, Copy)]
pub(super) struct Group {
    pub top: usize,
    pub left: usize,
    pub rows: usize,
    pub columns: usize,
}

impl Group {
    /// Row and column of a tile.
    #[inline(always)]
    fn tile(self, index: usize) -> (usize, usize) {
        (self.top + index / self.columns, self.left + index % self.columns)
    }
}

/// The points of the tiles of a channel: planes `[point y][point x]`.
#[derive(Clone, Copy)]
pub(super) struct Planes {
    pub origin: *mut f32,
    /// Floats from one plane to the next.
    pub plane: usize,
}

impl Planes {
    /// # Safety
    /// The planes have such a point and tile.
    #[inline(always)]
    unsafe fn at(self, y: usize, x: usize, tile: usize) -> *mut f32 {
        // SAFETY: as the caller says.
        unsafe { self.origin.add((y * Four::POINTS + x) * self.plane + tile * LANES) }
    }
}

/// A picture cut into tiles.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiling {
    pub height: usize,
    pub width: usize,
    pub rows: Rows,
}

impl Tiling {
    /// Floats of a channel.
    pub fn channel(self) -> usize {
        self.height * self.width * LANES
    }

    /// Rows and columns of tiles.
    pub fn tiles(self) -> [usize; 2] {
        [self.height / self.side(), self.width / SIDE_X]
    }

    /// Rows and columns of groups of up to `most` tiles that cover the picture evenly.
    pub fn group_size(self, most: usize) -> [usize; 2] {
        let [rows, columns] = self.tiles();
        [even(rows, (most / columns).clamp(1, rows)), even(columns, most)]
    }

    /// The groups of this size, row by row.
    pub fn groups(self, [height, width]: [usize; 2]) -> impl Iterator<Item = Group> {
        let [rows, columns] = self.tiles();
        let [bands, parts] = [rows.div_ceil(height), columns.div_ceil(width)];
        (0..bands * parts).map(move |index| {
            let (top, bottom) = part(rows, bands, index / parts);
            let (left, right) = part(columns, parts, index % parts);
            Group { top, left, rows: bottom - top, columns: right - left }
        })
    }

    /// Outputs of a tile.
    pub fn positions(self) -> usize {
        self.side() * SIDE_X
    }

    /// Floats from a channel's start to an output of a tile of a group.
    #[inline(always)]
    pub fn position(self, group: Group, tile: usize, output: usize) -> usize {
        let (row, column) = group.tile(tile);
        ((row * self.side() + output / SIDE_X) * self.width + column * SIDE_X + output % SIDE_X) * LANES
    }

    /// Rows of a tile's outputs.
    fn side(self) -> usize {
        match self.rows {
            Rows::Two => Two::SIDE,
            Rows::Four => Four::SIDE,
        }
    }

    /// Products of a tile.
    pub fn planes(self) -> usize {
        let points = match self.rows {
            Rows::Two => Two::POINTS,
            Rows::Four => Four::POINTS,
        };
        points * Four::POINTS
    }

    /// Floats of scratch for a row of `columns` tiles: the points of each column of the picture.
    pub const fn row_scratch(columns: usize) -> usize {
        (columns * SIDE_X + 2) * MAX_POINTS * LANES
    }

    /// The inputs of a group's tiles, through the prologue of channel `channel` and padded by a
    /// zero on every side, to their points.
    ///
    /// # Safety
    /// `from` is valid for reads of the channel, `scratch` for writes of `row_scratch`, `to` for
    /// writes of the group's planes, and the prologue has a value for the channel.
    #[inline(always)]
    pub unsafe fn input<S: Simd>(
        self,
        simd: S,
        from: *const f32,
        prologue: Option<Affine>,
        channel: usize,
        group: Group,
        scratch: *mut f32,
        to: Planes,
    ) {
        // SAFETY: as the caller says.
        unsafe {
            match self.rows {
                Rows::Two => self.mapped_input::<S, Two>(simd, from, prologue, channel, group, scratch, to),
                Rows::Four => self.mapped_input::<S, Four>(simd, from, prologue, channel, group, scratch, to),
            }
        }
    }

    #[inline(always)]
    unsafe fn mapped_input<S: Simd, Y: Axis>(
        self,
        simd: S,
        from: *const f32,
        prologue: Option<Affine>,
        channel: usize,
        group: Group,
        scratch: *mut f32,
        to: Planes,
    ) {
        let splat = |values: &[f32]| simd.splat_f32s(values[channel]);
        let zero = simd.splat_f32s(0.0);
        // SAFETY: as the caller of `input` says.
        unsafe {
            match prologue {
                None => self.input_points::<S, Y, false, false>(simd, from, [zero; 2], group, scratch, to),
                Some(Affine { scale, shift, relu: false }) => {
                    let map = [splat(scale), splat(shift)];
                    self.input_points::<S, Y, true, false>(simd, from, map, group, scratch, to);
                }
                Some(Affine { scale, shift, relu: true }) => {
                    let map = [splat(scale), splat(shift)];
                    self.input_points::<S, Y, true, true>(simd, from, map, group, scratch, to);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn input_points<S: Simd, Y: Axis, const AFFINE: bool, const RELU: bool>(
        self,
        simd: S,
        from: *const f32,
        [scale, shift]: [S::f32s; 2],
        group: Group,
        scratch: *mut f32,
        to: Planes,
    ) {
        let zero = simd.splat_f32s(0.0);
        let map = |mut v| {
            if AFFINE {
                v = simd.mul_add_f32s(scale, v, shift);
            }
            if RELU {
                v = relu(simd, v);
            }
            v
        };
        let left = group.left * SIDE_X;
        for lane in (0..LANES).step_by(S::F32_LANES) {
            for row in 0..group.rows {
                let top = (group.top + row) * Y::SIDE;
                // Along y, each column once.
                for column in 0..group.columns * SIDE_X + 2 {
                    let mut points = [zero; MAX_POINTS];
                    if (1..=self.width).contains(&(left + column)) {
                        for y in 0..Y::POINTS {
                            if (1..=self.height).contains(&(top + y)) {
                                let at = ((top + y - 1) * self.width + left + column - 1) * LANES + lane;
                                // SAFETY: inside the picture.
                                points[y] = map(unsafe { load::<S>(from.add(at)) });
                            }
                        }
                        points = Y::input(simd, points);
                    }
                    for y in 0..Y::POINTS {
                        // SAFETY: inside the scratch.
                        unsafe { store::<S>(scratch.add((column * MAX_POINTS + y) * LANES + lane), points[y]) };
                    }
                }
                // Along x, each tile.
                for tile in 0..group.columns {
                    for y in 0..Y::POINTS {
                        let mut points = [zero; MAX_POINTS];
                        // SAFETY: inside the scratch and the planes.
                        unsafe {
                            for x in 0..Four::POINTS {
                                let column = tile * SIDE_X + x;
                                points[x] = load::<S>(scratch.add((column * MAX_POINTS + y) * LANES + lane));
                            }
                            let points = Four::input(simd, points);
                            for x in 0..Four::POINTS {
                                store::<S>(to.at(y, x, row * group.columns + tile).add(lane), points[x]);
                            }
                        }
                    }
                }
            }
        }
    }

    /// The products of a group's tiles to outputs, which start at `bias` or, to `accumulate`, at
    /// what stands there.
    ///
    /// # Safety
    /// `from` is valid for reads of the group's planes and `to` for reads and writes of the channel.
    #[inline(always)]
    pub unsafe fn output<S: Simd>(
        self,
        simd: S,
        from: Planes,
        group: Group,
        bias: f32,
        accumulate: bool,
        to: *mut f32,
    ) {
        // SAFETY: as the caller says.
        unsafe {
            match self.rows {
                Rows::Two => self.outputs::<S, Two>(simd, from, group, bias, accumulate, to),
                Rows::Four => self.outputs::<S, Four>(simd, from, group, bias, accumulate, to),
            }
        }
    }

    #[inline(always)]
    unsafe fn outputs<S: Simd, Y: Axis>(
        self,
        simd: S,
        from: Planes,
        group: Group,
        bias: f32,
        accumulate: bool,
        to: *mut f32,
    ) {
        let zero = simd.splat_f32s(0.0);
        for lane in (0..LANES).step_by(S::F32_LANES) {
            for tile in 0..group.rows * group.columns {
                let (row, column) = group.tile(tile);
                let mut rows = [[zero; MAX_SIDE]; MAX_POINTS];
                // SAFETY: inside the planes and the picture.
                unsafe {
                    for y in 0..Y::POINTS {
                        let mut points = [zero; MAX_POINTS];
                        for x in 0..Four::POINTS {
                            points[x] = load::<S>(from.at(y, x, tile).add(lane));
                        }
                        rows[y] = Four::output(simd, points);
                    }
                    for x in 0..SIDE_X {
                        let outputs = Y::output(simd, across(&rows, x));
                        for y in 0..Y::SIDE {
                            let to = to.add(((row * Y::SIDE + y) * self.width + column * SIDE_X + x) * LANES + lane);
                            let start = if accumulate { load::<S>(to) } else { simd.splat_f32s(bias) };
                            store::<S>(to, simd.add_f32s(start, outputs[y]));
                        }
                    }
                }
            }
        }
    }

    /// The gradients of a tile's outputs, vectors `[y][x]` that lie `step` floats apart, to their points.
    ///
    /// # Safety
    /// `from` is valid for reads of a tile and `to` for writes of a tile's points.
    #[inline(always)]
    pub unsafe fn output_grad<S: Simd>(self, simd: S, from: *const f32, step: usize, to: Planes) {
        // SAFETY: as the caller says.
        unsafe {
            match self.rows {
                Rows::Two => Self::output_grad_points::<S, Two>(simd, from, step, to),
                Rows::Four => Self::output_grad_points::<S, Four>(simd, from, step, to),
            }
        }
    }

    #[inline(always)]
    unsafe fn output_grad_points<S: Simd, Y: Axis>(simd: S, from: *const f32, step: usize, to: Planes) {
        let zero = simd.splat_f32s(0.0);
        for lane in (0..LANES).step_by(S::F32_LANES) {
            let mut columns = [[zero; MAX_POINTS]; SIDE_X];
            // SAFETY: as the caller of `output_grad` says.
            unsafe {
                for x in 0..SIDE_X {
                    let mut gradients = [zero; MAX_SIDE];
                    for y in 0..Y::SIDE {
                        gradients[y] = load::<S>(from.add((y * SIDE_X + x) * step + lane));
                    }
                    columns[x] = Y::output_grad(simd, gradients);
                }
                for y in 0..Y::POINTS {
                    let points = Four::output_grad(simd, across(&columns, y));
                    for x in 0..Four::POINTS {
                        store::<S>(to.at(y, x, 0).add(lane), points[x]);
                    }
                }
            }
        }
    }
}
