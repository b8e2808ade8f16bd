//! The rank that runs the training: shares out what it would compute, and takes the answers in order.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use vr_core::{Evaluation, FlatVector, NormLayer, Normalization, Scalar, State};

use super::answers::{Answers, expect};
use super::order::{self, Order, OrderedNorm};
use super::places::Places;
use super::{Message, ROOT, RankError, Ranks, Subject};
use crate::training::evaluate::{Answer, Job};

/// Lets the other ranks go when it is dropped.
#[derive(Debug)]
pub struct Dismissal(pub Ranks);

impl Drop for Dismissal {
    fn drop(&mut self) {
        to_others(&self.0, Subject::Dismiss);
    }
}

/// Says something to all others; who is gone need not hear it.
fn to_others(ranks: &Ranks, subject: Subject) {
    for rank in 1..ranks.0.size() {
        let _ = ranks.0.send(rank, Message::new(subject, "", State::new()));
    }
}

/// The root of a training on ranks; the training ends for the others when it is dropped.
#[derive(Debug)]
pub struct Root<S> {
    ranks: Ranks,
    places: Mutex<Places<S>>,
}

impl<S> Drop for Root<S> {
    fn drop(&mut self) {
        to_others(&self.ranks, Subject::End);
    }
}

impl<S: Scalar> Root<S> {
    /// Begins a training of that name on all ranks.
    ///
    /// # Errors
    /// When this is not rank 0, a rank is gone, or one does not know such a training.
    pub fn begin(ranks: Ranks, name: &str) -> Result<Self, RankError> {
        if ranks.0.rank() != ROOT {
            return Err(RankError::NotRoot(ranks.0.rank()));
        }
        for rank in 1..ranks.0.size() {
            ranks.0.send(rank, Message::new(Subject::Begin, name, State::new()))?;
        }
        let places = Mutex::new(Places::new(ranks.0.size()));
        let root = Self { ranks, places };
        let ready = |rank| expect(rank, root.ranks.0.receive(rank)?, Subject::Ready, "whether it is ready");
        // All are heard before the first that is not ready counts.
        let ready: Vec<_> = (1..root.size()).map(ready).collect();
        ready.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(root)
    }

    /// Ranks in all.
    pub fn size(&self) -> usize {
        self.ranks.0.size()
    }

    /// Shares gradients out; `own` computes the root's share. Gradients of one minibatch stay together, unless there is but
    /// one minibatch.
    pub(crate) fn gradients<'a, E: From<RankError>>(
        &self,
        layers: &Arc<[NormLayer]>,
        jobs: &[Job<'a, S>],
        own: impl FnOnce(&[Job<'a, S>]) -> Result<Vec<Answer<S>>, E>,
    ) -> Result<Answers<S>, E> {
        let mut pieces: Vec<_> = jobs.chunk_by(|a, b| a.key == b.key).collect();
        if pieces.len() == 1 {
            pieces = jobs.chunks(1).collect();
        }
        let mut answers = Answers::of(self.ranks.clone(), layers.clone());
        let (mut ours, mut at) = (&jobs[..0], 0);
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.next_window();
        for (rank, share) in shares(pieces.len(), self.size()) {
            let count: usize = pieces[share].iter().map(|piece| piece.len()).sum();
            let share = &jobs[at..at + count];
            at += count;
            if rank == ROOT {
                ours = share;
                continue;
            }
            let mut orders = Vec::with_capacity(count);
            for job in share {
                let (x, norm) = self.tell(&mut places, rank, job.x, &job.norm)?;
                orders.push(Order { minibatch: job.key, x, norm });
            }
            self.ranks.0.send(rank, Message::new(Subject::Gradients, "", order::gradients(&orders)))?;
            answers.owes(rank, count);
        }
        drop(places);
        answers.have(own(ours)?);
        Ok(answers)
    }

    /// Shares the minibatches of test `set` out, at one point; `own` evaluates the root's.
    pub(crate) fn tests<E: From<RankError>>(
        &self,
        layers: &Arc<[NormLayer]>,
        (set, minibatches): (u32, u32),
        (x, norm): (&FlatVector<S>, &Normalization<'_, S>),
        own: impl FnOnce(Range<u32>) -> Result<Vec<Evaluation<S>>, E>,
    ) -> Result<Vec<Evaluation<S>>, E> {
        let mut answers = Answers::of(self.ranks.clone(), layers.clone());
        let mut ours = 0..0;
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.next_window();
        for (rank, share) in shares(minibatches as usize, self.size()) {
            let share = share.start as u32..share.end as u32;
            if rank == ROOT {
                ours = share;
                continue;
            }
            let (x, norm) = self.tell(&mut places, rank, x, norm)?;
            let order = Order { minibatch: (set, share.clone()), x, norm };
            self.ranks.0.send(rank, Message::new(Subject::Tests, "", order::tests(&order)))?;
            answers.owes(rank, share.len());
        }
        drop(places);
        let own = own(ours)?;
        let theirs = std::iter::from_fn(|| answers.theirs()).map(|answer| Ok(answer?.0));
        theirs.chain(own.into_iter().map(Ok)).collect()
    }

    /// Sends a rank the vectors that it lacks, and says where it has them.
    fn tell(
        &self,
        places: &mut Places<S>,
        rank: usize,
        x: &FlatVector<S>,
        norm: &Normalization<'_, S>,
    ) -> Result<(usize, OrderedNorm), RankError> {
        let mut at = |parts: [&[S]; 2]| {
            let place = places.of(parts);
            if let Some(values) = places.lacking(rank, place) {
                self.ranks.0.send(rank, Message::new(Subject::Vector, "", values))?;
            }
            Ok::<_, RankError>(place)
        };
        let x = at([x, &[]])?;
        let statistics = order::parts(norm).map(&mut at).transpose()?;
        let norm = match (norm, statistics) {
            (Normalization::Running(_), Some(place)) => OrderedNorm::Running(place),
            (Normalization::Stored(_), Some(place)) => OrderedNorm::Stored(place),
            _ => OrderedNorm::Batch,
        };
        Ok((x, norm))
    }
}

/// Shares of so many equal pieces in their order, each with its rank. The root has the last: the points of a step's first
/// gradients are the older ones, which the others know already.
fn shares(pieces: usize, ranks: usize) -> impl Iterator<Item = (usize, Range<usize>)> {
    let working = pieces.clamp(1, ranks);
    (0..working).map(move |share| {
        let range = share * pieces / working..(share + 1) * pieces / working;
        (if share + 1 == working { ROOT } else { share + 1 }, range)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_all_pieces_in_order_and_differ_by_one_at_most() {
        for ranks in 1..=5 {
            for pieces in 0..=17 {
                let found: Vec<_> = shares(pieces, ranks).collect();
                assert_eq!(found.last().unwrap().0, ROOT);
                assert!(found.iter().rev().skip(1).rev().zip(1..).all(|((rank, _), expected)| *rank == expected));
                assert_eq!(
                    found.iter().flat_map(|(_, range)| range.clone()).collect::<Vec<_>>(),
                    Vec::from_iter(0..pieces)
                );
                let sizes: Vec<_> = found.iter().map(|(_, range)| range.len()).collect();
                assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1, "{sizes:?}");
            }
        }
    }
}
