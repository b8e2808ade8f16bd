//! Transform locking: which random transforms a request's minibatch is drawn with.

use vr_core::{MinibatchKey, Purpose, Stream, TransformKey};

use crate::estimator::Request;

/// Whether the passes of a generation share their random transforms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Locking {
    /// One draw a generation, used by the snapshot pass, the steps and the diagnostics.
    #[default]
    Locked,
    /// Every pass draws its own.
    Unlocked,
}

impl Locking {
    /// The key of a request's minibatch. Unlocked passes have a stream for each purpose; what a
    /// restored run evaluates again has that of the pass it repeats.
    pub(crate) fn key(self, request: &Request) -> MinibatchKey {
        let generation = request.generation;
        let transform = match self {
            Self::Locked => TransformKey { stream: Stream::LockedTransform, generation, visit: 0 },
            Self::Unlocked => {
                let stream = match request.purpose {
                    Purpose::Inner => Stream::InnerTransform,
                    Purpose::Snapshot | Purpose::MegaBatch | Purpose::Restore => Stream::SnapshotTransform,
                    Purpose::Diagnostic => Stream::DiagnosticTransform,
                };
                TransformKey { stream, generation, visit: request.visit }
            }
        };
        MinibatchKey { generation, index: request.index, transform }
    }
}
