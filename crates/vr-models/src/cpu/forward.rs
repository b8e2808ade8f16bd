//! The forward pass.

use vr_core::{NormStatistics, Normalization};
use vr_kernels::{Affine, Buffer, LANES, Moments, activate, add, elu, fold, moments, mul_assign};

use super::loss::loss;
use super::plan::{ConvLayer, Mask, Plan, Region, Step, View, pool};
use super::scratch::with_scratch;
use super::workspace::{Block, Coefficients, Workspace};
use super::{Context, each};
use crate::dropout;

/// PyTorch's ε, added to the variance.
const EPSILON: f64 = 1e-5;

/// The prologue of a view, as the kernels take it.
pub fn affine<'a>(plan: &Plan, coefficients: &'a [Coefficients], view: View) -> Option<Affine<'a>> {
    let index = view.prologue?;
    let Coefficients { scale, shift, .. } = &coefficients[index];
    Some(Affine { scale, shift, relu: plan.prologues[index].relu })
}

/// Computes the logits and the loss of every block. In train mode the batch's statistics are written
/// to `record`.
pub fn forward(
    context: &Context<'_>,
    workspace: &mut Workspace,
    norm: Normalization<'_, f32>,
    mut record: Option<&mut NormStatistics>,
) {
    let plan = context.plan;
    let train = norm.is_train();
    if let Normalization::Stored(stored) = norm {
        for (index, prologue) in plan.prologues.iter().enumerate() {
            if let Some(norm) = &prologue.norm {
                let (mean, variance) = stored.layer(norm.layer);
                let statistics = mean.iter().zip(variance).map(|(&m, &v)| (f64::from(m), f64::from(v)));
                set(context, norm.tensor, &mut workspace.coefficients[index], statistics);
            }
        }
    }
    let samples = context.batch.len();
    let mut at = 0;
    loop {
        // Everything up to the next batch norm in train mode runs block by block.
        let stops =
            |step: &Step| train && matches!(step, Step::Norm { prologue } if plan.prologues[*prologue].norm.is_some());
        let end = at + plan.steps[at..].iter().take_while(|step| !stops(step)).count();
        let Workspace { blocks, coefficients, weights, .. } = workspace;
        let blocks = &mut blocks[..samples.div_ceil(LANES)];
        each(blocks, |index, block| {
            if at == 0 {
                gather(context, block, plan.input, train);
            }
            for step in &plan.steps[at..end] {
                run(context, block, step, coefficients, weights);
                if let Some(to) = step.to() {
                    gather(context, block, to, train);
                }
            }
            if end == plan.steps.len() {
                loss(context, index, block);
            }
        });
        let Some(Step::Norm { prologue }) = plan.steps.get(end) else { return };
        batch_norm(context, *prologue, blocks, &mut coefficients[*prologue], record.as_deref_mut());
        at = end + 1;
    }
}

/// Statistics of what was just written, while it is hot.
fn gather(context: &Context<'_>, block: &mut Block, to: Region, train: bool) {
    if train && context.plan.normed[to.buffer] {
        let out = &mut block.moments[to.buffer][to.channel_range()];
        moments(context.isa, context.values(block.first, &block.values, to), block.lanes, out);
    }
}

/// Folds the whole batch's statistics into the prologue.
fn batch_norm(
    context: &Context<'_>,
    index: usize,
    blocks: &[Block],
    coefficients: &mut Coefficients,
    record: Option<&mut NormStatistics>,
) {
    let prologue = &context.plan.prologues[index];
    let Some(norm) = &prologue.norm else { return };
    let source = prologue.source;
    let batch: Vec<Moments> = source
        .channel_range()
        .map(|channel| Moments::combine(blocks.iter().map(|block| block.moments[source.buffer][channel])))
        .collect();
    set(context, norm.tensor, coefficients, batch.iter().map(|m| (m.mean, m.variance())));
    if let Some(record) = record {
        let (means, variances) = record.layer_mut(norm.layer);
        for (i, m) in batch.iter().enumerate() {
            means[i] = m.mean as f32;
            variances[i] = m.unbiased_variance() as f32;
        }
    }
}

fn set(
    context: &Context<'_>,
    tensor: usize,
    coefficients: &mut Coefficients,
    statistics: impl Iterator<Item = (f64, f64)>,
) {
    let (gamma, beta) = (context.tensor(tensor), context.tensor(tensor + 1));
    for (i, (mean, variance)) in statistics.enumerate() {
        (coefficients.scale[i], coefficients.shift[i]) = fold(mean, variance, gamma[i], beta[i], EPSILON);
        coefficients.mean[i] = mean;
        coefficients.inv_std[i] = 1.0 / (variance + EPSILON).sqrt();
    }
}

/// Draws the masks of a block's samples.
fn draw(context: &Context<'_>, block: &mut Block, mask: usize) {
    let &Mask { draw, rate, len } = &context.plan.masks[mask];
    for lane in 0..block.lanes {
        let factors = dropout::factors(context.batch.noise(), block.first + lane, draw, rate).take(len);
        for (out, factor) in block.masks[mask].chunks_exact_mut(LANES).zip(factors) {
            out[lane] = factor as f32;
        }
    }
}

fn run(context: &Context<'_>, block: &mut Block, step: &Step, coefficients: &[Coefficients], weights: &[[Buffer; 2]]) {
    let (plan, isa) = (context.plan, context.isa);
    let Some(to) = step.to() else { return };
    if let Step::Dropout { mask, .. } = step {
        draw(context, block, *mask);
    }
    // Taken out while it is written: a step never reads the buffer that it writes.
    let mut buffer = std::mem::take(&mut block.values[to.buffer]);
    let out = &mut buffer[to.range()];
    let input = |view: &View| context.values(block.first, &block.values, view.place);
    match step {
        Step::Norm { .. } => {}
        Step::Conv { conv, from, .. } => {
            let ConvLayer { conv: kernel, tensor, bias, .. } = &plan.convs[*conv];
            let bias = bias.then(|| context.tensor(tensor + 1));
            let prologue = affine(plan, coefficients, *from);
            let weights = &weights[*conv][0];
            with_scratch(kernel.scratch_len(), |scratch| {
                kernel.forward(isa, input(from), prologue, weights, bias, out, scratch);
            });
        }
        Step::Copy { from, .. } => activate(isa, input(from), affine(plan, coefficients, *from), out),
        Step::Add { from: [a, b], .. } => add(isa, input(a), input(b), out),
        Step::Elu { from, .. } => {
            activate(isa, input(from), affine(plan, coefficients, *from), out);
            elu(isa, out);
        }
        Step::Dropout { mask, from, .. } => {
            activate(isa, input(from), affine(plan, coefficients, *from), out);
            mul_assign(isa, &block.masks[*mask], out);
        }
        Step::Pool { max, windows, from, .. } => {
            let (pool, prologue) = (pool(from.place, *windows), affine(plan, coefficients, *from));
            if *max { pool.max(isa, input(from), prologue, out) } else { pool.mean(isa, input(from), prologue, out) }
        }
    }
    block.values[to.buffer] = buffer;
}
