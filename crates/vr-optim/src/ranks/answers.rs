//! Answers of the other ranks and of the root, in the order of what was asked.

use std::collections::VecDeque;
use std::sync::Arc;
use std::vec;

use vr_core::{Evaluation, FlatVector, NormLayer, Scalar, State, StateError};

use super::{Message, RankError, Ranks, Subject};
use crate::training::evaluate::Answer;

/// The values of a message about this subject.
pub(super) fn expect(
    rank: usize,
    message: Message,
    subject: Subject,
    expected: &'static str,
) -> Result<State, RankError> {
    match message.subject {
        found if found == subject => Ok(message.values),
        Subject::Failed => Err(RankError::Failed { rank, reason: message.text }),
        found => Err(RankError::Subject { rank, found, expected }),
    }
}

/// The answers of one window in the order of its jobs: first those that other ranks owe, each received when it is asked for,
/// so that no more than one of them lies in memory; then the root's own.
pub(crate) struct Answers<S> {
    ranks: Option<Ranks>,
    layers: Arc<[NormLayer]>,
    owed: VecDeque<(usize, usize)>,
    own: vec::IntoIter<Answer<S>>,
}

impl<S> Answers<S> {
    /// Those of one process.
    pub(crate) fn own(answers: Vec<Answer<S>>) -> Self {
        Self { ranks: None, layers: [].into(), owed: VecDeque::new(), own: answers.into_iter() }
    }

    /// None yet, of these ranks.
    pub(super) fn of(ranks: Ranks, layers: Arc<[NormLayer]>) -> Self {
        Self { ranks: Some(ranks), layers, owed: VecDeque::new(), own: Vec::new().into_iter() }
    }

    /// A rank owes so many more, after all that are owed before.
    pub(super) fn owes(&mut self, rank: usize, count: usize) {
        self.owed.push_back((rank, count));
    }

    /// The root's own.
    pub(super) fn have(&mut self, own: Vec<Answer<S>>) {
        self.own = own.into_iter();
    }

    /// Whether some are still owed.
    pub(crate) fn is_owed(&self) -> bool {
        !self.owed.is_empty()
    }
}

impl<S: Scalar> Answers<S> {
    /// The next of those that other ranks owe.
    pub(super) fn theirs(&mut self) -> Option<Result<Answer<S>, RankError>> {
        let (rank, left) = self.owed.pop_front()?;
        let ranks = self.ranks.as_ref()?;
        let message = match ranks.0.receive(rank) {
            Ok(message) => message,
            Err(error) => return Some(Err(error)),
        };
        if left > 1 && message.subject == Subject::Answer {
            self.owed.push_front((rank, left - 1));
        }
        let values = expect(rank, message, Subject::Answer, "an answer");
        Some(values.and_then(|values| read(&values, &self.layers).map_err(|error| RankError::State { rank, error })))
    }
}

fn read<S: Scalar>(values: &State, layers: &Arc<[NormLayer]>) -> Result<Answer<S>, StateError> {
    let from = values.reader("answer");
    let evaluation = Evaluation::from_state(&from.part("evaluation"), layers)?;
    let gradient = match from.has("gradient") {
        true => from.vector("gradient", from.integer("len")? as usize)?,
        false => FlatVector::default(),
    };
    Ok((evaluation, gradient))
}

impl<S: Scalar> Iterator for Answers<S> {
    type Item = Result<Answer<S>, RankError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.theirs().or_else(|| self.own.next().map(Ok))
    }
}

/// What is owed is received, even if nobody wants it any more: the messages after it are about something else.
impl<S> Drop for Answers<S> {
    fn drop(&mut self) {
        let Some(ranks) = &self.ranks else { return };
        for (rank, count) in self.owed.drain(..) {
            for _ in 0..count {
                match ranks.0.receive(rank) {
                    Ok(message) if message.subject == Subject::Answer => {}
                    _ => break,
                }
            }
        }
    }
}
