//! What a rank that is not the root does.

use rayon::prelude::*;
use vr_core::{Evaluation, FlatVector, MinibatchSource, NormStatistics, Normalization, Oracle, State};

use super::order::{Order, OrderedNorm, TestMinibatches, place, read_gradients, read_tests, statistics_of};
use super::{Communicator, Message, ROOT, RankError, Subject};
use crate::training::evaluate::{Answer, Job, parallel};

/// An error in words of its own, for the root.
type ServeError = Box<dyn std::error::Error + Send + Sync>;

/// What a rank evaluates a training's gradients with. Equal to what the root has, to the bit.
pub struct Hand<'a, O: Oracle, D> {
    /// The network.
    pub oracle: O,
    /// The training's minibatches.
    pub source: D,
    /// The minibatches of what is tested on: number of the set, number of the minibatch.
    #[allow(clippy::type_complexity, reason = "it is one closure")]
    pub test: Box<dyn Fn(u32, u32) -> Result<O::Batch, ServeError> + Sync + 'a>,
}

/// Evaluates what the root asks for, on the threads of the current rayon pool, until the root has nothing more. `begin` makes
/// what a training of that name is evaluated with.
///
/// # Errors
/// When the root is gone or sends what cannot be read. What `begin`, the network or the data fail with goes to the root.
pub fn serve<'a, O, D>(
    ranks: &dyn Communicator,
    begin: impl Fn(&str) -> Result<Hand<'a, O, D>, ServeError>,
) -> Result<(), RankError>
where
    O: Oracle<Batch: Sync> + Sync,
    D: MinibatchSource<Batch = O::Batch> + Sync,
    D::Error: Send,
{
    let mut server: Option<Server<'a, O, D>> = None;
    let failed = |error: ServeError| Message::new(Subject::Failed, error.to_string(), State::new());
    loop {
        let Message { subject, text, values } = ranks.receive(ROOT)?;
        let state = |error| RankError::State { rank: ROOT, error };
        match (subject, &mut server) {
            (Subject::Dismiss, _) => return Ok(()),
            (Subject::Begin, _) => {
                server = None;
                let answer = match begin(&text) {
                    Ok(hand) => {
                        server = Some(Server { hand, vectors: Vec::new() });
                        Message::new(Subject::Ready, "", State::new())
                    }
                    Err(error) => failed(error),
                };
                ranks.send(ROOT, answer)?;
            }
            (Subject::End, _) => server = None,
            (Subject::Vector, Some(server)) => server.keep(&values).map_err(state)?,
            (Subject::Gradients, Some(server)) => {
                let orders = read_gradients(&values).map_err(state)?;
                match server.gradients(&orders) {
                    Ok(answers) => {
                        for (evaluation, gradient) in answers {
                            ranks.send(ROOT, answer(&evaluation, Some(&gradient)))?;
                        }
                    }
                    Err(error) => ranks.send(ROOT, failed(error))?,
                }
            }
            (Subject::Tests, Some(server)) => match server.tests(&read_tests(&values).map_err(state)?) {
                Ok(found) => found.iter().try_for_each(|found| ranks.send(ROOT, answer(found, None)))?,
                Err(error) => ranks.send(ROOT, failed(error))?,
            },
            (found, _) => {
                return Err(RankError::Subject { rank: ROOT, found, expected: "an order that can be followed" });
            }
        }
    }
}

fn answer<S: vr_core::Scalar>(evaluation: &Evaluation<S>, gradient: Option<&FlatVector<S>>) -> Message {
    let mut values = State::new();
    let mut out = values.writer("answer");
    evaluation.save(&mut out.part("evaluation"));
    if let Some(gradient) = gradient {
        out.integer("len", gradient.len() as u64);
        out.vector("gradient", gradient);
    }
    Message::new(Subject::Answer, "", values)
}

/// A rank within a training.
struct Server<'a, O: Oracle, D> {
    hand: Hand<'a, O, D>,
    /// What the root sent, by place.
    vectors: Vec<FlatVector<O::Scalar>>,
}

impl<O, D> Server<'_, O, D>
where
    O: Oracle<Batch: Sync> + Sync,
    D: MinibatchSource<Batch = O::Batch> + Sync,
    D::Error: Send,
{
    fn keep(&mut self, values: &State) -> Result<(), vr_core::StateError> {
        let from = values.reader("vector");
        let (place, len) = (place(&from, "place")?, from.integer("len")? as usize);
        if self.vectors.len() <= place {
            self.vectors.resize_with(place + 1, FlatVector::default);
        }
        self.vectors[place] = from.vector("values", len)?;
        Ok(())
    }

    fn gradients(&self, orders: &[Order<vr_core::MinibatchKey>]) -> Result<Vec<Answer<O::Scalar>>, ServeError> {
        let statistics = orders.iter().map(|order| self.statistics(order.norm)).collect::<Result<Vec<_>, _>>()?;
        let jobs = orders.iter().zip(&statistics).map(|(order, statistics)| {
            let norm = normalization(order.norm, statistics.as_ref());
            Ok(Job { key: order.minibatch, x: self.vector(order.x)?, norm })
        });
        let jobs = jobs.collect::<Result<Vec<_>, ServeError>>()?;
        Ok(parallel(&self.hand.oracle, &self.hand.source, &jobs, &mut || ())?)
    }

    fn tests(&self, order: &Order<TestMinibatches>) -> Result<Vec<Evaluation<O::Scalar>>, ServeError> {
        let (set, minibatches) = order.minibatch.clone();
        let (x, statistics) = (self.vector(order.x)?, self.statistics(order.norm)?);
        let norm = normalization(order.norm, statistics.as_ref());
        let Hand { oracle, test, .. } = &self.hand;
        minibatches.into_par_iter().map(|index| Ok(oracle.evaluate(x, norm, &test(set, index)?)?)).collect()
    }

    fn vector(&self, place: usize) -> Result<&FlatVector<O::Scalar>, ServeError> {
        self.vectors.get(place).ok_or_else(|| format!("no vector lies at place {place}").into())
    }

    fn statistics(&self, norm: OrderedNorm) -> Result<Option<NormStatistics<O::Scalar>>, ServeError> {
        match norm {
            OrderedNorm::Batch => Ok(None),
            OrderedNorm::Running(place) | OrderedNorm::Stored(place) => {
                Ok(Some(statistics_of(self.hand.oracle.norm_layers(), self.vector(place)?)?))
            }
        }
    }
}

fn normalization<S>(norm: OrderedNorm, statistics: Option<&NormStatistics<S>>) -> Normalization<'_, S> {
    match (norm, statistics) {
        (OrderedNorm::Running(_), Some(statistics)) => Normalization::Running(statistics),
        (OrderedNorm::Stored(_), Some(statistics)) => Normalization::Stored(statistics),
        _ => Normalization::Batch,
    }
}
