//! The yardstick for the other kernels.

use std::hint::black_box;
use std::time::{Duration, Instant};

use pulp::{Simd, WithSimd};

use crate::Isa;

/// Measures the rate of fused multiply-adds of one thread, in GFLOP/s (two operations each).
///
/// Independent accumulators in registers, no memory traffic: nothing that trains can be faster.
/// Reads the clock for about 50 ms and returns the best of many short runs, so it belongs in
/// benchmarks and nowhere else.
pub fn fma_peak(isa: Isa) -> f64 {
    const ROUNDS: usize = 4096;
    let start = Instant::now();
    let mut best = 0f64;
    while start.elapsed() < Duration::from_millis(50) {
        let run = Instant::now();
        let flops = isa.run(Peak { rounds: black_box(ROUNDS) });
        best = best.max(flops / run.elapsed().as_nanos().max(1) as f64);
    }
    best
}

struct Peak {
    rounds: usize,
}

impl WithSimd for Peak {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        // As many as hide the latency, and few enough for 16 registers.
        const CHAINS: usize = 12;
        let factor = simd.splat_f32s(black_box(0.5));
        let mut sums = [simd.splat_f32s(black_box(1.0)); CHAINS];
        for _ in 0..self.rounds {
            for sum in &mut sums {
                *sum = simd.mul_add_f32s(*sum, factor, factor);
            }
        }
        black_box(sums);
        (2 * CHAINS * S::F32_LANES * self.rounds) as f64
    }
}
