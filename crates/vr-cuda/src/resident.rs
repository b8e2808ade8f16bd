//! Training whose vectors stay on the device.

use vr_core::{Batch, Evaluation, FlatVector, Normalization};
use vr_models::graph::Graph;
use vr_models::{EngineError, check_arguments};

use crate::CudaError;
use crate::device::{Device, Program};
use crate::exchange::Exchange;
use crate::kernels::Chunks;
use crate::plan::{PassPlan, StepMode, StepPlan, drops_out};

/// SGD or SVRG with momentum, each step one replay: minibatches go to the device, losses and statistics come back, and the iterate, the
/// momentum, the snapshot and μ stay there.
///
/// A step has the bits of [`DeviceEngine`](crate::DeviceEngine)'s gradients with `vr_core::Coefficient` and
/// `v ← v + decay·x`, `buf ← momentum·buf + v`, `x ← x − rate·buf`.
#[derive(Debug)]
pub struct Resident<D: Device> {
    graph: Graph,
    step: (StepPlan, D::Program),
    pass: Option<(PassPlan, D::Program)>,
}

/// What is trained with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ResidentConfig {
    /// Samples of every minibatch.
    pub samples: usize,
    /// Whether steps are SVRG's, or SGD's.
    pub variance_reduced: bool,
    /// Share of the old buffer.
    pub momentum: f64,
    /// Whether in Nesterov's form.
    pub nesterov: bool,
    /// Weight decay, which a tensor's options scale.
    pub weight_decay: f64,
}

impl<D: Device> Resident<D> {
    /// A training that begins at `x` with an empty buffer, and for SVRG with α = 0: its first snapshot is still to be taken. Frozen tensors
    /// do not move.
    ///
    /// # Errors
    /// When the parameters do not fit the network, memory runs out, or the device fails.
    pub fn new(graph: Graph, device: &D, config: ResidentConfig, x: &FlatVector) -> Result<Self, EngineError> {
        graph.space().check("the iterate", x.len())?;
        Self::compile(graph, device, config, x).map_err(device_error)
    }

    fn compile(graph: Graph, device: &D, config: ResidentConfig, x: &FlatVector) -> Result<Self, CudaError> {
        let ResidentConfig { samples, variance_reduced, momentum, nesterov, weight_decay } = config;
        let tensors = graph.space().tensors();
        let moving = tensors.iter().enumerate().filter(|(_, tensor)| !tensor.options().is_frozen());
        let moving: Vec<usize> = moving.map(|(index, _)| index).collect();
        let too_large = CudaError::TooLarge { kernel: "sgd_momentum", argument: "len", value: graph.space().len() };
        let chunks = Chunks::of(graph.space(), &moving).ok_or(too_large)?;
        let noise = drops_out(&graph);
        let mode = StepMode { samples, noise, variate: variance_reduced, momentum, nesterov };
        let plan = StepPlan::new(&graph, mode, &chunks)?;
        let mut program = device.compile(&plan.plan)?;
        let decays: Vec<f32> =
            tensors.iter().map(|tensor| (weight_decay * tensor.options().weight_decay) as f32).collect();
        let zeros = vec![0.0_f32; x.len()];
        let mut exchange = Exchange { plan: &plan.plan, program: &mut program };
        exchange.write(plan.plan.ports().parameters, x)?;
        exchange.write(plan.buffer, &zeros)?;
        exchange.write(plan.decays, &decays)?;
        exchange.write(plan.chunks, chunks.table())?;
        if let Some(variate) = plan.variate {
            exchange.write(variate.snapshot, x)?;
            exchange.write(variate.mean, &zeros)?;
            exchange.write(variate.alphas, &vec![0.0_f32; tensors.len()])?;
        }
        let pass = match variance_reduced {
            true => {
                let plan = PassPlan::new(&graph, samples, noise)?;
                let program = device.compile(&plan.plan)?;
                Some((plan, program))
            }
            false => None,
        };
        Ok(Self { graph, step: (plan, program), pass })
    }

    /// Takes a step on a minibatch with the schedule's rate, which a tensor's options scale. What comes back is of the iterate before it.
    ///
    /// # Errors
    /// When the minibatch is not one of the network's with as many samples as said, or the device fails.
    pub fn step(&mut self, batch: &Batch, learning_rate: f64) -> Result<Evaluation, EngineError> {
        self.check(batch)?;
        let tensors = self.graph.space().tensors().iter();
        let rates: Vec<f32> = tensors.map(|tensor| (learning_rate * tensor.options().learning_rate) as f32).collect();
        let (plan, program) = &mut self.step;
        let mut exchange = Exchange { plan: &plan.plan, program };
        let mut step = || {
            exchange.write_batch(batch)?;
            exchange.write(plan.rates, &rates)?;
            exchange.program.run()?;
            exchange.read_evaluation(&self.graph)
        };
        step().map_err(device_error)
    }

    /// Takes a snapshot where the iterate is: μ becomes the mean gradient there of these minibatches, and α of every tensor is `alpha` from
    /// here on.
    ///
    /// # Errors
    /// When steps are SGD's, there is no minibatch, one does not fit, or the device fails.
    pub fn snapshot<'a>(
        &mut self,
        batches: impl IntoIterator<Item = &'a Batch>,
        alpha: f32,
    ) -> Result<(), EngineError> {
        let x = self.iterate()?;
        let mut count = 0_u64;
        let Some((pass, _)) = &self.pass else { return Err(device_error(CudaError::NoSnapshot)) };
        let sum_port = pass.sum;
        let mut sum = vec![0.0_f64; x.len()];
        self.in_pass(|exchange| {
            exchange.write(exchange.plan.ports().parameters, &x)?;
            exchange.write(sum_port, &sum)
        })?;
        for batch in batches {
            self.check(batch)?;
            self.in_pass(|exchange| {
                exchange.write_batch(batch)?;
                exchange.program.run()
            })?;
            count += 1;
        }
        if count == 0 {
            return Err(device_error(CudaError::NoSnapshot));
        }
        self.in_pass(|exchange| exchange.read(sum_port, &mut sum))?;
        let mean: Vec<f32> = sum.iter().map(|sum| (sum / count as f64) as f32).collect();
        let alphas = vec![alpha; self.graph.space().tensors().len()];
        let (plan, program) = &mut self.step;
        let Some(variate) = plan.variate else { return Ok(()) };
        let mut exchange = Exchange { plan: &plan.plan, program };
        let mut write = || {
            exchange.write(variate.snapshot, &x)?;
            exchange.write(variate.mean, &mean)?;
            exchange.write(variate.alphas, &alphas)
        };
        write().map_err(device_error)
    }

    /// The iterate.
    ///
    /// # Errors
    /// When the device fails.
    pub fn iterate(&mut self) -> Result<FlatVector, EngineError> {
        let mut x = FlatVector::zeros(self.graph.space().len());
        let (plan, program) = &mut self.step;
        let mut exchange = Exchange { plan: &plan.plan, program };
        exchange.read(plan.plan.ports().parameters, &mut x).map_err(device_error)?;
        Ok(x)
    }

    fn in_pass<T>(
        &mut self,
        run: impl FnOnce(&mut Exchange<'_, D::Program>) -> Result<T, CudaError>,
    ) -> Result<T, EngineError> {
        let Some((plan, program)) = &mut self.pass else { return Err(device_error(CudaError::NoSnapshot)) };
        run(&mut Exchange { plan: &plan.plan, program }).map_err(device_error)
    }

    fn check(&self, batch: &Batch) -> Result<(), EngineError> {
        check_arguments(&self.graph, self.graph.space().len(), &Normalization::<f32>::Batch, batch)?;
        let expected = self.step.0.plan.mode().samples;
        if batch.len() != expected {
            return Err(device_error(CudaError::Samples { found: batch.len(), expected }));
        }
        Ok(())
    }
}

fn device_error(error: CudaError) -> EngineError {
    EngineError::Device(Box::new(error))
}
