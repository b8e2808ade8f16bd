//! Testing on minibatches that are no part of the training.

use rayon::prelude::*;
use vr_core::{Evaluation, MinibatchSource, NormStatistics, Normalization, Oracle};

use crate::training::Training;
use crate::training::error::{Outcome, TrainingError};

/// Minibatches to test on.
pub struct TestSet<'a, B> {
    /// Tells the sets of a training apart: by it the ranks that share the work know which is meant.
    pub number: u32,
    /// Minibatches in it.
    pub minibatches: u32,
    /// Reads one of them, 0-based.
    #[allow(clippy::type_complexity, reason = "it is one closure")]
    pub read: &'a (dyn Fn(u32) -> Result<B, Box<dyn std::error::Error + Send + Sync>> + Sync),
}

impl<O, D> Training<O, D>
where
    O: Oracle,
    D: MinibatchSource<Batch = O::Batch>,
{
    /// Evaluates every minibatch of a set at the iterate with these stored statistics, without gradients, on the threads of
    /// the current rayon pool and on all ranks; the evaluations stand in the order of the minibatches. Each thread reads the
    /// minibatches that it evaluates, so that no more of them is in memory at once.
    ///
    /// # Errors
    /// When a minibatch cannot be read or evaluated.
    pub fn test(
        &self,
        set: &TestSet<'_, O::Batch>,
        running: &NormStatistics<O::Scalar>,
    ) -> Outcome<Vec<Evaluation<O::Scalar>>, O, D>
    where
        O: Sync,
        D::Error: Send,
    {
        let (oracle, x, norm) = (&self.oracle, &self.x, Normalization::Stored(running));
        let evaluate = |minibatch| {
            let found = (set.read)(minibatch).and_then(|batch| Ok(oracle.evaluate(x, norm, &batch)?));
            found.map_err(|error| TrainingError::Test { set: set.number, minibatch, error })
        };
        let here = |minibatches: std::ops::Range<u32>| minibatches.into_par_iter().map(evaluate).collect();
        match &self.ranks {
            None => here(0..set.minibatches),
            Some(root) => root.tests(oracle.norm_layers(), (set.number, set.minibatches), (x, &norm), here),
        }
    }
}
