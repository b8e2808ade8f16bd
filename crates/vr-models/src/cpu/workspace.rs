//! The memory of one evaluation, laid out once and used again.

use vr_kernels::{Buffer, InputGradient, LANES, Moments, NormSums};

use super::gradient_plan::GradientPlan;
use super::plan::Plan;

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
    /// This block's part of the gradient, but for batch norm's.
    pub gradient: Buffer,
    /// Scratch for the convolutions.
    pub scratch: Buffer,
    /// A channel's sum each, for biases.
    pub bias: Vec<f64>,
    /// Sum of the losses.
    pub loss: f64,
    /// Samples classified rightly.
    pub correct: usize,
}

impl Block {
    fn new(plan: &Plan) -> Self {
        let channels = |buffer: usize| {
            let place = plan.steps.iter().filter_map(super::plan::Step::to).find(|to| to.buffer == buffer);
            place.map_or(0, |to| plan.buffers[buffer] / (to.area() * LANES))
        };
        let input = |buffer: usize| if buffer == plan.input.buffer { plan.input.channels } else { channels(buffer) };
        let scratch = plan.convs.iter().map(|layer| layer.conv.scratch_len()).max().unwrap_or(0);
        Self {
            first: 0,
            lanes: 0,
            values: plan.buffers.iter().map(|&len| Buffer::zeros(len)).collect(),
            masks: plan.masks.iter().map(|mask| Buffer::zeros(mask.len * LANES)).collect(),
            moments: (0..plan.buffers.len())
                .map(|buffer| vec![Moments::default(); if plan.normed[buffer] { input(buffer) } else { 0 }])
                .collect(),
            grads: Vec::new(),
            sums: plan.prologues.iter().map(|p| vec![NormSums::default(); p.source.channels]).collect(),
            gradient: Buffer::default(),
            scratch: Buffer::zeros(scratch),
            bias: Vec::new(),
            loss: 0.0,
            correct: 0,
        }
    }

    /// Makes room for a backward pass.
    pub fn with_gradients(&mut self, plan: &GradientPlan, parameters: usize) {
        if self.grads.is_empty() {
            self.grads = plan.slots.iter().map(|&len| Buffer::zeros(len)).collect();
            self.gradient = Buffer::zeros(parameters);
        }
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
    /// Weights of every convolution as its forward pass reads them.
    pub forward_weights: Vec<Buffer>,
    /// Weights of every convolution as its input gradient reads them.
    pub backward_weights: Vec<Buffer>,
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
        let packed = || plan.convs.iter().map(|layer| Buffer::zeros(layer.conv.packed_len())).collect();
        Self {
            blocks: Vec::new(),
            coefficients: coefficients.collect(),
            forward_weights: packed(),
            backward_weights: packed(),
        }
    }

    /// The blocks of a batch of `samples`.
    pub fn blocks_for(&mut self, plan: &Plan, samples: usize) -> &mut [Block] {
        let count = samples.div_ceil(LANES);
        while self.blocks.len() < count {
            self.blocks.push(Block::new(plan));
        }
        for (i, block) in self.blocks[..count].iter_mut().enumerate() {
            block.first = i * LANES;
            block.lanes = (samples - block.first).min(LANES);
        }
        &mut self.blocks[..count]
    }
}
