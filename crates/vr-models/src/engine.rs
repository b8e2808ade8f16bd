//! An engine, chosen at run time.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use vr_core::{Batch, Evaluation, FlatVector, NormLayer, Normalization, Oracle, ParameterSpace};

#[cfg(feature = "candle")]
use crate::CandleEngine;
use crate::graph::Graph;
use crate::{CpuEngine, EngineError};

/// What computes the gradients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineKind {
    /// [`CpuEngine`]: the kernels of `vr-kernels`.
    #[default]
    Cpu,
    /// `CandleEngine`: candle's autograd on the CPU. The Cargo feature `candle` builds it in.
    Candle,
    /// The GPU of that number, which an engine of another crate computes on ([`Engine::Other`]).
    Cuda(u8),
}

/// No engine has this name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown engine `{0}`, expected `cpu`, `candle` or, for a GPU, `cuda:0`")]
pub struct UnknownEngine(pub String);

impl EngineKind {
    /// Those of this crate.
    pub const ALL: [Self; 2] = [Self::Cpu, Self::Candle];
}

impl fmt::Display for EngineKind {
    /// The name on the command line and in manifests.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Candle => f.write_str("candle"),
            Self::Cuda(ordinal) => write!(f, "cuda:{ordinal}"),
        }
    }
}

impl FromStr for EngineKind {
    type Err = UnknownEngine;
    fn from_str(name: &str) -> Result<Self, UnknownEngine> {
        let unknown = || UnknownEngine(name.into());
        match name.split_once(':') {
            None => Self::ALL.into_iter().find(|kind| kind.to_string() == name).ok_or_else(unknown),
            Some(("cuda", ordinal)) => ordinal.parse().map(Self::Cuda).map_err(|_| unknown()),
            Some(_) => Err(unknown()),
        }
    }
}

/// A gradient oracle of pictures in f32.
pub trait PictureOracle: Oracle<Scalar = f32, Batch = Batch, Error = EngineError> + fmt::Debug + Send + Sync {}

impl<O: Oracle<Scalar = f32, Batch = Batch, Error = EngineError> + fmt::Debug + Send + Sync> PictureOracle for O {}

/// An engine in f32.
#[derive(Debug)]
pub enum Engine {
    /// Our kernels.
    Cpu(Box<CpuEngine>),
    /// candle's autograd.
    #[cfg(feature = "candle")]
    Candle(CandleEngine<f32>),
    /// One of another crate.
    Other(Box<dyn PictureOracle>),
}

impl Engine {
    /// The engine of a network, of those of this crate.
    ///
    /// # Errors
    /// [`EngineError::NotBuilt`] when the program was built without it, or another crate has it.
    pub fn new(kind: EngineKind, graph: Graph) -> Result<Self, EngineError> {
        match kind {
            EngineKind::Cpu => Ok(Self::Cpu(Box::new(CpuEngine::new(graph)))),
            #[cfg(feature = "candle")]
            EngineKind::Candle => Ok(Self::Candle(CandleEngine::new(graph))),
            #[cfg(not(feature = "candle"))]
            EngineKind::Candle => Err(EngineError::NotBuilt("candle")),
            EngineKind::Cuda(_) => Err(EngineError::NotBuilt("cuda")),
        }
    }

    fn oracle(&self) -> &dyn Oracle<Scalar = f32, Batch = Batch, Error = EngineError> {
        match self {
            Self::Cpu(engine) => &**engine,
            #[cfg(feature = "candle")]
            Self::Candle(engine) => engine,
            Self::Other(engine) => &**engine,
        }
    }
}

impl Oracle for Engine {
    type Scalar = f32;
    type Batch = Batch;
    type Error = EngineError;

    fn space(&self) -> &Arc<ParameterSpace> {
        self.oracle().space()
    }

    fn norm_layers(&self) -> &Arc<[NormLayer]> {
        self.oracle().norm_layers()
    }

    fn gradient(
        &self,
        x: &FlatVector,
        norm: Normalization<'_, f32>,
        batch: &Batch,
        out: &mut FlatVector,
    ) -> Result<Evaluation, EngineError> {
        self.oracle().gradient(x, norm, batch, out)
    }

    fn evaluate(&self, x: &FlatVector, norm: Normalization<'_, f32>, batch: &Batch) -> Result<Evaluation, EngineError> {
        self.oracle().evaluate(x, norm, batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        for name in ["cpu", "candle", "cuda:0", "cuda:12"] {
            assert_eq!(name.parse::<EngineKind>().map(|kind| kind.to_string()), Ok(name.to_owned()));
        }
        for name in ["", "gpu", "cuda", "cuda:", "cuda:-1", "cpu:0", "cuda:0:1"] {
            assert_eq!(name.parse::<EngineKind>(), Err(UnknownEngine(name.into())));
        }
    }
}
