//! A convolution's weights as another convolution's: where each of them lies.

/// The weight of `(output, input, ky, kx)` at `first + output · strides[0] + input · strides[1] +
/// ky · strides[2] + kx · strides[3]`.
#[derive(Clone, Copy)]
pub(super) struct Weights<'a> {
    pub values: &'a [f32],
    pub first: usize,
    pub strides: [isize; 4],
}

impl Weights<'_> {
    #[inline(always)]
    fn place(&self, output: usize, input: usize, ky: usize, kx: usize) -> usize {
        let steps = [output, input, ky, kx].into_iter().zip(self.strides);
        steps.fold(self.first, |at, (n, stride)| at.wrapping_add_signed(stride * n as isize))
    }

    /// One weight.
    #[inline(always)]
    pub fn at(&self, output: usize, input: usize, ky: usize, kx: usize) -> f32 {
        self.values[self.place(output, input, ky, kx)]
    }

    /// Packs those of `R` outputs from `output` on as `[input][ky][kx][output]`.
    #[inline(always)]
    pub fn pack<const R: usize>(&self, output: usize, [inputs, height, width]: [usize; 3], packed: &mut [f32]) {
        let mut packed = packed.as_chunks_mut::<R>().0.iter_mut();
        for input in 0..inputs {
            for ky in 0..height {
                let mut at = self.place(output, input, ky, 0);
                for to in packed.by_ref().take(width) {
                    for (r, to) in to.iter_mut().enumerate() {
                        *to = self.values[at.wrapping_add_signed(self.strides[0] * r as isize)];
                    }
                    at = at.wrapping_add_signed(self.strides[3]);
                }
            }
        }
    }
}
