//! A network compiled to commands over memory that is laid out once.
//!
//! Tensors are `[N][C][H][W]`. A batch norm is one tensor with the sum and the activation that follow it (`fusion`). What is
//! concatenated is computed into its place (`homes`). Tensors share memory where they are never needed at once (`layout`).

mod backward;
mod bias;
mod builder;
mod forward;
mod fusion;
mod homes;
mod layout;
mod norm;
mod pool;
mod training;
mod values;

pub use builder::Port;
pub use training::{PassPlan, StepMode, StepPlan, Variate};

use vr_core::LANES;
use vr_models::graph::{Graph, Op};

use crate::CudaError;
use crate::command::Command;
use builder::Builder;
use layout::Layout;

/// Words of a key of random numbers.
const KEY_WORDS: usize = 4;

/// What a plan is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mode {
    /// Samples of a minibatch.
    pub samples: usize,
    /// Whether batch norm normalises by the minibatch's own statistics.
    pub train: bool,
    /// Whether dropout drops out.
    pub noise: bool,
    /// Whether the gradient is computed.
    pub gradient: bool,
}

/// What goes into a plan and comes out of it.
#[derive(Clone, Debug)]
pub struct Ports {
    /// In: the parameters, `[P]`.
    pub parameters: Port<f32>,
    /// In: the pictures in lane blocks, `[⌈N / 16⌉][C·H·W][16]`.
    pub pictures: Port<f32>,
    /// In: the labels, `[N]`.
    pub labels: Port<u32>,
    /// In, where dropout drops out: the key of the masks ([`key_words`](crate::kernels::key_words)).
    pub key: Port<u32>,
    /// In, where dropout drops out: the sample that each picture shows, `[N]`.
    pub samples: Port<u32>,
    /// Mean of every channel of every batch norm: in, those to normalise with; in train mode out, the minibatch's.
    pub mean: Port<f32>,
    /// Variance of every channel of every batch norm, as for the mean; out it is unbiased.
    pub variance: Port<f32>,
    /// Out: the gradient, `[P]`.
    pub gradient: Port<f32>,
    /// Out: the loss of each sample, `[N]`.
    pub losses: Port<f64>,
    /// Out: for each sample, whether its label is the first class, and among the first five, `[N][2]`.
    pub hits: Port<u32>,
}

/// A compiled network.
#[derive(Clone, Debug)]
pub struct Plan {
    mode: Mode,
    ports: Ports,
    commands: Vec<Command>,
    layout: Layout,
}

impl Plan {
    /// Compiles a network.
    ///
    /// # Errors
    /// [`CudaError::TooLarge`] when a kernel cannot count the elements of a minibatch.
    pub fn new(graph: &Graph, mode: Mode) -> Result<Self, CudaError> {
        let mut builder = Builder::new(graph, mode);
        let ports = ports(&mut builder);
        let mut forward = forward::forward(&mut builder, &ports)?;
        if mode.gradient {
            backward::backward(&mut builder, &ports, &mut forward)?;
        }
        let Builder { values, commands, .. } = builder;
        let layout = Layout::new(&values, &commands);
        Ok(Self { mode, ports, commands, layout })
    }

    /// What it is made for.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// What goes in and comes out.
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Bytes of memory that it needs.
    pub fn bytes(&self) -> u64 {
        self.layout.bytes()
    }

    /// The byte at which a port begins.
    pub fn start<T>(&self, port: &Port<T>) -> u64 {
        self.layout.start(port.value)
    }

    /// The commands in order, for memory that begins at address `base`.
    pub fn commands(&self, base: u64) -> Vec<Command> {
        let commands = self.commands.iter().cloned();
        commands.map(|command| command.relocated(|address| self.layout.resolve(base, address))).collect()
    }
}

/// The ports of a network's plan.
fn ports(builder: &mut Builder<'_>) -> Ports {
    let (graph, mode) = (builder.graph, builder.mode);
    let channels = graph.norm_layers().iter().map(|layer| layer.channels).sum();
    let picture: usize = graph.input_shape().iter().product();
    let parameters = graph.space().len();
    Ports {
        parameters: builder.port(parameters),
        pictures: builder.port(mode.samples.next_multiple_of(LANES) * picture),
        labels: builder.port(mode.samples),
        key: builder.port(KEY_WORDS),
        samples: builder.port(mode.samples),
        mean: builder.port(channels),
        variance: builder.port(channels),
        gradient: builder.port(if mode.gradient { parameters } else { 0 }),
        losses: builder.port(mode.samples),
        hits: builder.port(2 * mode.samples),
    }
}

/// Whether a network drops out.
pub fn drops_out(graph: &Graph) -> bool {
    graph.nodes().iter().any(|node| matches!(node.op, Op::Dropout { .. }))
}
