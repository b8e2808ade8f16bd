use pulp::Simd;

use crate::affine::relu;
use crate::{Affine, lanes};

/// What is read of one channel of x: its prologue's output.
#[derive(Clone, Copy)]
pub(super) struct Read<S: Simd> {
    affine: Option<(S::f32s, S::f32s)>,
    relu: bool,
}

impl<S: Simd> Read<S> {
    #[inline(always)]
    pub(super) fn new(simd: S, prologue: Option<Affine<'_>>, channel: usize) -> Self {
        match prologue {
            Some(Affine { scale, shift, relu }) => {
                Self { affine: Some((simd.splat_f32s(scale[channel]), simd.splat_f32s(shift[channel]))), relu }
            }
            None => Self { affine: None, relu: false },
        }
    }

    #[inline(always)]
    fn value(&self, simd: S, x: S::f32s) -> S::f32s {
        let Some((scale, shift)) = self.affine else { return x };
        let y = simd.mul_add_f32s(scale, x, shift);
        if self.relu { relu(simd, y) } else { y }
    }
}

/// The part of one window that lies in the picture.
#[derive(Clone, Copy)]
pub(super) struct Window {
    /// The position of its first value in the block.
    pub(super) first: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Positions from one row to the next.
    pub(super) step: usize,
}

impl Window {
    /// The position of the value in row i and column j.
    #[inline(always)]
    fn position(self, i: usize, j: usize) -> usize {
        self.first + i * self.step + j
    }

    /// The largest value of a window in the g-th vector of its sixteen lanes, and which one is the first of its value, in row-major order; where a
    /// value is NaN, the last such.
    #[inline(always)]
    fn first_max<S: Simd>(self, simd: S, read: Read<S>, x: &[S::f32s], g: usize) -> (S::f32s, S::f32s) {
        let groups = lanes::groups::<S>();
        let mut best = read.value(simd, x[self.first * groups + g]);
        let mut index = simd.splat_f32s(0.0);
        for i in 0..self.rows {
            for j in 0..self.columns {
                let value = read.value(simd, x[self.position(i, j) * groups + g]);
                // As in PyTorch a NaN wins, over numbers and over a NaN before it.
                let nan = simd.not_m32s(simd.equal_f32s(value, value));
                let more = simd.or_m32s(simd.greater_than_f32s(value, best), nan);
                best = simd.select_f32s(more, value, best);
                index = simd.select_f32s(more, simd.splat_f32s((i * self.columns + j) as f32), index);
            }
        }
        (best, index)
    }

    #[inline(always)]
    pub(super) fn max<S: Simd>(self, simd: S, read: Read<S>, x: &[S::f32s], out: &mut [S::f32s]) {
        let groups = lanes::groups::<S>();
        for (g, out) in out[..groups].iter_mut().enumerate() {
            *out = self.first_max(simd, read, x, g).0;
        }
    }

    #[inline(always)]
    pub(super) fn max_backward<S: Simd>(
        self,
        simd: S,
        read: Read<S>,
        x: &[S::f32s],
        dout: &[S::f32s],
        dx: &mut [S::f32s],
        add: bool,
    ) {
        let groups = lanes::groups::<S>();
        let zero = simd.splat_f32s(0.0);
        for (g, &dout) in dout[..groups].iter().enumerate() {
            let (_, index) = self.first_max(simd, read, x, g);
            for i in 0..self.rows {
                for j in 0..self.columns {
                    let here = simd.equal_f32s(index, simd.splat_f32s((i * self.columns + j) as f32));
                    let part = simd.select_f32s(here, dout, zero);
                    let to = &mut dx[self.position(i, j) * groups + g];
                    *to = if add { simd.add_f32s(*to, part) } else { part };
                }
            }
        }
    }

    #[inline(always)]
    pub(super) fn mean<S: Simd>(self, simd: S, read: Read<S>, share: S::f32s, x: &[S::f32s], out: &mut [S::f32s]) {
        let groups = lanes::groups::<S>();
        for (g, out) in out[..groups].iter_mut().enumerate() {
            let mut sum = simd.splat_f32s(0.0);
            for i in 0..self.rows {
                for j in 0..self.columns {
                    sum = simd.add_f32s(sum, read.value(simd, x[self.position(i, j) * groups + g]));
                }
            }
            *out = simd.mul_f32s(sum, share);
        }
    }

    #[inline(always)]
    pub(super) fn mean_backward<S: Simd>(
        self,
        simd: S,
        share: S::f32s,
        dout: &[S::f32s],
        dx: &mut [S::f32s],
        add: bool,
    ) {
        let groups = lanes::groups::<S>();
        for (g, &dout) in dout[..groups].iter().enumerate() {
            let part = simd.mul_f32s(dout, share);
            for i in 0..self.rows {
                for j in 0..self.columns {
                    let to = &mut dx[self.position(i, j) * groups + g];
                    *to = if add { simd.add_f32s(*to, part) } else { part };
                }
            }
        }
    }
}
