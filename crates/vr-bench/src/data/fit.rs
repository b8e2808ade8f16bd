//! Whether a network can be trained on a set.

use vr_data::{Augmentation, BatchSpec, ImageSet, Pipeline};
use vr_models::{Graph, Options};

use crate::error::BenchError;
use crate::settings::Model;

/// Why a network cannot be trained on a set.
#[derive(Debug, thiserror::Error)]
pub enum Misfit {
    /// Their shapes or classes differ.
    #[error("{model}: {source}; take `{suggestion}`")]
    Spec {
        /// The network.
        model: String,
        /// What differs.
        source: vr_data::Misfit,
        /// The network of its name for such pictures.
        suggestion: String,
    },
    /// The last minibatch is too small for batch norm.
    #[error(
        "{pictures} pictures in minibatches of {batch_size} leave a last one of a single picture, of which batch norm \
         `{layer}` of {model} has no variance: choose another train-size or batch-size"
    )]
    SinglePicture {
        /// Training pictures.
        pictures: usize,
        /// Pictures in a minibatch.
        batch_size: usize,
        /// The network.
        model: String,
        /// The layer.
        layer: String,
    },
}

/// Whether a network can be trained on pictures in minibatches of `batch_size`.
///
/// # Errors
/// [`BenchError::Model`] when it cannot, [`BenchError::Data`] when the pictures do not get through the pipeline.
pub(super) fn fits(model: Model, train: &ImageSet, pipeline: Pipeline, batch_size: usize) -> Result<(), BenchError> {
    let misfit = |misfit: Misfit| Err(BenchError::Model(Box::new(misfit)));
    let spec = BatchSpec::of(train, &pipeline.training(Augmentation::Standard))
        .map_err(|error| BenchError::Data(Box::new(error)))?;
    let (name, Options { picture, classes, .. }) = (model.to_string(), model.options());
    if let Err(source) = spec.check(picture, classes) {
        let suggestion = model.for_pictures(spec.shape, spec.classes).unwrap_or(model).to_string();
        return misfit(Misfit::Spec { model: name, source, suggestion });
    }
    let single = if train.len() % batch_size.max(1) == 1 { model.graph().ok() } else { None };
    match single.as_ref().and_then(Graph::single_value_norm) {
        Some(layer) => {
            let (pictures, layer) = (train.len(), layer.into());
            misfit(Misfit::SinglePicture { pictures, batch_size, model: name, layer })
        }
        None => Ok(()),
    }
}
