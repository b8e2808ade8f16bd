//! The cpu engine: a graph run on the kernels of `vr-kernels`, sixteen samples in the vector lanes.

mod backward;
mod forward;
mod gradient_plan;
mod logits;
mod plan;
mod workspace;

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;
use vr_core::{Batch, Evaluation, FlatVector, Noise, NormLayer, NormStatistics, Normalization, Oracle, ParameterSpace};
use vr_kernels::{Isa, LANES, cross_entropy, cross_entropy_backward, pack};

use crate::error::{EngineError, check};
use crate::graph::Graph;
use gradient_plan::{Back, GradientPlan};
use plan::Plan;
use workspace::{Block, Workspace};

/// A graph with mean cross-entropy as a gradient oracle, in f32 on the CPU.
///
/// Memory is laid out once and used again by later evaluations; nothing else is kept between
/// calls. Results are the same to the bit for any number of threads and on every instruction set.
///
/// # Parallelism
/// A call from outside any rayon pool shares the batch's blocks of sixteen samples among the
/// threads of the global pool. A call from a pool's own thread stays on that thread: whoever
/// spreads several evaluations over a pool has taken its threads already.
#[derive(Debug)]
pub struct CpuEngine {
    graph: Graph,
    plan: Plan,
    gradient: GradientPlan,
    isa: Isa,
    idle: Mutex<Vec<Workspace>>,
}

/// What every step of an evaluation sees.
struct Context<'a> {
    plan: &'a Plan,
    isa: Isa,
    space: &'a ParameterSpace,
    x: &'a [f32],
    noise: Option<&'a Noise>,
    team: Team<'a>,
}

/// Who computes a batch's blocks.
#[derive(Clone, Copy)]
enum Team<'a> {
    /// The calling thread.
    Alone,
    /// The global pool.
    Global,
    /// This pool.
    Pool(&'a rayon::ThreadPool),
}

impl Context<'_> {
    fn range(&self, tensor: usize) -> Range<usize> {
        self.space.tensors()[tensor].range()
    }
    fn tensor(&self, tensor: usize) -> &[f32] {
        &self.x[self.range(tensor)]
    }
}

/// Runs `work` on every block.
fn each(context: &Context<'_>, blocks: &mut [Block], work: impl Fn(&mut Block) + Send + Sync) {
    let spread = |blocks: &mut [Block]| blocks.par_iter_mut().with_max_len(1).for_each(&work);
    match context.team {
        Team::Global if blocks.len() > 1 => spread(blocks),
        Team::Pool(pool) if blocks.len() > 1 => pool.install(|| spread(blocks)),
        _ => blocks.iter_mut().for_each(work),
    }
}

impl CpuEngine {
    /// The engine of a network, on the fastest instruction set of this machine.
    pub fn new(graph: Graph) -> Self {
        Self::on(graph, Isa::detect())
    }

    /// The engine of a network on an instruction set of one's choice.
    pub fn on(graph: Graph, isa: Isa) -> Self {
        let plan = Plan::new(&graph);
        let gradient = GradientPlan::new(&plan);
        Self { graph, plan, gradient, isa, idle: Mutex::default() }
    }

    /// The network.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The instruction set it runs on.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Multiply-adds of a forward and backward pass of `samples` samples: those of convolutions and
    /// linear layers, without the gradient of the pictures, which is never computed.
    pub fn multiply_adds_of_a_step(&self, samples: usize) -> usize {
        let forward: usize = self.plan.convs.iter().map(|layer| layer.conv.shape().macs()).sum();
        let inner = self.gradient.steps.iter().filter_map(|step| match step {
            Back::Conv { conv, to: Some(_), .. } => Some(self.plan.convs[*conv].conv.shape().macs()),
            _ => None,
        });
        samples * (2 * forward + inner.sum::<usize>())
    }

    /// [`gradient`](Oracle::gradient) with the batch's blocks shared among the threads of `pool`.
    ///
    /// # Errors
    /// As [`gradient`](Oracle::gradient).
    pub fn gradient_on(
        &self,
        pool: &rayon::ThreadPool,
        x: &FlatVector,
        norm: Normalization<'_, f32>,
        batch: &Batch,
        out: &mut FlatVector,
    ) -> Result<Evaluation, EngineError> {
        self.graph.space().check("the gradient", out.len())?;
        self.run(x, norm, batch, Some(out), Some(pool))
    }

    fn run(
        &self,
        x: &FlatVector,
        norm: Normalization<'_, f32>,
        batch: &Batch,
        out: Option<&mut [f32]>,
        pool: Option<&rayon::ThreadPool>,
    ) -> Result<Evaluation, EngineError> {
        check(&self.graph, x.len(), &norm, batch)?;
        let context = self.context(x, batch.noise(), pool);
        let (mut workspace, statistics) = self.forward(&context, norm, batch);
        if out.is_some() {
            self.prepare_backward(&context, &mut workspace, batch.len());
        }
        let blocks = &mut workspace.blocks[..batch.len().div_ceil(LANES)];
        for (block, labels) in blocks.iter_mut().zip(batch.labels().chunks(LANES)) {
            let labels: Vec<usize> = labels.iter().map(|&label| label as usize).collect();
            let logits = &block.values[self.plan.logits.buffer][self.plan.logits.range()];
            let loss = cross_entropy(logits, &labels);
            (block.loss, block.correct) = (loss.losses[..labels.len()].iter().sum(), loss.correct);
            if let (Some(place), true) = (self.gradient.logits, out.is_some()) {
                let gradient = &mut block.grads[place.slot][place.range()];
                cross_entropy_backward(logits, &labels, 1.0 / batch.len() as f64, gradient);
            }
        }
        let evaluation = Evaluation {
            loss: blocks.iter().map(|block| block.loss).sum::<f64>() / batch.len() as f64,
            correct: Some(blocks.iter().map(|block| block.correct).sum()),
            samples: batch.len(),
            statistics,
        };
        if let Some(out) = out {
            let train = matches!(norm, Normalization::Batch);
            backward::backward(&context, &self.gradient, &mut workspace, batch.len(), train, out);
        }
        self.give_back(workspace);
        Ok(evaluation)
    }

    fn context<'a>(
        &'a self,
        x: &'a [f32],
        noise: Option<&'a Noise>,
        pool: Option<&'a rayon::ThreadPool>,
    ) -> Context<'a> {
        let team = match pool {
            Some(pool) => Team::Pool(pool),
            None if rayon::current_thread_index().is_some() => Team::Alone,
            None => Team::Global,
        };
        Context { plan: &self.plan, isa: self.isa, space: self.graph.space(), x, noise, team }
    }

    /// Computes the logits in a workspace, and in train mode the batch's statistics.
    fn forward(
        &self,
        context: &Context<'_>,
        norm: Normalization<'_, f32>,
        batch: &Batch,
    ) -> (Workspace, Option<NormStatistics>) {
        let mut workspace = self.borrow();
        let mut statistics = match norm {
            Normalization::Batch => Some(NormStatistics::initial(self.graph.norm_layers().clone())),
            Normalization::Stored(_) => None,
        };
        self.prepare(context, &mut workspace, batch);
        forward::forward(context, &mut workspace, batch.len(), norm, statistics.as_mut());
        (workspace, statistics)
    }

    fn borrow(&self) -> Workspace {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.unwrap_or_else(|| Workspace::new(&self.plan))
    }

    fn give_back(&self, workspace: Workspace) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(workspace);
    }

    /// Brings the pictures and the weights into the layout of the forward kernels.
    fn prepare(&self, context: &Context<'_>, workspace: &mut Workspace, batch: &Batch) {
        let (plan, input) = (&self.plan, self.plan.input);
        for (layer, packed) in plan.convs.iter().zip(&mut workspace.forward_weights) {
            layer.conv.pack_forward(context.tensor(layer.tensor), packed);
        }
        let sample = batch.images().len() / batch.len();
        let blocks = workspace.blocks_for(plan, batch.len());
        for (block, images) in blocks.iter_mut().zip(batch.images().chunks(sample * LANES)) {
            pack(images, sample, &mut block.values[input.buffer][input.range()]);
        }
    }

    /// Brings the weights into the layout of the backward kernels, and makes room for gradients.
    fn prepare_backward(&self, context: &Context<'_>, workspace: &mut Workspace, samples: usize) {
        for (layer, packed) in self.plan.convs.iter().zip(&mut workspace.backward_weights) {
            layer.conv.pack_backward(context.tensor(layer.tensor), packed);
        }
        for block in workspace.blocks_for(&self.plan, samples) {
            block.with_gradients(&self.gradient, context.x.len());
        }
    }
}

impl Oracle for CpuEngine {
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
        self.run(x, norm, batch, Some(out), None)
    }

    fn evaluate(&self, x: &FlatVector, norm: Normalization<'_, f32>, batch: &Batch) -> Result<Evaluation, EngineError> {
        self.run(x, norm, batch, None, None)
    }
}
