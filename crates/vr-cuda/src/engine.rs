//! Plans on a device as a gradient oracle.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use vr_core::{Batch, Evaluation, FlatVector, NormLayer, Normalization, Oracle, ParameterSpace};
use vr_models::graph::Graph;
use vr_models::{EngineError, check_arguments};

use crate::CudaError;
use crate::device::{Device, Program};
use crate::exchange::Exchange;
use crate::plan::{Mode, Plan, drops_out};

/// Evaluations that run at once, unless said otherwise: each has memory of its own.
const AT_ONCE: usize = 4;

/// A graph with mean cross-entropy as a gradient oracle, in f32 on a device.
///
/// The first evaluation of each size and kind compiles a plan for it. Evaluations at once each have memory of their own, which
/// later ones use again; nothing else is kept between calls.
#[derive(Debug)]
pub struct DeviceEngine<D: Device> {
    graph: Graph,
    device: D,
    at_once: usize,
    state: Mutex<State<D::Program>>,
    returned: Condvar,
}

#[derive(Debug)]
struct State<P> {
    compiled: HashMap<Mode, Compiled<P>>,
    /// Evaluations that run.
    running: usize,
}

/// A plan with its programs that no evaluation uses.
#[derive(Debug)]
struct Compiled<P> {
    plan: Arc<Plan>,
    idle: Vec<P>,
}

impl<D: Device> DeviceEngine<D> {
    /// The engine of a network on a device.
    pub fn new(graph: Graph, device: D) -> Self {
        let state = Mutex::new(State { compiled: HashMap::new(), running: 0 });
        Self { graph, device, at_once: AT_ONCE, state, returned: Condvar::new() }
    }

    /// The same with at most so many evaluations at once, at least one; others wait. It changes no result.
    #[must_use]
    pub fn with_at_once(self, at_once: usize) -> Self {
        Self { at_once: at_once.max(1), ..self }
    }

    /// The network.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The device.
    pub fn device(&self) -> &D {
        &self.device
    }

    fn run(
        &self,
        x: &FlatVector,
        norm: Normalization<'_, f32>,
        batch: &Batch,
        out: Option<&mut FlatVector>,
    ) -> Result<Evaluation, EngineError> {
        check_arguments(&self.graph, x.len(), &norm, batch)?;
        let noise = batch.noise().is_some() && drops_out(&self.graph);
        let mode = Mode { samples: batch.len(), train: norm.is_train(), noise, gradient: out.is_some() };
        self.evaluation(mode, x, norm, batch, out).map_err(|error| EngineError::Device(Box::new(error)))
    }

    fn evaluation(
        &self,
        mode: Mode,
        x: &FlatVector,
        norm: Normalization<'_, f32>,
        batch: &Batch,
        out: Option<&mut FlatVector>,
    ) -> Result<Evaluation, CudaError> {
        let turn = self.turn();
        let plan = turn.plan(mode)?;
        let idle = self.state().compiled.get_mut(&mode).and_then(|compiled| compiled.idle.pop());
        let mut program = idle.map_or_else(|| self.device.compile(&plan), Ok)?;
        let mut exchange = Exchange { plan: &plan, program: &mut program };
        let ports = plan.ports();
        exchange.write(ports.parameters, x)?;
        exchange.write_batch(batch)?;
        if let Normalization::Stored(stored) = norm {
            exchange.write(ports.mean, stored.mean())?;
            exchange.write(ports.variance, stored.variance())?;
        }
        exchange.program.run()?;
        if let Some(out) = out {
            exchange.read(ports.gradient, out)?;
        }
        let evaluation = exchange.read_evaluation(&self.graph)?;
        // A program that failed is not used again.
        if let Some(compiled) = self.state().compiled.get_mut(&mode) {
            compiled.idle.push(program);
        }
        Ok(evaluation)
    }

    fn state(&self) -> MutexGuard<'_, State<D::Program>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until one more evaluation may run.
    fn turn(&self) -> Turn<'_, D> {
        let busy = |state: &mut State<_>| state.running >= self.at_once;
        let mut state = self.returned.wait_while(self.state(), busy).unwrap_or_else(PoisonError::into_inner);
        state.running += 1;
        Turn(self)
    }
}

/// An evaluation that may run.
struct Turn<'a, D: Device>(&'a DeviceEngine<D>);

impl<D: Device> Turn<'_, D> {
    fn plan(&self, mode: Mode) -> Result<Arc<Plan>, CudaError> {
        let mut state = self.0.state();
        if let Some(compiled) = state.compiled.get(&mode) {
            return Ok(compiled.plan.clone());
        }
        let plan = Arc::new(Plan::new(&self.0.graph, mode)?);
        state.compiled.insert(mode, Compiled { plan: plan.clone(), idle: Vec::new() });
        Ok(plan)
    }
}

impl<D: Device> Drop for Turn<'_, D> {
    fn drop(&mut self) {
        self.0.state().running -= 1;
        self.0.returned.notify_one();
    }
}

impl<D: Device> Oracle for DeviceEngine<D> {
    type Scalar = f32;
    type Batch = Batch;
    type Error = EngineError;

    fn space(&self) -> &Arc<ParameterSpace> {
        self.graph.space()
    }

    fn norm_layers(&self) -> &Arc<[NormLayer]> {
        self.graph.norm_layers()
    }

    fn gradient(
        &self,
        x: &FlatVector,
        norm: Normalization<'_, f32>,
        batch: &Batch,
        out: &mut FlatVector,
    ) -> Result<Evaluation, EngineError> {
        self.graph.space().check("the gradient", out.len())?;
        self.run(x, norm, batch, Some(out))
    }

    fn evaluate(&self, x: &FlatVector, norm: Normalization<'_, f32>, batch: &Batch) -> Result<Evaluation, EngineError> {
        self.run(x, norm, batch, None)
    }
}
