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

/// A row of windows: `size` rows of `width` positions in, one row out.
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) size: usize,
    pub(super) width: usize,
}

impl Window {
    /// Where the value in row i and column j of window `column` is.
    #[inline(always)]
    fn place(self, column: usize, i: usize, j: usize) -> usize {
        i * self.width + column * self.size + j
    }

    /// The largest value of a window, and which one is the first of its value, in row-major order; where a
    /// value is NaN, the last such.
    #[inline(always)]
    fn first_max<S: Simd>(self, simd: S, column: usize, value: impl Fn(usize) -> S::f32s) -> (S::f32s, S::f32s) {
        let mut best = value(self.place(column, 0, 0));
        let mut index = simd.splat_f32s(0.0);
        for i in 0..self.size {
            for j in 0..self.size {
                let value = value(self.place(column, i, j));
                // As in PyTorch a NaN wins, over numbers and over a NaN before it.
                let nan = simd.not_m32s(simd.equal_f32s(value, value));
                let more = simd.or_m32s(simd.greater_than_f32s(value, best), nan);
                best = simd.select_f32s(more, value, best);
                index = simd.select_f32s(more, simd.splat_f32s((i * self.size + j) as f32), index);
            }
        }
        (best, index)
    }

    #[inline(always)]
    pub(super) fn max<S: Simd>(self, simd: S, read: Read<S>, x: &[S::f32s], out: &mut [S::f32s]) {
        let groups = lanes::groups::<S>();
        for (column, out) in out.chunks_exact_mut(groups).enumerate() {
            for g in 0..groups {
                let value = |place| read.value(simd, x[place * groups + g]);
                out[g] = self.first_max(simd, column, value).0;
            }
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
    ) {
        let groups = lanes::groups::<S>();
        let zero = simd.splat_f32s(0.0);
        for (column, dout) in dout.chunks_exact(groups).enumerate() {
            for g in 0..groups {
                let value = |place| read.value(simd, x[place * groups + g]);
                let (_, index) = self.first_max(simd, column, value);
                for i in 0..self.size {
                    for j in 0..self.size {
                        let here = simd.splat_f32s((i * self.size + j) as f32);
                        dx[self.place(column, i, j) * groups + g] =
                            simd.select_f32s(simd.equal_f32s(index, here), dout[g], zero);
                    }
                }
            }
        }
    }

    #[inline(always)]
    pub(super) fn mean<S: Simd>(self, simd: S, read: Read<S>, x: &[S::f32s], out: &mut [S::f32s]) {
        let groups = lanes::groups::<S>();
        for (column, out) in out.chunks_exact_mut(groups).enumerate() {
            for g in 0..groups {
                let mut sum = simd.splat_f32s(0.0);
                for i in 0..self.size {
                    for j in 0..self.size {
                        sum = simd.add_f32s(sum, read.value(simd, x[self.place(column, i, j) * groups + g]));
                    }
                }
                out[g] = simd.mul_f32s(sum, self.share(simd));
            }
        }
    }

    #[inline(always)]
    pub(super) fn mean_backward<S: Simd>(self, simd: S, dout: &[S::f32s], dx: &mut [S::f32s]) {
        let groups = lanes::groups::<S>();
        for (column, dout) in dout.chunks_exact(groups).enumerate() {
            for g in 0..groups {
                let part = simd.mul_f32s(dout[g], self.share(simd));
                for i in 0..self.size {
                    for j in 0..self.size {
                        dx[self.place(column, i, j) * groups + g] = part;
                    }
                }
            }
        }
    }

    /// The share of each value in the mean.
    #[inline(always)]
    fn share<S: Simd>(self, simd: S) -> S::f32s {
        simd.splat_f32s(1.0 / (self.size * self.size) as f32)
    }
}
