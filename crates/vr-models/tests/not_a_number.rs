//! A weight that is NaN reaches the loss and the gradient, in every network and both engines.

use vr_core::{Batch, FlatVector, Key, Noise, NormStatistics, Normalization, Oracle, Stream};
use vr_models::{Engine, EngineKind, Model, initialize};

fn batch(n: usize) -> Batch {
    let pixels: Vec<f32> = (0..n * 3072).map(|i| (i as f32 * 0.37).sin()).collect();
    let batch = Batch::new(&pixels, [n, 3, 32, 32], (0..n as u32).map(|i| i % 10).collect()).unwrap();
    let noise = Noise { key: Key::new(1, Stream::InnerTransform), samples: (0..n as u32).collect() };
    batch.with_noise(noise).unwrap()
}

fn check(model: Model, kind: EngineKind, tensors: impl Iterator<Item = usize>) {
    let graph = model.graph().unwrap();
    let start = initialize(&graph, 0);
    let engine = Engine::new(kind, graph).unwrap();
    let batch = batch(3);
    let stored = NormStatistics::initial(engine.norm_layers().clone());
    for tensor in tensors {
        let tensor = &engine.space().tensors()[tensor];
        let mut x = start.clone();
        x[tensor.range().start] = f32::NAN;
        for norm in [Normalization::Batch, Normalization::Stored(&stored)] {
            let mut gradient = FlatVector::zeros(x.len());
            let evaluation = engine.gradient(&x, norm, &batch, &mut gradient).unwrap();
            assert!(evaluation.loss.is_nan(), "{model} on {kind}, {}: loss {}", tensor.name(), evaluation.loss);
            assert!(gradient.iter().any(|g| g.is_nan()), "{model} on {kind}, {}", tensor.name());
            assert!(engine.evaluate(&x, norm, &batch).unwrap().loss.is_nan());
        }
    }
}

#[test]
fn in_every_tensor_of_the_small_networks() {
    for model in [Model::LENET, Model::LENET_ELU, Model::LENET_DROPOUT, Model::RESNET_SMALL, Model::RESNET_SMALL_ELU] {
        let tensors = model.graph().unwrap().space().tensors().len();
        check(model, EngineKind::Cpu, 0..tensors);
        check(model, EngineKind::Candle, (0..tensors).step_by(5));
    }
}

#[test]
fn in_the_first_layers_of_the_large_ones() {
    let grouped = Model::RESNEXT50.for_pictures([3, 32, 32], 10).unwrap();
    for model in [Model::RESNET110, Model::DENSENET_40_36, grouped] {
        for kind in EngineKind::ALL {
            check(model, kind, 0..2);
        }
    }
}
