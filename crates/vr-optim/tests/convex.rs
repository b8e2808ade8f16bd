//! Where variance reduction must win: on a strongly convex finite sum its methods go to the minimum linearly, and SGD does not.

use vr_core::{FlatVector, MinibatchKey, MinibatchSource, Normalization, Oracle, Stream, TransformKey};
use vr_optim::conformance::problem::{Loss, P, Regression, Sample, Samples, start};
use vr_optim::estimators::self_tuning::switch::SwitchRule;
use vr_optim::{
    EstimatorConfig, LooplessConfig, RuleConfig, SagaConfig, SarahConfig, SelfTuningConfig, SgdMomentumConfig,
    SnapshotGradients, StepDecay, SvrgConfig, Training,
};

const M: u32 = 40;
const RATE: f64 = 0.03;
const PASSES: f64 = 300.0;

/// The regression over all samples.
struct Problem {
    oracle: Regression,
    all: Vec<Sample>,
    least: f64,
}

impl Problem {
    fn new(loss: Loss) -> Self {
        let transform = TransformKey { stream: Stream::LockedTransform, generation: 0, visit: 0 };
        let minibatch = |index| SAMPLES.minibatch(MinibatchKey { generation: 0, index, transform }).unwrap();
        let mut problem = Self { oracle: Regression::new(loss), all: (0..M).flat_map(minibatch).collect(), least: 0.0 };
        let (mut x, mut gradient) = (start(), FlatVector::zeros(P));
        for _ in 0..20_000 {
            problem.oracle.gradient(&x, Normalization::Batch, &problem.all, &mut gradient).unwrap();
            x.axpy(-0.2, &gradient);
        }
        problem.least = problem.value(&x);
        problem
    }

    fn value(&self, x: &FlatVector<f64>) -> f64 {
        self.oracle.evaluate(x, Normalization::Batch, &self.all).unwrap().loss
    }

    /// Pairs (passes of gradients, ln(f − f*)) after every epoch.
    fn course(&self, estimator: &EstimatorConfig<f64>) -> Vec<(f64, f64)> {
        let plain = SgdMomentumConfig { momentum: 0.0, weight_decay: 0.0, nesterov: false };
        let mut run = Training::new(self.oracle.clone(), SAMPLES, start(), estimator.build())
            .unwrap()
            .with_rule(RuleConfig::SgdMomentum(plain).build())
            .with_schedule(StepDecay::constant(RATE));
        let mut course = Vec::new();
        let mut passes = 0.0;
        while passes < PASSES {
            run.epoch().unwrap();
            passes = run.counts().training().minibatches as f64 / f64::from(M);
            course.push((passes, (self.value(run.iterate()) - self.least).max(1e-300).ln()));
        }
        course
    }

    /// The slope of ln(f − f*) a pass, and the share of its variance that a line leaves, between 1e-3 and 1e-12.
    fn slope(&self, estimator: &EstimatorConfig<f64>) -> (f64, f64) {
        let within = |&(_, value): &(f64, f64)| (1e-12_f64.ln()..1e-3_f64.ln()).contains(&value);
        line(&self.course(estimator).into_iter().filter(within).collect::<Vec<_>>())
    }
}

const SAMPLES: Samples = Samples { jitter: 0.0, minibatches: M };

/// The slope of a least-squares line, and the share of the variance that it leaves.
fn line(points: &[(f64, f64)]) -> (f64, f64) {
    let n = points.len() as f64;
    assert!(n > 2.0, "{points:?}");
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let sum = |of: &dyn Fn(f64, f64) -> f64| points.iter().map(|p| of(p.0 - x, p.1 - y)).sum::<f64>();
    let (xx, xy, yy) = (sum(&|x, _| x * x), sum(&|x, y| x * y), sum(&|_, y| y * y));
    (xy / xx, 1.0 - xy * xy / (xx * yy))
}

fn methods() -> [(&'static str, EstimatorConfig<f64>); 6] {
    let stored = SnapshotGradients::Stored;
    let tuning = SelfTuningConfig { gradients: stored, ..SelfTuningConfig::default() };
    let tuned = SelfTuningConfig { switch: SwitchRule::Never, ..tuning.clone() };
    [
        ("svrg", EstimatorConfig::Svrg(SvrgConfig { gradients: stored, ..SvrgConfig::default() })),
        ("self-tuning", EstimatorConfig::SelfTuning(tuning)),
        ("tuned", EstimatorConfig::SelfTuning(tuned)),
        ("l-svrg", EstimatorConfig::Loopless(LooplessConfig { seed: 1, ..LooplessConfig::default() })),
        ("saga", EstimatorConfig::Saga(SagaConfig { seed: 1, ..SagaConfig::default() })),
        ("sarah", EstimatorConfig::Sarah(SarahConfig::default())),
    ]
}

#[test]
fn variance_reduction_is_linear_and_sgd_flat() {
    for loss in [Loss::Squares, Loss::Logistic] {
        let problem = Problem::new(loss);
        let slopes = methods().map(|(name, method)| (name, problem.slope(&method)));
        for (name, (slope, left)) in slopes {
            assert!(slope < -0.15 && left < 0.02, "{name}, {loss:?}: a slope of {slope} a pass, {left} off the line");
        }
        let [svrg, own @ ..] = slopes;
        for (name, (slope, _)) in &own[..2] {
            assert!(*slope <= 0.9 * svrg.1.0, "{name}, {loss:?}: {slope} a pass where SVRG has {}", svrg.1.0);
        }
        let sgd = problem.course(&EstimatorConfig::Sgd);
        let tail = &sgd[sgd.len() / 2..];
        let (slope, _) = line(tail);
        let least = tail.iter().map(|&(_, value)| value.exp()).fold(f64::INFINITY, f64::min);
        assert!(slope.abs() < 0.01 && least > 1e-7, "SGD, {loss:?}: a slope of {slope} a pass, down to {least}");
    }
}
