//! Softmax cross-entropy.

use super::{Address, Grid};

kernel! {
    /// Loss, hits and, if asked for, the gradient of each sample's logits.
    CrossEntropy = "cross_entropy", |of| Grid::Blocks(of.samples),
    {
        /// `[samples][classes]`.
        logits: Address<f32>,
        /// One of each sample, below `classes`.
        labels: Address<u32>,
        /// `−ln softmax(logits)[label]`, written.
        losses: Address<f64>,
        /// `[samples][2]`, written: 1 where the first largest logit is the label's, and where fewer than five come before the label's.
        hits: Address<u32>,
        /// `scale · (softmax − one-hot)`, `[samples][classes]`, written; or NULL.
        gradient: Address<f32>,
        /// One over the samples, for the gradient of the mean.
        scale: f64,
        /// Samples.
        samples: usize,
        /// Classes.
        classes: usize,
    }
}

kernel! {
    /// `[Σ losses, hits by the first class, hits by the first five]`.
    LossSums = "loss_sums", |_of| Grid::Blocks(1),
    {
        /// As [`CrossEntropy`] wrote them.
        losses: Address<f64>,
        /// As [`CrossEntropy`] wrote them.
        hits: Address<u32>,
        /// Three numbers, written.
        sums: Address<f64>,
        /// Samples.
        samples: usize,
    }
}
