//! Answering requests one by one, or several at once on separate cores.

use rayon::prelude::*;
use vr_core::{Evaluation, FlatVector, MinibatchKey, MinibatchSource, Normalization, Oracle};

use crate::training::{Outcome, TrainingError};

/// One gradient to compute.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a, S> {
    /// Which minibatch.
    pub key: MinibatchKey,
    /// At which point.
    pub x: &'a FlatVector<S>,
    /// With which statistics.
    pub norm: Normalization<'a, S>,
}

/// A gradient with what came beside it.
pub type Answer<S> = (Evaluation<S>, FlatVector<S>);

/// How a window of independent jobs is computed; the answers stand in the order of the jobs.
pub type Evaluate<O, D> =
    fn(&O, &D, &[Job<'_, <O as Oracle>::Scalar>]) -> Outcome<Vec<Answer<<O as Oracle>::Scalar>>, O, D>;

fn answer<O, D>(oracle: &O, source: &D, job: &Job<'_, O::Scalar>) -> Outcome<Answer<O::Scalar>, O, D>
where
    O: Oracle,
    D: MinibatchSource<Batch = O::Batch>,
{
    let batch = source.minibatch(job.key).map_err(|error| TrainingError::Source { key: job.key, error })?;
    let mut gradient = FlatVector::zeros(oracle.space().len());
    let evaluation = oracle
        .gradient(job.x, job.norm, &batch, &mut gradient)
        .map_err(|error| TrainingError::Oracle { key: job.key, error })?;
    Ok((evaluation, gradient))
}

/// One job after another, on the calling thread.
pub fn serial<O, D>(oracle: &O, source: &D, jobs: &[Job<'_, O::Scalar>]) -> Outcome<Vec<Answer<O::Scalar>>, O, D>
where
    O: Oracle,
    D: MinibatchSource<Batch = O::Batch>,
{
    jobs.iter().map(|job| answer(oracle, source, job)).collect()
}

/// All jobs at once on the threads of the current rayon pool.
pub fn parallel<O, D>(oracle: &O, source: &D, jobs: &[Job<'_, O::Scalar>]) -> Outcome<Vec<Answer<O::Scalar>>, O, D>
where
    O: Oracle + Sync,
    D: MinibatchSource<Batch = O::Batch> + Sync,
    D::Error: Send,
{
    if jobs.len() == 1 {
        return serial(oracle, source, jobs);
    }
    jobs.par_iter().map(|job| answer(oracle, source, job)).collect()
}
