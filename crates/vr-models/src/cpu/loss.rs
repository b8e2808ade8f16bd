//! What a block's logits cost.

use vr_kernels::{LANES, cross_entropy, cross_entropy_backward};

use super::Context;
use super::workspace::Block;

/// Loss and hits of block `index`, and the gradient of the logits if one is asked for.
pub fn loss(context: &Context<'_>, index: usize, block: &mut Block) {
    let mut labels = [0; LANES];
    let labels = &mut labels[..block.lanes];
    for (to, &label) in labels.iter_mut().zip(&context.batch.labels()[index * LANES..]) {
        *to = label as usize;
    }
    let logits = &block.values[context.plan.logits.buffer][context.plan.logits.range()];
    let loss = cross_entropy(logits, labels);
    block.loss = loss.losses[..labels.len()].iter().sum();
    block.correct = loss.correct;
    block.correct_top5 = loss.correct_top5;
    if let Some(place) = context.gradient.and_then(|gradient| gradient.logits) {
        let gradient = &mut block.grads[place.slot][place.range()];
        cross_entropy_backward(logits, labels, 1.0 / context.batch.len() as f64, gradient);
    }
}
