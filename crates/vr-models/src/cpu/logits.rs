//! The engine as a candle operation: logits that any loss can stand on.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};
use vr_core::{Batch, Normalization};
use vr_kernels::{LANES, pack, unpack};

use super::workspace::Workspace;
use super::{CpuEngine, backward};
use crate::error::{EngineError, check_arguments};
use crate::logits::Logits;

impl CpuEngine {
    /// The logits of `batch` at the flat parameters `x`, an f32 tensor `[P]` on the CPU, through which
    /// candle's `backward()` passes on: put any loss on top and train `x` as one `Var`.
    ///
    /// The memory of the evaluation is held until the logits are dropped.
    ///
    /// # Errors
    /// As [`gradient`](vr_core::Oracle::gradient), and candle's own when `x` is another kind of tensor.
    ///
    /// # Example
    /// ```
    /// use std::sync::Arc;
    /// use candle_core::{Device, Tensor, Var};
    /// use vr_core::{Batch, Normalization};
    /// use vr_models::{CpuEngine, Model, initialize};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let graph = Model::LENET.graph()?;
    /// let start = initialize(&graph, 0);
    /// let x = Var::from_slice(&start[..], start.len(), &Device::Cpu)?;
    /// let engine = Arc::new(CpuEngine::new(graph));
    /// let batch = Batch::new(&[0.5; 4 * 3 * 32 * 32], [4, 3, 32, 32], vec![0, 1, 2, 3])?;
    ///
    /// let logits = engine.logits(&x, Normalization::Batch, &batch)?;
    /// let target = Tensor::zeros_like(&logits.values)?;
    /// let loss = candle_nn::loss::mse(&logits.values, &target)?;
    /// let gradients = loss.backward()?;
    /// let gradient = gradients.get(&x).unwrap();
    /// x.set(&(x.as_tensor() - (gradient * 0.1)?)?)?;
    /// # assert_eq!(gradient.dims(), [62_458]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn logits(
        self: &Arc<Self>,
        x: &Tensor,
        norm: Normalization<'_, f32>,
        batch: &Batch,
    ) -> Result<Logits, EngineError> {
        check_arguments(&self.graph, x.elem_count(), &norm, batch)?;
        let parameters = x.to_vec1::<f32>()?;
        let mut workspace = self.borrow();
        let context = self.context(&parameters, batch, x.track_op());
        let statistics = rayon::scope(|_| self.forward(&context, &mut workspace, norm));
        let train = norm.is_train();
        let (engine, batch) = (self.clone(), batch.clone());
        let pass = Pass { engine, parameters, batch, train, workspace: Mutex::new(workspace) };
        Ok(Logits { values: x.apply_op1(pass)?, statistics })
    }
}

/// A forward pass that has been made, with all that its backward pass needs.
struct Pass {
    engine: Arc<CpuEngine>,
    parameters: Vec<f32>,
    batch: Batch,
    train: bool,
    workspace: Mutex<Workspace>,
}

impl CustomOp1 for Pass {
    fn name(&self) -> &'static str {
        "logits"
    }

    fn cpu_fwd(&self, _x: &CpuStorage, _layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let workspace = self.workspace.lock().unwrap_or_else(PoisonError::into_inner);
        let (place, classes) = (self.engine.plan.logits, self.engine.graph.classes());
        let mut logits = vec![0.0; self.batch.len() * classes];
        for (block, out) in workspace.blocks.iter().zip(logits.chunks_mut(LANES * classes)) {
            unpack(&block.values[place.buffer][place.range()], classes, out);
        }
        Ok((CpuStorage::F32(logits), (self.batch.len(), classes).into()))
    }

    fn bwd(&self, x: &Tensor, _logits: &Tensor, gradient: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let Some(place) = self.engine.gradient.logits else { return Ok(None) };
        let gradient = gradient.flatten_all()?.to_vec1::<f32>()?;
        let context = self.engine.context(&self.parameters, &self.batch, true);
        let workspace = &mut *self.workspace.lock().unwrap_or_else(PoisonError::into_inner);
        let classes = self.engine.graph.classes();
        for (block, gradient) in workspace.blocks.iter_mut().zip(gradient.chunks(LANES * classes)) {
            pack(gradient, classes, &mut block.grads[place.slot][place.range()]);
        }
        let mut out = vec![0.0; self.parameters.len()];
        let plan = &self.engine.gradient;
        rayon::scope(|_| backward::backward(&context, plan, workspace, self.train, &mut out));
        Tensor::from_vec(out, x.shape(), x.device()).map(Some)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let workspace = self.workspace.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.engine.give_back(std::mem::take(workspace));
    }
}
