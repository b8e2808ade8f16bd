//! The memory of one evaluation, laid out once and used again.

use vr_kernels::{Buffer, InputGradient, LANES, Moments, NormSums};

use super::gradient_plan::GradientPlan;
use super::plan::{ConvLayer, Plan};
use super::{Context, each};

/// Everything that belongs to sixteen samples.
#[derive(Debug)]
pub struct Block {
    /// Place of its first sample in the batch.
    pub first: usize,
    /// Samples in it; the remaining lanes are padding.
    pub lanes: usize,
    /// The forward pass's buffers.
    pub values: Vec<Buffer>,
    /// The dropout masks of its samples.
    pub masks: Vec<Buffer>,
    /// Statistics of every buffer's channels; empty where no batch norm reads them.
    pub moments: Vec<Vec<Moments>>,
    /// The backward pass's slots; empty until there is one.
    pub grads: Vec<Buffer>,
    /// Sums of every prologue's channels.
    pub sums: Vec<Vec<NormSums>>,
    /// This block's parts of the gradients of convolutions' weights and of biases, until they are summed.
    pub parts: Buffer,
    /// Inputs and gradients of every convolution that is a linear layer, packed for its weights'.
    pub linear: Vec<[Buffer; 2]>,
    /// A channel's sum each, for biases.
    pub bias: Vec<f64>,
    /// Sum of the losses.
    pub loss: f64,
    /// Samples classified rightly.
    pub correct: usize,
    /// Samples whose label is among the five likeliest classes.
    pub correct_top5: usize,
}

impl Block {
    fn lens(plan: &Plan) -> impl Iterator<Item = usize> {
        // The pictures are the batch's.
        plan.buffers.iter().enumerate().map(|(i, &len)| if i == plan.input.buffer { 0 } else { len })
    }

    /// Of memory of these lengths.
    fn new(plan: &Plan, memory: &mut impl Iterator<Item = Buffer>) -> Self {
        let channels = |buffer: usize| {
            let place = plan.steps.iter().filter_map(super::plan::Step::to).find(|to| to.buffer == buffer);
            place.map_or(0, |to| plan.buffers[buffer] / (to.area() * LANES))
        };
        let input = |buffer: usize| if buffer == plan.input.buffer { plan.input.channels } else { channels(buffer) };
        Self {
            first: 0,
            lanes: 0,
            values: memory.take(plan.buffers.len()).collect(),
            masks: plan.masks.iter().map(|mask| Buffer::zeros(mask.len * LANES)).collect(),
            moments: (0..plan.buffers.len())
                .map(|buffer| vec![Moments::default(); if plan.normed[buffer] { input(buffer) } else { 0 }])
                .collect(),
            grads: Vec::new(),
            sums: plan.prologues.iter().map(|p| vec![NormSums::default(); p.source.channels]).collect(),
            parts: Buffer::default(),
            linear: Vec::new(),
            bias: Vec::new(),
            loss: 0.0,
            correct: 0,
            correct_top5: 0,
        }
    }

    fn gradient_lens(plan: &Plan, gradient: &GradientPlan) -> impl Iterator<Item = usize> {
        let linear = |layer: &ConvLayer| layer.linear.as_ref().map_or([0; 2], |l| [l.inputs_len(), l.gradients_len()]);
        let linear = plan.convs.iter().flat_map(linear);
        gradient.slots.iter().copied().chain([gradient.segments.len]).chain(linear)
    }

    /// Makes room for a backward pass in memory of these lengths.
    fn add_gradients(&mut self, plan: &Plan, gradient: &GradientPlan, memory: &mut impl Iterator<Item = Buffer>) {
        let mut next = || memory.next().unwrap_or_default();
        self.grads = gradient.slots.iter().map(|_| next()).collect();
        self.parts = next();
        self.linear = plan.convs.iter().map(|_| [next(), next()]).collect();
    }
}

/// A prologue's coefficients in this evaluation.
#[derive(Clone, Debug)]
pub struct Coefficients {
    /// Factor of every channel.
    pub scale: Vec<f32>,
    /// Summand of every channel.
    pub shift: Vec<f32>,
    /// Mean that is subtracted.
    pub mean: Vec<f64>,
    /// Inverse standard deviation.
    pub inv_std: Vec<f64>,
    /// How the gradient passes.
    pub gradient: Vec<InputGradient>,
}

/// The memory of one evaluation.
#[derive(Debug, Default)]
pub struct Workspace {
    /// One for every sixteen samples of the largest batch so far.
    pub blocks: Vec<Block>,
    /// One for every prologue.
    pub coefficients: Vec<Coefficients>,
    /// Weights of every convolution as its forward pass reads them, and as its input gradient does.
    pub weights: Vec<[Buffer; 2]>,
}

impl Workspace {
    /// For batches of any size.
    pub fn new(plan: &Plan) -> Self {
        let coefficients = plan.prologues.iter().map(|prologue| {
            let channels = prologue.source.channels;
            Coefficients {
                scale: vec![1.0; channels],
                shift: vec![0.0; channels],
                mean: vec![0.0; channels],
                inv_std: vec![1.0; channels],
                gradient: vec![InputGradient::evaluation(1.0); channels],
            }
        });
        let packed = |layer: &ConvLayer| [(); 2].map(|()| Buffer::zeros(layer.conv.packed_len()));
        Self {
            blocks: Vec::new(),
            coefficients: coefficients.collect(),
            weights: plan.convs.iter().map(packed).collect(),
        }
    }

    /// Makes room for a batch and brings the weights into the layout of the kernels.
    pub fn prepare(&mut self, context: &Context<'_>) {
        let (plan, samples) = (context.plan, context.batch.len());
        let count = samples.div_ceil(LANES);
        let new = self.blocks.len()..count;
        let mut memory = Buffer::zeros_together(new.clone().flat_map(|_| Block::lens(plan))).into_iter();
        self.blocks.extend(new.map(|_| Block::new(plan, &mut memory)));
        let blocks = &mut self.blocks[..count];
        for (i, block) in blocks.iter_mut().enumerate() {
            block.first = i * LANES;
            block.lanes = (samples - block.first).min(LANES);
        }
        if let Some(gradient) = context.gradient {
            let bare = |block: &Block| block.grads.is_empty();
            let lens = |_: &Block| Block::gradient_lens(plan, gradient);
            let lens = blocks.iter().filter(|block| bare(block)).flat_map(lens);
            let mut memory = Buffer::zeros_together(lens).into_iter();
            let bare = blocks.iter_mut().filter(|block| bare(block));
            bare.for_each(|block| block.add_gradients(plan, gradient, &mut memory));
        }
        each(self.weights.as_flattened_mut(), |i, packed| {
            let layer = &plan.convs[i / 2];
            let weights = context.tensor(layer.tensor);
            if i % 2 == 0 {
                layer.conv.pack_forward(weights, packed);
            } else if context.gradient.is_some() {
                layer.conv.pack_backward(weights, packed);
            }
        });
    }
}
