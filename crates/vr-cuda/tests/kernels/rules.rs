//! Update rules.

use vr_core::{FlatVector, ParameterSpace, TensorOptions};
use vr_cuda::Kernel;
use vr_cuda::kernels::{AdamW, Chunks, Lion, SgdMomentum};
use vr_optim::{AdamWConfig, LionConfig, Rule, SgdMomentumConfig, Step};

use crate::memory::{Memory, bits, numbers};
use crate::vectors;

const LEARNING_RATE: f64 = 0.03;
const STEPS: usize = 3;

/// With a frozen tensor, one of another rate, and one that does not decay.
fn space() -> ParameterSpace {
    let options = |learning_rate, weight_decay| TensorOptions { learning_rate, weight_decay };
    let space = vectors::space().with_options("b", TensorOptions::FROZEN).unwrap();
    space.with_options("c", options(0.1, 1.0)).unwrap().with_options("d", options(1.0, 0.0)).unwrap()
}

/// The tensors that move.
fn moving(space: &ParameterSpace) -> Vec<usize> {
    let tensors = space.tensors().iter().enumerate();
    tensors.filter(|(_, tensor)| !tensor.options().is_frozen()).map(|(index, _)| index).collect()
}

/// A number for each tensor, from its options.
fn table(space: &ParameterSpace, number: impl Fn(TensorOptions) -> f64) -> Vec<f64> {
    space.tensors().iter().map(|tensor| number(tensor.options())).collect()
}

fn start(len: usize) -> (Vec<f32>, [Vec<f32>; STEPS]) {
    let mut directions = [2, 3, 4].map(|seed| numbers(seed, len));
    directions.iter_mut().for_each(|direction| direction[0] = 0.0);
    (numbers(1, len), directions)
}

/// Where the rule of vr-optim arrives.
fn expected(config: &dyn Rule<f32>, space: &ParameterSpace) -> FlatVector {
    let (x, directions) = start(space.len());
    let (mut rule, mut x) = (config.build(), FlatVector::from(x));
    for direction in directions {
        rule.update(&Step::new(space, LEARNING_RATE, &FlatVector::from(direction)), &mut x);
    }
    x
}

#[test]
fn momentum_has_the_bits_of_the_rule() {
    let space = space();
    let chunks = Chunks::of(&space, &moving(&space)).unwrap();
    for nesterov in [false, true] {
        let config = SgdMomentumConfig { momentum: 0.9, weight_decay: 1e-2, nesterov };
        let single = |x: Vec<f64>| x.into_iter().map(|x| x as f32).collect::<Vec<_>>();
        let decays = single(table(&space, |options| config.weight_decay * options.weight_decay));
        let rates = single(table(&space, |options| LEARNING_RATE * options.learning_rate));
        let (x, directions) = start(space.len());
        let mut memory = Memory::default();
        let (at_x, buffer) = (memory.put(&x), memory.put(&vec![0.0_f32; x.len()]));
        let directions = directions.map(|direction| memory.put(&direction));
        let (decays, rates, of_chunks) = (memory.put(&decays), memory.put(&rates), memory.put(chunks.table()));
        let run = memory.run(|at| {
            let step = |direction| SgdMomentum {
                x: at.of(at_x),
                buffer: at.of(buffer),
                direction: at.of(direction),
                decays: at.of(decays),
                rates: at.of(rates),
                chunks: at.of(of_chunks),
                momentum: config.momentum,
                nesterov,
                blocks: chunks.len(),
            };
            directions.iter().map(|&direction| step(direction).launch()).collect()
        });
        let Some(()) = run else { return };
        assert_eq!(bits(&memory.get(at_x)), bits(&expected(&config, &space)));
    }
}

#[test]
fn adamw_has_the_bits_of_the_rule() {
    let space = space();
    let chunks = Chunks::of(&space, &moving(&space)).unwrap();
    let config = AdamWConfig { weight_decay: 0.1, ..AdamWConfig::default() };
    let AdamWConfig { beta1, beta2, epsilon, weight_decay } = config;
    let keeps = table(&space, |o| 1.0 - LEARNING_RATE * o.learning_rate * weight_decay * o.weight_decay);
    let (x, directions) = start(space.len());
    let mut memory = Memory::default();
    let at_x = memory.put(&x);
    let [first, second] = [(); 2].map(|()| memory.put(&vec![0.0_f32; x.len()]));
    let (keeps, of_chunks) = (memory.put(&keeps), memory.put(chunks.table()));
    let mut steps = Vec::new();
    for (t, direction) in directions.iter().enumerate() {
        let correction = |beta: f64| 1.0 - beta.powf((t + 1) as f64);
        let rates = table(&space, |o| LEARNING_RATE / correction(beta1) * o.learning_rate);
        steps.push((memory.put(direction), memory.put(&rates), memory.put(&[correction(beta2).sqrt()])));
    }
    let run = memory.run(|at| {
        let step = |&(direction, rates, root)| AdamW {
            x: at.of(at_x),
            first: at.of(first),
            second: at.of(second),
            direction: at.of(direction),
            keeps: at.of(keeps),
            rates: at.of(rates),
            root: at.of(root),
            chunks: at.of(of_chunks),
            beta1,
            beta2,
            epsilon,
            blocks: chunks.len(),
        };
        steps.iter().map(|parts| step(parts).launch()).collect()
    });
    let Some(()) = run else { return };
    assert_eq!(bits(&memory.get(at_x)), bits(&expected(&config, &space)));
}

#[test]
fn lion_has_the_bits_of_the_rule() {
    let space = space();
    let chunks = Chunks::of(&space, &moving(&space)).unwrap();
    let config = LionConfig { weight_decay: 0.1, ..LionConfig::default() };
    let LionConfig { beta1, beta2, weight_decay } = config;
    let rates = table(&space, |o| LEARNING_RATE * o.learning_rate);
    let keeps = table(&space, |o| 1.0 - LEARNING_RATE * o.learning_rate * weight_decay * o.weight_decay);
    let (x, directions) = start(space.len());
    let mut memory = Memory::default();
    let (at_x, momentum) = (memory.put(&x), memory.put(&vec![0.0_f32; x.len()]));
    let directions = directions.map(|direction| memory.put(&direction));
    let (keeps, rates, of_chunks) = (memory.put(&keeps), memory.put(&rates), memory.put(chunks.table()));
    let run = memory.run(|at| {
        let step = |direction| Lion {
            x: at.of(at_x),
            momentum: at.of(momentum),
            direction: at.of(direction),
            keeps: at.of(keeps),
            rates: at.of(rates),
            chunks: at.of(of_chunks),
            beta1,
            beta2,
            blocks: chunks.len(),
        };
        directions.iter().map(|&direction| step(direction).launch()).collect()
    });
    let Some(()) = run else { return };
    assert_eq!(bits(&memory.get(at_x)), bits(&expected(&config, &space)));
}
