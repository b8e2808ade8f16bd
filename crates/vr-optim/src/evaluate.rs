//! Answering requests one by one, or several at once on separate cores.

use rayon::prelude::*;
use vr_core::{Evaluation, FlatVector, MinibatchKey, MinibatchSource, Normalization, Oracle, Scalar};

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

/// How a window of independent jobs is computed: job i's gradient goes to the i-th vector, and what came
/// beside it stands at place i of the answer.
pub type Evaluate<O, D> = fn(
    &O,
    &D,
    &[Job<'_, <O as Oracle>::Scalar>],
    &mut [FlatVector<<O as Oracle>::Scalar>],
) -> Outcome<Vec<Evaluation<<O as Oracle>::Scalar>>, O, D>;

/// The first `count` of the vectors that a window's gradients are written to, with new ones of `len` numbers
/// where there are fewer. The next window uses them again.
pub fn room<S: Scalar>(gradients: &mut Vec<FlatVector<S>>, count: usize, len: usize) -> &mut [FlatVector<S>] {
    while gradients.len() < count {
        gradients.push(FlatVector::zeros(len));
    }
    &mut gradients[..count]
}

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
    gradient: &mut FlatVector<O::Scalar>,
) -> Result<Evaluation<O::Scalar>, TrainingError<O::Error, E>>
where
    O: Oracle,
    E: std::error::Error + 'static,
{
    oracle.gradient(job.x, job.norm, batch, gradient).map_err(|error| TrainingError::Oracle { key: job.key, error })
}

/// Jobs on one minibatch that follow each other, with their gradients: it is loaded once for all of them.
fn on_one_minibatch<'a, 'b, S>(
    jobs: &'a [Job<'b, S>],
    mut gradients: &'a mut [FlatVector<S>],
) -> impl Iterator<Item = (&'a [Job<'b, S>], &'a mut [FlatVector<S>])> {
    jobs.chunk_by(|a, b| a.key == b.key).map(move |jobs| {
        let (own, others) = std::mem::take(&mut gradients).split_at_mut(jobs.len());
        gradients = others;
        (jobs, own)
    })
}

/// One job after another, on the calling thread.
pub fn serial<O, D>(
    oracle: &O,
    source: &D,
    jobs: &[Job<'_, O::Scalar>],
    gradients: &mut [FlatVector<O::Scalar>],
) -> Outcome<Vec<Evaluation<O::Scalar>>, O, D>
where
    O: Oracle,
    D: MinibatchSource<Batch = O::Batch>,
{
    let mut answers = Vec::with_capacity(jobs.len());
    for (jobs, gradients) in on_one_minibatch(jobs, gradients) {
        let batch = load(source, jobs[0].key)?;
        for (job, gradient) in jobs.iter().zip(gradients) {
            answers.push(answer(oracle, &batch, job, gradient)?);
        }
    }
    Ok(answers)
}

/// All jobs at once on the threads of the current rayon pool.
pub fn parallel<O, D>(
    oracle: &O,
    source: &D,
    jobs: &[Job<'_, O::Scalar>],
    gradients: &mut [FlatVector<O::Scalar>],
) -> Outcome<Vec<Evaluation<O::Scalar>>, O, D>
where
    O: Oracle<Batch: Sync> + Sync,
    D: MinibatchSource<Batch = O::Batch> + Sync,
    D::Error: Send,
{
    let minibatches: Vec<_> = on_one_minibatch(jobs, gradients).collect();
    let answers = minibatches.into_par_iter().map(|(jobs, gradients)| {
        let batch = load(source, jobs[0].key)?;
        let answers = jobs.par_iter().zip(gradients).map(|(job, gradient)| answer(oracle, &batch, job, gradient));
        answers.collect::<Outcome<Vec<_>, O, D>>()
    });
    Ok(answers.collect::<Outcome<Vec<_>, O, D>>()?.into_iter().flatten().collect())
}
