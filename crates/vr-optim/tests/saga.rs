//! The laws of SAGA on minibatches and of its table with a moving average.

use std::sync::Arc;

use vr_core::random::uniform;
use vr_core::state::Value;
use vr_core::{FlatVector, Key, ParameterSpace, Purpose, State, StateError, Stream};
use vr_optim::{
    Ask, Estimator, EstimatorError, Locking, Request, Saga, SagaConfig, Sgd, SgdMomentum, StepDecay, TableStorage,
    Training,
};

use vr_optim::conformance::problem::{Loss, M, P, Regression, Samples, start};
use vr_optim::estimators::saga::Form;

fn training(config: SagaConfig, locking: Locking, learning_rate: f64) -> Training<Regression, Samples> {
    regression(Loss::Logistic, config, locking, learning_rate)
}

fn regression(loss: Loss, config: SagaConfig, locking: Locking, learning_rate: f64) -> Training<Regression, Samples> {
    Training::new(Regression::new(loss), Samples::with_jitter(0.5), start(), Saga::new(config))
        .unwrap()
        .with_rule(SgdMomentum::new(0.0, 0.0))
        .with_locking(locking)
        .with_schedule(StepDecay::constant(learning_rate))
}

fn weight(weight: f64) -> SagaConfig {
    SagaConfig { weight, ..SagaConfig::default() }
}

#[test]
fn given_the_table_the_locked_direction_is_unbiased() {
    for (loss, a) in [(Loss::Squares, 1.0), (Loss::Squares, 0.3), (Loss::Logistic, 1.0), (Loss::Logistic, 0.3)] {
        for storage in [TableStorage::Memory, TableStorage::Bf16] {
            let mut run = regression(loss, SagaConfig { storage, ..weight(a) }, Locking::Locked, 0.05);
            epochs(&mut run, 1);
            for _ in 0..2 * M + 3 {
                run.step().unwrap();
                let total = run.variance().unwrap().total;
                assert!(total.squared_bias < 1e-28, "{total:?}");
            }
            let total = run.variance().unwrap().total;
            assert!(total.estimator_variance > 0.0, "{total:?}");
        }
    }
}

/// Of the same table at the same point: the mean of SAGA's directions is the full gradient G, that of SAG's is `mean φ + (G − mean φ)/m`.
#[test]
fn sag_trades_variance_for_bias() {
    let survey = |form| {
        let mut run = training(SagaConfig { form, ..weight(1.0) }, Locking::Locked, 0.2);
        epochs(&mut run, 1);
        run.prepare().unwrap();
        run.variance().unwrap().total
    };
    let (saga, sag) = (survey(Form::Saga), survey(Form::Sag));
    let m = f64::from(M);
    assert!((sag.estimator_variance - saga.estimator_variance / (m * m)).abs() < 1e-15, "{sag:?} {saga:?}");
    assert!(sag.squared_bias > 1e-4 && saga.squared_bias < 1e-28, "{sag:?} {saga:?}");
}

#[test]
fn the_first_epoch_is_sgd_to_the_bit() {
    for locking in [Locking::Locked, Locking::Unlocked] {
        let mut saga = training(weight(0.5), locking, 0.2);
        let mut sgd = Training::new(Regression::new(Loss::Logistic), Samples::with_jitter(0.5), start(), Sgd::new())
            .unwrap()
            .with_rule(SgdMomentum::new(0.0, 0.0))
            .with_locking(locking)
            .with_schedule(StepDecay::constant(0.2));
        for _ in 0..M {
            saga.step().unwrap();
            sgd.step().unwrap();
            assert_eq!(saga.iterate(), sgd.iterate());
        }
        saga.step().unwrap();
        sgd.step().unwrap();
        assert_ne!(saga.iterate(), sgd.iterate(), "the control variate begins with the second epoch");
    }
}

/// A row holds the gradient at the iterate of its own visit, not one at the initial point.
#[test]
fn rows_are_filled_where_they_are_visited() {
    let mut bare = Bare::new(weight(0.25));
    let first = bare.first_epoch();
    assert_eq!(bare.rows(), first);
    assert_eq!(bare.mean()[..], mean(&first));
}

#[test]
fn without_steps_every_locked_direction_is_the_full_gradient() {
    let variance = |locking| {
        let mut run = training(weight(1.0), locking, 0.0);
        epochs(&mut run, 1);
        run.variance().unwrap().total.estimator_variance
    };
    assert_eq!(variance(Locking::Locked), 0.0);
    assert!(variance(Locking::Unlocked) > 0.0);
}

#[test]
fn the_minimum_is_reached_under_locked_transforms_only() {
    let variance = |locking| {
        let mut run = training(weight(1.0), locking, 0.2);
        epochs(&mut run, 400);
        run.variance().unwrap().total.estimator_variance
    };
    assert!(variance(Locking::Locked) < 1e-20);
    assert!(variance(Locking::Unlocked) > 1e-4);
}

/// At a fixed point a row of weight a holds noise of variance σ²·a/(2 − a), which adds to the σ² of
/// the fresh transform: with a = 1 in all 2σ², with a = 0.1 about 1.05σ².
#[test]
fn averaging_over_transforms_takes_the_tables_own_noise_out() {
    let variance = |a| {
        let mut run = training(weight(a), Locking::Unlocked, 0.0);
        epochs(&mut run, 50);
        let mut sum = 0.0;
        for _ in 0..200 {
            run.epoch().unwrap();
            sum += run.variance().unwrap().total.estimator_variance;
        }
        sum
    };
    let ratio = variance(0.1) / variance(1.0);
    assert!((ratio - 0.526).abs() < 0.05, "{ratio}");
}

#[test]
fn a_run_costs_one_evaluation_a_step() {
    let mut run = training(weight(0.5), Locking::Unlocked, 0.1);
    epochs(&mut run, 3);
    let m = u64::from(M);
    assert_eq!((run.counts().training().minibatches, run.counts().inner.minibatches), (3 * m, 3 * m));
    assert_eq!(run.counts().training().samples, 3 * 4 * m);
}

#[test]
fn a_weight_outside_its_range_is_refused() {
    for a in [0.0, -0.5, 1.5, f64::NAN] {
        let error = Saga::<f64>::new(weight(a)).begin(&Arc::default(), 3).unwrap_err();
        assert!(
            matches!(error, EstimatorError::Config { .. }) && error.to_string().contains(&a.to_string()),
            "{error}"
        );
    }
}

fn epochs(run: &mut Training<Regression, Samples>, count: u32) {
    for _ in 0..count {
        run.epoch().unwrap();
    }
}

fn begun(config: &SagaConfig, minibatches: u32) -> Saga<f64> {
    let mut saga = Saga::new(config.clone());
    let space = ParameterSpace::new([("x", vec![P])]).unwrap();
    saga.begin(&Arc::new(space), minibatches).unwrap();
    saga
}

fn saved(saga: &Saga<f64>) -> State {
    let mut state = State::new();
    saga.save(&mut state.writer("estimator")).unwrap();
    state
}

/// A Saga without a driver: gradients are random numbers of the test's own.
struct Bare {
    config: SagaConfig,
    saga: Saga<f64>,
    x: FlatVector<f64>,
    draws: u32,
    /// Whether it is saved and put into a new one at every turn.
    reloads: bool,
}

impl Bare {
    fn new(config: SagaConfig) -> Self {
        Self { saga: begun(&config, M), config, x: FlatVector::zeros(P), draws: 0, reloads: false }
    }

    fn reload(&mut self) {
        if self.reloads {
            let state = saved(&self.saga);
            self.saga = begun(&self.config, M);
            self.saga.restore(&state.reader("estimator")).unwrap();
        }
    }

    fn wanted(&mut self) -> Vec<Request> {
        self.reload();
        match self.saga.ask(&self.x).unwrap() {
            Ask::Evaluate(requests) => requests,
            other => panic!("{other:?}"),
        }
    }

    fn answer(&mut self, request: &Request) -> FlatVector<f64> {
        self.draws += 1;
        let number = |i| uniform(Key::new(5, Stream::User).words(self.draws, i)[0]) - 0.5;
        let gradient = FlatVector::from((0..P as u32).map(number).collect::<Vec<_>>());
        self.saga.tell(request, &gradient).unwrap();
        self.reload();
        gradient
    }

    /// The first epoch; returns the table that it makes. Its directions are its gradients.
    fn first_epoch(&mut self) -> Vec<FlatVector<f64>> {
        let fill = |row| {
            assert_eq!(self.saga.direction_on(0, &self.x, &[]).unwrap().reference, None);
            let (request, gradient, direction) = self.step();
            assert_eq!((request.purpose, request.index), (Purpose::Inner, row));
            assert_eq!(direction, gradient);
            gradient
        };
        (0..M).map(fill).collect()
    }

    /// One step; returns what was asked, the gradient and the direction.
    fn step(&mut self) -> (Request, FlatVector<f64>, FlatVector<f64>) {
        let request = self.wanted()[0];
        let gradient = self.answer(&request);
        let Ask::Step(direction) = self.saga.ask(&self.x).unwrap() else { panic!() };
        let direction = direction.clone();
        self.saga.advance(&self.x);
        (request, gradient, direction)
    }

    fn rows(&self) -> Vec<FlatVector<f64>> {
        (0..M).map(|b| self.saga.direction_on(b, &FlatVector::zeros(P), &[]).unwrap().reference.unwrap()).collect()
    }

    /// μ: the direction on a minibatch whose gradient is its row.
    fn mean(&self) -> FlatVector<f64> {
        self.saga.direction_on(0, &self.rows()[0], &[]).unwrap().direction
    }
}

fn mean(rows: &[FlatVector<f64>]) -> Vec<f64> {
    (0..P).map(|i| rows.iter().map(|row| row[i]).sum::<f64>() / f64::from(M)).collect()
}

#[test]
fn directions_and_rows_follow_the_formula() {
    for a in [1.0, 0.25] {
        let mut bare = Bare::new(weight(a));
        let mut rows = bare.first_epoch();
        for _ in 0..4 * M {
            let mean = mean(&rows);
            let (request, gradient, direction) = bare.step();
            let row = &mut rows[request.index as usize];
            for i in 0..P {
                assert!((direction[i] - (gradient[i] - row[i] + mean[i])).abs() < 1e-15);
                row[i] = (1.0 - a) * row[i] + a * gradient[i];
            }
            assert_eq!(bare.rows(), rows, "weight {a}");
        }
    }
}

#[test]
fn every_epoch_visits_every_fixed_minibatch_once_in_an_order_of_its_own() {
    let orders = |seed| {
        let mut bare = Bare::new(SagaConfig { seed, ..SagaConfig::default() });
        bare.first_epoch();
        let epoch = |visit| {
            let mut order = Vec::new();
            for _ in 0..M {
                let (request, ..) = bare.step();
                assert_eq!((request.generation, request.visit, bare.saga.generation()), (0, visit, 0));
                order.push(request.index);
            }
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..M).collect::<Vec<_>>());
            order
        };
        (1..5).map(epoch).collect::<Vec<_>>()
    };
    let first = orders(1);
    assert!(first.windows(2).all(|pair| pair[0] != pair[1]), "{first:?}");
    assert_eq!(first, orders(1));
    assert_ne!(first, orders(2));
}

/// μ is kept by differences and never summed anew; after 30,000 steps it is still the mean.
#[test]
fn the_mean_does_not_drift_from_the_table() {
    let mut bare = Bare::new(weight(0.7));
    bare.first_epoch();
    for _ in 0..5_000 * M {
        bare.step();
    }
    let found = bare.mean();
    let error = found.iter().zip(mean(&bare.rows())).map(|(m, e)| (m - e).abs());
    assert!(error.fold(0.0, f64::max) < 1e-13);
}

#[test]
fn saved_at_any_moment_it_goes_on_to_the_bit() {
    for storage in [TableStorage::Memory, TableStorage::Bf16, TableStorage::File { folder: std::env::temp_dir() }] {
        for a in [1.0, 0.25] {
            let [plain, reloaded] = [false, true].map(|reloads| {
                let mut bare = Bare { reloads, ..Bare::new(SagaConfig { storage: storage.clone(), ..weight(a) }) };
                bare.first_epoch();
                let directions: Vec<_> = (0..2 * M + 1).map(|_| bare.step().2).collect();
                (directions, bare.rows())
            });
            assert_eq!(plain, reloaded, "{storage:?}, weight {a}");
        }
    }
}

#[test]
fn a_state_that_does_not_fit_is_refused_by_name() {
    let mut bare = Bare::new(weight(1.0));
    bare.first_epoch();
    let state = saved(&bare.saga);
    let refusal = |state: &State, minibatches| {
        let error = begun(&weight(1.0), minibatches).restore(&state.reader("estimator")).unwrap_err();
        let EstimatorError::State(error) = error else { panic!("{error}") };
        error
    };
    let name = |name: &str| format!("estimator.{name}");
    let few = refusal(&state, M - 1);
    assert!(matches!(&few, StateError::Value { name: n, .. } if *n == name("mean.count")), "{few}");
    let mut wrong = state.clone();
    wrong.insert(name("rows"), Value::Integer(M.into()));
    let old = refusal(&wrong, M).to_string();
    assert!(old.contains("initial point") && old.contains("anew"), "{old}");
    wrong = state.clone();
    wrong.insert(name("mean.count"), Value::Integer(0));
    let count = refusal(&wrong, M);
    assert!(matches!(&count, StateError::Value { name: n, .. } if *n == name("mean.count")), "{count}");
    wrong = state.clone();
    wrong.insert(name("table.2"), Value::F64(vec![0.0; P - 1]));
    assert_eq!(refusal(&wrong, M), StateError::Len { name: name("table.2"), found: P - 1, expected: P });
}
