//! Training whose vectors stay on the device, against the same training with every vector on the CPU.
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

use vr_core::{Batch, Coefficient, FlatVector, Key, Mean, Noise, Normalization, Oracle, Stream};
use vr_cuda::host::HostDevice;
use vr_cuda::{CudaError, DeviceEngine, Resident, ResidentConfig};
use vr_models::{Graph, Model, initialize};
use vr_optim::{Rule, SgdMomentumConfig, Step};

const SAMPLES: usize = 3;
const MINIBATCHES: usize = 3;
const RATES: [f64; 4] = [0.05, 0.05, 0.01, 0.02];

fn device() -> Option<HostDevice> {
    match HostDevice::new() {
        Ok(device) => Some(device),
        Err(error @ CudaError::NoCompiler { .. }) => {
            eprintln!("SKIPPED: resident training is not tested here: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn batch(graph: &Graph, samples: usize, number: usize) -> Batch {
    let &[c, h, w] = graph.input_shape() else { panic!("pictures") };
    let pixel = |i: usize| (i as f32 * 0.37 + number as f32).sin() + (i as f32 * 0.0011).cos();
    let pixels: Vec<f32> = (0..samples * c * h * w).map(pixel).collect();
    let labels = (0..samples).map(|i| ((7 * i + number) % graph.classes()) as u32).collect();
    let noise = Noise { key: Key::new(number as u64, Stream::LockedTransform), samples: (0..samples as u32).collect() };
    Batch::new(&pixels, [samples, c, h, w], labels).unwrap().with_noise(noise).unwrap()
}

/// The same on the CPU: each gradient comes back from the device, and vr-core and vr-optim do the rest.
struct Expected {
    x: FlatVector,
    losses: Vec<f64>,
}

fn expected(
    engine: &DeviceEngine<HostDevice>,
    config: SgdMomentumConfig,
    alpha: Option<f32>,
    batches: &[Batch],
) -> Expected {
    let space = engine.space().clone();
    let gradient = |x: &FlatVector, batch: &Batch| {
        let mut out = FlatVector::zeros(x.len());
        (engine.gradient(x, Normalization::Batch, batch, &mut out).unwrap().loss, out)
    };
    let mut x = initialize(engine.graph(), 3);
    let (mut rule, mut losses) = (Rule::<f32>::build(&config), Vec::new());
    let (snapshot, mut mean) = (x.clone(), FlatVector::zeros(x.len()));
    if alpha.is_some() {
        let mut sum = Mean::new(x.len());
        batches.iter().for_each(|batch| sum.add(&gradient(&x, batch).1));
        sum.write(&mut mean);
    }
    for (step, rate) in RATES.into_iter().enumerate() {
        let batch = &batches[step % MINIBATCHES];
        let (loss, mut direction) = gradient(&x, batch);
        if let Some(alpha) = alpha {
            let (g, reference) = (direction.clone(), gradient(&snapshot, batch).1);
            Coefficient::Scalar(alpha).combine(&space, &g, &reference, &mean, &mut direction);
        }
        losses.push(loss);
        rule.update(&Step::new(&space, rate, &direction), &mut x);
    }
    Expected { x, losses }
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn resident_steps_have_the_bits_of_steps_on_the_cpu() {
    let Some(device) = device() else { return };
    for (model, alpha, nesterov) in [
        ("lenet", None, false),
        ("lenet", Some(1.0), true),
        ("lenet-dropout", Some(0.5), false),
        ("resnet-small", Some(1.0), false),
    ] {
        let graph = model.parse::<Model>().unwrap().graph().unwrap();
        let batches: Vec<Batch> = (0..MINIBATCHES).map(|number| batch(&graph, SAMPLES, number)).collect();
        let rule = SgdMomentumConfig { momentum: 0.9, weight_decay: 1e-3, nesterov };
        let engine = DeviceEngine::new(graph.clone(), device.clone());
        let expected = expected(&engine, rule, alpha, &batches);
        let config = ResidentConfig {
            samples: SAMPLES,
            variance_reduced: alpha.is_some(),
            momentum: rule.momentum,
            nesterov,
            weight_decay: rule.weight_decay,
        };
        let mut resident = Resident::new(graph.clone(), &device, config, &initialize(&graph, 3)).unwrap();
        if let Some(alpha) = alpha {
            resident.snapshot(&batches, alpha).unwrap();
        }
        for (step, rate) in RATES.into_iter().enumerate() {
            let evaluation = resident.step(&batches[step % MINIBATCHES], rate).unwrap();
            assert_eq!(evaluation.loss, expected.losses[step], "{model}, step {step}");
            assert!(evaluation.statistics.is_some());
        }
        let x = resident.iterate().unwrap();
        assert_eq!(bits(&x), bits(&expected.x), "{model}");
        assert!(bits(&x) != bits(&initialize(&graph, 3)), "{model} did not move");
    }
}

#[test]
fn at_the_snapshot_every_minibatch_gives_the_same_step() {
    let Some(device) = device() else { return };
    let graph = Model::LENET.graph().unwrap();
    let batches: Vec<Batch> = (0..MINIBATCHES).map(|number| batch(&graph, SAMPLES, number)).collect();
    let config =
        ResidentConfig { samples: SAMPLES, variance_reduced: true, momentum: 0.9, nesterov: false, weight_decay: 1e-4 };
    let after = |alpha: f32, number: usize| {
        let mut resident = Resident::new(graph.clone(), &device, config, &initialize(&graph, 3)).unwrap();
        resident.snapshot(&batches, alpha).unwrap();
        resident.step(&batches[number], 0.1).unwrap();
        bits(&resident.iterate().unwrap())
    };
    assert!(after(1.0, 0) == after(1.0, 1), "SVRG's step at its snapshot is that along the mean gradient");
    assert!(after(0.0, 0) != after(0.0, 1), "SGD's is not");
}

#[test]
fn what_does_not_fit_is_named() {
    let Some(device) = device() else { return };
    let graph = Model::LENET.graph().unwrap();
    let config =
        ResidentConfig { samples: 2, variance_reduced: false, momentum: 0.9, nesterov: false, weight_decay: 0.0 };
    let x = initialize(&graph, 0);
    let mut resident = Resident::new(graph.clone(), &device, config, &x).unwrap();
    let three = batch(&graph, 3, 0);
    let error = resident.step(&three, 0.1).unwrap_err();
    assert!(error.to_string().contains("3 samples given to a training compiled for 2"), "{error}");
    let error = resident.snapshot([&batch(&graph, 2, 0)], 1.0).unwrap_err();
    assert!(error.to_string().contains("steps of SVRG"), "{error}");
    let reduced = ResidentConfig { variance_reduced: true, ..config };
    let mut resident = Resident::new(graph.clone(), &device, reduced, &x).unwrap();
    assert!(resident.snapshot([], 1.0).unwrap_err().to_string().contains("at least one minibatch"));
    assert!(Resident::new(graph, &device, config, &FlatVector::zeros(3)).is_err());
}
