//! candle-nn's batch norm under the oracle, against what the closure alone makes of it.

mod in_order;

use std::cell::Cell;

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{
    BatchNorm, BatchNormConfig, Linear, Module, ModuleT, Optimizer, SGD, VarBuilder, VarMap, batch_norm, linear,
    loss::mse,
};
use in_order::InOrder;
use vr_core::{NormStatistics, Normalization, Oracle};
use vr_optim::{
    CandleOracle, CandleOracleError, NormPolicy, Sgd, SgdMomentum, StepDecay, Svrg, Training, TrainingError,
};

/// How a model uses its batch norm.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Use {
    Once,
    Frozen,
    /// In evaluation mode from the given step on.
    FrozenFrom(usize),
    Twice,
    /// In train mode, then in evaluation mode, in one loss.
    BothModes,
    /// For minibatches of even number.
    EveryOther,
}

#[derive(Clone)]
struct Batch {
    number: usize,
    x: Tensor,
    y: Tensor,
}

fn batches() -> Vec<Batch> {
    let batch = |number: usize| {
        let x: Vec<f32> = (0..15).map(|i| ((number * 15 + i) as f32 * 0.7).cos() + 0.3 * number as f32).collect();
        let x = Tensor::from_vec(x, (5, 3), &Device::Cpu).unwrap();
        let y = x.sum_keepdim(1).unwrap().sin().unwrap();
        Batch { number, x, y }
    };
    (0..5).map(batch).collect()
}

struct Net {
    first: Linear,
    norm: BatchNorm,
    last: Linear,
    usage: Use,
    step: Cell<usize>,
}

impl Net {
    fn new(variables: &VarMap, usage: Use, config: BatchNormConfig) -> Self {
        let vb = VarBuilder::from_varmap(variables, DType::F32, &Device::Cpu);
        let net = Self {
            first: linear(3, 4, vb.pp("first")).unwrap(),
            norm: batch_norm(4, config, vb.pp("norm")).unwrap(),
            last: linear(4, 1, vb.pp("last")).unwrap(),
            usage,
            step: Cell::new(0),
        };
        // Pretrained: neither weights nor statistics are those that candle begins with.
        let mut all: Vec<_> = variables.data().lock().unwrap().clone().into_iter().collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        for (k, (name, var)) in all.into_iter().enumerate() {
            let offset = if name.ends_with("running_var") { 3.0 } else { 0.1 };
            let values = (0..var.elem_count()).map(|i| (1.3 * i as f32 + k as f32).sin() * 0.6 + offset);
            var.set(&Tensor::from_vec(values.collect(), var.shape(), &Device::Cpu).unwrap()).unwrap();
        }
        net
    }

    fn loss(&self, batch: &Batch, train: bool) -> Result<Tensor> {
        let hidden = self.first.forward(&batch.x)?;
        let normed = |x: &Tensor, train| self.norm.forward_t(x, train);
        let hidden = match self.usage {
            Use::Once => normed(&hidden, train)?,
            Use::Frozen => normed(&hidden, false)?,
            Use::FrozenFrom(step) => normed(&hidden, train && self.step.get() < step)?,
            Use::Twice => normed(&normed(&hidden, train)?.tanh()?, train)?,
            Use::BothModes => (normed(&hidden, train)? + normed(&hidden, false)?)?,
            Use::EveryOther if batch.number.is_multiple_of(2) => normed(&hidden, train)?,
            Use::EveryOther => hidden,
        };
        mse(&self.last.forward(&hidden.tanh()?)?, &batch.y)
    }
}

fn values(variables: &VarMap, name: &str) -> Vec<f32> {
    variables.data().lock().unwrap()[name].flatten_all().unwrap().to_vec1().unwrap()
}

const RATE: f64 = 0.02;
const STEPS: usize = 13;

/// Weights and running statistics after candle's own training of the closure alone.
fn alone(usage: Use, config: BatchNormConfig) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let variables = VarMap::new();
    let net = Net::new(&variables, usage, config);
    let data = variables.data().lock().unwrap().clone();
    let parameters = data.iter().filter(|(name, _)| !name.contains("running")).map(|(_, var)| var.clone());
    let mut sgd = SGD::new(parameters.collect(), RATE).unwrap();
    for step in 0..STEPS {
        net.step.set(step);
        sgd.backward_step(&net.loss(&batches()[step % 5], true).unwrap()).unwrap();
    }
    let names = ["first.bias", "first.weight", "last.bias", "last.weight", "norm.bias", "norm.weight"];
    let weights = names.iter().flat_map(|name| values(&variables, name)).collect();
    (weights, values(&variables, "norm.running_mean"), values(&variables, "norm.running_var"))
}

fn assert_close(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() <= 2e-6 * e.abs().max(1.0), "{what}: {found:?}, alone {expected:?}");
    }
}

#[test]
fn the_oracle_does_what_the_closure_alone_does() {
    let momentum = |momentum| BatchNormConfig { momentum, ..BatchNormConfig::default() };
    let uncentred = BatchNormConfig { remove_mean: false, ..BatchNormConfig::default() };
    for (usage, config) in [
        (Use::Once, momentum(0.1)),
        (Use::Once, momentum(0.5)),
        (Use::Once, momentum(0.0)),
        (Use::Once, momentum(1.0)),
        (Use::Once, uncentred),
        (Use::Frozen, momentum(0.1)),
        (Use::FrozenFrom(6), momentum(0.1)),
        (Use::FrozenFrom(0), momentum(0.1)),
        (Use::Twice, momentum(0.1)),
        (Use::Twice, momentum(0.3)),
        (Use::BothModes, momentum(0.1)),
        (Use::EveryOther, momentum(0.1)),
        (Use::EveryOther, momentum(0.5)),
    ] {
        let case = format!("{usage:?}, {config:?}");
        let (weights, mean, variance) = alone(usage, config);
        let variables = VarMap::new();
        let net = Net::new(&variables, usage, config);
        let oracle = CandleOracle::new(&variables, |batch: &Batch, train| net.loss(batch, train)).unwrap();
        let x = oracle.read().unwrap();
        let mut training = Training::new(oracle, InOrder(batches()), x, Sgd::new())
            .unwrap()
            .with_rule(SgdMomentum::new(0.0, 0.0))
            .with_schedule(StepDecay::constant(RATE))
            .with_norm_policies(&[NormPolicy::Reset, NormPolicy::Naive]);
        for step in 0..STEPS {
            net.step.set(step);
            training.step().unwrap_or_else(|error| panic!("{case}: {error}"));
        }
        assert_close(training.iterate(), &weights, &case);
        for track in training.tracks() {
            assert_close(track.running.layer(0).0, &mean, &case);
            assert_close(track.running.layer(0).1, &variance, &case);
        }
    }
}

#[test]
fn policies_side_by_side_see_what_each_sees_alone() {
    for (usage, momentum) in [(Use::Once, 0.5), (Use::Twice, 0.1), (Use::EveryOther, 0.3), (Use::Frozen, 0.1)] {
        let run = |policies: &[NormPolicy]| {
            let variables = VarMap::new();
            let net = Net::new(&variables, usage, BatchNormConfig { momentum, ..BatchNormConfig::default() });
            let oracle = CandleOracle::new(&variables, |batch: &Batch, train| net.loss(batch, train)).unwrap();
            let x = oracle.read().unwrap();
            let mut training = Training::new(oracle, InOrder(batches()), x, Svrg::recomputed())
                .unwrap()
                .with_schedule(StepDecay::constant(RATE))
                .with_norm_policies(policies);
            for _ in 0..STEPS {
                training.step().unwrap();
            }
            training.tracks().iter().map(|track| track.running.clone()).collect::<Vec<NormStatistics>>()
        };
        let both = run(&[NormPolicy::Reset, NormPolicy::Naive]);
        for (beside, policy) in both.iter().zip([NormPolicy::Reset, NormPolicy::Naive]) {
            let alone = &run(&[policy])[0];
            assert_close(beside.mean(), alone.mean(), &format!("{usage:?}, {policy:?}"));
            assert_close(beside.variance(), alone.variance(), &format!("{usage:?}, {policy:?}"));
        }
        assert_eq!(both[0] == both[1], usage == Use::Frozen);
    }
}

#[test]
fn a_layer_is_probed_once() {
    let variables = VarMap::new();
    let net = Net::new(&variables, Use::Twice, BatchNormConfig::default());
    let calls = Cell::new(0);
    let loss = |batch: &Batch, train| {
        calls.set(calls.get() + 1);
        net.loss(batch, train)
    };
    let oracle = CandleOracle::new(&variables, loss).unwrap();
    let x = oracle.read().unwrap();
    let calls_for = |norm: Normalization<'_, f32>| {
        let before = calls.get();
        oracle.evaluate(&x, norm, &batches()[0]).unwrap();
        calls.get() - before
    };
    let statistics = oracle.initial_statistics().unwrap();
    assert_eq!(calls_for(Normalization::Stored(&statistics)), 1);
    assert_eq!(calls_for(Normalization::Batch), 2);
    assert_eq!(calls_for(Normalization::Running(&statistics)), 1);
    assert_eq!(oracle.initial_statistics().unwrap(), statistics, "an evaluation changed the model");
}

#[test]
fn a_closure_that_changes_between_equal_calls_is_refused() {
    let variables = VarMap::new();
    let net = Net::new(&variables, Use::EveryOther, BatchNormConfig::default());
    let calls = Cell::new(0);
    let loss = |batch: &Batch, train| {
        let number = calls.replace(calls.get() + 1);
        net.loss(&Batch { number, ..batch.clone() }, train)
    };
    let oracle = CandleOracle::new(&variables, loss).unwrap();
    let x = oracle.read().unwrap();
    let mut training = Training::new(oracle, InOrder(batches()), x, Sgd::new()).unwrap();
    let error = training.step().unwrap_err();
    assert!(error.to_string().contains("`norm`"), "{error}");
    assert!(matches!(error, TrainingError::Oracle { error: CandleOracleError::Update { .. }, .. }), "{error:?}");
}
