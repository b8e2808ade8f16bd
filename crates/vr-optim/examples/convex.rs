//! SGD, SVRG and SAGA on logistic regression, where variance reduction must win: the rate stays constant, and only the
//! variance-reduced methods still come nearer to the optimum. `cargo run --release -p vr-optim --example convex`

#![allow(clippy::print_stdout, reason = "it shows what it found")]

use vr_optim::conformance::problem::{Loss, Regression, Samples, start};
use vr_optim::{EstimatorConfig, RuleConfig, SagaConfig, SgdMomentumConfig, StepDecay, SvrgConfig, Training};

const EPOCHS: usize = 200;

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let methods = [
        EstimatorConfig::Sgd,
        EstimatorConfig::Svrg(SvrgConfig::default()),
        EstimatorConfig::Saga(SagaConfig::default()),
    ];
    let rule = SgdMomentumConfig { momentum: 0.9, weight_decay: 0.0, nesterov: false };
    let mut norms = Vec::new();
    for method in methods {
        // `conformance::problem` has the oracle; one of your own implements `vr_core::Oracle`.
        let mut training =
            Training::new(Regression::new(Loss::Logistic), Samples::with_jitter(0.0), start(), method.build())?
                .with_rule(RuleConfig::SgdMomentum(rule).build())
                .with_schedule(StepDecay::constant(0.05));
        for _ in 0..EPOCHS {
            training.epoch()?;
        }
        let gradients = training.counts().training().minibatches;
        let norm = vr_core::vector::norm(&training.full_gradient()?);
        println!("{}: ‖G‖ = {norm:.1e} after {gradients} minibatch gradients", training.estimator().name());
        norms.push(norm);
    }
    assert!(norms[1] < 1e-3 * norms[0] && norms[2] < 1e-3 * norms[0], "{norms:?}");
    Ok(())
}
