//! An estimator of one's own: trained, its variance measured, killed and resumed to the bit, and put through the checks
//! that every estimator owes.

mod clipped;

use clipped::ClippedSvrg;
use vr_optim::conformance::problem::{Loss, Regression, Samples, start};
use vr_optim::conformance::{Promises, check};
use vr_optim::{Estimator, StepDecay, Svrg, Training};

type Run = Training<Regression, Samples>;
type Failure = Box<dyn std::error::Error>;

/// Least squares whose samples are drawn with jitter, in minibatches of four.
fn training(estimator: impl Estimator<f64> + 'static) -> Result<Run, Failure> {
    let run = Training::new(Regression::new(Loss::Squares), Samples::with_jitter(0.3), start(), estimator)?;
    Ok(run.with_schedule(StepDecay::constant(0.02)))
}

fn main() -> Result<(), Failure> {
    let mut run = training(ClippedSvrg::new(0.5))?;
    let first = run.epoch()?.loss;
    for _ in 0..20 {
        run.epoch()?;
    }
    let last = run.epoch()?.loss;
    println!("loss {first:.3} in the first epoch, {last:.3} in the last");
    assert!(last < 0.5 * first);

    run.step()?;
    run.step()?;
    let total = run.variance()?.total;
    println!("variance against SGD's: {:.3}, squared bias {:.1e}", total.ratio.unwrap_or(1.0), total.squared_bias);
    assert!(total.correlation.is_some());

    // Killed in the middle of a snapshot pass; what was saved goes on in a new run.
    while run.steps() % run.minibatches() as u64 != 0 {
        run.step()?;
    }
    let mut windows = 0..;
    assert!(run.step_until(|| windows.next() >= Some(1))?.is_none());
    let state = run.save()?;
    let mut resumed = training(ClippedSvrg::new(0.5))?;
    resumed.restore(&state)?;
    run.epoch()?;
    resumed.epoch()?;
    assert_eq!(run.iterate(), resumed.iterate());

    check(|| Box::new(ClippedSvrg::new(0.5)), &Promises { exact_at_snapshot: true, ..Promises::default() })?;
    // Without a bound it is SVRG.
    check(|| Box::new(ClippedSvrg::new(f64::INFINITY)), &Promises::exact())?;
    let (mut unbounded, mut svrg) = (training(ClippedSvrg::new(f64::INFINITY))?, training(Svrg::recomputed())?);
    for _ in 0..3 {
        unbounded.epoch()?;
        svrg.epoch()?;
    }
    assert_eq!(unbounded.iterate(), svrg.iterate());
    println!("resumed to the bit, and through every check");
    Ok(())
}
