//! Parity with PyTorch and torchvision: fixtures from `pytorch/fixtures.py` and `pytorch/imagenet.py`, whose formulas
//! stand here once more.

use vr_core::{Batch, FlatVector, Normalization, Oracle, Scalar};
use vr_models::{CandleEngine, Engine, EngineKind, Model};

const PICTURES: u64 = 1_000_000;
const PROJECTIONS: u64 = 2_000_000;

#[derive(serde::Deserialize)]
struct Fixture {
    batch: usize,
    loss: f64,
    correct: usize,
    norms: Vec<f64>,
    projections: Vec<f64>,
    mean: Vec<f64>,
    variance: Vec<f64>,
    f32_error: f64,
    /// FNV-1a of the tensors' names, where they are torchvision's.
    names: Option<String>,
    #[serde(default = "cifar")]
    picture: [usize; 3],
}

fn cifar() -> [usize; 3] {
    [3, 32, 32]
}

fn fixture(model: Model) -> Fixture {
    let path = format!("{}/tests/pytorch/{model}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// U[-1, 1): murmur3's finaliser over a counter.
fn uniform(tensor: u64, element: usize) -> f64 {
    let mut h = (element as u64).wrapping_add(tensor * 0x9E37_79B9) as u32;
    for (shift, factor) in [(16, 0x85EB_CA6B_u32), (13, 0xC2B2_AE35)] {
        h = (h ^ (h >> shift)).wrapping_mul(factor);
    }
    f64::from(h ^ (h >> 16)) / 2.0_f64.powi(31) - 1.0
}

fn project<S: Scalar>(vector: &[S], k: usize) -> f64 {
    vector.iter().enumerate().map(|(i, v)| v.to_f64() * uniform(PROJECTIONS + k as u64, i)).sum()
}

/// FNV-1a of the tensors' names, a line each.
fn digest_of_names(engine: &CandleEngine<f64>) -> String {
    let names: String = engine.space().tensors().iter().map(|tensor| format!("{}\n", tensor.name())).collect();
    let hash = |h: u64, byte: u8| (h ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    format!("{:016x}", names.bytes().fold(0xcbf2_9ce4_8422_2325, hash))
}

fn parameters(engine: &CandleEngine<f64>) -> Vec<f32> {
    let mut x = Vec::new();
    for (t, tensor) in engine.space().tensors().iter().enumerate() {
        // A convolution or a linear layer is known by its weight's rank; a bias follows its weight.
        let weight = tensor.name().ends_with(".weight");
        let shape = if weight { tensor.shape() } else { engine.space().tensors()[t - 1].shape() };
        for i in 0..tensor.len() {
            let u = uniform(t as u64, i);
            x.push(if shape.len() == 1 {
                0.1 * u + f64::from(u8::from(weight))
            } else {
                u / (shape[1..].iter().product::<usize>() as f64).sqrt()
            } as f32);
        }
    }
    x
}

fn check(model: Model) {
    let expected = fixture(model);
    let (n, [c, h, w]) = (expected.batch, expected.picture);
    let pixels: Vec<f32> = (0..n * c * h * w).map(|i| uniform(PICTURES, i) as f32).collect();
    let batch = Batch::new(&pixels, [n, c, h, w], (0..n as u32).map(|i| 7 * i % 10).collect()).unwrap();

    let graph = model.for_pictures(expected.picture, model.options().classes).unwrap().graph().unwrap();
    let engine = CandleEngine::<f64>::new(graph.clone());
    if let Some(names) = &expected.names {
        assert_eq!(&digest_of_names(&engine), names, "{model}: the names of the tensors");
    }
    let weights = parameters(&engine);
    let x = FlatVector::from(weights.iter().map(|&w| f64::from(w)).collect::<Vec<_>>());
    let mut exact = FlatVector::zeros(x.len());
    let evaluation = engine.gradient(&x, Normalization::Batch, &batch, &mut exact).unwrap();
    assert!((evaluation.loss - expected.loss).abs() < 1e-8 * expected.loss);
    assert_eq!(evaluation.correct, Some(expected.correct));
    let global = vr_core::vector::norm(&exact);
    for (tensor, norm) in engine.space().tensors().iter().zip(&expected.norms) {
        let found = vr_core::vector::norm(&exact[tensor.range()]);
        assert!((found - norm).abs() < 1e-8 * global, "{model} {}: {found} against {norm}", tensor.name());
    }
    assert_eq!(engine.space().tensors().len(), expected.norms.len());
    // A projection's own spread is a third of the norm, so this bounds the error in every direction.
    for (k, projection) in expected.projections.iter().enumerate() {
        let found = project(&exact, k);
        assert!((found - projection).abs() < 1e-8 * global, "{model}: {found} against {projection}");
    }
    let statistics = evaluation.statistics.unwrap();
    for k in 0..4 {
        for (found, expected) in [(statistics.mean(), expected.mean[k]), (statistics.variance(), expected.variance[k])]
        {
            let size = vr_core::vector::norm(found);
            assert!((project(found, k) - expected).abs() < 1e-8 * size, "{model} statistics");
        }
    }

    let weights = FlatVector::from(weights);
    for kind in EngineKind::ALL {
        let engine = Engine::new(kind, graph.clone()).unwrap();
        let mut single = FlatVector::zeros(x.len());
        let evaluation = engine.gradient(&weights, Normalization::Batch, &batch, &mut single).unwrap();
        let widened: Vec<f64> = single.iter().map(|&g| f64::from(g)).collect();
        let error = vr_core::vector::distance(&widened, &exact) / global;
        let bound = 3.0 * expected.f32_error;
        assert!(error <= bound, "{model} on {kind}: f32 error {error} against PyTorch's {}", expected.f32_error);
        assert!((evaluation.loss - expected.loss).abs() < 1e-4 * expected.loss, "{model} on {kind}");
    }
}

#[test]
fn lenet() {
    check(Model::LENET);
}

#[test]
fn lenet_elu() {
    check(Model::LENET_ELU);
}

#[test]
fn resnet_small_elu() {
    check(Model::RESNET_SMALL_ELU);
}

#[test]
fn resnet_small() {
    check(Model::RESNET_SMALL);
}

#[test]
fn resnet110() {
    check(Model::RESNET110);
}

#[test]
fn densenet() {
    check(Model::DENSENET_40_36);
}

#[test]
fn resnet18() {
    check(Model::RESNET18);
}

#[test]
fn resnet50() {
    check(Model::RESNET50);
}

#[test]
fn resnext50() {
    check(Model::RESNEXT50);
}

#[test]
#[ignore = "gigabytes of memory: 89 million parameters in double precision"]
fn resnext101() {
    check(Model::RESNEXT101);
}

#[test]
fn densenet169() {
    check(Model::DENSENET169);
}
