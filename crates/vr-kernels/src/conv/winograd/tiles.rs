//! Tiles of a picture's channel, to the points and back.

use pulp::Simd;

use super::transform::{POINTS, SIDE, input, output, output_grad};
use crate::conv::simd::{load, store};
use crate::{Affine, LANES};

/// Floats of scratch for a row of `columns` tiles: six points for each column of the picture.
pub(super) const fn row_scratch(columns: usize) -> usize {
    (columns * SIDE + POINTS - SIDE) * POINTS * LANES
}

/// Some tiles of a picture: `rows × columns` of them from tile `(top, left)` on.
#[derive(Clone, Copy)]
pub(super) struct Group {
    pub top: usize,
    pub left: usize,
    pub rows: usize,
    pub columns: usize,
}

/// The points of the tiles of a channel: 36 planes, `[point y][point x]`.
#[derive(Clone, Copy)]
pub(super) struct Planes {
    pub origin: *mut f32,
    /// Floats from one plane to the next, and from one tile to the next.
    pub plane: usize,
    pub tile: usize,
}

/// The size of a picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Picture {
    pub height: usize,
    pub width: usize,
}

impl Picture {
    /// Floats of a channel.
    pub fn channel(self) -> usize {
        self.height * self.width * LANES
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
        let splat = |values: &[f32]| simd.splat_f32s(values[channel]);
        let zero = simd.splat_f32s(0.0);
        // SAFETY: as the caller says.
        unsafe {
            match prologue {
                None => self.mapped_input::<S, false, false>(simd, from, [zero; 2], group, scratch, to),
                Some(Affine { scale, shift, relu: false }) => {
                    let map = [splat(scale), splat(shift)];
                    self.mapped_input::<S, true, false>(simd, from, map, group, scratch, to);
                }
                Some(Affine { scale, shift, relu: true }) => {
                    let map = [splat(scale), splat(shift)];
                    self.mapped_input::<S, true, true>(simd, from, map, group, scratch, to);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn mapped_input<S: Simd, const AFFINE: bool, const RELU: bool>(
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
                v = simd.select_f32s(simd.greater_than_f32s(v, zero), v, zero);
            }
            v
        };
        let left = group.left * SIDE;
        for lane in (0..LANES).step_by(S::F32_LANES) {
            for row in 0..group.rows {
                let top = (group.top + row) * SIDE;
                // Along y, each column once.
                for column in 0..group.columns * SIDE + POINTS - SIDE {
                    let mut points = [zero; POINTS];
                    if (1..=self.width).contains(&(left + column)) {
                        for y in 0..POINTS {
                            if (1..=self.height).contains(&(top + y)) {
                                let at = ((top + y - 1) * self.width + left + column - 1) * LANES + lane;
                                // SAFETY: inside the picture.
                                points[y] = map(unsafe { load::<S>(from.add(at)) });
                            }
                        }
                        points = input(simd, points);
                    }
                    for y in 0..POINTS {
                        // SAFETY: inside the scratch.
                        unsafe { store::<S>(scratch.add((column * POINTS + y) * LANES + lane), points[y]) };
                    }
                }
                // Along x, each tile.
                for tile in 0..group.columns {
                    for y in 0..POINTS {
                        let mut points = [zero; POINTS];
                        // SAFETY: inside the scratch and the planes.
                        unsafe {
                            for x in 0..POINTS {
                                points[x] = load::<S>(scratch.add(((tile * SIDE + x) * POINTS + y) * LANES + lane));
                            }
                            let points = input(simd, points);
                            let to_tile = to.origin.add((row * group.columns + tile) * to.tile + lane);
                            for x in 0..POINTS {
                                store::<S>(to_tile.add((y * POINTS + x) * to.plane), points[x]);
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
        let zero = simd.splat_f32s(0.0);
        for lane in (0..LANES).step_by(S::F32_LANES) {
            for tile in 0..group.rows * group.columns {
                let (row, column) = (group.top + tile / group.columns, group.left + tile % group.columns);
                let mut rows = [[zero; SIDE]; POINTS];
                // SAFETY: inside the planes and the picture.
                unsafe {
                    for y in 0..POINTS {
                        let mut points = [zero; POINTS];
                        for x in 0..POINTS {
                            let plane = (y * POINTS + x) * from.plane;
                            points[x] = load::<S>(from.origin.add(plane + tile * from.tile + lane));
                        }
                        rows[y] = output(simd, points);
                    }
                    for x in 0..SIDE {
                        let mut points = [zero; POINTS];
                        for y in 0..POINTS {
                            points[y] = rows[y][x];
                        }
                        let outputs = output(simd, points);
                        for y in 0..SIDE {
                            let to = to.add(((row * SIDE + y) * self.width + column * SIDE + x) * LANES + lane);
                            let start = if accumulate { load::<S>(to) } else { simd.splat_f32s(bias) };
                            store::<S>(to, simd.add_f32s(start, outputs[y]));
                        }
                    }
                }
            }
        }
    }

    /// The gradients of a group's outputs to their points.
    ///
    /// # Safety
    /// `from` is valid for reads of the channel and `to` for writes of the group's planes.
    #[inline(always)]
    pub unsafe fn output_grad<S: Simd>(self, simd: S, from: *const f32, group: Group, to: Planes) {
        let zero = simd.splat_f32s(0.0);
        for lane in (0..LANES).step_by(S::F32_LANES) {
            for tile in 0..group.rows * group.columns {
                let (row, column) = (group.top + tile / group.columns, group.left + tile % group.columns);
                let mut columns = [[zero; POINTS]; SIDE];
                // SAFETY: inside the picture and the planes.
                unsafe {
                    for x in 0..SIDE {
                        let mut gradients = [zero; SIDE];
                        for y in 0..SIDE {
                            let at = ((row * SIDE + y) * self.width + column * SIDE + x) * LANES + lane;
                            gradients[y] = load::<S>(from.add(at));
                        }
                        columns[x] = output_grad(simd, gradients);
                    }
                    for y in 0..POINTS {
                        let mut gradients = [zero; SIDE];
                        for x in 0..SIDE {
                            gradients[x] = columns[x][y];
                        }
                        let points = output_grad(simd, gradients);
                        for x in 0..POINTS {
                            let plane = (y * POINTS + x) * to.plane;
                            store::<S>(to.origin.add(plane + tile * to.tile + lane), points[x]);
                        }
                    }
                }
            }
        }
    }
}
