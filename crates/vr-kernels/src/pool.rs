//! Pooling over windows of a picture.

mod window;

use pulp::{Simd, WithSimd};

use self::window::{Read, Window};
use crate::{Affine, Isa, LANES, lanes};

/// Pooling of one lane block over the windows of a picture.
///
/// The input x is `[channels][height][width][16]` and the output `[channels][out_height][out_width][16]` with
/// `⌊(side + 2 · padding − kernel) / stride⌋ + 1` rows and columns; what no window covers is dropped. What is
/// pooled is the prologue's output where there is a prologue, and x otherwise. Gradients are with respect to what
/// is pooled; they are written, not added, and zero in the padded lanes if the output's gradient is.
///
/// All methods panic if the lengths of slices do not fit or there are no such windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Channels of the input and the output.
    pub channels: usize,
    /// Rows of the input.
    pub height: usize,
    /// Columns of the input.
    pub width: usize,
    /// Rows and columns of a window.
    pub kernel: [usize; 2],
    /// Rows and columns from one window to the next.
    pub stride: [usize; 2],
    /// Rows and columns added on each side, at most half a window: the maximum does not see them, and the mean
    /// counts them as zeros (PyTorch's `count_include_pad=True`).
    pub padding: [usize; 2],
}

impl Pool {
    /// Rows and columns of the output.
    ///
    /// # Panics
    /// If the padded picture is smaller than a window.
    pub fn output(&self) -> [usize; 2] {
        [0, 1].map(|axis| {
            let padded = self.padding[axis].checked_mul(2).and_then(|padding| padding.checked_add(self.side(axis)));
            let rest = padded.and_then(|side| side.checked_sub(self.kernel[axis])).expect("a window fits the picture");
            rest / self.stride[axis] + 1
        })
    }

    /// The largest value of each window.
    pub fn max(&self, isa: Isa, x: &[f32], prologue: Option<Affine<'_>>, out: &mut [f32]) {
        self.check(x.len(), prologue, out.len());
        isa.run(Run { of: *self, x, prologue, to: To::Max(out) });
    }

    /// The gradient of [`max`](Self::max): that of a window goes to the first of its largest values, or to its
    /// last NaN.
    pub fn max_backward(&self, isa: Isa, x: &[f32], prologue: Option<Affine<'_>>, dout: &[f32], dx: &mut [f32]) {
        self.check(x.len(), prologue, dout.len());
        assert_eq!(x.len(), dx.len(), "x and dx differ in length");
        self.clear(dx);
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
        self.clear(dx);
        isa.run(Run { of: *self, x: &[], prologue: None, to: To::MeanBackward(dout, dx) });
    }

    fn side(&self, axis: usize) -> usize {
        [self.height, self.width][axis]
    }

    /// Whether no position belongs to two windows.
    fn is_disjoint(&self) -> bool {
        self.stride[0] >= self.kernel[0] && self.stride[1] >= self.kernel[1]
    }

    /// Zeros, unless every position is written once.
    fn clear(&self, dx: &mut [f32]) {
        let tiled = |axis: usize| {
            self.stride[axis] == self.kernel[axis]
                && self.padding[axis] == 0
                && self.side(axis).is_multiple_of(self.kernel[axis])
        };
        if !(tiled(0) && tiled(1)) {
            dx.fill(0.0);
        }
    }

    fn check(&self, input: usize, prologue: Option<Affine<'_>>, output: usize) {
        let Self { channels, height, width, kernel, stride, padding } = *self;
        let sizes = [channels, height, width, kernel[0], kernel[1], stride[0], stride[1]];
        assert!(!sizes.contains(&0), "a size of zero: {self:?}");
        let half = |axis: usize| padding[axis] <= kernel[axis] / 2;
        assert!(half(0) && half(1), "more padding than half a window: {self:?}");
        // The place of a value in its window is counted in single precision.
        assert!(kernel.iter().all(|&side| side <= 1024), "a window of more than 1024 rows or columns");
        let len = |sides: [usize; 2]| {
            let factors = [channels, sides[0], sides[1], LANES];
            factors.iter().try_fold(1usize, |product, &factor| product.checked_mul(factor))
        };
        assert_eq!(Some(input), len([height, width]), "the input is not [channels][height][width][16]");
        assert_eq!(Some(output), len(self.output()), "the output is not [channels][out_height][out_width][16]");
        if let Some(prologue) = prologue {
            prologue.check(channels);
        }
    }
}

/// Where the results go.
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

/// Visits every window of every channel: what it covers, and the vector of the output where its own begin. It is a
/// macro, since a closure that is handed on may stay a call, compiled without the instruction set.
macro_rules! for_each {
    ($S:ty, $of:expr, |$channel:ident, $window:ident, $at:ident| $visit:expr) => {{
        let of: Pool = $of;
        let [rows, columns] = of.output();
        let mut $at = 0;
        for $channel in 0..of.channels {
            for row in 0..rows {
                let [top, height] = cover(of, 0, row);
                for column in 0..columns {
                    let [left, width] = cover(of, 1, column);
                    let first = ($channel * of.height + top) * of.width + left;
                    let $window = Window { first, rows: height, columns: width, step: of.width };
                    $visit;
                    $at += lanes::groups::<$S>();
                }
            }
        }
    }};
}

impl WithSimd for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // The usual windows are compiled by themselves, so that their loops unroll.
        match self.of {
            Pool { kernel: [2, 2], stride: [2, 2], padding: [0, 0], .. } => {
                let of = Pool { kernel: [2; 2], stride: [2; 2], padding: [0; 2], ..self.of };
                Self { of, ..self }.run(simd);
            }
            _ => self.run(simd),
        }
    }
}

impl Run<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { of, x, prologue, to } = self;
        let x = lanes::vectors::<S>(x);
        let share = simd.splat_f32s(1.0 / (of.kernel[0] * of.kernel[1]) as f32);
        let add = !of.is_disjoint();
        match to {
            To::Max(out) => {
                let out = lanes::vectors_mut::<S>(out);
                for_each!(S, of, |channel, window, at| {
                    window.max(simd, Read::new(simd, prologue, channel), x, &mut out[at..]);
                });
            }
            To::MaxBackward(dout, dx) => {
                let (dout, dx) = (lanes::vectors::<S>(dout), lanes::vectors_mut::<S>(dx));
                for_each!(S, of, |channel, window, at| {
                    window.max_backward(simd, Read::new(simd, prologue, channel), x, &dout[at..], dx, add);
                });
            }
            To::Mean(out) => {
                let out = lanes::vectors_mut::<S>(out);
                for_each!(S, of, |channel, window, at| {
                    window.mean(simd, Read::new(simd, prologue, channel), share, x, &mut out[at..]);
                });
            }
            To::MeanBackward(dout, dx) => {
                let (dout, dx) = (lanes::vectors::<S>(dout), lanes::vectors_mut::<S>(dx));
                for_each!(S, of, |channel, window, at| window.mean_backward(simd, share, &dout[at..], dx, add));
            }
        }
    }
}

/// The first row (or column) of the picture that a window covers, and how many.
#[inline(always)]
fn cover(of: Pool, axis: usize, index: usize) -> [usize; 2] {
    let (start, kernel, padding) = (index * of.stride[axis], of.kernel[axis], of.padding[axis]);
    if padding == 0 {
        return [start, kernel];
    }
    let first = start.saturating_sub(padding);
    [first, (start + kernel).min(of.side(axis) + padding) - padding - first]
}
