//! The backward pass in pieces that each block goes through by itself.

use std::ops::Range;

use super::back::Back;
use super::plan::{ConvLayer, Plan};

/// Numbers that a block's parts of the weights' gradients may come to before they are summed over the blocks.
pub const MOST_PARTS: usize = 256 << 10;

/// A backward pass in pieces, and where each block keeps its part of the weights' gradients meanwhile.
///
/// Without a bound every sixteen samples would hold as many numbers as the network has parameters.
#[derive(Debug, Default)]
pub struct Segments {
    /// The pieces in order.
    pub pieces: Vec<Segment>,
    /// Where each convolution's weights, then biases, stand among a block's parts.
    pub parts: Vec<Range<usize>>,
    /// Numbers of a block's parts.
    pub len: usize,
}

/// Some steps, and what then happens to all blocks together.
#[derive(Debug)]
pub struct Segment {
    /// The steps.
    pub steps: Range<usize>,
    /// What follows.
    pub then: Meeting,
}

/// What is made of all blocks' results.
#[derive(Debug, PartialEq)]
pub enum Meeting {
    /// How the gradient passes the batch norm of this prologue.
    Norm(usize),
    /// The gradients of these convolutions' parameters, in their order: their parts can be written anew.
    Sum(Vec<usize>),
}

impl Segments {
    /// Cuts the steps of a network's backward pass, so that a block's parts are summed as soon as they come to
    /// `most` numbers.
    pub fn new(plan: &Plan, steps: &[Back], most: usize) -> Self {
        let mut out = Self { parts: vec![0..0; plan.convs.len()], ..Self::default() };
        let (mut start, mut held, mut pending) = (0, 0, Vec::new());
        for (i, step) in steps.iter().enumerate() {
            match step {
                Back::NormSums { prologue, .. } => {
                    out.pieces.push(Segment { steps: start..i + 1, then: Meeting::Norm(*prologue) });
                    start = i + 1;
                }
                Back::Conv { conv, .. } => {
                    let len = part_len(&plan.convs[*conv]);
                    out.parts[*conv] = held..held + len;
                    held += len;
                    out.len = out.len.max(held);
                    pending.push(*conv);
                    if held >= most {
                        out.sum(start..i + 1, &mut pending);
                        (start, held) = (i + 1, 0);
                    }
                }
                _ => {}
            }
        }
        out.sum(start..steps.len(), &mut pending);
        out
    }

    fn sum(&mut self, steps: Range<usize>, convs: &mut Vec<usize>) {
        convs.sort_unstable();
        self.pieces.push(Segment { steps, then: Meeting::Sum(std::mem::take(convs)) });
    }
}

/// Numbers of a convolution's part: a linear layer's weights have their gradient from all blocks at once.
fn part_len(layer: &ConvLayer) -> usize {
    let shape = layer.conv.shape();
    let weights = if layer.linear.is_some() { 0 } else { shape.weights() };
    weights + if layer.bias { shape.out_channels } else { 0 }
}

#[cfg(test)]
mod tests {
    use vr_core::{Batch, FlatVector, Normalization, Oracle};

    use super::*;
    use crate::cpu::CpuEngine;
    use crate::{Model, initialize};

    fn engine(model: Model, most: usize) -> CpuEngine {
        let mut engine = CpuEngine::new(model.graph().unwrap());
        engine.gradient.segments = Segments::new(&engine.plan, &engine.gradient.steps, most);
        engine
    }

    /// Where nothing is summed on the way, the order of every sum is the same.
    #[test]
    fn the_bits_do_not_depend_on_the_bound() {
        for model in [Model::LENET, Model::RESNET_SMALL] {
            let pixels: Vec<f32> = (0..40 * 3072).map(|i| (i as f32 * 0.37).sin()).collect();
            let batch = Batch::new(&pixels, [40, 3, 32, 32], (0..40).map(|i| i % 10).collect()).unwrap();
            let gradient = |most| {
                let engine = engine(model, most);
                let x = initialize(engine.graph(), 0);
                let mut gradient = FlatVector::from(vec![f32::NAN; x.len()]);
                engine.gradient(&x, Normalization::Batch, &batch, &mut gradient).unwrap();
                gradient.iter().map(|g| g.to_bits()).collect::<Vec<_>>()
            };
            let whole = gradient(usize::MAX);
            for most in [0, 1000, MOST_PARTS] {
                assert!(gradient(most) == whole, "{model}, at most {most}");
            }
        }
    }

    #[test]
    fn a_block_holds_no_more_than_the_bound_and_one_layer() {
        for (model, most) in [(Model::RESNET110, MOST_PARTS), (Model::DENSENET_40_36, MOST_PARTS), (Model::LENET, 0)] {
            let CpuEngine { plan, gradient, .. } = engine(model, most);
            let largest = plan.convs.iter().map(part_len).max().unwrap();
            assert!(gradient.segments.len <= most + largest, "{model}: {}", gradient.segments.len);
            let summed: Vec<usize> = gradient
                .segments
                .pieces
                .iter()
                .flat_map(|piece| match &piece.then {
                    Meeting::Sum(convs) => convs.clone(),
                    Meeting::Norm(_) => Vec::new(),
                })
                .collect();
            let mut sorted = summed.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..plan.convs.len()).collect::<Vec<_>>(), "{model}: each layer once");
        }
    }
}
