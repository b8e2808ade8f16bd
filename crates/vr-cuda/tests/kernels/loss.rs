//! Softmax cross-entropy.

use vr_cuda::kernels::{CrossEntropy, LossSums};
use vr_cuda::{Address, Kernel};
use vr_kernels::{cross_entropy, cross_entropy_backward, pack, unpack};

use crate::memory::{Memory, assert_close, numbers};

/// Losses, hits of both kinds, and gradient, by vr-kernels.
fn expected(logits: &[f32], labels: &[usize], classes: usize) -> (Vec<f64>, [usize; 2], Vec<f32>) {
    let (mut losses, mut hits, mut gradient) = (Vec::new(), [0, 0], Vec::new());
    for (labels, logits) in labels.chunks(16).zip(logits.chunks(16 * classes)) {
        let mut block = vec![0.0; classes * 16];
        pack(logits, classes, &mut block);
        let loss = cross_entropy(&block, labels);
        losses.extend_from_slice(&loss.losses[..labels.len()]);
        hits = [hits[0] + loss.correct, hits[1] + loss.correct_top5];
        let mut of_block = vec![0.0; classes * 16];
        cross_entropy_backward(&block, labels, 0.25, &mut of_block);
        let mut samples = vec![0.0; labels.len() * classes];
        unpack(&of_block, classes, &mut samples);
        gradient.extend(samples);
    }
    (losses, hits, gradient)
}

/// What the kernels make of logits: losses, sums and gradient.
fn run(logits: &[f32], labels: &[usize], classes: usize) -> Option<(Vec<f64>, Vec<f64>, Vec<f32>)> {
    let samples = labels.len();
    let mut memory = Memory::default();
    let labels: Vec<u32> = labels.iter().map(|&label| label as u32).collect();
    let (at_logits, at_labels) = (memory.put(logits), memory.put(&labels));
    let (losses, hits) = (memory.rubbish(samples), memory.rubbish::<u32>(2 * samples));
    let (gradient, sums) = (memory.rubbish(logits.len()), memory.rubbish(3));
    memory.run(|at| {
        let (losses, hits, gradient) = (at.of(losses), at.of(hits), at.of(gradient));
        let (logits, labels, scale) = (at.of(at_logits), at.of(at_labels), 0.25);
        let loss = CrossEntropy { logits, labels, losses, hits, gradient, scale, samples, classes };
        let without = CrossEntropy { gradient: Address::NULL, ..loss };
        vec![loss.launch(), without.launch(), LossSums { losses, hits, sums: at.of(sums), samples }.launch()]
    })?;
    Some((memory.get(losses), memory.get(sums), memory.get(gradient)))
}

#[test]
fn losses_hits_and_gradients_are_those_of_the_cpu() {
    for (samples, classes) in [(1, 1), (1, 10), (33, 10), (128, 10), (7, 255), (5, 256), (3, 257), (17, 1000), (300, 3)]
    {
        let logits: Vec<f32> = numbers(1, samples * classes).iter().map(|x| x * 4.0).collect();
        let labels: Vec<usize> = (0..samples).map(|n| (n * 7) % classes).collect();
        let Some((losses, sums, gradient)) = run(&logits, &labels, classes) else { return };
        let (expected_losses, hits, expected_gradient) = expected(&logits, &labels, classes);
        for (found, expected) in losses.iter().zip(&expected_losses) {
            assert!((found - expected).abs() <= 1e-13 * (1.0 + expected), "{found}, not {expected}");
        }
        let total: f64 = expected_losses.iter().sum();
        assert!((sums[0] - total).abs() <= 1e-12 * (1.0 + total), "{} not {total}", sums[0]);
        assert_eq!(sums[1..], hits.map(|hits| hits as f64));
        assert_close(&gradient, &expected_gradient, 1e-7);
    }
}

#[test]
fn ties_and_numbers_that_are_none_count_as_on_the_cpu() {
    let nan = f32::NAN;
    let rows: [[f32; 7]; 7] = [
        [1.0; 7],
        [0.0, 2.0, 2.0, 1.0, 2.0, 0.0, 2.0],
        [nan, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        [1.0, nan, 2.0, 3.0, 4.0, 5.0, 6.0],
        [nan; 7],
        [f32::INFINITY, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
        [f32::NEG_INFINITY; 7],
    ];
    for (row, label) in rows.iter().flat_map(|row| (0..7).map(move |label| (row, label))) {
        let Some((losses, sums, gradient)) = run(row, &[label], 7) else { return };
        let (expected_losses, hits, expected_gradient) = expected(row, &[label], 7);
        assert_eq!(sums[1..], hits.map(|hits| hits as f64), "{row:?}, label {label}");
        let same = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() < 1e-13 * b.abs();
        assert!(same(losses[0], expected_losses[0]), "{row:?}, label {label}: {losses:?}, not {expected_losses:?}");
        let gradients = gradient.iter().zip(&expected_gradient);
        let all_same = gradients.into_iter().all(|(&a, &b)| same(a.into(), b.into()));
        assert!(all_same, "{row:?}, label {label}: {gradient:?}, not {expected_gradient:?}");
    }
}
