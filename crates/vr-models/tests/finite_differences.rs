//! The candle engine's gradient against central differences in f64, on a graph with every operation.

use vr_core::{Batch, FlatVector, Key, Noise, Normalization, Oracle, Stream, random};
use vr_models::{CandleEngine, Conv, ConvInit, Graph, GraphBuilder, Windows, initialize};

fn every_operation() -> Graph {
    let mut g = GraphBuilder::new([3, 8, 8]);
    let stem = g.conv(0, "conv1", Conv::new(4, 3).same().bias());
    let norm = g.batch_norm(stem, "bn1");
    let active = g.relu(norm);
    let down = g.conv(active, "down", Conv::new(6, 3).same().stride(2));
    let shortcut = g.conv(active, "shortcut", Conv::new(6, 1).stride(2));
    let sum = g.add(down, shortcut);
    let sum = g.conv(sum, "grouped", Conv::new(6, 3).same().groups(3));
    let joined = g.concat(vec![sum, down]);
    let pooled = g.max_pool(joined, 2);
    let mean = g.avg_pool(pooled, Windows::whole([2, 1]).padding(0));
    let mean = g.max_pool(mean, Windows::whole([1, 2]));
    let overlapping = g.avg_pool(pooled, Windows::square(2).padding(1));
    let overlapping = g.max_pool(overlapping, Windows::square(2).stride(1));
    let mean = g.add(mean, overlapping);
    let flat = g.flatten(mean);
    let hidden = g.linear(flat, "fc1", 7);
    let norm = g.batch_norm(hidden, "bn2");
    let active = g.elu(norm);
    let dropped = g.dropout(active, 0.25);
    g.linear(dropped, "fc2", 5);
    g.finish(ConvInit::KaimingUniform).unwrap()
}

fn batch(n: usize) -> Batch {
    let key = Key::new(5, Stream::User);
    let pixels =
        (0..n * 3 * 64).map(|i| random::normal([key.words(i as u32, 0)[0], key.words(i as u32, 1)[0]])[0] as f32);
    let batch = Batch::new(&pixels.collect::<Vec<_>>(), [n, 3, 8, 8], (0..n as u32).map(|i| i % 5).collect()).unwrap();
    batch.with_noise(Noise { key, samples: (0..n as u32).collect() }).unwrap()
}

#[test]
fn the_gradient_is_the_losses_derivative_in_both_modes() {
    let graph = every_operation();
    let mut x = FlatVector::<f64>::zeros(graph.space().len());
    x.assign(&initialize(&graph, 2));
    let engine = CandleEngine::<f64>::new(graph);
    let batch = batch(6);
    let mut gradient = FlatVector::zeros(x.len());
    let evaluation = engine.gradient(&x, Normalization::Batch, &batch, &mut gradient).unwrap();
    let statistics = evaluation.statistics.clone().unwrap();
    assert_eq!(engine.evaluate(&x, Normalization::Batch, &batch).unwrap(), evaluation);
    for norm in [Normalization::Batch, Normalization::Stored(&statistics)] {
        engine.gradient(&x, norm, &batch, &mut gradient).unwrap();
        let size = vr_core::vector::norm(&gradient);
        assert!(size > 1e-3);
        for i in 0..x.len() {
            let h = 1e-6;
            let loss_at = |shift: f64| {
                let mut moved = x.clone();
                moved[i] += shift;
                engine.evaluate(&moved, norm, &batch).unwrap().loss
            };
            let difference = (loss_at(h) - loss_at(-h)) / (2.0 * h);
            assert!(
                (difference - gradient[i]).abs() < 1e-7 * (1.0 + size),
                "{i}: {difference} against {}",
                gradient[i]
            );
        }
    }
}

/// bn1 sees the first convolution's output: its statistics by hand, variance with divisor n − 1.
#[test]
fn statistics_are_the_batchs_own_with_unbiased_variance() {
    let mut g = GraphBuilder::new([3, 8, 8]);
    let norm = g.batch_norm(0, "bn");
    let flat = g.flatten(norm);
    g.linear(flat, "fc", 5);
    let graph = g.finish(ConvInit::KaimingUniform).unwrap();
    let mut x = FlatVector::<f64>::zeros(graph.space().len());
    x.assign(&initialize(&graph, 2));
    let batch = batch(4);
    let evaluation = CandleEngine::<f64>::new(graph).evaluate(&x, Normalization::Batch, &batch).unwrap();
    let statistics = evaluation.statistics.unwrap();
    for channel in 0..3 {
        let values: Vec<f64> = (0..4).flat_map(|n| batch.image(n).skip(channel * 64).take(64).map(f64::from)).collect();
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let (means, variances) = statistics.layer(0);
        assert!((means[channel] - mean).abs() < 1e-12 && (variances[channel] - variance).abs() < 1e-12);
    }
}

#[test]
fn misfits_are_named() {
    let graph = every_operation();
    let x = FlatVector::from(initialize(&graph, 0).iter().map(|&v| f64::from(v)).collect::<Vec<_>>());
    let engine = CandleEngine::<f64>::new(graph);
    let short = FlatVector::zeros(3);
    let error = engine.evaluate(&short, Normalization::Batch, &batch(2)).unwrap_err();
    assert!(error.to_string().contains("3 elements"), "{error}");
    let wrong = Batch::new(&vec![0.0; 2 * 64], [2, 1, 8, 8], vec![0, 1]).unwrap();
    assert!(engine.evaluate(&x, Normalization::Batch, &wrong).unwrap_err().to_string().contains("[2, 1, 8, 8]"));
    let label = Batch::new(&vec![0.0; 3 * 64], [1, 3, 8, 8], vec![5]).unwrap();
    assert!(engine.evaluate(&x, Normalization::Batch, &label).unwrap_err().to_string().contains("label 5"));
}
