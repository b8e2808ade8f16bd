//! Where the tiles of a convolution find their inputs.

use pulp::Simd;

use super::gather::{Band, Channels, Layout, Window};
use crate::Affine;

/// Inputs gathered in a scratch or, where nothing need be changed, in the picture itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Layouts {
    gathered: Layout,
    in_place: Option<Layout>,
}

impl Layouts {
    /// Of chunks of up to `channels` channels and bands of up to `band` of `rows` rows; in place only if
    /// `near` allows it.
    pub fn new(window: &Window, channels: usize, [rows, band]: [usize; 2], near: bool) -> Self {
        let in_place = if near { window.in_place(rows, channels) } else { None };
        Self { gathered: window.gathered(channels, band), in_place }
    }

    /// Triples `(channel, ky, kx)` of a chunk.
    pub fn len(&self) -> usize {
        self.gathered.offsets.len()
    }

    /// The inputs of some channels for a band of output rows, gathered in the scratch if need be.
    ///
    /// # Safety
    /// As [`Window::gather`], and the window is the one of the layouts.
    #[inline(always)]
    pub unsafe fn inputs<S: Simd>(
        &self,
        simd: S,
        window: &Window,
        input: *const f32,
        prologue: Option<Affine>,
        channels: Channels,
        band: Band,
        scratch: *mut f32,
    ) -> (&Layout, *const f32) {
        // SAFETY: as the caller says; the layout in place reads inside the picture.
        unsafe {
            match (&self.in_place, prologue) {
                (Some(layout), None) => {
                    (layout, input.add(channels.first * window.strides[0] + band.first * window.strides[1]))
                }
                _ => {
                    window.gather(simd, input, prologue, channels, band, scratch);
                    (&self.gathered, scratch)
                }
            }
        }
    }
}
