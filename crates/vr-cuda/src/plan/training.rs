//! Plans of training, in which the vectors of an estimator stay on the device.

use vr_models::graph::Graph;

use super::backward::backward;
use super::builder::{Builder, Port};
use super::forward::forward;
use super::layout::Layout;
use super::{Mode, Plan, Ports, ports};
use crate::CudaError;
use crate::kernels::{Chunks, Combine, MeanAdd, SgdMomentum};

/// A step of SGD or SVRG with momentum as one list of commands: gradients, direction and update.
///
/// Its plan's parameters are the iterate, which the step moves; loss, hits and statistics are those of the gradient there.
#[derive(Clone, Debug)]
pub struct StepPlan {
    /// The commands.
    pub plan: Plan,
    /// The momentum's buffer, `[P]`.
    pub buffer: Port<f32>,
    /// Weight decay of each tensor.
    pub decays: Port<f32>,
    /// Learning rate of each tensor.
    pub rates: Port<f32>,
    /// The table of [`Chunks`].
    pub chunks: Port<u32>,
    /// What an SVRG step has besides.
    pub variate: Option<Variate>,
}

/// The ports of a control variate.
#[derive(Clone, Copy, Debug)]
pub struct Variate {
    /// The snapshot x̃, `[P]`.
    pub snapshot: Port<f32>,
    /// μ, `[P]`.
    pub mean: Port<f32>,
    /// α of each tensor.
    pub alphas: Port<f32>,
}

/// What a step is made for, besides the minibatch's size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepMode {
    /// Samples of a minibatch.
    pub samples: usize,
    /// Whether dropout drops out.
    pub noise: bool,
    /// Whether a control variate is subtracted: `v = (g − α·g̃) + α·μ`.
    pub variate: bool,
    /// Share of the old buffer.
    pub momentum: f64,
    /// Whether in Nesterov's form.
    pub nesterov: bool,
}

/// A gradient that joins a sum in double precision, as in the pass that μ comes from.
#[derive(Clone, Debug)]
pub struct PassPlan {
    /// The commands. The parameters are the snapshot.
    pub plan: Plan,
    /// The sum, `[P]`.
    pub sum: Port<f64>,
}

impl StepPlan {
    /// Compiles a step that moves the tensors of `chunks`.
    ///
    /// # Errors
    /// As for [`Plan::new`].
    pub fn new(graph: &Graph, step: StepMode, chunks: &Chunks) -> Result<Self, CudaError> {
        let (parameters, tensors) = (graph.space().len(), graph.space().tensors().len());
        let mode = Mode { samples: step.samples, train: true, noise: step.noise, gradient: true };
        let mut builder = Builder::new(graph, mode);
        let at_iterate = ports(&mut builder);
        let (buffer, table) = (builder.port(parameters), builder.port(chunks.table().len()));
        let (decays, rates) = (builder.port(tensors), builder.port(tensors));
        let blocks = chunks.len();
        let mut direction = at_iterate.gradient.address();
        gradient(&mut builder, &at_iterate)?;
        let variate = step.variate.then(|| Variate {
            snapshot: builder.port(parameters),
            mean: builder.port(parameters),
            alphas: builder.port(tensors),
        });
        if let Some(Variate { snapshot, mean, alphas }) = variate {
            // The same minibatch with the same draws; what else comes out of it is dropped.
            let at_snapshot = Ports {
                parameters: snapshot,
                mean: builder.port(at_iterate.mean.len),
                variance: builder.port(at_iterate.variance.len),
                gradient: builder.port(parameters),
                losses: builder.port(at_iterate.losses.len),
                hits: builder.port(at_iterate.hits.len),
                ..at_iterate
            };
            gradient(&mut builder, &at_snapshot)?;
            let out = builder.fresh(parameters);
            builder.launch(&Combine {
                gradient: direction,
                reference: at_snapshot.gradient.address(),
                mean: mean.address(),
                alphas: alphas.address(),
                out,
                chunks: table.address(),
                blocks,
            })?;
            direction = out;
        }
        builder.launch(&SgdMomentum {
            x: at_iterate.parameters.address(),
            buffer: buffer.address(),
            direction,
            decays: decays.address(),
            rates: rates.address(),
            chunks: table.address(),
            momentum: step.momentum,
            nesterov: step.nesterov,
            blocks,
        })?;
        Ok(Self { plan: finish(builder, at_iterate), buffer, decays, rates, chunks: table, variate })
    }
}

impl PassPlan {
    /// Compiles a gradient that is added to a sum.
    ///
    /// # Errors
    /// As for [`Plan::new`].
    pub fn new(graph: &Graph, samples: usize, noise: bool) -> Result<Self, CudaError> {
        let mode = Mode { samples, train: true, noise, gradient: true };
        let mut builder = Builder::new(graph, mode);
        let ports = ports(&mut builder);
        let len = graph.space().len();
        let sum: Port<f64> = builder.port(len);
        gradient(&mut builder, &ports)?;
        builder.launch(&MeanAdd { sum: sum.address(), x: ports.gradient.address(), sign: 1.0, len })?;
        Ok(Self { plan: finish(builder, ports), sum })
    }
}

fn gradient(builder: &mut Builder<'_>, ports: &Ports) -> Result<(), CudaError> {
    let mut pass = forward(builder, ports)?;
    backward(builder, ports, &mut pass)
}

fn finish(builder: Builder<'_>, ports: Ports) -> Plan {
    let Builder { mode, values, commands, .. } = builder;
    let layout = Layout::new(&values, &commands);
    Plan { mode, ports, commands, layout }
}
