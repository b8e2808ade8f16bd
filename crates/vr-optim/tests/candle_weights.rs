//! Which of a candle model's weights a step moves.

mod in_order;

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{AdamW as CandleAdamW, Linear, Module, Optimizer, ParamsAdamW, VarBuilder, VarMap, linear, loss::mse};
use in_order::InOrder;
use vr_core::{FlatVector, SpaceError, TensorOptions};
use vr_optim::{
    AdamWConfig, CandleOracle, CandleOracleError, EstimatorConfig, RuleConfig, SagaConfig, SgdMomentumConfig,
    SnapshotRule, StepDecay, SvrgConfig, Training,
};

/// The loss of a minibatch uses `part` where the minibatch says so, `head` always, `backbone` without a gradient and
/// `spare` never.
struct Net {
    backbone: Linear,
    part: Linear,
    head: Linear,
}

type Batch = (bool, Tensor);

impl Net {
    fn new(variables: &VarMap) -> Self {
        let vb = VarBuilder::from_varmap(variables, DType::F32, &Device::Cpu);
        let layer = |name: &str| linear(2, 2, vb.pp(name)).unwrap();
        let net = Self { backbone: layer("backbone"), part: layer("part"), head: layer("head") };
        layer("spare");
        for (name, var) in variables.data().lock().unwrap().iter() {
            let k = name.len() as f32;
            let values = (0..var.elem_count()).map(|i| (1.3 * i as f32 + k).sin() + 1.5).collect();
            var.set(&Tensor::from_vec(values, var.shape(), &Device::Cpu).unwrap()).unwrap();
        }
        net
    }

    fn loss(&self, (whole, x): &Batch) -> Result<Tensor> {
        let hidden = self.backbone.forward(x)?.detach();
        let hidden = if *whole { self.part.forward(&hidden)? } else { hidden };
        mse(&self.head.forward(&hidden.tanh()?)?, x)
    }
}

fn batches(whole: impl Fn(usize) -> bool) -> Vec<Batch> {
    let batch = |b: usize| {
        let x: Vec<f32> = (0..6).map(|i| ((b * 6 + i) as f32 * 0.9).cos()).collect();
        (whole(b), Tensor::from_vec(x, (3, 2), &Device::Cpu).unwrap())
    };
    (0..4).map(batch).collect()
}

fn rules() -> [RuleConfig; 3] {
    let sgd = |nesterov| RuleConfig::SgdMomentum(SgdMomentumConfig { momentum: 0.9, weight_decay: 0.1, nesterov });
    [sgd(false), sgd(true), RuleConfig::AdamW(AdamWConfig { weight_decay: 0.1, ..AdamWConfig::default() })]
}

fn estimators() -> [EstimatorConfig; 4] {
    let average = SvrgConfig { snapshot: SnapshotRule::MovingAverage { keep: 0.9 }, ..SvrgConfig::default() };
    [
        EstimatorConfig::Sgd,
        EstimatorConfig::Svrg(SvrgConfig::default()),
        EstimatorConfig::Svrg(average),
        EstimatorConfig::Saga(SagaConfig::default()),
    ]
}

/// Start and end of each tensor, by name.
fn run(
    estimator: &EstimatorConfig,
    rule: &RuleConfig,
    batches: Vec<Batch>,
    options: &[(&str, TensorOptions)],
) -> Vec<(String, Vec<f32>, Vec<f32>)> {
    let variables = VarMap::new();
    let net = Net::new(&variables);
    let mut oracle = CandleOracle::new(&variables, |batch: &Batch, _| net.loss(batch)).unwrap();
    for (pattern, options) in options {
        oracle = oracle.with_options(pattern, *options).unwrap();
    }
    let x = oracle.read().unwrap();
    let mut training = Training::new(oracle, InOrder(batches), x.clone(), estimator.build())
        .unwrap()
        .with_rule(rule.build())
        .with_schedule(StepDecay::constant(0.01));
    for _ in 0..19 {
        training.step().unwrap();
    }
    let cut = |x: &FlatVector, range: std::ops::Range<usize>| x[range].to_vec();
    let tensors = vr_core::Oracle::space(training.oracle()).tensors().iter();
    tensors.map(|t| (t.name().to_owned(), cut(&x, t.range()), cut(training.iterate(), t.range()))).collect()
}

#[test]
fn weights_without_a_gradient_are_left_alone() {
    for estimator in estimators() {
        for rule in rules() {
            for (name, start, end) in run(&estimator, &rule, batches(|_| true), &[]) {
                let alone = name.starts_with("backbone") || name.starts_with("spare");
                assert_eq!(start == end, alone, "{name} under {estimator:?} and {rule:?}");
            }
        }
    }
}

#[test]
fn a_frozen_tensor_stays_to_the_bit_and_others_do_not_decay() {
    let still = TensorOptions { weight_decay: 0.0, ..TensorOptions::default() };
    for estimator in estimators() {
        for rule in rules() {
            let found = run(&estimator, &rule, batches(|_| true), &[("part.*", TensorOptions::FROZEN)]);
            let (_, start, end) = found.iter().find(|(name, ..)| name == "part.weight").unwrap();
            assert_eq!(start, end, "{estimator:?} and {rule:?}");
        }
        let end = |options: &[(&str, TensorOptions)]| run(&estimator, &rules()[0], batches(|_| true), options);
        let none = RuleConfig::SgdMomentum(SgdMomentumConfig { momentum: 0.9, weight_decay: 0.0, nesterov: false });
        assert_eq!(end(&[("*", still)]), run(&estimator, &none, batches(|_| true), &[]));
        assert_ne!(end(&[]), end(&[("*", still)]));
    }
}

#[test]
fn a_weight_that_some_minibatches_leave_out_waits_as_in_candle() {
    let variables = VarMap::new();
    let net = Net::new(&variables);
    let all = batches(|b| b != 1);
    let data = variables.data().lock().unwrap().clone();
    let params = ParamsAdamW { lr: 0.01, weight_decay: 0.1, ..ParamsAdamW::default() };
    let mut candle = CandleAdamW::new(data.values().cloned().collect(), params).unwrap();
    (0..19).for_each(|step| candle.backward_step(&net.loss(&all[step % 4]).unwrap()).unwrap());
    for (name, _, end) in run(&EstimatorConfig::Sgd, &rules()[2], all, &[]) {
        let expected: Vec<f32> = data[&name].flatten_all().unwrap().to_vec1().unwrap();
        for (found, expected) in end.iter().zip(&expected) {
            assert!((found - expected).abs() < 2e-6 * expected.abs().max(1.0), "{name}: {found} for {expected}");
        }
    }
}

#[test]
fn svrg_moves_a_weight_by_the_mean_gradient_after_a_minibatch_without_it() {
    let plain = RuleConfig::SgdMomentum(SgdMomentumConfig { momentum: 0.0, weight_decay: 0.0, nesterov: false });
    let variables = VarMap::new();
    let net = Net::new(&variables);
    let oracle = CandleOracle::new(&variables, |batch: &Batch, _| net.loss(batch)).unwrap();
    let range = vr_core::Oracle::space(&oracle).get("part.weight").unwrap().range();
    let x = oracle.read().unwrap();
    let svrg = EstimatorConfig::Svrg(SvrgConfig::default()).build();
    let mut training = Training::new(oracle, InOrder(batches(|b| b != 0)), x.clone(), svrg)
        .unwrap()
        .with_rule(plain.build())
        .with_schedule(StepDecay::constant(0.01));
    training.step().unwrap();
    assert_ne!(training.iterate()[range.clone()], x[range]);
}

#[test]
fn a_pattern_that_names_no_variable_is_refused() {
    let variables = VarMap::new();
    let net = Net::new(&variables);
    let oracle = CandleOracle::new(&variables, |batch: &Batch, _| net.loss(batch)).unwrap();
    let error = oracle.with_options("encoder.*", TensorOptions::FROZEN).err().unwrap();
    assert!(matches!(error, CandleOracleError::Space(SpaceError::NoMatch { .. })), "{error:?}");
    assert!(error.to_string().contains("`encoder.*`") && error.to_string().contains("head.bias"), "{error}");
}
