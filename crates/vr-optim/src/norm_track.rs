//! Running batch-norm statistics, folded by a policy.

use vr_core::{NormStatistics, Purpose, Scalar};

use crate::estimator::{Point, Request};

/// Which evaluations' statistics enter the running ones.
///
/// In train mode the gradient does not depend on running statistics, so runs that differ in this
/// alone have the same weights and differ at test time only: one run can carry all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormPolicy {
    /// Every evaluation, at the iterate, at the snapshot and in the snapshot pass: what happens when
    /// nobody looks after them. With recomputation the average mixes two points.
    Naive,
    /// Steps at the iterate only: statistics are restored after every evaluation at the snapshot
    /// (the paper's batch-norm reset).
    Reset,
}

impl NormPolicy {
    /// The policy's name in results and run states.
    pub fn name(self) -> &'static str {
        match self {
            Self::Naive => "naive",
            Self::Reset => "reset",
        }
    }
}

/// One set of running statistics under one policy.
#[derive(Clone, Debug, PartialEq)]
pub struct NormTrack<S> {
    /// What it folds.
    pub policy: NormPolicy,
    /// The running statistics.
    pub running: NormStatistics<S>,
}

impl<S: Scalar> NormTrack<S> {
    /// Folds an evaluation's statistics in, if the policy says so.
    pub fn observe(&mut self, request: &Request, statistics: &NormStatistics<S>) {
        let step = request.purpose == Purpose::Inner && request.point == Point::Current;
        if !matches!(request.purpose, Purpose::Diagnostic | Purpose::Restore)
            && (step || self.policy == NormPolicy::Naive)
        {
            self.running.fold(statistics);
        }
    }
}
