//! The cpu engine as a candle operation: losses and `backward()` of candle on top of its logits.

use std::sync::Arc;

use candle_core::{Device, Tensor, Var};
use vr_core::vector::{distance, norm};
use vr_core::{Batch, FlatVector, Key, Noise, NormStatistics, Normalization, Oracle, Stream};
use vr_models::{CandleEngine, CpuEngine, EngineError, Model, initialize};

fn batch(n: usize) -> Batch {
    let pixels: Vec<f32> = (0..n * 3072).map(|i| (i as f32 * 0.37).sin() + (i as f32 * 0.0011).cos()).collect();
    let batch = Batch::new(&pixels, [n, 3, 32, 32], (0..n as u32).map(|i| 7 * i % 10).collect()).unwrap();
    let noise = Noise { key: Key::new(1, Stream::InnerTransform), samples: (0..n as u32).collect() };
    batch.with_noise(noise).unwrap()
}

struct Case {
    engine: Arc<CpuEngine>,
    start: FlatVector,
    x: Var,
    batch: Batch,
}

fn case(model: Model, samples: usize) -> Case {
    let graph = model.graph().unwrap();
    let start = initialize(&graph, 2);
    let x = Var::from_slice(&start[..], start.len(), &Device::Cpu).unwrap();
    Case { engine: Arc::new(CpuEngine::new(graph)), start, x, batch: batch(samples) }
}

fn cross_entropy(logits: &Tensor, batch: &Batch) -> Tensor {
    let labels = Tensor::from_slice(batch.labels(), batch.len(), &Device::Cpu).unwrap();
    candle_nn::loss::cross_entropy(logits, &labels).unwrap()
}

/// Distance from a target that no label gives.
fn squares(logits: &Tensor) -> Tensor {
    let target: Vec<f64> = (0..logits.elem_count()).map(|i| (i as f64 * 0.7).cos()).collect();
    let target = Tensor::from_vec(target, logits.shape(), &Device::Cpu).unwrap().to_dtype(logits.dtype()).unwrap();
    candle_nn::loss::mse(logits, &target).unwrap()
}

fn gradient(loss: &Tensor, x: &Var) -> Vec<f64> {
    let gradients = loss.backward().unwrap();
    gradients.get(x).unwrap().to_dtype(candle_core::DType::F64).unwrap().to_vec1().unwrap()
}

fn widen(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&v| f64::from(v)).collect()
}

#[test]
fn candles_cross_entropy_on_top_is_the_oracle() {
    for (model, samples) in [(Model::LENET, 40), (Model::LENET_DROPOUT, 7), (Model::RESNET_SMALL, 7)] {
        let Case { engine, start, x, batch } = case(model, samples);
        let stored = NormStatistics::initial(engine.norm_layers().clone());
        for mode in [Normalization::Batch, Normalization::Stored(&stored)] {
            let mut expected = FlatVector::zeros(start.len());
            let evaluation = engine.gradient(&start, mode, &batch, &mut expected).unwrap();
            let logits = engine.logits(&x, mode, &batch).unwrap();
            assert_eq!(logits.statistics, evaluation.statistics);
            let loss = cross_entropy(&logits.values, &batch);
            assert!((f64::from(loss.to_scalar::<f32>().unwrap()) - evaluation.loss).abs() < 1e-5);
            let expected = widen(&expected);
            let error = distance(&gradient(&loss, &x), &expected) / norm(&expected);
            assert!(error < 1e-6, "{model}: {error}");
        }
    }
}

/// Labels among the five largest logits, by sorting them; of five classes nothing is told.
#[test]
fn the_five_likeliest_classes_are_counted() {
    let Case { engine, start, x, batch } = case(Model::LENET, 40);
    let logits = engine.logits(&x, Normalization::Batch, &batch).unwrap().values.to_vec2::<f32>().unwrap();
    let expected = logits.iter().zip(batch.labels()).filter(|(row, label)| {
        let mut classes: Vec<u32> = (0..10).collect();
        classes.sort_by(|a, b| row[*b as usize].total_cmp(&row[*a as usize]));
        classes[..5].contains(label)
    });
    let expected = expected.count();
    assert!((1..40).contains(&expected));
    let candle = CandleEngine::<f32>::new(engine.graph().clone());
    let found = [
        engine.evaluate(&start, Normalization::Batch, &batch).unwrap(),
        candle.evaluate(&start, Normalization::Batch, &batch).unwrap(),
    ];
    assert_eq!(found.map(|evaluation| evaluation.correct_top5), [Some(expected); 2]);

    let five = Model::LENET.for_pictures([3, 32, 32], 5).unwrap().graph().unwrap();
    let start = initialize(&five, 0);
    let labels = (0..4).collect();
    let batch = Batch::new(&vec![0.5; 4 * 3072], [4, 3, 32, 32], labels).unwrap();
    let evaluation = CpuEngine::new(five).evaluate(&start, Normalization::Batch, &batch).unwrap();
    assert_eq!(evaluation.correct_top5, None);
}

#[test]
fn another_loss_is_the_candle_engines() {
    for model in [Model::LENET, Model::LENET_ELU] {
        let Case { engine, start, x, batch } = case(model, 20);
        let found = gradient(&squares(&engine.logits(&x, Normalization::Batch, &batch).unwrap().values), &x);
        let exact = Var::from_slice(&widen(&start), start.len(), &Device::Cpu).unwrap();
        let reference = CandleEngine::<f64>::new(model.graph().unwrap());
        let logits = reference.logits(&exact, Normalization::Batch, &batch).unwrap();
        let expected = gradient(&squares(&logits.values), &exact);
        let error = distance(&found, &expected) / norm(&expected);
        assert!(error < 1e-4, "{model}: {error}");
    }
}

/// The parameters may move, and other passes come between, before the gradient is asked for.
#[test]
fn a_pass_keeps_what_its_gradient_needs() {
    let Case { engine, x, batch, .. } = case(Model::LENET, 20);
    let loss = squares(&engine.logits(&x, Normalization::Batch, &batch).unwrap().values);
    let expected = gradient(&loss, &x);
    x.set(&(x.as_tensor() * 2.0).unwrap()).unwrap();
    let other = squares(&engine.logits(&x, Normalization::Batch, &batch).unwrap().values);
    assert_ne!(gradient(&other, &x), expected);
    assert_eq!(gradient(&loss, &x), expected);
}

#[test]
fn other_tensors_are_refused() {
    let Case { engine, start, batch, .. } = case(Model::LENET, 2);
    let refused = |x: &Tensor| engine.logits(x, Normalization::Batch, &batch).unwrap_err();
    let short = Tensor::zeros(3, candle_core::DType::F32, &Device::Cpu).unwrap();
    assert!(matches!(refused(&short), EngineError::Space(_)));
    let double = Tensor::from_vec(widen(&start), start.len(), &Device::Cpu).unwrap();
    assert!(matches!(refused(&double), EngineError::Candle(_)));
}
