//! Which instruction set the kernels run on.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::{env, fmt};

use pulp::{Scalar, Simd, WithSimd};

/// The one that this process has chosen.
static CHOSEN: Mutex<Option<Isa>> = Mutex::new(None);

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
    /// The fastest one here, or the one that the process has [chosen](Self::choose).
    pub fn detect() -> Self {
        let chosen = *CHOSEN.lock().unwrap_or_else(PoisonError::into_inner);
        chosen.unwrap_or_else(|| Self::available()[0])
    }

    /// Makes this one what [`detect`](Self::detect) gives from now on in the whole process, for measurements: results
    /// have the same bits on each.
    pub fn choose(self) {
        *CHOSEN.lock().unwrap_or_else(PoisonError::into_inner) = Some(self);
    }

    /// The one that the environment variable `VR_ISA` names, or else that of [`detect`](Self::detect).
    ///
    /// # Errors
    /// When the processor does not have it, or there is none of that name.
    pub fn from_environment() -> Result<Self, NoSuchIsa> {
        env::var_os("VR_ISA").map_or_else(|| Ok(Self::detect()), |name| name.to_string_lossy().parse())
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

impl FromStr for Isa {
    type Err = NoSuchIsa;

    /// The one of this name, if the processor has it.
    fn from_str(name: &str) -> Result<Self, NoSuchIsa> {
        Self::available().into_iter().find(|isa| isa.name() == name).ok_or_else(|| NoSuchIsa(name.into()))
    }
}

/// An instruction set that this machine does not have, or that there is none of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSuchIsa(pub String);

impl fmt::Display for NoSuchIsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let here: Vec<_> = Isa::available().into_iter().map(Isa::name).collect();
        write!(f, "no instruction set `{}` here; this machine has {}", self.0, here.join(", "))
    }
}

impl std::error::Error for NoSuchIsa {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_and_others_are_refused() {
        for isa in Isa::available() {
            assert_eq!(isa.name().parse::<Isa>().map(Isa::name), Ok(isa.name()));
        }
        let refused = "mmx".parse::<Isa>().unwrap_err();
        assert_eq!(refused, NoSuchIsa("mmx".into()));
        assert!(refused.to_string().contains("`mmx`") && refused.to_string().ends_with("scalar"), "{refused}");
    }

    #[test]
    fn the_chosen_one_is_what_is_detected() {
        assert_eq!(Isa::detect().name(), Isa::available()[0].name());
        "scalar".parse::<Isa>().unwrap().choose();
        assert_eq!(Isa::detect().name(), "scalar");
        Isa::available()[0].choose();
    }
}
