//! Prefetching, spread over the tiles of the work that comes before.

use crate::LANES;

/// Floats of a convolution's input and output from which on both hardly stay in the second-level
/// cache, and prefetching pays.
pub(super) const FAR: usize = 96 << 10;

/// A part of a picture that is read next: some rows of some channels, one run of lines a channel.
#[derive(Clone, Copy)]
pub(super) struct Ahead {
    from: *const f32,
    /// Floats from one channel to the next.
    channel: usize,
    /// Lines of each channel.
    run: usize,
    next: usize,
    end: usize,
    /// Lines a step.
    step: usize,
}

impl Ahead {
    /// Prefetches `run` lines at `from`, and at each next one of the channels, within `steps` steps.
    #[inline(always)]
    pub fn new(from: *const f32, channel: usize, channels: usize, run: usize, steps: usize) -> Self {
        let end = channels * run;
        Self { from, channel, run, next: 0, end, step: end.div_ceil(steps.max(1)) }
    }

    /// Nothing to prefetch.
    pub fn none() -> Self {
        Self { from: std::ptr::null(), channel: 0, run: 0, next: 0, end: 0, step: 0 }
    }

    /// Prefetches the next few lines.
    #[inline(always)]
    pub fn step(&mut self) {
        let end = (self.next + self.step).min(self.end);
        if self.next == end {
            return;
        }
        let (mut channel, mut line) = (self.next / self.run, self.next % self.run);
        for _ in self.next..end {
            prefetch::<false>(self.from.wrapping_add(channel * self.channel + line * LANES));
            line += 1;
            if line == self.run {
                (channel, line) = (channel + 1, 0);
            }
        }
        self.next = end;
    }
}

/// Asks for a cache line: near, in the first-level cache, or else in the second.
#[inline(always)]
pub(super) fn prefetch<const NEAR: bool>(at: *const f32) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _MM_HINT_T1, _mm_prefetch};
        // SAFETY: a prefetch reads nothing, at any address.
        unsafe { if NEAR { _mm_prefetch::<_MM_HINT_T0>(at.cast()) } else { _mm_prefetch::<_MM_HINT_T1>(at.cast()) } }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}
