//! The backward pass.

use vr_kernels::{
    Affine, Buffer, InputGradient, LANES, NormBackward, NormSums, add_assign, channel_sums, elu_backward, mul_assign,
};

use super::forward::affine;
use super::gradient_plan::{Back, GradPlace, GradientPlan};
use super::plan::{ConvLayer, Prologue, View, pool};
use super::workspace::{Block, Coefficients, Workspace};
use super::{Context, each};

/// Computes the gradient from that of the logits, which is in place in every block, into `out`.
///
/// `train` says that batch norm's statistics are the batch's own.
pub fn backward(
    context: &Context<'_>,
    gradient: &GradientPlan,
    workspace: &mut Workspace,
    samples: usize,
    train: bool,
    out: &mut [f32],
) {
    let plan = context.plan;
    let Workspace { blocks, coefficients, backward_weights, .. } = workspace;
    let blocks = &mut blocks[..samples.div_ceil(LANES)];
    let mut at = 0;
    while at < gradient.steps.len() {
        let sums = |step: &&Back| !matches!(step, Back::NormSums { .. });
        let end = at + gradient.steps[at..].iter().take_while(sums).count();
        let last = gradient.steps.get(end);
        each(context, blocks, |block| {
            for step in gradient.steps[at..end].iter().chain(last) {
                run(context, block, step, coefficients, backward_weights);
            }
        });
        if let Some(Back::NormSums { prologue, .. }) = last {
            norm_gradient(context, *prologue, blocks, samples, train, &mut coefficients[*prologue], out);
        }
        at = end + 1;
    }
    for layer in &plan.convs {
        for tensor in layer.tensor..=layer.tensor + usize::from(layer.bias) {
            let range = context.range(tensor);
            sum_blocks(blocks, range.clone(), &mut out[range]);
        }
    }
}

/// Adds the blocks' parts in their order.
fn sum_blocks(blocks: &[Block], range: std::ops::Range<usize>, out: &mut [f32]) {
    let [first, rest @ ..] = blocks else { return };
    out.copy_from_slice(&first.gradient[range.clone()]);
    for block in rest {
        for (out, part) in out.iter_mut().zip(&block.gradient[range.clone()]) {
            *out += part;
        }
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

fn run(context: &Context<'_>, block: &mut Block, step: &Back, coefficients: &[Coefficients], weights: &[Buffer]) {
    match step {
        Back::Zero(place) => block.grads[place.slot][place.range()].fill(0.0),
        Back::Conv { conv, from, grad, to } => {
            weight_gradient(context, block, *conv, *from, *grad, coefficients);
            if let Some(to) = to {
                let layer = &context.plan.convs[*conv];
                write(block, to.to, |block, out| {
                    let grad = &block.grads[grad.slot][grad.range()];
                    layer.conv.input_grad(context.isa, grad, &weights[*conv], out, to.accumulate, &mut block.scratch);
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
        Back::Pool { max, window, from, grad, to } => {
            let (pool, prologue) = (pool(from.place, *window), affine(context.plan, coefficients, *from));
            write(block, *to, |block, out| {
                let grad = &block.grads[grad.slot][grad.range()];
                if *max {
                    let x = &block.values[from.place.buffer][from.place.range()];
                    pool.max_backward(context.isa, x, prologue, grad, out);
                } else {
                    pool.mean_backward(context.isa, grad, out);
                }
            });
        }
    }
}

/// Lends the target's memory: a step never reads the slot that it writes.
fn write(block: &mut Block, to: GradPlace, work: impl FnOnce(&mut Block, &mut [f32])) {
    let mut slot = std::mem::take(&mut block.grads[to.slot]);
    work(block, &mut slot[to.range()]);
    block.grads[to.slot] = slot;
}

fn norm<'a>(
    context: &Context<'_>,
    block: &'a Block,
    prologue: usize,
    coefficients: &'a [Coefficients],
) -> NormBackward<'a> {
    let &Prologue { source, relu, .. } = &context.plan.prologues[prologue];
    let x = &block.values[source.buffer][source.range()];
    let Coefficients { scale, shift, .. } = &coefficients[prologue];
    let prologue = Affine { scale, shift, relu };
    NormBackward { isa: context.isa, x, prologue, lanes: block.lanes }
}

fn weight_gradient(
    context: &Context<'_>,
    block: &mut Block,
    conv: usize,
    from: View,
    grad: GradPlace,
    coefficients: &[Coefficients],
) {
    let ConvLayer { conv, tensor, bias } = &context.plan.convs[conv];
    let Block { values, grads, gradient, scratch, bias: sums, .. } = block;
    let x = &values[from.place.buffer][from.place.range()];
    let grad = &grads[grad.slot][grad.range()];
    let prologue = affine(context.plan, coefficients, from);
    let out = &mut gradient[context.range(*tensor)];
    conv.weight_grad(context.isa, x, prologue, grad, out, scratch);
    if *bias {
        let range = context.range(tensor + 1);
        sums.resize(range.len(), 0.0);
        // Padded lanes of a gradient are zero.
        channel_sums(context.isa, grad, LANES, sums);
        for (out, sum) in gradient[range].iter_mut().zip(&*sums) {
            *out = *sum as f32;
        }
    }
}
