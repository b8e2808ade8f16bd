//! Softmax cross-entropy.

use std::cmp::Ordering;

use crate::math::{exp, ln};
use crate::{LANES, lanes};

/// What a model's outputs for a lane block cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss {
    /// `−ln softmax(logits)[label]` of each sample, zero in the padded lanes.
    pub losses: [f64; LANES],
    /// For how many samples the first largest logit is the label's.
    pub correct: usize,
    /// For how many samples fewer than five logits come before the label's: larger ones, equal ones of earlier classes,
    /// and those that are not a number.
    pub correct_top5: usize,
}

/// The cross-entropy of the softmax of the logits, `[classes][16]`, with one label per sample.
///
/// # Panics
/// If the lengths do not fit, there are not 1 to 16 labels, or one is not a class.
pub fn cross_entropy(logits: &[f32], labels: &[usize]) -> Loss {
    check(logits, labels);
    let mut loss = Loss { losses: [0.0; LANES], correct: 0, correct_top5: 0 };
    for (lane, &label) in labels.iter().enumerate() {
        let logit = |class: usize| f64::from(logits[class * LANES + lane]);
        let top = first_largest(logits, lane);
        loss.losses[lane] = ln(total(logits, lane, logit(top))) + (logit(top) - logit(label));
        loss.correct += usize::from(top == label);
        loss.correct_top5 += usize::from(before(logits, lane, label) < 5);
    }
    loss
}

/// The gradient of `scale · Σ losses` with respect to the logits: `scale · (softmax − one-hot)`,
/// zero in the padded lanes.
///
/// For the mean over a batch, `scale` is one over the samples of all its blocks.
///
/// # Panics
/// If the lengths do not fit, there are not 1 to 16 labels, or one is not a class.
pub fn cross_entropy_backward(logits: &[f32], labels: &[usize], scale: f64, gradient: &mut [f32]) {
    check(logits, labels);
    assert_eq!(logits.len(), gradient.len(), "logits and gradient differ in length");
    gradient.fill(0.0);
    for (lane, &label) in labels.iter().enumerate() {
        let top = f64::from(logits[first_largest(logits, lane) * LANES + lane]);
        let total = total(logits, lane, top);
        for (class, (z, g)) in logits.chunks_exact(LANES).zip(gradient.chunks_exact_mut(LANES)).enumerate() {
            let one_hot = if class == label { 1.0 } else { 0.0 };
            g[lane] = (scale * (exp(f64::from(z[lane]) - top) / total - one_hot)) as f32;
        }
    }
}

fn check(logits: &[f32], labels: &[usize]) {
    lanes::check(labels.len());
    assert!(logits.len().is_multiple_of(LANES), "not [classes][16]");
    assert!(labels.iter().all(|&label| label < logits.len() / LANES), "a label is not a class");
}

/// The class of a sample's largest logit, the first if several are as large.
fn first_largest(logits: &[f32], lane: usize) -> usize {
    let values = logits.chunks_exact(LANES).map(|z| z[lane]).enumerate();
    values.fold((0, logits[lane]), |best, (class, z)| if z > best.1 { (class, z) } else { best }).0
}

/// The classes whose logits come before the label's in a sample.
fn before(logits: &[f32], lane: usize, label: usize) -> usize {
    let own = logits[label * LANES + lane];
    let comes_before = |(class, z): (usize, f32)| match z.partial_cmp(&own) {
        Some(Ordering::Equal) => class < label,
        order => order != Some(Ordering::Less),
    };
    logits.chunks_exact(LANES).map(|z| z[lane]).enumerate().filter(|&it| comes_before(it)).count()
}

/// `Σ exp(logit − top)` over the classes.
fn total(logits: &[f32], lane: usize, top: f64) -> f64 {
    logits.chunks_exact(LANES).map(|z| exp(f64::from(z[lane]) - top)).sum()
}
