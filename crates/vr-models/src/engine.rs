//! Either engine, chosen at run time.

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
}

/// No engine has this name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown engine `{0}`, expected `cpu` or `candle`")]
pub struct UnknownEngine(pub String);

impl EngineKind {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Cpu, Self::Candle];

    /// Whether the program was built with it.
    pub fn is_built(self) -> bool {
        match self {
            Self::Cpu => true,
            Self::Candle => cfg!(feature = "candle"),
        }
    }

    /// The name on the command line and in manifests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Candle => "candle",
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EngineKind {
    type Err = UnknownEngine;
    fn from_str(name: &str) -> Result<Self, UnknownEngine> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| UnknownEngine(name.into()))
    }
}

/// An engine in f32.
#[derive(Debug)]
pub enum Engine {
    /// Our kernels.
    Cpu(Box<CpuEngine>),
    /// candle's autograd.
    #[cfg(feature = "candle")]
    Candle(CandleEngine<f32>),
}

impl Engine {
    /// The engine of a network.
    ///
    /// # Errors
    /// [`EngineError::NotBuilt`] when the program was built without it.
    pub fn new(kind: EngineKind, graph: Graph) -> Result<Self, EngineError> {
        match kind {
            EngineKind::Cpu => Ok(Self::Cpu(Box::new(CpuEngine::new(graph)))),
            #[cfg(feature = "candle")]
            EngineKind::Candle => Ok(Self::Candle(CandleEngine::new(graph))),
            #[cfg(not(feature = "candle"))]
            EngineKind::Candle => Err(EngineError::NotBuilt(kind.name())),
        }
    }

    fn oracle(&self) -> &dyn Oracle<Scalar = f32, Batch = Batch, Error = EngineError> {
        match self {
            Self::Cpu(engine) => &**engine,
            #[cfg(feature = "candle")]
            Self::Candle(engine) => engine,
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
