//! A training that is shared out over ranks has the bits of one process, whatever their number, wherever it is left and on
//! however many it goes on.

mod toy;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use toy::{Drawn, M, P, Toy, bits, training};
use vr_core::state::Value;
use vr_core::{MinibatchKey, MinibatchSource, State};
use vr_optim::ranks::{Communicator, Dismissal, Hand, Message, Root, serve, threads};
use vr_optim::{
    EstimatorConfig, Locking, MegaBatchConfig, MegaBatchSize, NormPolicy, NormRule, RankError, Ranks, SagaConfig,
    SarahConfig, SnapshotGradients, SnapshotRule, SvrgConfig, TestSet, Training, TrainingError,
};

/// Stored, recomputed and mega-batch methods, and one whose probe is the previous iterate.
fn estimators() -> Vec<EstimatorConfig<f64>> {
    let stored = || SvrgConfig { gradients: SnapshotGradients::Stored, ..SvrgConfig::default() };
    let average = SnapshotRule::MovingAverage { keep: 0.9 };
    let growing = MegaBatchSize::Growing { first: 1, factor: 1.5, most: 4 };
    vec![
        EstimatorConfig::Sgd,
        EstimatorConfig::Svrg(SvrgConfig { snapshot: average, start: 3, ..SvrgConfig::default() }),
        EstimatorConfig::Svrg(stored()),
        EstimatorConfig::Svrg(SvrgConfig { interval: Some(7), snapshot_norm: NormRule::Frozen, ..stored() }),
        EstimatorConfig::Svrg(SvrgConfig { snapshot_norm: NormRule::Current, ..SvrgConfig::default() }),
        EstimatorConfig::MegaBatch(MegaBatchConfig::scsg_released()),
        EstimatorConfig::MegaBatch(MegaBatchConfig::streaming(growing)),
        EstimatorConfig::Sarah(SarahConfig::default()),
        EstimatorConfig::Saga(SagaConfig { weight: 0.5, ..SagaConfig::default() }),
    ]
}

fn run(estimator: &EstimatorConfig<f64>, locking: Locking) -> Training<Toy, Drawn> {
    training(estimator.build(), locking).with_norm_policies(&[NormPolicy::Naive, NormPolicy::Reset])
}

/// Minibatch `index` of test set `set`.
fn tested(set: u32, index: u32) -> [f64; P] {
    [0.5, f64::from(set), f64::from(index), -1.0]
}

fn hand<'a>() -> Hand<'a, Toy, Drawn> {
    Hand { oracle: Toy::new(), source: Drawn, test: Box::new(|set, index| Ok(tested(set, index))) }
}

/// Calls `lead` as the root of `size` ranks; the others serve until it returns.
fn on_ranks<T>(size: usize, lead: impl FnOnce(&Ranks) -> T) -> T {
    let mut ranks = threads(size).into_iter();
    let root = Ranks(Arc::new(ranks.next().unwrap()));
    std::thread::scope(|scope| {
        let servers: Vec<_> = ranks.map(|rank| scope.spawn(move || serve(&rank, |_| Ok(hand())))).collect();
        let found = {
            let _dismissal = Dismissal(root.clone());
            lead(&root)
        };
        servers.into_iter().for_each(|server| server.join().unwrap().unwrap());
        found
    })
}

fn begun(ranks: &Ranks, estimator: &EstimatorConfig<f64>, locking: Locking) -> Training<Toy, Drawn> {
    run(estimator, locking).on_ranks(Root::begin(ranks.clone(), "toy").unwrap())
}

#[test]
fn any_number_of_ranks_gives_the_bits_of_one_process() {
    for estimator in estimators() {
        for locking in [Locking::Locked, Locking::Unlocked] {
            let course = |mut run: Training<Toy, Drawn>| {
                let mut found = Vec::new();
                for _ in 0..2 * M + 3 {
                    run.step().unwrap();
                    found.push((run.survey().unwrap(), bits(&run.full_gradient().unwrap()), run.save().unwrap()));
                }
                (found, run.counts())
            };
            let alone = course(run(&estimator, locking));
            for size in 1..=4 {
                let shared = on_ranks(size, |ranks| course(begun(ranks, &estimator, locking)));
                assert_eq!(shared, alone, "{estimator:?} {locking:?} on {size} ranks");
                let parallel = on_ranks(size, |ranks| course(begun(ranks, &estimator, locking).in_parallel()));
                assert_eq!(parallel, alone, "{estimator:?} {locking:?} on {size} ranks and some threads");
            }
        }
    }
}

/// Leaves the run at the n-th question whether to stop, within passes, for every n.
#[test]
fn a_run_that_is_left_on_some_ranks_goes_on_on_any_other_number() {
    let steps = 2 * M as u64;
    let leave = |ranks: &Ranks, estimator: &EstimatorConfig<f64>, state: Option<&State>, stop: usize| {
        let mut run = begun(ranks, estimator, Locking::Locked);
        if let Some(state) = state {
            run.restore(state).unwrap();
        }
        let mut asked = 0;
        while run.steps() < steps {
            let ask = || {
                asked += 1;
                asked == stop
            };
            if run.step_until(ask).unwrap().is_none() {
                break;
            }
        }
        (run.save().unwrap(), asked)
    };
    for estimator in estimators() {
        let mut whole = run(&estimator, Locking::Locked);
        while whole.steps() < steps {
            whole.step().unwrap();
        }
        let end = whole.save().unwrap();
        for (k, l) in [(1, 3), (2, 1), (3, 4), (4, 2)] {
            let (_, questions) = on_ranks(k, |ranks| leave(ranks, &estimator, None, usize::MAX));
            for stop in 1..=questions {
                let (left, _) = on_ranks(k, |ranks| leave(ranks, &estimator, None, stop));
                let (found, _) = on_ranks(l, |ranks| leave(ranks, &estimator, Some(&left), usize::MAX));
                assert_eq!(found, end, "{estimator:?} left at {stop} on {k} ranks, then on {l}");
            }
        }
    }
}

#[test]
fn tests_are_shared_out_in_their_order() {
    let found = |run: &Training<Toy, Drawn>, set, minibatches| {
        let read = move |index| Ok(tested(set, index));
        run.test(&TestSet { number: set, minibatches, read: &read }, &run.tracks()[0].running).unwrap()
    };
    let alone = run(&EstimatorConfig::Sgd, Locking::Locked);
    for size in 1..=4 {
        on_ranks(size, |ranks| {
            let shared = begun(ranks, &EstimatorConfig::Sgd, Locking::Locked);
            for (set, minibatches) in [(0, 7), (1, 2), (0, 0)] {
                assert_eq!(found(&shared, set, minibatches), found(&alone, set, minibatches));
            }
        });
    }
}

/// Fails at the first minibatch, which is never in the root's share of a pass.
struct Torn;

impl MinibatchSource for Torn {
    type Batch = [f64; P];
    type Error = vr_core::SpaceError;
    fn minibatches(&self) -> usize {
        M
    }
    fn minibatch(&self, key: MinibatchKey) -> Result<[f64; P], Self::Error> {
        let torn = vr_core::SpaceError::Length { what: "a torn picture", found: 1, expected: 2 };
        if key.index == 0 { Err(torn) } else { Drawn.minibatch(key).map_err(|error: Infallible| match error {}) }
    }
}

#[test]
fn what_a_rank_fails_with_is_told_and_the_others_go_on_serving() {
    for size in 2..=4 {
        let mut ranks = threads(size).into_iter();
        let root = Ranks(Arc::new(ranks.next().unwrap()));
        let begun = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for rank in ranks {
                let begun = &begun;
                scope.spawn(move || {
                    let hand = |name: &str| {
                        begun.fetch_add(1, Ordering::Relaxed);
                        match name {
                            "other" => Err(format!("there is no `{name}`").into()),
                            _ => {
                                Ok(Hand { oracle: Toy::new(), source: Torn, test: Box::new(|_, _| Err("torn".into())) })
                            }
                        }
                    };
                    serve(&rank, hand).unwrap();
                });
            }
            let _dismissal = Dismissal(root.clone());
            let error = Root::<f64>::begin(root.clone(), "other").unwrap_err().to_string();
            assert_eq!(error, "rank 1: there is no `other`");
            // What the root evaluates itself comes from a source that is whole.
            for _ in 0..2 {
                let mut run = run(&EstimatorConfig::Svrg(SvrgConfig::default()), Locking::Locked)
                    .on_ranks(Root::begin(root.clone(), "toy").unwrap());
                let set = TestSet { number: 0, minibatches: 4, read: &|index| Ok(tested(0, index)) };
                let error = run.test(&set, &run.tracks()[0].running.clone()).unwrap_err();
                assert!(matches!(error, TrainingError::Rank(RankError::Failed { rank: 1, .. })), "{error}");
                let error = run.step().unwrap_err().to_string();
                assert!(error.starts_with("rank 1: loading minibatch 0 of generation 0"), "{error}");
            }
        });
        assert_eq!(begun.into_inner(), 3 * (size - 1));
    }
}

#[test]
fn a_rank_that_dies_ends_the_run_with_an_error_that_names_it() {
    for size in 2..=4 {
        for dying in 1..size {
            let mut ranks = threads(size).into_iter();
            let root = Ranks(Arc::new(ranks.next().unwrap()));
            std::thread::scope(|scope| {
                for (rank, number) in ranks.zip(1..) {
                    // It has begun, and ends with the first minibatch that it reads.
                    let source = Dying { dies: number == dying };
                    scope.spawn(move || {
                        let hand = Hand { oracle: Toy::new(), source, test: Box::new(|_, _| Err("none".into())) };
                        let hand = std::sync::Mutex::new(Some(hand));
                        let serving = || serve(&rank, |_| Ok(hand.lock().unwrap().take().unwrap()));
                        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(serving));
                        assert_eq!(ended.is_err(), number == dying);
                        drop(rank);
                    });
                }
                let _dismissal = Dismissal(root.clone());
                let mut run = begun_on(&root);
                let error = run.step().unwrap_err();
                assert!(matches!(error, TrainingError::Rank(RankError::Gone(rank)) if rank == dying), "{error}");
            });
        }
    }
}

fn begun_on(ranks: &Ranks) -> Training<Toy, Drawn> {
    // Windows of two minibatches for each rank, so that every rank has a share.
    begun(ranks, &EstimatorConfig::Svrg(SvrgConfig::default()), Locking::Locked).in_parallel()
}

struct Dying {
    dies: bool,
}

impl MinibatchSource for Dying {
    type Batch = [f64; P];
    type Error = Infallible;
    fn minibatches(&self) -> usize {
        M
    }
    fn minibatch(&self, key: MinibatchKey) -> Result<[f64; P], Infallible> {
        assert!(!self.dies, "killed");
        Drawn.minibatch(key)
    }
}

/// Counts the numbers in the vectors that pass.
struct Counting<C> {
    inner: C,
    sent: AtomicUsize,
    received: AtomicUsize,
}

fn numbers(message: &Message) -> usize {
    let len = |value: &Value| if let Value::F64(x) = value { x.len() } else { 0 };
    message.values.iter().map(|(_, value)| len(value)).sum()
}

impl<C: Communicator> Communicator for Counting<C> {
    fn rank(&self) -> usize {
        self.inner.rank()
    }
    fn size(&self) -> usize {
        self.inner.size()
    }
    fn send(&self, to: usize, message: Message) -> Result<(), RankError> {
        self.sent.fetch_add(numbers(&message), Ordering::Relaxed);
        self.inner.send(to, message)
    }
    fn receive(&self, from: usize) -> Result<Message, RankError> {
        let message = self.inner.receive(from)?;
        self.received.fetch_add(numbers(&message), Ordering::Relaxed);
        Ok(message)
    }
}

/// What docs/ranks.md says goes over the wire.
#[test]
fn a_snapshot_travels_once_a_gradient_when_another_rank_computed_it_and_the_iterate_never() {
    const STATISTICS: usize = 4;
    const GRADIENT: usize = P + STATISTICS + 1;
    let mut ranks = threads(3).into_iter();
    let inner = ranks.next().unwrap();
    let root = Arc::new(Counting { inner, sent: AtomicUsize::new(0), received: AtomicUsize::new(0) });
    std::thread::scope(|scope| {
        for rank in ranks {
            scope.spawn(move || serve(&rank, |_| Ok(hand())).unwrap());
        }
        let ranks = Ranks(root.clone());
        let _dismissal = Dismissal(ranks.clone());
        let mut run = begun(&ranks, &EstimatorConfig::Svrg(SvrgConfig::default()), Locking::Locked);
        let counted = || [&root.sent, &root.received].map(|count| count.swap(0, Ordering::Relaxed));
        run.prepare().unwrap();
        // Windows of three and two minibatches, of which the root has one each: two ranks are told the snapshot, and the
        // statistics of the moment with each window.
        assert_eq!(counted(), [2 * P + 3 * STATISTICS, 3 * GRADIENT]);
        for _ in 0..M {
            run.step().unwrap();
            assert_eq!(counted(), [STATISTICS, GRADIENT]);
        }
        // The iterate goes out to be surveyed, with its statistics; it knows the snapshot.
        run.survey().unwrap();
        assert_eq!(counted(), [2 * P + 2 * STATISTICS, 3 * 2 * GRADIENT]);
    });
}

#[test]
fn only_the_root_leads() {
    let other = Ranks(Arc::new(threads(2).remove(1)));
    assert_eq!(Root::<f64>::begin(other, "toy").unwrap_err().to_string(), "rank 1 cannot run a training; rank 0 does");
}
