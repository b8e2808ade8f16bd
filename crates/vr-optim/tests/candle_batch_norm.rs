//! A candle model with candle-nn's own batch norm: its statistics stay out of harm.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{Linear, Module, ModuleT, VarBuilder, VarMap, batch_norm, linear, loss::mse};
use vr_core::{NormStatistics, Normalization, Oracle};
use vr_optim::{
    CandleOracle, FixedBatches, NormPolicy, NormRule, SnapshotGradients, StepDecay, Svrg, SvrgConfig, Training,
};

type Batch = (Tensor, Tensor);

struct Net {
    first: Linear,
    norm: candle_nn::BatchNorm,
    last: Linear,
}

impl Net {
    fn new(variables: &VarMap) -> Result<Self> {
        let vb = VarBuilder::from_varmap(variables, DType::F32, &Device::Cpu);
        let net = Self {
            first: linear(3, 4, vb.pp("first"))?,
            norm: batch_norm(4, 1e-5, vb.pp("norm"))?,
            last: linear(4, 1, vb.pp("last"))?,
        };
        // candle's initialisation cannot be seeded; these values can.
        let mut all: Vec<_> = variables.data().lock().unwrap().clone().into_iter().collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        for (k, (name, var)) in all.into_iter().enumerate() {
            if name.starts_with("first") || name.starts_with("last") {
                let values: Vec<f32> = (0..var.elem_count()).map(|i| (1.3 * i as f32 + k as f32).sin() * 0.6).collect();
                var.set(&Tensor::from_vec(values, var.shape(), &Device::Cpu)?)?;
            }
        }
        Ok(net)
    }

    fn loss(&self, (x, y): &Batch, train: bool) -> Result<Tensor> {
        mse(&self.last.forward(&self.norm.forward_t(&self.first.forward(x)?, train)?.tanh()?)?, y)
    }
}

fn batches() -> Vec<Batch> {
    let batch = |b: usize| {
        let x: Vec<f32> = (0..15).map(|i| ((b * 15 + i) as f32 * 0.7).cos() + 0.3 * b as f32).collect();
        let x = Tensor::from_vec(x, (5, 3), &Device::Cpu).unwrap();
        let y = x.sum_keepdim(1).unwrap().sin().unwrap();
        (x, y)
    };
    (0..6).map(batch).collect()
}

fn variable(variables: &VarMap, name: &str) -> Vec<f32> {
    variables.data().lock().unwrap()[name].flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn statistics_are_neither_parameters_nor_left_changed() {
    let variables = VarMap::new();
    let net = Net::new(&variables).unwrap();
    let oracle = CandleOracle::new(&variables, |batch: &Batch, train| net.loss(batch, train)).unwrap();
    let names: Vec<&str> = oracle.space().tensors().iter().map(|t| t.name()).collect();
    assert_eq!(names, ["first.bias", "first.weight", "last.bias", "last.weight", "norm.bias", "norm.weight"]);
    assert_eq!(oracle.norm_layers()[0].name, "norm");

    let x = oracle.read().unwrap();
    let batch = &batches()[0];
    let mut gradient = vr_core::FlatVector::zeros(x.len());
    let evaluation = oracle.gradient(&x, Normalization::Batch, batch, &mut gradient).unwrap();
    assert_eq!(variable(&variables, "norm.running_mean"), [0.0; 4]);
    assert_eq!(variable(&variables, "norm.running_var"), [1.0; 4]);

    let hidden = net.first.forward(&batch.0).unwrap().to_vec2::<f32>().unwrap();
    let statistics = evaluation.statistics.unwrap();
    for channel in 0..4 {
        let column: Vec<f32> = hidden.iter().map(|row| row[channel]).collect();
        let mean = column.iter().sum::<f32>() / 5.0;
        let unbiased = column.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / 4.0;
        let (means, variances) = statistics.layer(0);
        assert!((means[channel] - mean).abs() < 1e-5 && (variances[channel] - unbiased).abs() < 1e-5);
    }
}

#[test]
fn a_run_may_move_to_another_thread() {
    let variables = VarMap::new();
    let net = Net::new(&variables).unwrap();
    let oracle = CandleOracle::new(&variables, move |batch: &Batch, train| net.loss(batch, train)).unwrap();
    let x = oracle.read().unwrap();
    let mut run = Training::new(oracle, FixedBatches::new(batches(), 1), x, Svrg::recomputed()).unwrap();
    let elsewhere = std::thread::spawn(move || run.step().unwrap().loss);
    assert!(elsewhere.join().unwrap().is_finite());
}

#[test]
fn evaluation_mode_uses_the_statistics_given() {
    let variables = VarMap::new();
    let net = Net::new(&variables).unwrap();
    let oracle = CandleOracle::new(&variables, |batch: &Batch, train| net.loss(batch, train)).unwrap();
    let x = oracle.read().unwrap();
    let mut stored = NormStatistics::initial(oracle.norm_layers().clone());
    let batch = &batches()[0];
    let loss = |s: &NormStatistics<f32>| oracle.evaluate(&x, Normalization::Stored(s), batch).unwrap().loss;
    let initial = loss(&stored);
    stored.layer_mut(0).0.fill(0.5);
    assert_ne!(initial, loss(&stored));
}

/// Runs two epochs and a bit; returns iterate, the statistics of both policies, and the variance.
fn run(config: SvrgConfig<f32>) -> (Vec<f32>, [NormStatistics<f32>; 2], vr_core::VarianceSummary) {
    let variables = VarMap::new();
    let net = Net::new(&variables).unwrap();
    let oracle = CandleOracle::new(&variables, |batch: &Batch, train| net.loss(batch, train)).unwrap();
    let x = oracle.read().unwrap();
    let mut training = Training::new(oracle, FixedBatches::new(batches(), 1), x, Svrg::new(config))
        .unwrap()
        .with_schedule(StepDecay::constant(0.02))
        .with_norm_policies(&[NormPolicy::Reset, NormPolicy::Naive]);
    for _ in 0..15 {
        training.step().unwrap();
    }
    let total = training.variance().unwrap().total;
    let [reset, naive] = [0, 1].map(|i| training.tracks()[i].running.clone());
    (training.iterate().to_vec(), [reset, naive], total)
}

fn svrg(gradients: SnapshotGradients, snapshot_norm: NormRule) -> SvrgConfig<f32> {
    SvrgConfig { gradients, snapshot_norm, ..SvrgConfig::default() }
}

#[test]
fn recomputation_leaves_reset_statistics_as_storage_does_and_spoils_naive_ones() {
    let (x, [reset, naive], _) = run(svrg(SnapshotGradients::Recomputed, NormRule::Batch));
    let (stored_x, [stored_reset, _], _) = run(svrg(SnapshotGradients::Stored, NormRule::Batch));
    assert_eq!(x, stored_x);
    assert_eq!(reset, stored_reset);
    assert_ne!(reset, naive);
}

#[test]
fn current_statistics_at_the_snapshot_bias_the_estimator_and_frozen_ones_do_not() {
    for gradients in [SnapshotGradients::Recomputed, SnapshotGradients::Stored] {
        let train = run(svrg(gradients, NormRule::Batch)).2;
        let frozen = run(svrg(gradients, NormRule::Frozen)).2;
        assert!(frozen.squared_bias < 1e-9 * frozen.sgd_variance, "{frozen:?}");
        assert!(frozen.estimator_variance > train.estimator_variance, "{frozen:?} {train:?}");
    }
    let current = run(svrg(SnapshotGradients::Recomputed, NormRule::Current)).2;
    assert!(current.squared_bias > 1e-4 * current.sgd_variance, "{current:?}");
}
