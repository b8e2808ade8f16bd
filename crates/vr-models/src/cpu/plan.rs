//! A graph compiled to steps over buffers that are laid out once.
//!
//! Batch norm and ReLU are no steps of their own: they become the *prologue* of whatever reads
//! them, so their values are never stored. Concatenation is none either: its inputs are computed
//! into one buffer.

use vr_kernels::{ConvPlan, ConvShape, LANES, LinearGrad, Pool};

use crate::graph::{Graph, NodeId, Op, Windows};

/// A range of channels in a buffer of every lane block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Which buffer.
    pub buffer: usize,
    /// First channel.
    pub first: usize,
    /// Channels.
    pub channels: usize,
    /// Height of a picture.
    pub height: usize,
    /// Width of a picture.
    pub width: usize,
}

impl Region {
    /// Positions of a picture.
    pub fn area(&self) -> usize {
        self.height * self.width
    }
    /// Its channels.
    pub fn channel_range(&self) -> std::ops::Range<usize> {
        self.first..self.first + self.channels
    }
    /// Its elements in the buffer.
    pub fn range(&self) -> std::ops::Range<usize> {
        let row = self.area() * LANES;
        self.first * row..(self.first + self.channels) * row
    }
}

/// What a step reads: a place, perhaps through a prologue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// The stored values.
    pub place: Region,
    /// What is applied to them on the way.
    pub prologue: Option<usize>,
}

/// `relu(scale·x + shift)` for every channel of a place, or one half of it.
#[derive(Clone, Debug)]
pub struct Prologue {
    /// What it is applied to.
    pub source: Region,
    /// Its batch norm, if it has one.
    pub norm: Option<Norm>,
    /// Whether ReLU follows.
    pub relu: bool,
}

/// A batch norm's parameters and statistics.
#[derive(Clone, Debug)]
pub struct Norm {
    /// Which layer.
    pub layer: usize,
    /// Place of γ in the parameter space; β is the next tensor.
    pub tensor: usize,
}

/// One computation of the forward pass.
#[derive(Clone, Debug)]
pub enum Step {
    /// A convolution, or a linear layer as a 1×1 convolution of a 1×1 picture.
    Conv {
        /// Which of the plan's convolutions.
        conv: usize,
        /// Its input.
        from: View,
        /// Its output.
        to: Region,
    },
    /// Batch statistics of a prologue's source are needed from here on.
    Norm {
        /// The prologue.
        prologue: usize,
    },
    /// Copies a view, its prologue applied.
    Copy {
        /// What is read.
        from: View,
        /// Where it goes.
        to: Region,
    },
    /// Sum of two views.
    Add {
        /// The summands.
        from: [View; 2],
        /// The sum.
        to: Region,
    },
    /// Exponential linear unit of a view.
    Elu {
        /// What is read.
        from: View,
        /// The result.
        to: Region,
    },
    /// Product of a view and a dropout mask.
    Dropout {
        /// Which of the plan's masks.
        mask: usize,
        /// What is read.
        from: View,
        /// The result.
        to: Region,
    },
    /// Pooling.
    Pool {
        /// Maximum rather than mean.
        max: bool,
        /// The windows.
        windows: Windows,
        /// What is read.
        from: View,
        /// The result.
        to: Region,
    },
}

impl Step {
    /// What it writes, if it writes anything.
    pub fn to(&self) -> Option<Region> {
        match self {
            Self::Conv { to, .. }
            | Self::Copy { to, .. }
            | Self::Add { to, .. }
            | Self::Elu { to, .. }
            | Self::Dropout { to, .. }
            | Self::Pool { to, .. } => Some(*to),
            Self::Norm { .. } => None,
        }
    }
}

/// A dropout mask.
#[derive(Debug)]
pub struct Mask {
    /// The first block of a sample's draws that is its own.
    pub draw: u32,
    /// How much is dropped out.
    pub rate: f64,
    /// Elements for one sample.
    pub len: usize,
}

/// A convolution with its parameters.
#[derive(Debug)]
pub struct ConvLayer {
    /// The kernel's own plan.
    pub conv: ConvPlan,
    /// Its weights' gradient, if it is a linear layer.
    pub linear: Option<LinearGrad>,
    /// Place of the weight in the parameter space.
    pub tensor: usize,
    /// Whether the next tensor is a bias.
    pub bias: bool,
}

/// A compiled network.
#[derive(Debug)]
pub struct Plan {
    /// Elements of every buffer in one lane block.
    pub buffers: Vec<usize>,
    /// Whether batch statistics of a buffer's channels are gathered as they are written.
    pub normed: Vec<bool>,
    /// The prologues.
    pub prologues: Vec<Prologue>,
    /// The convolutions.
    pub convs: Vec<ConvLayer>,
    /// The dropout masks.
    pub masks: Vec<Mask>,
    /// The forward pass.
    pub steps: Vec<Step>,
    /// The pictures.
    pub input: Region,
    /// The logits.
    pub logits: Region,
}

impl Plan {
    /// Compiles a network.
    pub fn new(graph: &Graph) -> Self {
        let mut compiler = Compiler::new(graph);
        for id in 0..graph.nodes().len() {
            let view = compiler.node(id);
            compiler.views.push(view);
        }
        let logits = compiler.raw(graph.nodes().len() - 1);
        compiler.plan.logits = logits;
        for prologue in compiler.plan.prologues.iter().filter(|p| p.norm.is_some()) {
            compiler.plan.normed[prologue.source.buffer] = true;
        }
        compiler.plan
    }
}

struct Compiler<'a> {
    graph: &'a Graph,
    plan: Plan,
    views: Vec<View>,
    /// Nodes that read each node.
    readers: Vec<Vec<NodeId>>,
    /// Where a node that is part of a concatenation must put its value: the concatenation that
    /// owns the buffer, and the first channel.
    homes: Vec<Option<(NodeId, usize)>>,
    /// The buffer of every concatenation that owns one, once made.
    owned: Vec<Option<usize>>,
}

impl<'a> Compiler<'a> {
    fn new(graph: &'a Graph) -> Self {
        let nodes = graph.nodes();
        let mut readers = vec![Vec::new(); nodes.len()];
        for (id, node) in nodes.iter().enumerate() {
            for &input in &node.inputs {
                readers[input].push(id);
            }
        }
        let mut homes = vec![None; nodes.len()];
        for (id, node) in nodes.iter().enumerate().rev().filter(|(_, node)| node.op == Op::Concat) {
            let (owner, mut first) = *homes[id].get_or_insert((id, 0));
            for &input in &node.inputs {
                let produces = !matches!(nodes[input].op, Op::Input | Op::BatchNorm | Op::Relu | Op::Flatten);
                if homes[input].is_none() && produces {
                    homes[input] = Some((owner, first));
                }
                first += nodes[input].shape[0];
            }
        }
        let place = Region { buffer: 0, first: 0, channels: 0, height: 1, width: 1 };
        let plan = Plan {
            buffers: Vec::new(),
            normed: Vec::new(),
            prologues: Vec::new(),
            convs: Vec::new(),
            masks: Vec::new(),
            steps: Vec::new(),
            input: place,
            logits: place,
        };
        Self { graph, plan, views: Vec::new(), readers, homes, owned: vec![None; nodes.len()] }
    }

    fn buffer(&mut self, shape: &[usize]) -> usize {
        self.plan.buffers.push(shape.iter().product::<usize>() * LANES);
        self.plan.normed.push(false);
        self.plan.buffers.len() - 1
    }

    /// Where the node's value goes: a part of its concatenation's buffer, or a buffer of its own.
    fn place(&mut self, id: NodeId) -> Region {
        let shape = &self.graph.nodes()[id].shape;
        let (buffer, first) = match self.homes[id] {
            Some((owner, first)) => {
                let buffer = match self.owned[owner] {
                    Some(buffer) => buffer,
                    None => self.buffer(&self.graph.nodes()[owner].shape),
                };
                self.owned[owner] = Some(buffer);
                (buffer, first)
            }
            None => (self.buffer(shape), 0),
        };
        place(buffer, first, shape)
    }

    /// Where the result of a step that reads `from` goes. A step never reads and writes one
    /// buffer: inside a concatenation's it writes elsewhere and [`settle`](Self::settle) copies.
    fn target(&mut self, id: NodeId, from: &[View]) -> Region {
        let home = self.place(id);
        if from.iter().any(|view| view.place.buffer == home.buffer) {
            let shape = &self.graph.nodes()[id].shape;
            return place(self.buffer(shape), 0, shape);
        }
        home
    }

    /// Copies a view, by way of another buffer within one.
    fn copy(&mut self, mut from: View, to: Region) {
        if from.place.buffer == to.buffer {
            let shape = [to.channels, to.height, to.width];
            let between = place(self.buffer(&shape), 0, &shape);
            self.plan.steps.push(Step::Copy { from, to: between });
            from = View { place: between, prologue: None };
        }
        self.plan.steps.push(Step::Copy { from, to });
    }

    fn settle(&mut self, id: NodeId, to: Region) -> View {
        let view = View { place: to, prologue: None };
        let home = if self.homes[id].is_some() { self.place(id) } else { to };
        if home != to {
            self.plan.steps.push(Step::Copy { from: view, to: home });
        }
        View { place: home, prologue: None }
    }

    /// The node's value without a prologue, copied if need be; later readers use the copy.
    fn raw(&mut self, id: NodeId) -> Region {
        let from = self.views[id];
        if from.prologue.is_some() {
            let shape = &self.graph.nodes()[id].shape;
            let to = place(self.buffer(shape), 0, shape);
            self.plan.steps.push(Step::Copy { from, to });
            self.views[id] = View { place: to, prologue: None };
        }
        self.views[id].place
    }

    /// The raw value in a buffer of the node's own shape: a flattened picture is copied, since
    /// statistics are kept for every channel as it was written.
    fn unflattened(&mut self, id: NodeId) -> Region {
        let from = self.raw(id);
        let node = &self.graph.nodes()[id];
        let pictures =
            node.op == Op::Flatten && self.graph.nodes()[node.inputs[0]].shape[1..].iter().any(|&side| side > 1);
        if !pictures {
            return from;
        }
        let to = place(self.buffer(&node.shape), 0, &node.shape);
        self.plan.steps.push(Step::Copy { from: View { place: from, prologue: None }, to });
        self.views[id] = View { place: to, prologue: None };
        to
    }

    fn prologue(&mut self, source: Region, norm: Option<Norm>, relu: bool) -> View {
        let prologue = self.plan.prologues.len();
        self.plan.prologues.push(Prologue { source, norm, relu });
        self.plan.steps.push(Step::Norm { prologue });
        View { place: source, prologue: Some(prologue) }
    }

    fn node(&mut self, id: NodeId) -> View {
        let node = &self.graph.nodes()[id];
        match &node.op {
            Op::Input => {
                let to = self.place(id);
                self.plan.input = to;
                View { place: to, prologue: None }
            }
            Op::Conv(_) | Op::Linear { .. } => {
                let from = self.views[node.inputs[0]];
                let to = self.target(id, &[from]);
                let shape = conv_shape(&node.op, from.place, to.channels);
                let bias = !matches!(&node.op, Op::Conv(conv) if !conv.bias);
                let linear = is_linear(&shape).then(|| LinearGrad::new(shape.in_channels, shape.out_channels));
                self.plan.convs.push(ConvLayer { conv: ConvPlan::new(shape), linear, tensor: node.tensor, bias });
                self.plan.steps.push(Step::Conv { conv: self.plan.convs.len() - 1, from, to });
                self.settle(id, to)
            }
            Op::BatchNorm => {
                let source = self.unflattened(node.inputs[0]);
                let norm = Norm { layer: node.norm, tensor: node.tensor };
                // The ReLU that alone reads this node joins it.
                let relu = matches!(&self.readers[id][..], [reader] if self.graph.nodes()[*reader].op == Op::Relu);
                self.prologue(source, Some(norm), relu)
            }
            Op::Relu => {
                let input = node.inputs[0];
                let view = self.views[input];
                let joined = view.prologue.is_some_and(|p| self.plan.prologues[p].relu)
                    && self.graph.nodes()[input].op == Op::BatchNorm;
                if joined {
                    return view;
                }
                let source = self.raw(input);
                self.prologue(source, None, true)
            }
            Op::Elu => {
                let from = self.views[node.inputs[0]];
                let to = self.target(id, &[from]);
                self.plan.steps.push(Step::Elu { from, to });
                self.settle(id, to)
            }
            Op::Dropout { rate } => {
                let from = self.views[node.inputs[0]];
                let to = self.target(id, &[from]);
                let mask = Mask { draw: node.draw, rate: *rate, len: node.shape.iter().product() };
                self.plan.masks.push(mask);
                self.plan.steps.push(Step::Dropout { mask: self.plan.masks.len() - 1, from, to });
                self.settle(id, to)
            }
            Op::Add => {
                let from = [0, 1].map(|i| View { place: self.raw(node.inputs[i]), prologue: None });
                let to = self.target(id, &from);
                self.plan.steps.push(Step::Add { from, to });
                self.settle(id, to)
            }
            Op::Concat => {
                let whole = self.place(id);
                let mut first = whole.first;
                for &input in &node.inputs {
                    let shape = &self.graph.nodes()[input].shape;
                    let to = place(whole.buffer, first, shape);
                    first += shape[0];
                    let from = self.views[input];
                    if from.place != to || from.prologue.is_some() {
                        self.copy(from, to);
                    }
                }
                View { place: whole, prologue: None }
            }
            Op::MaxPool(windows) | Op::AvgPool(windows) => {
                let from = self.views[node.inputs[0]];
                let to = self.target(id, &[from]);
                let max = matches!(node.op, Op::MaxPool(_));
                self.plan.steps.push(Step::Pool { max, windows: *windows, from, to });
                self.settle(id, to)
            }
            Op::Flatten => {
                let from = self.raw(node.inputs[0]);
                let area = from.area();
                let place = Region {
                    first: from.first * area,
                    channels: from.channels * area,
                    height: 1,
                    width: 1,
                    buffer: from.buffer,
                };
                View { place, prologue: None }
            }
        }
    }
}

fn place(buffer: usize, first: usize, shape: &[usize]) -> Region {
    let side = |i: usize| shape.get(i).copied().unwrap_or(1);
    Region { buffer, first, channels: shape[0], height: side(1), width: side(2) }
}

/// Whether a convolution is a linear layer: all inputs meet all outputs, once.
fn is_linear(shape: &ConvShape) -> bool {
    [shape.height, shape.width, shape.kernel, shape.groups] == [1; 4] && shape.padding == 0
}

fn conv_shape(op: &Op, from: Region, out_channels: usize) -> ConvShape {
    let (kernel, stride, padding, groups) = match op {
        Op::Conv(conv) => (conv.kernel, conv.stride, conv.padding, conv.groups),
        _ => (1, 1, 0, 1),
    };
    ConvShape {
        in_channels: from.channels,
        out_channels,
        height: from.height,
        width: from.width,
        kernel,
        stride,
        padding,
        groups,
    }
}

/// The pooling of a place.
pub fn pool(from: Region, Windows { kernel, stride, padding }: Windows) -> Pool {
    Pool { channels: from.channels, height: from.height, width: from.width, kernel, stride, padding }
}
