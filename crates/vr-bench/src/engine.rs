//! The engine that settings name.

use vr_models::{Engine, EngineKind, Graph};

use crate::error::BenchError;

/// Whether an engine can be had: the build has it, and so does the machine.
///
/// # Errors
/// Why not, in words.
pub fn available(kind: EngineKind) -> Result<(), String> {
    let absent = |feature| Err(format!("`{kind}` is not in this build; the Cargo feature `{feature}` builds it in"));
    match kind {
        EngineKind::Cpu => Ok(()),
        EngineKind::Candle if cfg!(feature = "candle") => Ok(()),
        EngineKind::Candle => absent("candle"),
        #[cfg(feature = "cuda")]
        EngineKind::Cuda(ordinal) => vr_cuda::cuda::check(ordinal.into()).map_err(|error| format!("`{kind}`: {error}")),
        #[cfg(not(feature = "cuda"))]
        EngineKind::Cuda(_) => absent("cuda"),
    }
}

/// The engine of a network.
///
/// # Errors
/// When it cannot be had.
pub(crate) fn engine(kind: EngineKind, graph: Graph) -> Result<Engine, BenchError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| BenchError::Model(error);
    match kind {
        #[cfg(feature = "cuda")]
        EngineKind::Cuda(ordinal) => {
            use vr_cuda::DeviceEngine;
            use vr_cuda::cuda::{CudaDevice, CudaOptions};
            let device = CudaDevice::new(ordinal.into(), CudaOptions::default()).map_err(|e| failed(Box::new(e)))?;
            Ok(Engine::Other(Box::new(DeviceEngine::new(graph, device))))
        }
        kind => Engine::new(kind, graph).map_err(|e| failed(Box::new(e))),
    }
}
