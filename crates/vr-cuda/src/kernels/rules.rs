//! Update rules, with the bits of `vr-optim`'s. Tables have a number for each tensor of the space: what the schedule and its options make
//! of the rule's own.

use super::{Address, Grid};

kernel! {
    /// `d = v + decay·x`, `buffer ← momentum·buffer + d`, `x ← x − rate·buffer`, or `x ← x − rate·(d + momentum·buffer)` in Nesterov's form.
    SgdMomentum = "sgd_momentum", |of| Grid::Blocks(of.blocks),
    {
        /// The iterate.
        x: Address<f32>,
        /// The momentum's buffer.
        buffer: Address<f32>,
        /// v.
        direction: Address<f32>,
        /// Weight decay of each tensor.
        decays: Address<f32>,
        /// Learning rate of each tensor.
        rates: Address<f32>,
        /// The table of [`Chunks`](super::Chunks), of the tensors that move.
        chunks: Address<u32>,
        /// Share of the old buffer.
        momentum: f64,
        /// Whether in Nesterov's form.
        nesterov: bool,
        /// Chunks.
        blocks: usize,
    }
}

kernel! {
    /// `a ← β₁·a + (1 − β₁)·v`, `q ← β₂·q + (1 − β₂)·v²`, `x ← keep·x − rate·a / (√q/root + ε)`.
    AdamW = "adamw", |of| Grid::Blocks(of.blocks),
    {
        /// The iterate.
        x: Address<f32>,
        /// a.
        first: Address<f32>,
        /// q.
        second: Address<f32>,
        /// v.
        direction: Address<f32>,
        /// `1 − learning rate · weight decay` of each tensor.
        keeps: Address<f64>,
        /// `learning rate / (1 − β₁ᵗ)` of each tensor.
        rates: Address<f64>,
        /// One number: `√(1 − β₂ᵗ)`.
        root: Address<f64>,
        /// The table of [`Chunks`](super::Chunks), of the tensors that move.
        chunks: Address<u32>,
        /// β₁.
        beta1: f64,
        /// β₂.
        beta2: f64,
        /// ε.
        epsilon: f64,
        /// Chunks.
        blocks: usize,
    }
}

kernel! {
    /// `x ← keep·x − rate·sign(β₁·a + (1 − β₁)·v)`, `a ← β₂·a + (1 − β₂)·v`.
    Lion = "lion", |of| Grid::Blocks(of.blocks),
    {
        /// The iterate.
        x: Address<f32>,
        /// a.
        momentum: Address<f32>,
        /// v.
        direction: Address<f32>,
        /// `1 − learning rate · weight decay` of each tensor.
        keeps: Address<f64>,
        /// Learning rate of each tensor.
        rates: Address<f64>,
        /// The table of [`Chunks`](super::Chunks), of the tensors that move.
        chunks: Address<u32>,
        /// β₁.
        beta1: f64,
        /// β₂.
        beta2: f64,
        /// Chunks.
        blocks: usize,
    }
}
