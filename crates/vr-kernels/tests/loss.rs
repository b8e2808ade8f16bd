//! Softmax cross-entropy against the standard library's functions and finite differences.

mod common;

use common::{pad, values};
use vr_kernels::{LANES, cross_entropy, cross_entropy_backward};

fn naive(logits: &[f64], label: usize) -> f64 {
    logits.iter().map(|z| z.exp()).sum::<f64>().ln() - logits[label]
}

#[test]
fn loss_and_gradient_are_the_reference() {
    for (classes, lanes) in [(1, 3), (2, 1), (10, 7), (10, 16), (100, 16)] {
        let logits: Vec<f32> = values(classes as u64, classes * LANES).iter().map(|v| v * 5.0).collect();
        let logits = pad(logits, lanes, f32::NAN);
        let labels: Vec<usize> = (0..lanes).map(|l| l * 7 % classes).collect();
        let loss = cross_entropy(&logits, &labels);
        let scale = 1.0 / 40.0;
        let mut gradient = vec![f32::NAN; logits.len()];
        cross_entropy_backward(&logits, &labels, scale, &mut gradient);
        let (mut correct, mut correct_top5) = (0, 0);
        for (lane, &label) in labels.iter().enumerate() {
            let z: Vec<f64> = logits.chunks(LANES).map(|z| f64::from(z[lane])).collect();
            assert!((loss.losses[lane] - naive(&z, label)).abs() < 1e-13);
            correct += usize::from(z.iter().all(|v| *v <= z[label]));
            correct_top5 += usize::from(z.iter().filter(|v| **v > z[label]).count() < 5);
            for class in 0..classes {
                let at = |h: f64| {
                    let mut z = z.clone();
                    z[class] += h;
                    naive(&z, label)
                };
                let slope = scale * (at(1e-5) - at(-1e-5)) / 2e-5;
                assert!((f64::from(gradient[class * LANES + lane]) - slope).abs() < 1e-8);
            }
        }
        assert_eq!((loss.correct, loss.correct_top5), (correct, correct_top5));
        assert!(loss.losses[lanes..].iter().all(|l| *l == 0.0));
        assert!(gradient.chunks(LANES).all(|g| g[lanes..].iter().all(|g| g.to_bits() == 0)));
    }
}

#[test]
fn the_first_of_equal_logits_counts() {
    let mut logits = vec![0.0; 3 * LANES];
    logits[LANES..].fill(1.0);
    assert_eq!(cross_entropy(&logits, &[1, 2, 0, 1]).correct, 2);
    // Five of seven that are equal.
    let labels: Vec<usize> = (0..7).collect();
    assert_eq!(cross_entropy(&[1.0; 7 * LANES], &labels).correct_top5, 5);
    let mut logits = vec![1.0; 7 * LANES];
    logits[6 * LANES..].fill(f32::NAN);
    assert_eq!(cross_entropy(&logits, &labels).correct_top5, 4);
}

#[test]
fn large_logits_stay_finite() {
    let mut logits = vec![-3e38; 2 * LANES];
    logits[..LANES].fill(3e38);
    let loss = cross_entropy(&logits, &[0, 1]);
    assert_eq!(loss.losses[0], 0.0);
    assert!(loss.losses[1].is_finite());
    let mut gradient = vec![0.0; logits.len()];
    cross_entropy_backward(&logits, &[0, 1], 1.0, &mut gradient);
    assert_eq!([gradient[0], gradient[LANES], gradient[1], gradient[LANES + 1]], [0.0, 0.0, 1.0, -1.0]);
}

#[test]
#[should_panic(expected = "a label is not a class")]
fn labels_are_checked() {
    cross_entropy(&[0.0; 2 * LANES], &[2]);
}
