//! Answering requests one by one, or several at once on separate cores.

use rayon::prelude::*;
use vr_core::{Evaluation, FlatVector, MinibatchKey, MinibatchSource, Normalization, Oracle};

use crate::training::error::{Outcome, TrainingError};

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

/// How a window of independent jobs is computed, and work that is due called once beside them; the
/// answers stand in the order of the jobs.
pub type Evaluate<O, D> =
    fn(&O, &D, &[Job<'_, <O as Oracle>::Scalar>], Beside<'_>) -> Outcome<Vec<Answer<<O as Oracle>::Scalar>>, O, D>;

/// Work that needs no answer of the jobs it is called beside.
pub type Beside<'a> = &'a mut (dyn FnMut() + Send);

fn load<D: MinibatchSource, E: std::error::Error + 'static>(
    source: &D,
    key: MinibatchKey,
) -> Result<D::Batch, TrainingError<E, D::Error>> {
    source.minibatch(key).map_err(|error| TrainingError::Source { key, error })
}

fn answer<O, E>(
    oracle: &O,
    batch: &O::Batch,
    job: &Job<'_, O::Scalar>,
) -> Result<Answer<O::Scalar>, TrainingError<O::Error, E>>
where
    O: Oracle,
    E: std::error::Error + 'static,
{
    let mut gradient = FlatVector::zeros(oracle.space().len());
    let evaluation = oracle
        .gradient(job.x, job.norm, batch, &mut gradient)
        .map_err(|error| TrainingError::Oracle { key: job.key, error })?;
    Ok((evaluation, gradient))
}

/// Jobs on one minibatch that follow each other: it is loaded once for all of them.
fn on_one_minibatch<'a, 'b, S>(jobs: &'a [Job<'b, S>]) -> impl Iterator<Item = &'a [Job<'b, S>]> {
    jobs.chunk_by(|a, b| a.key == b.key)
}

/// One job after another, on the calling thread.
pub fn serial<O, D>(
    oracle: &O,
    source: &D,
    jobs: &[Job<'_, O::Scalar>],
    beside: Beside<'_>,
) -> Outcome<Vec<Answer<O::Scalar>>, O, D>
where
    O: Oracle,
    D: MinibatchSource<Batch = O::Batch>,
{
    beside();
    let mut answers = Vec::with_capacity(jobs.len());
    for jobs in on_one_minibatch(jobs) {
        let batch = load(source, jobs[0].key)?;
        for job in jobs {
            answers.push(answer(oracle, &batch, job)?);
        }
    }
    Ok(answers)
}

/// All jobs at once on the threads of the current rayon pool.
pub fn parallel<O, D>(
    oracle: &O,
    source: &D,
    jobs: &[Job<'_, O::Scalar>],
    beside: Beside<'_>,
) -> Outcome<Vec<Answer<O::Scalar>>, O, D>
where
    O: Oracle<Batch: Sync> + Sync,
    D: MinibatchSource<Batch = O::Batch> + Sync,
    D::Error: Send,
{
    let minibatches: Vec<_> = on_one_minibatch(jobs).collect();
    let answers = minibatches.into_par_iter().map(|jobs| {
        let batch = load(source, jobs[0].key)?;
        jobs.par_iter().map(|job| answer(oracle, &batch, job)).collect::<Outcome<Vec<_>, O, D>>()
    });
    let (answers, ()) = rayon::join(|| answers.collect::<Outcome<Vec<_>, O, D>>(), beside);
    Ok(answers?.into_iter().flatten().collect())
}
