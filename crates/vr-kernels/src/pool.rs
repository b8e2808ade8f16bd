//! Pooling over square windows side by side.

mod window;

use pulp::{Simd, WithSimd};

use self::window::{Read, Window};
use crate::{Affine, Isa, LANES, lanes};

/// Pooling of one lane block over windows of `size × size` at a stride of `size`.
///
/// The input x is `[channels][height][width][16]` and the output
/// `[channels][height / size][width / size][16]`; rows and columns left over are dropped. What is
/// pooled is the prologue's output where there is a prologue, and x otherwise. Gradients are with
/// respect to what is pooled; they are written, not added, and zero in the padded lanes if the
/// output's gradient is.
///
/// All methods panic if the lengths of slices do not fit.
#[derive(Clone, Copy, Debug)]
pub struct Pool {
    /// Channels of the input and the output.
    pub channels: usize,
    /// Rows of the input.
    pub height: usize,
    /// Columns of the input.
    pub width: usize,
    /// Rows and columns of a window.
    pub size: usize,
}

impl Pool {
    /// The largest value of each window.
    pub fn max(&self, isa: Isa, x: &[f32], prologue: Option<Affine<'_>>, out: &mut [f32]) {
        self.check(x.len(), prologue, out.len());
        isa.run(Run { of: *self, x, prologue, to: To::Max(out) });
    }

    /// The gradient of [`max`](Self::max): that of a window goes to the first of its largest values.
    pub fn max_backward(&self, isa: Isa, x: &[f32], prologue: Option<Affine<'_>>, dout: &[f32], dx: &mut [f32]) {
        self.check(x.len(), prologue, dout.len());
        assert_eq!(x.len(), dx.len(), "x and dx differ in length");
        self.clear_rest(dx);
        isa.run(Run { of: *self, x, prologue, to: To::MaxBackward(dout, dx) });
    }

    /// The mean of each window.
    pub fn mean(&self, isa: Isa, x: &[f32], prologue: Option<Affine<'_>>, out: &mut [f32]) {
        self.check(x.len(), prologue, out.len());
        isa.run(Run { of: *self, x, prologue, to: To::Mean(out) });
    }

    /// The gradient of [`mean`](Self::mean): each value of a window has the same share.
    pub fn mean_backward(&self, isa: Isa, dout: &[f32], dx: &mut [f32]) {
        self.check(dx.len(), None, dout.len());
        self.clear_rest(dx);
        isa.run(Run { of: *self, x: &[], prologue: None, to: To::MeanBackward(dout, dx) });
    }

    /// No window covers the rows and columns left over.
    fn clear_rest(&self, dx: &mut [f32]) {
        if !self.height.is_multiple_of(self.size) || !self.width.is_multiple_of(self.size) {
            dx.fill(0.0);
        }
    }

    fn check(&self, input: usize, prologue: Option<Affine<'_>>, output: usize) {
        let Self { channels, height, width, size } = *self;
        assert!(channels > 0 && size > 0 && height >= size && width >= size, "no window fits");
        // The place of a value in its window is counted in single precision.
        assert!(size <= 1024, "a window of more than 1024 rows");
        assert_eq!(input, channels * height * width * LANES, "the input is not [channels][height][width][16]");
        let out = channels * (height / size) * (width / size) * LANES;
        assert_eq!(output, out, "the output is not [channels][height / size][width / size][16]");
        if let Some(prologue) = prologue {
            prologue.check(channels);
        }
    }
}

enum To<'a> {
    Max(&'a mut [f32]),
    MaxBackward(&'a [f32], &'a mut [f32]),
    Mean(&'a mut [f32]),
    MeanBackward(&'a [f32], &'a mut [f32]),
}

struct Run<'a> {
    of: Pool,
    x: &'a [f32],
    prologue: Option<Affine<'a>>,
    to: To<'a>,
}

impl WithSimd for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // The usual window is compiled by itself, so that its loops unroll.
        match self.of.size {
            2 => self.windows(simd, 2),
            size => self.windows(simd, size),
        }
    }
}

impl Run<'_> {
    #[inline(always)]
    fn windows<S: Simd>(self, simd: S, size: usize) {
        let Self { of, x, prologue, mut to } = self;
        let groups = lanes::groups::<S>();
        let window = Window { size, width: of.width };
        let (rows, columns) = (of.height / size, of.width / size);
        let x = lanes::vectors::<S>(x);
        for c in 0..of.channels {
            let read = Read::new(simd, prologue, c);
            for row in 0..rows {
                let start = (c * of.height + row * size) * of.width * groups;
                let input = start..start + size * of.width * groups;
                let start = (c * rows + row) * columns * groups;
                let output = start..start + columns * groups;
                match &mut to {
                    To::Max(out) => {
                        window.max(simd, read, &x[input], &mut lanes::vectors_mut::<S>(out)[output]);
                    }
                    To::MaxBackward(dout, dx) => {
                        let dx = &mut lanes::vectors_mut::<S>(dx)[input.clone()];
                        window.max_backward(simd, read, &x[input], &lanes::vectors::<S>(dout)[output], dx);
                    }
                    To::Mean(out) => {
                        window.mean(simd, read, &x[input], &mut lanes::vectors_mut::<S>(out)[output]);
                    }
                    To::MeanBackward(dout, dx) => {
                        let dx = &mut lanes::vectors_mut::<S>(dx)[input];
                        window.mean_backward(simd, &lanes::vectors::<S>(dout)[output], dx);
                    }
                }
            }
        }
    }
}
