//! The cpu engine: a graph run on the kernels of `vr-kernels`, sixteen samples in the vector lanes.

mod back;
mod backward;
mod forward;
mod gradient_plan;
#[cfg(feature = "candle")]
mod logits;
mod loss;
mod plan;
mod scratch;
mod segments;
mod workspace;

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;
use vr_core::{Batch, Evaluation, FlatVector, NormLayer, NormStatistics, Normalization, Oracle, ParameterSpace};
use vr_kernels::{Buffer, Isa, LANES};

use crate::error::{EngineError, check_arguments};
use crate::graph::Graph;
use back::Back;
use gradient_plan::GradientPlan;
use plan::{Plan, Region};
use workspace::Workspace;

/// A graph with mean cross-entropy as a gradient oracle, in f32 on the CPU.
///
/// Memory is laid out once and used again by later evaluations; nothing else is kept between
/// calls. Results are the same to the bit for any number of threads and on every instruction set.
///
/// # Parallelism
/// The batch's blocks of sixteen samples are shared among the threads of the current rayon pool: the
/// global one for a call from outside any. Where several evaluations are spread over a pool, its
/// threads are busy with those first and share blocks as they fall idle.
#[derive(Debug)]
pub struct CpuEngine {
    graph: Graph,
    plan: Plan,
    gradient: GradientPlan,
    isa: Isa,
    idle: Mutex<Vec<Workspace>>,
}

// The pictures of a batch lie as the kernels read them.
const _: () = assert!(LANES == vr_core::LANES);

/// What every step of an evaluation sees.
struct Context<'a> {
    plan: &'a Plan,
    /// If a gradient is asked for.
    gradient: Option<&'a GradientPlan>,
    isa: Isa,
    space: &'a ParameterSpace,
    x: &'a [f32],
    batch: &'a Batch,
}

impl Context<'_> {
    fn range(&self, tensor: usize) -> Range<usize> {
        self.space.tensors()[tensor].range()
    }
    fn tensor(&self, tensor: usize) -> &[f32] {
        &self.x[self.range(tensor)]
    }
    /// What stands at a place of the block whose first sample is `first`: the pictures themselves are the batch's.
    fn values<'b>(&'b self, first: usize, values: &'b [Buffer], place: Region) -> &'b [f32] {
        let values = if place.buffer == self.plan.input.buffer {
            self.batch.blocks()[first / LANES].values()
        } else {
            &values[place.buffer]
        };
        &values[place.range()]
    }
}

/// Runs `work` on every item, given its index.
fn each<T: Send>(items: &mut [T], work: impl Fn(usize, &mut T) + Send + Sync) {
    items.par_iter_mut().enumerate().with_max_len(1).for_each(|(i, item)| work(i, item));
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

    fn run(
        &self,
        x: &FlatVector,
        norm: Normalization<'_, f32>,
        batch: &Batch,
        out: Option<&mut [f32]>,
    ) -> Result<Evaluation, EngineError> {
        check_arguments(&self.graph, x.len(), &norm, batch)?;
        let mut workspace = self.borrow();
        let context = self.context(x, batch, out.is_some());
        // Inside the pool, whose threads meet at each batch norm without waking the caller's.
        let evaluation = rayon::scope(|_| self.compute(&context, &mut workspace, norm, out));
        self.give_back(workspace);
        Ok(evaluation)
    }

    /// What the steps of an evaluation see.
    fn context<'a>(&'a self, x: &'a [f32], batch: &'a Batch, gradient: bool) -> Context<'a> {
        Context {
            plan: &self.plan,
            gradient: gradient.then_some(&self.gradient),
            isa: self.isa,
            space: self.graph.space(),
            x,
            batch,
        }
    }

    fn compute(
        &self,
        context: &Context<'_>,
        workspace: &mut Workspace,
        norm: Normalization<'_, f32>,
        out: Option<&mut [f32]>,
    ) -> Evaluation {
        let samples = context.batch.len();
        let statistics = self.forward(context, workspace, norm);
        if let Some(out) = out {
            backward::backward(context, &self.gradient, workspace, norm.is_train(), out);
        }
        let blocks = &workspace.blocks[..samples.div_ceil(LANES)];
        Evaluation {
            loss: blocks.iter().map(|block| block.loss).sum::<f64>() / samples as f64,
            correct: Some(blocks.iter().map(|block| block.correct).sum()),
            correct_top5: self.graph.has_top5().then(|| blocks.iter().map(|block| block.correct_top5).sum()),
            samples,
            statistics,
            unused: Vec::new(),
        }
    }

    /// The forward pass; in train mode it returns the batch's statistics.
    fn forward(
        &self,
        context: &Context<'_>,
        workspace: &mut Workspace,
        norm: Normalization<'_, f32>,
    ) -> Option<NormStatistics> {
        let mut statistics = norm.is_train().then(|| NormStatistics::initial(self.graph.norm_layers().clone()));
        workspace.prepare(context);
        forward::forward(context, workspace, norm, statistics.as_mut());
        statistics
    }

    fn borrow(&self) -> Workspace {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.unwrap_or_else(|| Workspace::new(&self.plan))
    }

    fn give_back(&self, workspace: Workspace) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(workspace);
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
        self.run(x, norm, batch, Some(out))
    }

    fn evaluate(&self, x: &FlatVector, norm: Normalization<'_, f32>, batch: &Batch) -> Result<Evaluation, EngineError> {
        self.run(x, norm, batch, None)
    }
}
