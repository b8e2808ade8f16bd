//! The backward pass.

use std::ops::Range;

use vr_kernels::{
    Affine, Buffer, InputGradient, LANES, LinearGrad, NormBackward, NormSums, PackedBlock, add_assign, channel_sums,
    elu_backward, mul_assign,
};

use super::back::{Back, GradRegion};
use super::forward::affine;
use super::gradient_plan::GradientPlan;
use super::plan::{ConvLayer, Prologue, View, pool};
use super::scratch::with_scratch;
use super::segments::{Meeting, Segment, Segments};
use super::workspace::{Block, Coefficients, Workspace};
use super::{Context, each};

/// Computes the gradient from that of the logits, which is in place in every block, into `out`.
///
/// `train` says that batch norm's statistics are the batch's own.
pub fn backward(
    context: &Context<'_>,
    gradient: &GradientPlan,
    workspace: &mut Workspace,
    train: bool,
    out: &mut [f32],
) {
    let samples = context.batch.len();
    let Workspace { blocks, coefficients, weights, .. } = workspace;
    let blocks = &mut blocks[..samples.div_ceil(LANES)];
    for Segment { steps, then } in &gradient.segments.pieces {
        each(blocks, |_, block| {
            for step in &gradient.steps[steps.clone()] {
                run(context, gradient, block, step, coefficients, weights);
            }
        });
        match then {
            Meeting::Norm(prologue) => {
                norm_gradient(context, *prologue, blocks, samples, train, &mut coefficients[*prologue], out);
            }
            Meeting::Sum(convs) => sum_parts(context, &gradient.segments, convs, blocks, out),
        }
    }
}

/// A part of the gradient that one thread completes from all blocks.
enum Part<'a> {
    /// The sum of the blocks' own parts from `start` on.
    Sum { start: usize, out: &'a mut [f32] },
    /// Some of the weights of a linear layer.
    Linear { conv: usize, layer: &'a LinearGrad, index: usize, out: &'a mut [f32] },
}

/// Parameters that are summed at a time.
const SUM: usize = 4096;

/// Completes the gradients of some convolutions' parameters.
fn sum_parts(context: &Context<'_>, segments: &Segments, convs: &[usize], blocks: &[Block], out: &mut [f32]) {
    each(&mut parts(context, segments, convs, out), |_, part| match part {
        Part::Sum { start, out } => sum(context, blocks, *start, out),
        Part::Linear { conv, layer, index, out } => {
            let packed = blocks.iter().map(|block| &block.linear[*conv]);
            let packed: Vec<_> = packed.map(|[inputs, gradients]| PackedBlock { inputs, gradients }).collect();
            layer.part(context.isa, *index, &packed, out);
        }
    });
}

/// The gradient of some convolutions' parameters in parts.
fn parts<'a>(context: &Context<'a>, segments: &Segments, convs: &[usize], mut out: &'a mut [f32]) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    let mut at = 0;
    for &conv in convs {
        let layer = &context.plan.convs[conv];
        let mut start = segments.parts[conv].start;
        for tensor in layer.tensor..=layer.tensor + usize::from(layer.bias) {
            let range = context.range(tensor);
            let (values, rest) = out.split_at_mut(range.end - at);
            let values = &mut values[range.start - at..];
            (out, at) = (rest, range.end);
            match &layer.linear {
                Some(linear) if tensor == layer.tensor => {
                    let len = LinearGrad::OUTPUTS * layer.conv.shape().in_channels;
                    let chunks = values.chunks_mut(len).enumerate();
                    parts.extend(chunks.map(|(index, out)| Part::Linear { conv, layer: linear, index, out }));
                }
                _ => {
                    let chunks = values.chunks_mut(SUM).enumerate();
                    parts.extend(chunks.map(|(i, out)| Part::Sum { start: start + i * SUM, out }));
                    start += range.len();
                }
            }
        }
    }
    parts
}

/// Adds the blocks' parts in their order.
fn sum(context: &Context<'_>, blocks: &[Block], start: usize, out: &mut [f32]) {
    let [first, rest @ ..] = blocks else { return };
    let range = start..start + out.len();
    out.copy_from_slice(&first.parts[range.clone()]);
    for block in rest {
        add_assign(context.isa, &block.parts[range.clone()], out);
    }
}

/// The gradients of γ and β, and how the gradient passes to the source.
fn norm_gradient(
    context: &Context<'_>,
    index: usize,
    blocks: &[Block],
    samples: usize,
    train: bool,
    coefficients: &mut Coefficients,
    out: &mut [f32],
) {
    let prologue = &context.plan.prologues[index];
    let Some(norm) = &prologue.norm else { return };
    let (gamma, beta) = (context.range(norm.tensor), context.range(norm.tensor + 1));
    let count = (samples * prologue.source.area()) as f64;
    for channel in 0..prologue.source.channels {
        let mut total = NormSums::default();
        for block in blocks {
            total.dz += block.sums[index][channel].dz;
            total.dz_normal += block.sums[index][channel].dz_normal;
        }
        out[gamma.start + channel] = total.dz_normal as f32;
        out[beta.start + channel] = total.dz as f32;
        coefficients.gradient[channel] = if train {
            let (mean, inv_std) = (coefficients.mean[channel], coefficients.inv_std[channel]);
            InputGradient::training(context.x[gamma.start + channel], mean, inv_std, total, count)
        } else {
            InputGradient::evaluation(coefficients.scale[channel])
        };
    }
}

fn run(
    context: &Context<'_>,
    gradient: &GradientPlan,
    block: &mut Block,
    step: &Back,
    coefficients: &[Coefficients],
    weights: &[[Buffer; 2]],
) {
    match step {
        Back::Zero(place) => block.grads[place.slot][place.range()].fill(0.0),
        Back::Conv { conv, from, grad, to } => {
            let part = gradient.segments.parts[*conv].clone();
            weight_gradient(context, block, *conv, part, *from, *grad, coefficients);
            if let Some(to) = to {
                let (kernel, weights) = (&context.plan.convs[*conv].conv, &weights[*conv][1]);
                write(block, to.to, |block, out| {
                    let grad = &block.grads[grad.slot][grad.range()];
                    with_scratch(kernel.scratch_len(), |scratch| {
                        kernel.input_grad(context.isa, grad, weights, out, to.accumulate, scratch);
                    });
                });
            }
        }
        Back::NormSums { prologue, grad } => {
            let mut sums = std::mem::take(&mut block.sums[*prologue]);
            let Coefficients { mean, inv_std, .. } = &coefficients[*prologue];
            let dy = &block.grads[grad.slot][grad.range()];
            norm(context, block, *prologue, coefficients).sums(dy, mean, inv_std, &mut sums);
            block.sums[*prologue] = sums;
        }
        Back::Norm { prologue, grad, to } => {
            let gradient = &coefficients[*prologue].gradient;
            let in_place = to.to.slot == grad.slot;
            write(block, to.to, |block, out| {
                let norm = norm(context, block, *prologue, coefficients);
                if in_place {
                    norm.in_place(out, gradient);
                } else if to.accumulate {
                    norm.add(&block.grads[grad.slot][grad.range()], gradient, out);
                } else {
                    norm.write(&block.grads[grad.slot][grad.range()], gradient, out);
                }
            });
        }
        Back::Pass { grad, to } => write(block, to.to, |block, out| {
            let grad = &block.grads[grad.slot][grad.range()];
            if to.accumulate { add_assign(context.isa, grad, out) } else { out.copy_from_slice(grad) }
        }),
        Back::Elu { value, grad, to } => write(block, *to, |block, out| {
            out.copy_from_slice(&block.grads[grad.slot][grad.range()]);
            elu_backward(context.isa, &block.values[value.buffer][value.range()], out);
        }),
        Back::Dropout { mask, grad, to } => write(block, *to, |block, out| {
            out.copy_from_slice(&block.grads[grad.slot][grad.range()]);
            mul_assign(context.isa, &block.masks[*mask], out);
        }),
        Back::Pool { max, windows, from, grad, to } => {
            let (pool, prologue) = (pool(from.place, *windows), affine(context.plan, coefficients, *from));
            write(block, *to, |block, out| {
                let grad = &block.grads[grad.slot][grad.range()];
                if *max {
                    let x = context.values(block.first, &block.values, from.place);
                    pool.max_backward(context.isa, x, prologue, grad, out);
                } else {
                    pool.mean_backward(context.isa, grad, out);
                }
            });
        }
    }
}

/// Lends the target's memory: a step never reads the slot that it writes.
fn write(block: &mut Block, to: GradRegion, work: impl FnOnce(&mut Block, &mut [f32])) {
    let mut slot = std::mem::take(&mut block.grads[to.slot]);
    work(block, &mut slot[to.range()]);
    block.grads[to.slot] = slot;
}

fn norm<'a>(
    context: &'a Context<'_>,
    block: &'a Block,
    prologue: usize,
    coefficients: &'a [Coefficients],
) -> NormBackward<'a> {
    let &Prologue { source, relu, .. } = &context.plan.prologues[prologue];
    let x = context.values(block.first, &block.values, source);
    let Coefficients { scale, shift, .. } = &coefficients[prologue];
    let prologue = Affine { scale, shift, relu };
    NormBackward { isa: context.isa, x, prologue, lanes: block.lanes }
}

fn weight_gradient(
    context: &Context<'_>,
    block: &mut Block,
    conv: usize,
    part: Range<usize>,
    from: View,
    grad: GradRegion,
    coefficients: &[Coefficients],
) {
    let ConvLayer { conv: kernel, linear, bias, .. } = &context.plan.convs[conv];
    let Block { first, values, grads, parts, linear: packed, bias: sums, .. } = block;
    let x = context.values(*first, values, from.place);
    let grad = &grads[grad.slot][grad.range()];
    let prologue = affine(context.plan, coefficients, from);
    let biases = if *bias { kernel.shape().out_channels } else { 0 };
    let (weights, biases) = parts[part.clone()].split_at_mut(part.len() - biases);
    match linear {
        Some(linear) => {
            let [inputs, gradients] = &mut packed[conv];
            linear.pack(context.isa, x, prologue, grad, inputs, gradients);
        }
        None => with_scratch(kernel.scratch_len(), |scratch| {
            kernel.weight_grad(context.isa, x, prologue, grad, weights, scratch);
        }),
    }
    if *bias {
        sums.resize(biases.len(), 0.0);
        // Padded lanes of a gradient are zero.
        channel_sums(context.isa, grad, LANES, sums);
        for (out, sum) in biases.iter_mut().zip(&*sums) {
            *out = *sum as f32;
        }
    }
}
