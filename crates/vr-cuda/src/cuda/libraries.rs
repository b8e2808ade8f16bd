//! Whether NVIDIA's libraries are there, before anything calls them.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};

use libloading::Library;

use crate::CudaError;

/// The libraries, the suffixes of the versions that the bindings load, and what they come with.
const LIBRARIES: [(&str, &[&str], &str); 4] = [
    ("cuda", &["", ".1"], "NVIDIA's driver"),
    ("nvrtc", &["", ".13", ".12"], "CUDA's runtime compiler"),
    ("cublas", &["", ".13", ".12"], "CUDA's linear algebra"),
    ("cudnn", &["", ".9"], "cuDNN 9"),
];

/// Whether every library can be loaded.
///
/// # Errors
/// [`CudaError::Library`] for the first that cannot.
pub fn check() -> Result<(), CudaError> {
    for (name, versions, what) in LIBRARIES {
        let candidates = versions.iter().map(|version| format!("{DLL_PREFIX}{name}{DLL_SUFFIX}{version}"));
        // SAFETY: NVIDIA's libraries may be loaded at any time, and the bindings load the same ones.
        let mut tried = candidates.map(|candidate| unsafe { Library::new(candidate) });
        let error = match tried.next() {
            Some(Err(error)) => error,
            _ => continue,
        };
        if tried.any(|loaded| loaded.is_ok()) {
            continue;
        }
        return Err(CudaError::Library { library: format!("{DLL_PREFIX}{name}{DLL_SUFFIX}"), what, error });
    }
    Ok(())
}
