//! The test kit finds what it looks for: an estimator with one fault at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use vr_core::{FlatVector, ParameterSpace, StateReader, StateWriter};
use vr_optim::conformance::{Cost, Make, Promises, Violation, check};
use vr_optim::{Ask, Estimate, Estimator, EstimatorError, Request, Sgd, conformance};

type Vector = FlatVector<f64>;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// Nothing: SGD with directions of twice the length after the first step.
    None,
    /// The diagnostics see half of the direction.
    MeasuresAnother,
    /// All directions are too long by a constant.
    Biased,
    /// Whether there was a step is not saved.
    Forgets,
    /// Whether there was a step is saved, but not missed.
    MissesNothing,
    /// Every run is another.
    Wanders,
}

static RUNS: AtomicU64 = AtomicU64::new(1);

struct Faulty {
    fault: Fault,
    inner: Sgd<f64>,
    stepped: bool,
    offset: f64,
    direction: Vector,
}

impl Faulty {
    fn new(fault: Fault) -> Self {
        let offset = match fault {
            Fault::Biased => 0.01,
            Fault::Wanders => 1e-6 * RUNS.fetch_add(1, Ordering::Relaxed) as f64,
            _ => 0.0,
        };
        Self { fault, inner: Sgd::new(), stepped: false, offset, direction: Vector::default() }
    }
    fn of(&self, gradient: &[f64]) -> Vector {
        // With a fault of memory alone the length depends on what is remembered.
        let remembers = matches!(self.fault, Fault::Forgets | Fault::MissesNothing);
        let length = if remembers && self.stepped { 2.0 } else { 1.0 };
        Vector::from(gradient.iter().map(|g| length * g + self.offset).collect::<Vec<_>>())
    }
}

impl Estimator<f64> for Faulty {
    fn name(&self) -> &'static str {
        "faulty"
    }
    fn begin(&mut self, space: &Arc<ParameterSpace>, minibatches: u32) -> Result<(), EstimatorError> {
        self.inner.begin(space, minibatches)
    }
    fn ask(&mut self, x: &Vector) -> Result<Ask<'_, f64>, EstimatorError> {
        let direction = match self.inner.ask(x)? {
            Ask::Step(gradient) => gradient.clone(),
            Ask::Evaluate(requests) => return Ok(Ask::Evaluate(requests)),
            Ask::Move(_) | Ask::Snapshot => return Ok(Ask::Snapshot),
        };
        self.direction = self.of(&direction);
        Ok(Ask::Step(&self.direction))
    }
    fn tell(&mut self, request: &Request, gradient: &Vector) -> Result<(), EstimatorError> {
        self.inner.tell(request, gradient)
    }
    fn advance(&mut self, x: &Vector) {
        self.inner.advance(x);
        self.stepped = true;
    }
    fn direction_on(&self, _index: u32, gradient: &Vector, _at: &[&Vector]) -> Result<Estimate<f64>, EstimatorError> {
        let mut direction = self.of(gradient);
        if self.fault == Fault::MeasuresAnother {
            direction.axpy(-0.5, &direction.clone());
        }
        Ok(Estimate { direction, reference: None })
    }
    fn generation(&self) -> u32 {
        self.inner.generation()
    }
    fn save(&self, out: &mut StateWriter<'_>) -> Result<(), EstimatorError> {
        if self.fault == Fault::MissesNothing {
            out.flag("stepped", self.stepped);
        }
        self.inner.save(out)
    }
    fn restore(&mut self, from: &StateReader<'_>) -> Result<(), EstimatorError> {
        self.stepped = from.has("stepped") && from.flag("stepped")?;
        self.inner.restore(from)
    }
}

fn checked(fault: Fault) -> Result<(), Violation> {
    check(|| Box::new(Faulty::new(fault)), &Promises { unbiased: true, ..Promises::default() })
}

#[test]
fn a_faultless_estimator_passes() {
    checked(Fault::None).unwrap();
}

#[test]
fn each_fault_is_found_by_its_check() {
    type Check = fn(Make<'_>) -> Result<(), Violation>;
    let checks: [(Fault, Check); 5] = [
        (Fault::MeasuresAnother, conformance::measures_its_own_direction),
        (Fault::Biased, conformance::is_unbiased),
        (Fault::Forgets, conformance::resumes),
        (Fault::MissesNothing, conformance::needs_its_whole_state),
        (Fault::Wanders, conformance::repeats),
    ];
    for (fault, check) in checks {
        let violation = check(&|| Box::new(Faulty::new(fault))).unwrap_err();
        assert_eq!(violation.method, "faulty", "{fault:?}: {violation}");
        assert!(checked(fault).is_err(), "{fault:?}");
        check(&|| Box::new(Faulty::new(Fault::None))).unwrap();
    }
}

#[test]
fn a_wrong_cost_and_a_snapshot_that_never_comes_are_found() {
    let sgd = || -> Box<dyn Estimator<f64>> { Box::new(Sgd::new()) };
    let error = conformance::costs(&sgd, |_| Cost::default()).unwrap_err().to_string();
    assert!(error.contains("promised"), "{error}");
    let error = conformance::is_exact_at_its_snapshot(&sgd).unwrap_err().to_string();
    assert!(error.contains("no snapshot"), "{error}");
}
