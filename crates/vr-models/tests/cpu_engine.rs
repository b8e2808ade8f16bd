//! The cpu engine against the candle engine in f64, and against itself under every way of running it.

use rayon::prelude::*;
use vr_core::vector::{distance, norm};
use vr_core::{Batch, Evaluation, FlatVector, Key, Noise, NormStatistics, Normalization, Oracle, Stream};
use vr_kernels::Isa;
use vr_models::{
    CandleEngine, Conv, ConvInit, CpuEngine, Engine, EngineError, EngineKind, Graph, GraphBuilder, Model, Windows,
    initialize,
};

fn batch(n: usize, [c, h, w]: [usize; 3]) -> Batch {
    let pixels: Vec<f32> = (0..n * c * h * w).map(|i| (i as f32 * 0.37).sin() + (i as f32 * 0.0011).cos()).collect();
    Batch::new(&pixels, [n, c, h, w], (0..n as u32).map(|i| 7 * i % 10).collect()).unwrap()
}

/// The batch with dropout masks of that key for samples 100, 101, ….
fn noisy(batch: Batch, key: Key) -> Batch {
    let samples = (100..100 + batch.len() as u32).collect();
    batch.with_noise(Noise { key, samples }).unwrap()
}

const LOCKED: Key = Key { seed: 4, stream: Stream::LockedTransform, generation: 1, visit: 0 };

fn widen(x: &[f32]) -> FlatVector<f64> {
    FlatVector::from(x.iter().map(|&v| f64::from(v)).collect::<Vec<_>>())
}

struct Outcome {
    evaluation: Evaluation,
    gradient: FlatVector,
}

fn run(engine: &CpuEngine, x: &FlatVector, norm: Normalization<'_, f32>, batch: &Batch) -> Outcome {
    let mut gradient = FlatVector::from(vec![f32::NAN; x.len()]);
    let evaluation = engine.gradient(x, norm, batch, &mut gradient).unwrap();
    Outcome { evaluation, gradient }
}

/// Relative error of the gradient and of the statistics against the candle engine in f64.
fn errors<O: Oracle<Scalar = f32, Batch = Batch>>(
    engine: &O,
    graph: &Graph,
    x: &FlatVector,
    batch: &Batch,
) -> [f64; 2] {
    let exact_engine = CandleEngine::<f64>::new(graph.clone());
    let mut exact = FlatVector::zeros(x.len());
    let reference = exact_engine.gradient(&widen(x), Normalization::Batch, batch, &mut exact).unwrap();
    let mut gradient = FlatVector::from(vec![f32::NAN; x.len()]);
    let found = engine.gradient(x, Normalization::Batch, batch, &mut gradient).unwrap();
    assert!((found.loss - reference.loss).abs() < 1e-4 * reference.loss, "{} for {}", found.loss, reference.loss);
    let (found, reference) = (found.statistics.unwrap(), reference.statistics.unwrap());
    let statistics = distance(&widen(found.mean()), reference.mean()) / norm(reference.mean()).max(1e-30);
    let spread = distance(&widen(found.variance()), reference.variance()) / norm(reference.variance()).max(1e-30);
    [distance(&widen(&gradient), &exact) / norm(&exact), statistics.max(spread)]
}

fn check_against_candle(graph: &Graph, samples: usize) {
    let x = initialize(graph, 3);
    let batch = noisy(batch(samples, graph.input_shape().try_into().unwrap()), LOCKED);
    let ours = errors(&CpuEngine::new(graph.clone()), graph, &x, &batch);
    let candles = errors(&CandleEngine::<f32>::new(graph.clone()), graph, &x, &batch);
    // candle's own f32 is within three times PyTorch's; its error measures what f32 can do here.
    assert!(ours[0] <= 2.0 * candles[0] + 1e-6, "gradient: {ours:?} against candle's {candles:?}");
    assert!(ours[1] <= 1e-5, "statistics: {ours:?}");
}

#[test]
fn lenet_in_batches_whole_and_ragged() {
    for samples in [128, 80, 7] {
        check_against_candle(&Model::LENET.graph().unwrap(), samples);
    }
}

#[test]
fn variants() {
    for model in [Model::LENET_ELU, Model::LENET_DROPOUT, Model::RESNET_SMALL_ELU] {
        for samples in [32, 7] {
            check_against_candle(&model.graph().unwrap(), samples);
        }
    }
}

/// The root mean square over several points of the gradient's error, against candle's f32. At a single
/// point the error is a matter of luck: whether rounding carries an activation over ReLU's kink, which
/// changes it by three orders of magnitude.
#[allow(clippy::print_stderr, reason = "the numbers of docs/performance.md")]
fn check_over_points(model: Model, samples: usize, points: u64) {
    let graph = model.graph().unwrap();
    let (ours, candles) = (CpuEngine::new(graph.clone()), CandleEngine::<f32>::new(graph.clone()));
    let mut squares = [0.0; 2];
    for seed in 0..points {
        let x = initialize(&graph, seed);
        let batch = batch(samples, graph.input_shape().try_into().unwrap());
        let [gradient, statistics] = errors(&ours, &graph, &x, &batch);
        assert!(statistics <= 1e-5, "{model}, seed {seed}: statistics {statistics}");
        squares[0] += gradient.powi(2);
        squares[1] += errors(&candles, &graph, &x, &batch)[0].powi(2);
    }
    let [ours, candles] = squares.map(|sum| (sum / points as f64).sqrt());
    eprintln!("{model}, batch {samples}, {points} points: {ours:.1e}, candle {candles:.1e}");
    assert!(ours <= 3.0 * candles, "{model}, batch {samples}: {ours} against candle's {candles}");
}

#[test]
fn small_resnet() {
    for samples in [128, 80, 7] {
        check_over_points(Model::RESNET_SMALL, samples, 4);
    }
}

#[test]
fn large_networks_in_small_batches() {
    check_over_points(Model::RESNET110, 7, 6);
    check_over_points(Model::DENSENET_40_36, 7, 4);
}

#[test]
#[ignore = "a quarter of an hour: candle's steps in f64"]
fn large_networks_in_large_batches() {
    for samples in [80, 128] {
        check_over_points(Model::RESNET110, samples, 3);
        check_over_points(Model::DENSENET_40_36, samples, 2);
    }
}

/// Everything that the zoo's networks do not do: ReLU without batch norm, batch norm of pictures that
/// were pooled, concatenation with the input and of a convolution of what it is concatenated with,
/// ELU and dropout without batch norm, of the pictures, and of what is concatenated, one value read by
/// many, groups of channels with bias, and a group for each output.
fn odd_graph() -> Graph {
    let mut g = GraphBuilder::new([3, 7, 8]);
    let pictures = g.dropout(0, 0.1);
    let a = g.conv(pictures, "a", Conv::new(4, 3).same().bias());
    let a_relu = g.relu(a);
    let b = g.conv(a_relu, "b", Conv::new(4, 3).same());
    let sum = g.add(b, a);
    let sum = g.add(sum, a_relu);
    let c = g.conv(sum, "c", Conv::new(5, 1));
    let c_elu = g.elu(c);
    let c_dropped = g.dropout(c_elu, 0.3);
    let c_both = g.add(c_elu, c_dropped);
    let grown = g.concat(vec![0, sum, c, c_elu, c_dropped, c_both]);
    let normed = g.batch_norm(grown, "norm");
    let both = g.add(normed, grown);
    let grouped = g.conv(both, "grouped", Conv::new(12, 3).same().groups(3).bias());
    let thin = g.conv(grouped, "thin", Conv::new(4, 1).stride(2).groups(4));
    let wide = g.conv(both, "wide", Conv::new(6, 7).stride(2).same());
    let d = g.concat(vec![wide, thin]);
    let pooled = g.max_pool(d, 2);
    let mean = g.avg_pool(d, 2);
    let pooled = g.add(pooled, mean);
    let overlapping = Windows::square(3).stride(2).padding(1);
    let most = g.max_pool(d, overlapping);
    let pooled = g.add(pooled, most);
    let mean = g.avg_pool(d, overlapping);
    let pooled = g.add(pooled, mean);
    let pooled_norm = g.batch_norm(pooled, "pooled_norm");
    let last = g.relu(pooled_norm);
    let flat = g.flatten(last);
    let flat_norm = g.batch_norm(flat, "flat_norm");
    let flat_elu = g.elu(flat_norm);
    let flat_dropped = g.dropout(flat_elu, 0.5);
    g.linear(flat_dropped, "fc", 10);
    g.finish(ConvInit::KaimingUniform).unwrap()
}

/// Values that are joined with what comes of themselves, and that several joins have, one within the other.
fn joined_graph() -> Graph {
    let mut g = GraphBuilder::new([3, 6, 6]);
    let a = g.conv(0, "a", Conv::new(4, 3).same());
    let normed = g.batch_norm(a, "normed");
    let active = g.relu(normed);
    let inner = g.concat(vec![active, a]);
    let outer = g.concat(vec![a, inner, a, active]);
    let again = g.concat(vec![inner, outer]);
    let both = g.batch_norm(again, "both");
    let thin = g.conv(both, "thin", Conv::new(4, 1));
    let last = g.concat(vec![thin, again]);
    let pooled = g.avg_pool(last, 6);
    let flat = g.flatten(pooled);
    g.linear(flat, "fc", 10);
    g.finish(ConvInit::KaimingUniform).unwrap()
}

#[test]
fn graphs_unlike_the_zoo() {
    for graph in [odd_graph(), joined_graph()] {
        for samples in [33, 5] {
            check_against_candle(&graph, samples);
        }
    }
}

#[test]
fn evaluation_mode_has_its_own_gradient() {
    for graph in [Model::LENET.graph().unwrap(), odd_graph()] {
        let x = initialize(&graph, 1);
        let batch = noisy(batch(20, graph.input_shape().try_into().unwrap()), LOCKED);
        let engine = CpuEngine::new(graph.clone());
        let mut stored = NormStatistics::initial(graph.norm_layers().clone());
        stored.fold(&engine.evaluate(&x, Normalization::Batch, &batch).unwrap().statistics.unwrap());
        let found = run(&engine, &x, Normalization::Stored(&stored), &batch);
        assert!(found.evaluation.statistics.is_none());

        let mut exact_stored = NormStatistics::<f64>::initial(graph.norm_layers().clone());
        for layer in 0..graph.norm_layers().len() {
            let (mean, variance) = exact_stored.layer_mut(layer);
            mean.copy_from_slice(&widen(stored.layer(layer).0));
            variance.copy_from_slice(&widen(stored.layer(layer).1));
        }
        let mut exact = FlatVector::zeros(x.len());
        let exact_engine = CandleEngine::<f64>::new(graph);
        exact_engine.gradient(&widen(&x), Normalization::Stored(&exact_stored), &batch, &mut exact).unwrap();
        let error = distance(&widen(&found.gradient), &exact) / norm(&exact);
        assert!(error < 1e-4, "{error}");
    }
}

/// Locking is the same key used twice; any other part of the key draws other masks.
#[test]
fn masks_follow_the_key() {
    for graph in [Model::LENET_DROPOUT.graph().unwrap(), odd_graph()] {
        let x = initialize(&graph, 1);
        let pictures = batch(20, graph.input_shape().try_into().unwrap());
        let engine = CpuEngine::new(graph);
        let under = |key| run(&engine, &x, Normalization::Batch, &noisy(pictures.clone(), key));
        let locked = under(LOCKED);
        same_bits(&locked, &under(LOCKED), "one key");
        for key in [
            Key { stream: Stream::InnerTransform, ..LOCKED },
            Key { generation: 2, ..LOCKED },
            Key { visit: 1, ..LOCKED },
            Key { seed: 5, ..LOCKED },
        ] {
            assert_ne!(under(key).gradient, locked.gradient, "{key:?}");
        }
    }
}

/// Pictures to test on carry no noise: nothing is dropped out in evaluation mode, and nothing silently in
/// train mode.
#[test]
fn without_noise_dropout_is_the_identity_in_evaluation_mode_and_an_error_in_train_mode() {
    let (plain, dropout) = (Model::LENET.graph().unwrap(), Model::LENET_DROPOUT.graph().unwrap());
    let x = initialize(&plain, 1);
    let pictures = batch(20, [3, 32, 32]);
    let stored = NormStatistics::initial(plain.norm_layers().clone());
    let norm = Normalization::Stored(&stored);
    let expected = run(&CpuEngine::new(plain), &x, norm, &pictures);
    let engine = CpuEngine::new(dropout.clone());
    same_bits(&run(&engine, &x, norm, &pictures), &expected, "evaluation mode");
    let refused = |error| matches!(error, EngineError::Noise);
    assert!(refused(engine.evaluate(&x, Normalization::Batch, &pictures).unwrap_err()));
    assert!(refused(CandleEngine::<f32>::new(dropout).evaluate(&x, Normalization::Batch, &pictures).unwrap_err()));
}

fn same_bits(a: &Outcome, b: &Outcome, what: &str) {
    let bits = |x: &[f32]| x.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert!(bits(&a.gradient) == bits(&b.gradient), "{what}: gradients differ");
    assert_eq!(a.evaluation.loss.to_bits(), b.evaluation.loss.to_bits(), "{what}");
    assert_eq!(a.evaluation, b.evaluation, "{what}");
}

#[test]
fn the_same_bits_however_it_runs() {
    for model in [Model::LENET, Model::LENET_DROPOUT, Model::RESNET_SMALL] {
        let graph = model.graph().unwrap();
        let x = initialize(&graph, 0);
        let engine = CpuEngine::new(graph);
        let batches: Vec<Batch> = [80, 7, 48].map(|n| noisy(batch(n, [3, 32, 32]), LOCKED)).into();
        let alone: Vec<Outcome> = batches.iter().map(|b| run(&engine, &x, Normalization::Batch, b)).collect();
        for threads in 1..=4 {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let across: Vec<Outcome> =
                pool.install(|| batches.par_iter().map(|b| run(&engine, &x, Normalization::Batch, b)).collect());
            let within: Vec<Outcome> =
                pool.install(|| batches.iter().map(|b| run(&engine, &x, Normalization::Batch, b)).collect());
            for ((alone, across), within) in alone.iter().zip(&across).zip(&within) {
                same_bits(alone, across, &format!("{threads} threads, across minibatches"));
                same_bits(alone, within, &format!("{threads} threads, within a minibatch"));
            }
        }
    }
}

#[test]
fn the_same_bits_on_every_instruction_set() {
    let graph = odd_graph();
    let x = initialize(&graph, 0);
    let batch = noisy(batch(19, [3, 7, 8]), LOCKED);
    let results: Vec<Outcome> = Isa::available()
        .into_iter()
        .map(|isa| run(&CpuEngine::on(graph.clone(), isa), &x, Normalization::Batch, &batch))
        .collect();
    for other in &results[1..] {
        same_bits(&results[0], other, "instruction sets");
    }
}

#[test]
fn wrong_arguments_are_named() {
    let engine = CpuEngine::new(Model::LENET.graph().unwrap());
    let x = FlatVector::zeros(engine.space().len());
    let picture = batch(2, [3, 16, 16]);
    let error = engine.evaluate(&x, Normalization::Batch, &picture).unwrap_err();
    assert!(error.to_string().contains("[2, 3, 16, 16]"), "{error}");
    let label = Batch::new(&vec![0.0; 3072], [1, 3, 32, 32], vec![10]).unwrap();
    let error = engine.evaluate(&x, Normalization::Batch, &label).unwrap_err();
    assert!(error.to_string().contains("label 10"), "{error}");
    let error = engine.evaluate(&FlatVector::zeros(3), Normalization::Batch, &batch(1, [3, 32, 32])).unwrap_err();
    assert!(error.to_string().contains("62458"), "{error}");
}

/// As PyTorch, which also leaves single pictures alone where batch norm sees several positions of each.
#[test]
fn batch_norm_of_a_single_value_is_an_error_in_train_mode() {
    let graph = Model::LENET.graph().unwrap();
    let x = initialize(&graph, 0);
    let one = batch(1, [3, 32, 32]);
    let stored = NormStatistics::initial(graph.norm_layers().clone());
    for kind in EngineKind::ALL {
        let engine = Engine::new(kind, graph.clone()).unwrap();
        let error = engine.gradient(&x, Normalization::Batch, &one, &mut FlatVector::zeros(x.len())).unwrap_err();
        assert!(matches!(&error, EngineError::SingleValue { layer } if layer == "fc_bn1"), "{error}");
        engine.evaluate(&x, Normalization::Batch, &one).unwrap_err();
        engine.evaluate(&x, Normalization::Stored(&stored), &one).unwrap();
    }
    let graph = Model::RESNET_SMALL.graph().unwrap();
    let x = initialize(&graph, 0);
    CpuEngine::new(graph).evaluate(&x, Normalization::Batch, &one).unwrap();
}
