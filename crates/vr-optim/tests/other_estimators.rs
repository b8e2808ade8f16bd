//! Methods of other shapes than those of this crate, written against its interface alone: snapshots by a coin, a
//! coefficient that changes in time, a previous point, a step on a full gradient.

use std::sync::Arc;

use vr_core::Mean;
use vr_core::random::uniform;
use vr_core::{Coefficient, FlatVector, Key, ParameterSpace, Purpose, StateError, StateReader, StateWriter, Stream};
use vr_optim::conformance::problem::{Loss, M, Regression, Samples, start};
use vr_optim::conformance::{Promises, check};
use vr_optim::{
    Anchor, Ask, Combine, ControlVariate, Estimate, Estimator, EstimatorError, NormRule, Point, Probe, Request, Sgd,
    StepDecay, Training,
};

type Vector = FlatVector<f64>;

/// α falls by a tenth with every step.
struct Decay(f64);

impl Combine<f64> for Decay {
    fn combine(&self, space: &ParameterSpace, gradient: &[f64], reference: &[f64], mean: &[f64], out: &mut [f64]) {
        Coefficient::Scalar(self.0).combine(space, gradient, reference, mean, out);
    }
    fn learn(&mut self, _space: &ParameterSpace, _gradient: &[f64], _reference: &[f64], _mean: &[f64]) {
        self.0 *= 0.9;
    }
    fn save(&self, out: &mut StateWriter<'_>) {
        out.real("alpha", self.0);
    }
    fn restore(&mut self, from: &StateReader<'_>, _len: usize) -> Result<(), StateError> {
        self.0 = from.real("alpha")?;
        Ok(())
    }
}

/// Loopless SVRG: before each step a coin says whether a snapshot is taken.
struct Loopless<C> {
    variate: ControlVariate<f64, C>,
    minibatches: u32,
    step: u64,
    since: u64,
    generation: u32,
}

impl<C: Combine<f64>> Loopless<C> {
    fn new(combination: C) -> Self {
        Self { variate: ControlVariate::new(combination), minibatches: 1, step: 0, since: 0, generation: 0 }
    }
    fn requests(&self) -> impl Fn(vr_optim::Wanted) -> Request + use<C> {
        let m = u64::from(self.minibatches);
        let (generation, own, visit) = (self.generation, (self.since % m) as u32, (self.since / m) as u32);
        move |wanted| {
            let request = wanted.request(Purpose::Snapshot, generation, own);
            if request.purpose == Purpose::Inner { Request { visit, ..request } } else { request }
        }
    }
}

impl<C: Combine<f64>> Estimator<f64> for Loopless<C> {
    fn name(&self) -> &'static str {
        "loopless-svrg"
    }
    fn begin(&mut self, space: &Arc<ParameterSpace>, minibatches: u32) -> Result<(), EstimatorError> {
        self.minibatches = minibatches;
        self.variate.begin(space, None);
        Ok(())
    }
    fn ask(&mut self, x: &Vector) -> Result<Ask<'_, f64>, EstimatorError> {
        if self.variate.is_between() {
            let coin = uniform(Key::new(7, Stream::User).words(self.step as u32, 0)[0]);
            if self.step == 0 || coin < 0.2 {
                self.generation += u32::from(self.step > 0);
                self.since = 0;
                self.variate.take(x, 0..self.minibatches);
            }
            self.variate.open();
        }
        let requests = self.requests();
        Ok(self.variate.ask(requests))
    }
    fn tell(&mut self, request: &Request, gradient: &Vector) -> Result<(), EstimatorError> {
        self.variate.tell(request, gradient)
    }
    fn advance(&mut self, _x: &Vector) {
        self.step += 1;
        self.since += 1;
        self.variate.close();
    }
    fn direction_on(&self, index: u32, g: &Vector, probed: &[&Vector]) -> Result<Estimate<f64>, EstimatorError> {
        self.variate.direction_on(index, g, probed)
    }
    fn generation(&self) -> u32 {
        self.generation
    }
    fn save(&self, out: &mut StateWriter<'_>) -> Result<(), EstimatorError> {
        for (name, number) in [("step", self.step), ("since", self.since), ("generation", self.generation.into())] {
            out.integer(name, number);
        }
        self.variate.save(out, false)
    }
    fn restore(&mut self, from: &StateReader<'_>) -> Result<(), EstimatorError> {
        (self.step, self.since) = (from.integer("step")?, from.integer("since")?);
        self.generation = from.index("generation", u64::from(u32::MAX / 2))? as u32;
        self.variate.restore(from, false, self.minibatches, self.minibatches)
    }
    fn point(&self, point: Point) -> Option<&Vector> {
        self.variate.snapshot().filter(|_| point == Point::Snapshot)
    }
    fn probes(&self, index: u32) -> Vec<Probe> {
        self.variate.probes(index, NormRule::Batch)
    }
    fn anchor(&self) -> Option<Anchor<'_, f64>> {
        self.variate.anchor()
    }
    fn since_snapshot(&self) -> Option<u64> {
        self.variate.snapshot().map(|_| self.since)
    }
}

#[test]
fn snapshots_may_come_by_a_coin() {
    check(|| Box::new(Loopless::new(Coefficient::one())), &Promises::exact()).unwrap();
}

#[test]
fn a_coefficient_may_change_in_time() {
    let unbiased = Promises { unbiased: true, ..Promises::default() };
    check(|| Box::new(Loopless::new(Decay(1.0))), &unbiased).unwrap();
}

/// `d ← g_b(x_t) + (1 − a)·(d − g_b(x_{t−1}))`: STORM (Cutkosky & Orabona, NeurIPS 2019) with a constant a, and
/// SARAH (Nguyen et al., ICML 2017) where `restarts` and a = 0: every epoch then begins with a step along the full
/// gradient.
struct Recursive {
    keep: f64,
    restarts: bool,
    minibatches: u32,
    step: u64,
    told: Told,
    passed: u32,
    sum: Mean,
    here: Vector,
    previous: Vector,
    reference: Vector,
    direction: Vector,
}

#[derive(Clone, Copy, PartialEq)]
enum Told {
    Nothing,
    Reference,
    All,
}

impl Recursive {
    fn new(keep: f64, restarts: bool) -> Self {
        Self {
            keep,
            restarts,
            minibatches: 1,
            step: 0,
            told: Told::Nothing,
            passed: 0,
            sum: Mean::default(),
            here: Vector::default(),
            previous: Vector::default(),
            reference: Vector::default(),
            direction: Vector::default(),
        }
    }
    fn index(&self) -> u32 {
        (self.step % u64::from(self.minibatches)) as u32
    }
    /// Whether the coming step is along the full gradient.
    fn restarting(&self) -> bool {
        self.restarts && self.index() == 0
    }
    fn request(&self, point: Point, purpose: Purpose, index: u32) -> Request {
        let generation = (self.step / u64::from(self.minibatches)) as u32;
        Request { point, generation, index, visit: 0, purpose, norm: NormRule::Batch }
    }
    fn recur(&self, gradient: &[f64], reference: &[f64]) -> Vector {
        let terms = gradient.iter().zip(reference).zip(&self.direction[..]);
        Vector::from(terms.map(|((g, r), d)| g + self.keep * (d - r)).collect::<Vec<_>>())
    }
}

impl Estimator<f64> for Recursive {
    fn name(&self) -> &'static str {
        if self.restarts { "sarah" } else { "storm" }
    }
    fn begin(&mut self, space: &Arc<ParameterSpace>, minibatches: u32) -> Result<(), EstimatorError> {
        self.minibatches = minibatches;
        self.sum = Mean::new(space.len());
        for vector in [&mut self.here, &mut self.previous, &mut self.reference, &mut self.direction] {
            *vector = Vector::zeros(space.len());
        }
        Ok(())
    }
    fn ask(&mut self, x: &Vector) -> Result<Ask<'_, f64>, EstimatorError> {
        if self.told == Told::All {
            self.here.clone_from(x);
            return Ok(Ask::Step(&self.direction));
        }
        if self.restarting() {
            let pass = self.passed..self.minibatches;
            return Ok(Ask::Evaluate(pass.map(|b| self.request(Point::Current, Purpose::Snapshot, b)).collect()));
        }
        let points: &[Point] = match (self.step, self.told) {
            (0, _) | (_, Told::Reference) => &[Point::Current],
            _ => &[Point::Previous, Point::Current],
        };
        Ok(Ask::Evaluate(points.iter().map(|&p| self.request(p, Purpose::Inner, self.index())).collect()))
    }
    fn tell(&mut self, request: &Request, gradient: &Vector) -> Result<(), EstimatorError> {
        match (request.purpose, request.point) {
            (Purpose::Snapshot, _) => {
                self.sum.add(gradient);
                self.passed += 1;
                if self.passed == self.minibatches {
                    self.sum.write(&mut self.direction);
                    self.told = Told::All;
                }
            }
            (_, Point::Previous) => {
                self.reference.clone_from(gradient);
                self.told = Told::Reference;
            }
            _ => {
                self.direction = if self.step == 0 { gradient.clone() } else { self.recur(gradient, &self.reference) };
                self.told = Told::All;
            }
        }
        Ok(())
    }
    fn advance(&mut self, _x: &Vector) {
        self.previous.clone_from(&self.here);
        self.sum.reset();
        (self.step, self.told, self.passed) = (self.step + 1, Told::Nothing, 0);
    }
    fn direction_on(&self, _index: u32, g: &Vector, probed: &[&Vector]) -> Result<Estimate<f64>, EstimatorError> {
        let direction = match probed {
            _ if self.restarting() && self.told == Told::All => self.direction.clone(),
            [reference] => self.recur(g, reference),
            _ => g.clone(),
        };
        Ok(Estimate { direction, reference: probed.first().map(|&reference| reference.clone()) })
    }
    fn generation(&self) -> u32 {
        (self.step / u64::from(self.minibatches)) as u32
    }
    fn save(&self, out: &mut StateWriter<'_>) -> Result<(), EstimatorError> {
        let numbers = [("step", self.step), ("told", self.told as u64), ("passed", self.passed.into())];
        numbers.into_iter().for_each(|(name, number)| out.integer(name, number));
        self.sum.save(&mut out.part("sum"));
        for (name, x) in [("previous", &self.previous), ("reference", &self.reference), ("d", &self.direction)] {
            out.vector(name, x);
        }
        Ok(())
    }
    fn restore(&mut self, from: &StateReader<'_>) -> Result<(), EstimatorError> {
        let len = self.here.len();
        self.step = from.integer("step")?;
        self.told = [Told::Nothing, Told::Reference, Told::All][from.index("told", 2)? as usize];
        self.passed = from.index("passed", self.minibatches.into())? as u32;
        self.sum.restore(&from.part("sum"), self.passed.into())?;
        self.previous = from.vector("previous", len)?;
        self.reference = from.vector("reference", len)?;
        self.direction = from.vector("d", len)?;
        Ok(())
    }
    fn point(&self, point: Point) -> Option<&Vector> {
        (point == Point::Previous && self.step > 0).then_some(&self.previous)
    }
    fn probes(&self, _index: u32) -> Vec<Probe> {
        let compares = self.step > 0 && !self.restarting();
        compares.then_some(Probe { point: Point::Previous, norm: NormRule::Batch }).into_iter().collect()
    }
}

#[test]
fn recursive_methods_compare_with_the_previous_point() {
    check(|| Box::new(Recursive::new(0.7, false)), &Promises::default()).unwrap();
    check(|| Box::new(Recursive::new(1.0, true)), &Promises::default()).unwrap();
}

fn training(estimator: impl Estimator<f64> + 'static) -> Training<Regression, Samples> {
    Training::new(Regression::new(Loss::Logistic), Samples::with_jitter(0.3), start(), estimator)
        .unwrap()
        .with_schedule(StepDecay::constant(0.05))
}

/// SARAH's first step evaluates no minibatch of its own: its loss is that of the pass, also where the pass was
/// interrupted.
#[test]
fn a_step_on_a_full_gradient_knows_its_loss() {
    let mut sgd = training(Sgd::new());
    let expected = {
        let mut still = training(Sgd::new()).with_schedule(StepDecay::constant(0.0));
        still.epoch().unwrap().loss
    };
    let mut whole = training(Recursive::new(1.0, true));
    let first = whole.step().unwrap().loss;
    assert!((first - expected).abs() < 1e-14, "{first} {expected}");
    assert_ne!(first, sgd.step().unwrap().loss);
    let mut left = training(Recursive::new(1.0, true));
    let mut windows = 0..;
    assert!(left.step_until(|| windows.next() >= Some(1)).unwrap().is_none());
    let mut resumed = training(Recursive::new(1.0, true));
    resumed.restore(&left.save().unwrap()).unwrap();
    assert_eq!(resumed.step().unwrap().loss.to_bits(), first.to_bits());
    assert_eq!(resumed.counts().training().minibatches, u64::from(M));
}

/// An estimator that asks for a gradient at its snapshot before there is one.
struct Early(Sgd<f64>);

impl Estimator<f64> for Early {
    fn name(&self) -> &'static str {
        "early"
    }
    fn begin(&mut self, space: &Arc<ParameterSpace>, minibatches: u32) -> Result<(), EstimatorError> {
        self.0.begin(space, minibatches)
    }
    fn ask(&mut self, x: &Vector) -> Result<Ask<'_, f64>, EstimatorError> {
        Ok(match self.0.ask(x)? {
            Ask::Evaluate(requests) => {
                Ask::Evaluate(requests.into_iter().map(|r| Request { point: Point::Snapshot, ..r }).collect())
            }
            other => other,
        })
    }
    fn tell(&mut self, request: &Request, gradient: &Vector) -> Result<(), EstimatorError> {
        self.0.tell(request, gradient)
    }
    fn advance(&mut self, x: &Vector) {
        self.0.advance(x);
    }
    fn direction_on(&self, index: u32, g: &Vector, probed: &[&Vector]) -> Result<Estimate<f64>, EstimatorError> {
        self.0.direction_on(index, g, probed)
    }
    fn generation(&self) -> u32 {
        Estimator::generation(&self.0)
    }
    fn save(&self, out: &mut StateWriter<'_>) -> Result<(), EstimatorError> {
        self.0.save(out)
    }
    fn restore(&mut self, from: &StateReader<'_>) -> Result<(), EstimatorError> {
        self.0.restore(from)
    }
}

#[test]
fn a_gradient_at_a_point_that_is_not_there_is_an_error() {
    let error = training(Early(Sgd::new())).step().unwrap_err().to_string();
    assert!(error.contains("early") && error.contains("snapshot"), "{error}");
    let broken = check(|| Box::new(Early(Sgd::new())), &Promises::default()).unwrap_err();
    assert!(broken.to_string().contains("early"), "{broken}");
}
