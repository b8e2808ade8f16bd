//! Which instruction set the kernels run on.

use pulp::{Scalar, Simd, WithSimd};

/// An instruction set present on this machine.
///
/// A value exists only where the processor has the instructions, so kernels need not check again.
/// Every kernel gives the same bits on each of them: fused multiply-add everywhere, and sums over
/// the sixteen lanes in one fixed order.
#[derive(Clone, Copy, Debug)]
pub struct Isa(Kind);

#[derive(Clone, Copy, Debug)]
enum Kind {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    Avx512(pulp::x86::V4),
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    Avx2(pulp::x86::V3),
    #[cfg(target_arch = "aarch64")]
    Neon(pulp::aarch64::Neon),
    Scalar(Scalar),
}

impl Isa {
    /// The fastest one here.
    pub fn detect() -> Self {
        Self::available()[0]
    }

    /// All of them, fastest first; plain scalar code is always the last.
    pub fn available() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        {
            all.extend(pulp::x86::V4::try_new().map(|v| Self(Kind::Avx512(v))));
            all.extend(pulp::x86::V3::try_new().map(|v| Self(Kind::Avx2(v))));
        }
        #[cfg(target_arch = "aarch64")]
        all.extend(pulp::aarch64::Neon::try_new().map(|v| Self(Kind::Neon(v))));
        all.push(Self(Kind::Scalar(Scalar::new())));
        all
    }

    /// Its name in manifests: `avx512`, `avx2`, `neon` or `scalar`.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Kind::Avx512(_) => "avx512",
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Kind::Avx2(_) => "avx2",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon(_) => "neon",
            Kind::Scalar(_) => "scalar",
        }
    }

    /// Runs a kernel compiled for this instruction set.
    pub(crate) fn run<K: WithSimd>(self, kernel: K) -> K::Output {
        match self.0 {
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Kind::Avx512(simd) => Simd::vectorize(simd, kernel),
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Kind::Avx2(simd) => Simd::vectorize(simd, kernel),
            #[cfg(target_arch = "aarch64")]
            Kind::Neon(simd) => Simd::vectorize(simd, kernel),
            Kind::Scalar(simd) => Simd::vectorize(simd, kernel),
        }
    }
}
