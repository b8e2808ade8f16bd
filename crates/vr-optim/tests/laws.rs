//! Estimator laws, by exact enumeration over the minibatches of a small nonlinear problem.

use std::convert::Infallible;
use std::sync::Arc;

use vr_core::{
    Coefficient, Evaluation, FlatVector, MinibatchKey, MinibatchSource, NormLayer, Normalization, Oracle,
    ParameterSpace, TransformKey,
};
use vr_optim::{
    Estimator, Locking, Sgd, SgdMomentum, SnapshotGradients, SnapshotRule, StepDecay, Svrg, SvrgConfig, Training,
};

const P: usize = 4;
const M: usize = 5;

/// Loss of a minibatch z: Σ cos(x_i·z_i)·z_i, so that its gradient is nonlinear in x.
struct Toy(Arc<ParameterSpace>, Arc<[NormLayer]>);

impl Toy {
    fn new() -> Self {
        Self(Arc::new(ParameterSpace::new([("a", vec![1]), ("b", vec![3])]).unwrap()), Arc::new([]))
    }
}

impl Oracle for Toy {
    type Scalar = f64;
    type Batch = [f64; P];
    type Error = vr_core::SpaceError;

    fn space(&self) -> &Arc<ParameterSpace> {
        &self.0
    }
    fn norm_layers(&self) -> &Arc<[NormLayer]> {
        &self.1
    }
    fn gradient(
        &self,
        x: &FlatVector<f64>,
        norm: Normalization<'_, f64>,
        z: &[f64; P],
        out: &mut FlatVector<f64>,
    ) -> Result<Evaluation<f64>, Self::Error> {
        for i in 0..P {
            out[i] = -(x[i] * z[i]).sin() * z[i] * z[i];
        }
        self.evaluate(x, norm, z)
    }
    fn evaluate(
        &self,
        x: &FlatVector<f64>,
        _norm: Normalization<'_, f64>,
        z: &[f64; P],
    ) -> Result<Evaluation<f64>, Self::Error> {
        let loss = (0..P).map(|i| (x[i] * z[i]).cos() * z[i]).sum();
        Ok(Evaluation { loss, correct: None, samples: 1, statistics: None })
    }
}

/// Minibatches that depend on plan and transform, as augmented pictures do.
struct Drawn;

impl MinibatchSource for Drawn {
    type Batch = [f64; P];
    type Error = Infallible;
    fn minibatches(&self) -> usize {
        M
    }
    fn minibatch(&self, key: MinibatchKey) -> Result<[f64; P], Infallible> {
        let TransformKey { stream, generation, visit } = key.transform;
        let words = vr_core::Key { seed: 9, stream, generation, visit }.words(key.index, 0);
        Ok(words.map(|word| 0.5 + vr_core::random::uniform(word)))
    }
}

fn training(estimator: impl Estimator<f64> + 'static, locking: Locking) -> Training<Toy, Drawn> {
    let x = FlatVector::from(vec![0.3, -0.7, 1.1, 0.2]);
    Training::new(Toy::new(), Drawn, x, estimator)
        .unwrap()
        .with_locking(locking)
        .with_schedule(StepDecay::constant(0.05))
        .with_rule(SgdMomentum::new(0.9, 1e-4))
}

fn svrg(gradients: SnapshotGradients, snapshot: SnapshotRule) -> Svrg<f64> {
    Svrg::new(SvrgConfig { gradients, snapshot, ..SvrgConfig::default() })
}

fn bits(x: &FlatVector<f64>) -> Vec<u64> {
    x.iter().map(|v| v.to_bits()).collect()
}

const AVERAGE: SnapshotRule = SnapshotRule::MovingAverage { keep: 0.9 };
const BOTH: [SnapshotGradients; 2] = [SnapshotGradients::Stored, SnapshotGradients::Recomputed];

#[test]
fn the_locked_mean_over_all_minibatches_is_the_full_gradient() {
    for gradients in BOTH {
        let mut run = training(svrg(gradients, SnapshotRule::LastIterate), Locking::Locked);
        for _ in 0..M + 2 {
            run.step().unwrap();
        }
        let total = run.variance().unwrap().total;
        assert!(total.squared_bias < 1e-28, "{total:?}");
        assert!(total.estimator_variance > 0.0 && total.ratio.unwrap() < 1.0, "{total:?}");
    }
}

#[test]
fn at_the_snapshot_every_locked_direction_is_the_mean() {
    for gradients in BOTH {
        for rule in [SnapshotRule::LastIterate, AVERAGE] {
            let mut run = training(svrg(gradients, rule), Locking::Locked);
            for _ in 0..2 * M {
                run.step().unwrap();
            }
            run.prepare().unwrap();
            assert_eq!(run.variance().unwrap().total.estimator_variance, 0.0, "{gradients:?} {rule:?}");
        }
    }
}

#[test]
fn without_locking_the_stored_estimator_has_variance_and_the_recomputed_one_bias_at_the_snapshot() {
    let at_start = |gradients| {
        let mut run = training(svrg(gradients, SnapshotRule::LastIterate), Locking::Unlocked);
        run.prepare().unwrap();
        run.variance().unwrap().total
    };
    let (stored, recomputed) = (at_start(SnapshotGradients::Stored), at_start(SnapshotGradients::Recomputed));
    assert!(stored.estimator_variance > 0.01 * stored.sgd_variance, "{stored:?}");
    assert!(recomputed.estimator_variance == 0.0 && recomputed.squared_bias > 1e-6, "{recomputed:?}");
}

#[test]
fn storage_equals_recomputation_to_the_bit() {
    for rule in [SnapshotRule::LastIterate, AVERAGE] {
        let [stored, recomputed] = BOTH.map(|gradients| {
            let mut run = training(svrg(gradients, rule), Locking::Locked);
            for _ in 0..3 * M + 2 {
                run.step().unwrap();
            }
            (bits(run.iterate()), run.counts())
        });
        assert_eq!(stored.0, recomputed.0);
        let m = M as u64;
        assert_eq!(stored.1.inner.minibatches, 3 * m + 2);
        assert_eq!(recomputed.1.inner.minibatches, 2 * (3 * m + 2));
        assert_eq!((stored.1.snapshot, recomputed.1.snapshot.minibatches), (recomputed.1.snapshot, 4 * m));
    }
}

#[test]
fn coefficient_zero_and_a_method_not_yet_switched_on_are_sgd_to_the_bit() {
    let run = |estimator: Box<dyn FnOnce(Locking) -> Training<Toy, Drawn>>| {
        let mut run = estimator(Locking::Locked);
        for _ in 0..3 * M {
            run.step().unwrap();
        }
        bits(run.iterate())
    };
    let sgd = run(Box::new(|l| training(Sgd::new(), l)));
    let zero = SvrgConfig { coefficient: Coefficient::Scalar(0.0), ..SvrgConfig::default() };
    let late = SvrgConfig { start: 3 * M as u64, ..SvrgConfig::default() };
    let on = SvrgConfig { start: M as u64, ..SvrgConfig::default() };
    assert_eq!(run(Box::new(|l| training(Svrg::new(zero), l))), sgd);
    assert_eq!(run(Box::new(|l| training(Svrg::new(late), l))), sgd);
    assert_ne!(run(Box::new(|l| training(Svrg::new(on), l))), sgd);
}

#[test]
fn the_generation_belongs_to_the_snapshot() {
    let config = SvrgConfig { interval: Some(2 * M as u64), ..SvrgConfig::default() };
    let mut run = training(Svrg::new(config), Locking::Locked);
    let mut generations = Vec::new();
    for _ in 0..4 {
        run.prepare().unwrap();
        generations.push(run.estimator().generation());
        run.epoch().unwrap();
    }
    assert_eq!(generations, [0, 0, 1, 1]);
}

#[test]
fn measuring_and_parallelism_do_not_change_the_course() {
    let mut plain = training(svrg(SnapshotGradients::Recomputed, AVERAGE), Locking::Unlocked);
    let mut measured = training(svrg(SnapshotGradients::Recomputed, AVERAGE), Locking::Unlocked).in_parallel();
    for _ in 0..2 * M + 1 {
        measured.variance().unwrap();
        plain.step().unwrap();
        measured.step().unwrap();
        measured.variance().unwrap();
    }
    assert_eq!(bits(plain.iterate()), bits(measured.iterate()));
    assert_eq!(plain.counts().training(), measured.counts().training());
}

#[test]
fn an_iterate_of_the_wrong_length_is_refused() {
    let error = Training::new(Toy::new(), Drawn, FlatVector::zeros(3), Sgd::new()).err().unwrap();
    assert!(error.to_string().contains("3 elements"), "{error}");
}
