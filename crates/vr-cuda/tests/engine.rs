//! Plans on the host in place of a GPU, against the CPU engine.

use std::sync::OnceLock;

use rayon::prelude::*;
use vr_core::vector::{distance, norm};
use vr_core::{Batch, Evaluation, FlatVector, Key, Noise, NormStatistics, Normalization, Oracle, Stream};
use vr_cuda::command::Command;
use vr_cuda::host::{HostDevice, Order};
use vr_cuda::plan::{Mode, Plan};
use vr_cuda::{CudaError, DeviceEngine};
use vr_models::{Conv, ConvInit, CpuEngine, EngineError, Graph, GraphBuilder, Model, Windows, initialize};

/// The host in place of a GPU; `None`, said on standard error, where there is no C compiler.
#[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
fn device() -> Option<HostDevice> {
    static DEVICE: OnceLock<Option<HostDevice>> = OnceLock::new();
    let device = DEVICE.get_or_init(|| match HostDevice::new() {
        Ok(device) => Some(device),
        Err(error @ CudaError::NoCompiler { .. }) => {
            eprintln!("SKIPPED: plans are not tested here: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    });
    device.clone()
}

fn batch(samples: usize, graph: &Graph) -> Batch {
    let &[c, h, w] = graph.input_shape() else { panic!("pictures") };
    let len = samples * c * h * w;
    let pixels: Vec<f32> = (0..len).map(|i| (i as f32 * 0.37).sin() + (i as f32 * 0.0011).cos()).collect();
    let labels = (0..samples).map(|i| (7 * i % graph.classes()) as u32).collect();
    Batch::new(&pixels, [samples, c, h, w], labels).unwrap()
}

const LOCKED: Key = Key { seed: 1 << 40 | 4, stream: Stream::LockedTransform, generation: 1, visit: 3 };

fn noisy(batch: Batch, key: Key) -> Batch {
    let samples = (100..100 + batch.len() as u32).collect();
    batch.with_noise(Noise { key, samples }).unwrap()
}

struct Outcome {
    evaluation: Evaluation,
    gradient: FlatVector,
}

fn run<O: Oracle<Scalar = f32, Batch = Batch>>(
    engine: &O,
    x: &FlatVector,
    norm: Normalization<'_, f32>,
    batch: &Batch,
) -> Outcome {
    let mut gradient = FlatVector::from(vec![f32::NAN; x.len()]);
    let evaluation = engine.gradient(x, norm, batch, &mut gradient).unwrap();
    Outcome { evaluation, gradient }
}

fn relative(found: &[f32], expected: &[f32]) -> f64 {
    distance(found, expected) / norm(expected).max(1e-30)
}

/// Holds the relative difference of the gradient, as a whole, to `most`, and those of loss and statistics to a tenth of it.
#[track_caller]
fn assert_near(found: &Outcome, expected: &Outcome, most: f64) {
    let (a, b) = (&found.evaluation, &expected.evaluation);
    assert!((a.loss - b.loss).abs() <= 0.1 * most * b.loss.abs(), "loss {} for {}", a.loss, b.loss);
    assert_eq!((a.correct, a.correct_top5, a.samples), (b.correct, b.correct_top5, b.samples));
    assert_eq!(a.statistics.is_some(), b.statistics.is_some());
    if let (Some(a), Some(b)) = (&a.statistics, &b.statistics) {
        let errors = [relative(a.mean(), b.mean()), relative(a.variance(), b.variance())];
        assert!(errors.iter().all(|error| *error <= 0.1 * most), "statistics {errors:?}");
    }
    let error = relative(&found.gradient, &expected.gradient);
    assert!(error <= most, "gradient {error}");
}

fn check(device: &HostDevice, graph: &Graph, samples: usize, most: f64) {
    let x = initialize(graph, 1);
    let batch = noisy(batch(samples, graph), LOCKED);
    let found = run(&DeviceEngine::new(graph.clone(), device.clone()), &x, Normalization::Batch, &batch);
    let expected = run(&CpuEngine::new(graph.clone()), &x, Normalization::Batch, &batch);
    assert_near(&found, &expected, most);
    // No tensor's gradient is lost among the others.
    for tensor in graph.space().tensors() {
        let (a, b) = (&found.gradient[tensor.range()], &expected.gradient[tensor.range()]);
        // What batch norm takes out, such as a bias before it, has a gradient of 0 but for rounding.
        if norm(b) > 1e-3 * norm(&expected.gradient) {
            assert!(relative(a, b) <= 10.0 * most, "{}: {}", tensor.name(), relative(a, b));
        }
    }
}

fn check_model(name: &str, samples: usize, most: f64) {
    let Some(device) = device() else { return };
    check(&device, &name.parse::<Model>().unwrap().graph().unwrap(), samples, most);
}

#[test]
fn lenet() {
    for (name, samples) in [("lenet", 33), ("lenet-elu", 16), ("lenet-dropout", 7)] {
        check_model(name, samples, 1e-5);
    }
}

#[test]
fn small_resnet() {
    check_model("resnet-small-elu", 7, 1e-5);
    check_model("resnet-small", 7, 1e-2);
}

/// Rounding carries an activation of a deep network over the kink of ReLU now and then, which moves the gradient by a part in a hundred.
#[test]
fn large_networks() {
    check_model("resnet110", 1, 5e-2);
    check_model("densenet-40-36", 1, 5e-2);
}

#[test]
fn a_network_for_imagenet() {
    check_model("resnet50:picture=3x64x64,classes=10", 2, 5e-2);
}

/// What the networks above do not do: activations, pooling and dropout without batch norm, of the pictures and of what is concatenated,
/// sums of what was normed with itself and with others, concatenation with the pictures, of a value read by many and of another
/// concatenation, overlapping windows, groups of channels with bias, strides.
fn odd_graph() -> Graph {
    let mut g = GraphBuilder::new([3, 7, 8]);
    let pictures = g.dropout(0, 0.1);
    let a = g.conv(pictures, "a", Conv::new(4, 3).same().bias());
    let a_elu = g.elu(a);
    let b = g.conv(a_elu, "b", Conv::new(4, 3).same());
    let sum = g.add(b, a);
    let sum = g.add(sum, a_elu);
    let c = g.conv(sum, "c", Conv::new(5, 1));
    let c_elu = g.elu(c);
    let c_dropped = g.dropout(c_elu, 0.3);
    let c_both = g.add(c_elu, c_dropped);
    let inner = g.concat(vec![0, sum, c, c_elu, c_dropped, c_both]);
    let thick = g.conv(inner, "thick", Conv::new(3, 1));
    let grown = g.concat(vec![inner, thick]);
    let normed = g.batch_norm(grown, "norm");
    let both = g.add(normed, grown);
    let both = g.elu(both);
    let first = g.batch_norm(both, "first");
    let second = g.batch_norm(both, "second");
    let both = g.add(first, second);
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
    let flat = g.flatten(pooled_norm);
    let flat_norm = g.batch_norm(flat, "flat_norm");
    let flat_elu = g.elu(flat_norm);
    let flat_dropped = g.dropout(flat_elu, 0.5);
    g.linear(flat_dropped, "fc", 10);
    g.finish(ConvInit::KaimingUniform).unwrap()
}

#[test]
fn graphs_unlike_the_zoo() {
    let Some(device) = device() else { return };
    for samples in [33, 5] {
        check(&device, &odd_graph(), samples, 1e-4);
    }
}

#[test]
fn evaluation_mode_has_its_own_gradient() {
    let Some(device) = device() else { return };
    for (graph, most) in [(Model::LENET.graph().unwrap(), 1e-5), (odd_graph(), 1e-4)] {
        let (engine, cpu) = (DeviceEngine::new(graph.clone(), device.clone()), CpuEngine::new(graph.clone()));
        let x = initialize(&graph, 1);
        // Without noise nothing is dropped out.
        let pictures = batch(20, &graph);
        let mut stored = NormStatistics::initial(graph.norm_layers().clone());
        let train = cpu.evaluate(&x, Normalization::Batch, &noisy(pictures.clone(), LOCKED)).unwrap();
        stored.fold(&train.statistics.unwrap());
        let norm = Normalization::Stored(&stored);
        for pictures in [pictures.clone(), noisy(pictures, LOCKED)] {
            let found = run(&engine, &x, norm, &pictures);
            assert_near(&found, &run(&cpu, &x, norm, &pictures), most);
            assert_eq!(engine.evaluate(&x, norm, &pictures).unwrap(), found.evaluation);
        }
    }
}

fn same_bits(a: &Outcome, b: &Outcome, what: &str) {
    let bits = |x: &[f32]| x.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert!(bits(&a.gradient) == bits(&b.gradient), "{what}: gradients differ");
    assert_eq!(a.evaluation, b.evaluation, "{what}");
}

/// A GPU runs blocks and threads in an order of its own.
#[test]
fn the_same_bits_in_every_order_and_from_several_threads() {
    let Some(device) = device() else { return };
    let graph = odd_graph();
    let x = initialize(&graph, 0);
    let batches = [19, 7, 19].map(|samples| noisy(batch(samples, &graph), LOCKED));
    let engine = DeviceEngine::new(graph.clone(), device.clone());
    let alone = batches.each_ref().map(|batch| run(&engine, &x, Normalization::Batch, batch));
    for (threads, order) in [(37, Order::Backwards), (1024, Order::Forwards)] {
        let other = DeviceEngine::new(graph.clone(), device.clone().with(threads, order));
        let found = run(&other, &x, Normalization::Batch, &batches[0]);
        same_bits(&found, &alone[0], &format!("{threads} threads, {order:?}"));
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let rounds: Vec<&Batch> = batches.iter().cycle().take(9).collect();
    let found: Vec<Outcome> =
        pool.install(|| rounds.par_iter().map(|batch| run(&engine, &x, Normalization::Batch, batch)).collect());
    for (found, alone) in found.iter().zip(alone.iter().cycle()) {
        same_bits(found, alone, "several threads");
    }
    let one = DeviceEngine::new(graph, device).with_at_once(1);
    pool.install(|| rounds.par_iter().for_each(|batch| assert!(one.evaluate(&x, Normalization::Batch, batch).is_ok())));
}

#[test]
fn masks_follow_the_key() {
    let Some(device) = device() else { return };
    let graph = Model::LENET_DROPOUT.graph().unwrap();
    let (x, pictures) = (initialize(&graph, 1), batch(6, &graph));
    let engine = DeviceEngine::new(graph, device);
    let under = |key| run(&engine, &x, Normalization::Batch, &noisy(pictures.clone(), key));
    let locked = under(LOCKED);
    for key in [
        Key { stream: Stream::InnerTransform, ..LOCKED },
        Key { generation: 2, ..LOCKED },
        Key { visit: 1, ..LOCKED },
        Key { seed: 4, ..LOCKED },
    ] {
        assert_ne!(under(key).gradient, locked.gradient, "{key:?}");
    }
    same_bits(&under(LOCKED), &locked, "one key");
}

#[test]
fn wrong_arguments_are_named() {
    let Some(device) = device() else { return };
    let graph = Model::LENET.graph().unwrap();
    let engine = DeviceEngine::new(graph.clone(), device);
    let error = engine.evaluate(&FlatVector::zeros(3), Normalization::Batch, &batch(2, &graph)).unwrap_err();
    assert!(error.to_string().contains("62458"), "{error}");
    let one = batch(1, &graph);
    let error = engine.evaluate(&initialize(&graph, 0), Normalization::Batch, &one).unwrap_err();
    assert!(matches!(error, EngineError::SingleValue { .. }), "{error}");
}

/// What is concatenated is computed in its place, and a batch norm is one kernel with what follows it.
#[test]
fn a_densenet_copies_nothing() {
    let graph = Model::DENSENET_40_36.graph().unwrap();
    let plan = Plan::new(&graph, Mode { samples: 4, train: true, noise: false, gradient: true }).unwrap();
    let commands = plan.commands(0);
    let count = |name: &str| {
        let named = |command: &&Command| matches!(command, Command::Kernel { launch, .. } if launch.kernel == name);
        commands.iter().filter(named).count()
    };
    let norms = graph.norm_layers().len();
    assert_eq!(["copy", "add", "activate", "norm_forward"].map(count), [0, 0, 0, norms]);
}

/// Memory of values that are never needed at once is shared: a minibatch of twice the size needs no more than twice the memory, and an
/// evaluation less than a gradient.
#[test]
fn memory_is_shared() {
    let graph = Model::RESNET110.graph().unwrap();
    let bytes =
        |samples, gradient| Plan::new(&graph, Mode { samples, train: true, noise: false, gradient }).unwrap().bytes();
    assert!(bytes(32, true) < 2 * bytes(16, true));
    assert!(bytes(32, false) < bytes(32, true) / 10, "{} for {}", bytes(32, false), bytes(32, true));
}
