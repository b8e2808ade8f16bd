//! What can be wrong with an evaluation, for every engine.

use vr_core::{Batch, Normalization, Scalar, SpaceError};

use crate::graph::{Graph, Op};

/// Why an evaluation failed.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A vector does not fit the network.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// The pictures are of another shape.
    #[error("a batch of shape {found:?} given to a network for pictures of shape {expected:?}")]
    Batch {
        /// `[N, C, H, W]` of the batch.
        found: [usize; 4],
        /// `[C, H, W]` of the network.
        expected: Vec<usize>,
    },
    /// A label is not among the classes.
    #[error("label {label} of sample {sample}; the network has {classes} classes")]
    Label {
        /// Place in the batch.
        sample: usize,
        /// The label.
        label: u32,
        /// Number of logits.
        classes: usize,
    },
    /// Statistics of another network.
    #[error("the stored statistics belong to another network: its batch-norm layers differ")]
    Statistics,
    /// Train mode asks for dropout masks that nothing names.
    #[error(
        "the network has dropout, but the batch carries no noise that names the masks; `Batch::with_noise` gives it some"
    )]
    Noise,
    /// Train mode asks for the spread of a single value.
    #[error(
        "batch norm `{layer}` has one value a channel in a minibatch of one picture, which has no variance; train on \
         minibatches of two or more, or in evaluation mode"
    )]
    SingleValue {
        /// The batch-norm layer.
        layer: String,
    },
    /// The program was built without the engine.
    #[error("the engine `{0}` is not in this program; the Cargo feature of the same name builds it in")]
    NotBuilt(&'static str),
    /// What computes the gradients is outside of the CPU, and failed.
    #[error("the device failed: {0}")]
    Device(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// candle's own error.
    #[cfg(feature = "candle")]
    #[error("candle: {0}")]
    Candle(#[from] candle_core::Error),
}

/// Whether an iterate of so many parameters, statistics and a batch fit the network.
///
/// # Errors
/// [`EngineError`] that names what does not.
pub fn check_arguments<S: Scalar>(
    graph: &Graph,
    parameters: usize,
    norm: &Normalization<'_, S>,
    batch: &Batch,
) -> Result<(), EngineError> {
    graph.space().check("the iterate", parameters)?;
    let expected = graph.input_shape();
    if batch.shape()[1..] != *expected || batch.is_empty() {
        return Err(EngineError::Batch { found: batch.shape(), expected: expected.to_vec() });
    }
    let classes = graph.classes();
    if let Some((sample, &label)) = batch.labels().iter().enumerate().find(|(_, l)| **l as usize >= classes) {
        return Err(EngineError::Label { sample, label, classes });
    }
    let drops = || graph.nodes().iter().any(|node| matches!(node.op, Op::Dropout { .. }));
    match norm {
        norm if norm.is_train() && batch.noise().is_none() && drops() => Err(EngineError::Noise),
        norm if norm.is_train() && batch.len() == 1 => match graph.single_value_norm() {
            Some(layer) => Err(EngineError::SingleValue { layer: layer.into() }),
            None => Ok(()),
        },
        Normalization::Stored(stored) if stored.layers() != &**graph.norm_layers() => Err(EngineError::Statistics),
        _ => Ok(()),
    }
}
