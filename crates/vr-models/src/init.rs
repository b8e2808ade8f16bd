//! Initial parameters, by seed.

use vr_core::random::{normal, uniform};
use vr_core::{FlatVector, Key, Stream};

use crate::graph::{Conv, ConvInit, Graph, Op};

/// Initial parameters as PyTorch draws them: U(±1/√fan_in) for weights and biases of convolutions
/// and linear layers (Kaiming-uniform, a = √5), or by the graph's own rule ([`ConvInit`]); batch norm
/// 1 and 0. Tensor t, element i is a function of (seed, t, i) alone.
pub fn initialize(graph: &Graph, seed: u64) -> FlatVector<f32> {
    let space = graph.space();
    let mut x = FlatVector::zeros(space.len());
    for node in graph.nodes() {
        let tensors = &space.tensors()[node.tensor..];
        match node.op {
            Op::BatchNorm => x[tensors[0].range()].fill(1.0),
            Op::Conv(Conv { out, kernel, bias, .. }) => {
                let fan_in = tensors[0].len() / out;
                let bound = 1.0 / (fan_in as f64).sqrt();
                let weights = &mut x[tensors[0].range()];
                match graph.conv_init() {
                    ConvInit::KaimingUniform => draw_uniform(weights, seed, node.tensor, bound),
                    ConvInit::NormalFanOut => draw_normal(weights, seed, node.tensor, kaiming(kernel * kernel * out)),
                    ConvInit::NormalFanIn => draw_normal(weights, seed, node.tensor, kaiming(fan_in)),
                }
                if bias {
                    draw_uniform(&mut x[tensors[1].range()], seed, node.tensor + 1, bound);
                }
            }
            Op::Linear { out } => {
                let bound = 1.0 / ((tensors[0].len() / out) as f64).sqrt();
                let drawn = if graph.conv_init() == ConvInit::NormalFanIn { 1 } else { 2 };
                for (offset, tensor) in tensors[..drawn].iter().enumerate() {
                    draw_uniform(&mut x[tensor.range()], seed, node.tensor + offset, bound);
                }
            }
            _ => {}
        }
    }
    x
}

/// Kaiming's standard deviation of a layer that ReLU follows.
fn kaiming(fan: usize) -> f64 {
    (2.0 / fan as f64).sqrt()
}

fn words(seed: u64, tensor: usize, element: usize) -> [u32; 4] {
    Key { generation: tensor as u32, ..Key::new(seed, Stream::Initialization) }.words(element as u32, 0)
}

fn draw_uniform(values: &mut [f32], seed: u64, tensor: usize, bound: f64) {
    for (i, value) in values.iter_mut().enumerate() {
        *value = (bound * (2.0 * uniform(words(seed, tensor, i)[0]) - 1.0)) as f32;
    }
}

fn draw_normal(values: &mut [f32], seed: u64, tensor: usize, deviation: f64) {
    for (i, value) in values.iter_mut().enumerate() {
        let [a, b, ..] = words(seed, tensor, i);
        *value = (deviation * normal([a, b])[0]) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Model;

    fn check(model: Model, tensor: &str, deviation: f64) {
        let graph = model.graph().unwrap();
        let x = initialize(&graph, 1);
        let values = &x[graph.space().get(tensor).unwrap().range()];
        let square = values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / values.len() as f64;
        assert!((square.sqrt() / deviation - 1.0).abs() < 0.05, "{tensor} {}", square.sqrt());
    }

    #[test]
    fn spreads_are_pytorchs() {
        check(Model::LENET, "fc1.weight", 1.0 / (3.0 * 400.0_f64).sqrt());
        check(Model::RESNET110, "layer3.5.conv2.weight", 1.0 / (3.0 * 576.0_f64).sqrt());
        check(Model::DENSENET_40_36, "block1.0.conv2.weight", (2.0 / (9.0 * 36.0_f64)).sqrt());
    }

    /// Every layer of torchvision's networks: Kaiming-normal convolutions, by the outputs or the inputs, and PyTorch's
    /// default for the classifier, whose bias is 0 in DenseNet.
    #[test]
    fn spreads_are_torchvisions() {
        for (model, by_inputs) in [(Model::RESNET18, false), (Model::RESNEXT50, false), (Model::DENSENET169, true)] {
            let graph = model.graph().unwrap();
            let x = initialize(&graph, 5);
            for tensor in graph.space().tensors() {
                let (values, name) = (&x[tensor.range()], tensor.name());
                let largest = values.iter().fold(0f32, |most, v| most.max(v.abs()));
                let deviation = match *tensor.shape() {
                    [out, inputs, height, width] => {
                        (2.0 / (if by_inputs { inputs } else { out } * height * width) as f64).sqrt()
                    }
                    [_, inputs] => 1.0 / (3.0 * inputs as f64).sqrt(),
                    _ if name == "fc.bias" => {
                        1.0 / (3.0 * graph.space().get("fc.weight").unwrap().shape()[1] as f64).sqrt()
                    }
                    _ => {
                        let value = f32::from(u8::from(name.ends_with(".weight")));
                        assert!(values.iter().all(|&v| v == value), "{model}, {name}");
                        continue;
                    }
                };
                let n = values.len() as f64;
                let square = values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / n;
                // Six standard errors of a normal sample's mean and deviation.
                assert!((square.sqrt() / deviation - 1.0).abs() < 6.0 / (2.0 * n).sqrt(), "{model}, {name}");
                let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
                assert!(mean.abs() < 6.0 * deviation / n.sqrt(), "{model}, {name}: mean {mean}");
                // A uniform distribution ends at √3 deviations.
                let normal = tensor.shape().len() == 4;
                assert_eq!(f64::from(largest) > 1.8 * deviation, normal, "{model}, {name}: up to {largest}");
            }
        }
    }

    #[test]
    fn the_seed_governs_it() {
        let graph = Model::LENET.graph().unwrap();
        assert_eq!(initialize(&graph, 3), initialize(&graph, 3));
        assert_ne!(initialize(&graph, 3), initialize(&graph, 4));
    }
}
