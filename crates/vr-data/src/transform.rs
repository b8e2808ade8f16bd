//! What a picture goes through on its way into a minibatch: steps whose draws are a function of their key.

mod augmentation;
mod flip;
pub mod imagenet;
mod normalize;
mod pad_crop;
mod pipeline;
mod resize;

pub use augmentation::{Augmentation, UnknownAugmentation};
pub use flip::Flip;
pub use normalize::Normalize;
pub use pad_crop::PadCrop;
pub use pipeline::Pipeline;
pub use resize::{CentreCrop, RandomResizedCrop, Resize};

use crate::{Part, Picture, PictureError, PictureShape};
use std::{fmt, sync::Arc};
use vr_core::Key;

/// The random numbers of one sample: a function of key and sample, whatever else was drawn before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draws {
    /// The key of the transforms, with the seed.
    pub key: Key,
    /// The sample.
    pub sample: u32,
}

impl Draws {
    /// Four independent uniform words: block `block`, below 2³¹.
    ///
    /// Each kind of step has words of its own, so that one more step changes no other's draws:
    ///
    /// | block | words | step |
    /// |---|---|---|
    /// | 0 | 0 | [`Flip`] |
    /// | 0 | 1, 2 | [`PadCrop`] |
    /// | 16 to 25 | all | [`RandomResizedCrop`] |
    /// | from 2¹⁶ on | all | steps outside this crate |
    pub fn words(&self, block: u32) -> [u32; 4] {
        self.key.words(self.sample, block)
    }
}

/// One step of a picture's way. Equal draws and pictures give equal pictures.
pub trait Step: fmt::Debug + Send + Sync {
    /// The shape of what it makes of pictures of shape `input`.
    ///
    /// # Errors
    /// [`TransformError`] when it cannot take such pictures.
    fn output(&self, input: PictureShape) -> Result<PictureShape, TransformError> {
        Ok(input)
    }

    /// Whether it draws. Pictures to test on go through no such step.
    fn is_random(&self) -> bool;

    /// The part of a picture of `size` rows and columns that it brings to another size, where it does that and nothing
    /// else: what the first step does not need of a picture in a file is then not decoded.
    fn part(&self, size: [usize; 2], draws: Draws) -> Option<Part> {
        let _ = (size, draws);
        None
    }

    /// What it makes of a picture.
    ///
    /// # Errors
    /// [`TransformError`] when it cannot take the picture.
    fn apply<'a>(&self, picture: Picture<'a>, draws: Draws) -> Result<Picture<'a>, TransformError>;
}

/// Why pictures cannot be transformed.
#[derive(Debug, thiserror::Error)]
pub enum TransformError {
    /// Nothing brings pictures of different sizes to one.
    #[error("the pictures have different sizes and no step of {steps} brings them to one")]
    Sizes {
        /// The steps.
        steps: String,
    },
    /// A step cannot take pictures of this shape.
    #[error("{step} cannot take pictures of shape {shape:?}: {expected} was expected")]
    Shape {
        /// The step.
        step: String,
        /// `[channels, height, width]`.
        shape: [usize; 3],
        /// What it can take.
        expected: String,
    },
    /// A set to test on was to go through a random step.
    #[error("{step} draws at random; pictures to test on go through steps that do not")]
    Random {
        /// The step.
        step: String,
    },
    /// A step made something of another shape than it said.
    #[error("pictures came out of {steps} with shape {found:?}; {expected:?} was expected")]
    Output {
        /// The steps.
        steps: String,
        /// `[channels, height, width]` of what came out.
        found: [usize; 3],
        /// What the steps had said.
        expected: [usize; 3],
    },
    /// The bytes that a step made do not fill the picture.
    #[error(transparent)]
    Picture(#[from] PictureError),
}

/// Steps in their order, and the normalisation after them.
#[derive(Clone, Debug, Default)]
pub struct Transforms {
    steps: Vec<Arc<dyn Step>>,
    normalize: Normalize,
}

impl Transforms {
    /// No step, and values in [−1, 1].
    pub fn new() -> Self {
        Self::default()
    }

    /// With `step` after those that are there.
    pub fn then(mut self, step: impl Step + 'static) -> Self {
        self.steps.push(Arc::new(step));
        self
    }

    /// With this normalisation in place of the one that is there.
    pub fn normalized(self, normalize: Normalize) -> Self {
        Self { normalize, ..self }
    }

    /// What turns bytes into numbers, after the last step.
    pub fn normalize(&self) -> &Normalize {
        &self.normalize
    }

    /// The shape `[channels, height, width]` in which pictures of shape `input` come out.
    ///
    /// # Errors
    /// [`TransformError`] when they cannot be taken, or come out in different sizes.
    pub fn output(&self, input: PictureShape) -> Result<[usize; 3], TransformError> {
        let output = self.steps.iter().try_fold(input, |shape, step| step.output(shape))?;
        let output = output.fixed().ok_or_else(|| TransformError::Sizes { steps: self.names() })?;
        self.normalize.check(output)?;
        Ok(output)
    }

    /// Sends a picture through the steps; its bytes are not normalised yet.
    ///
    /// # Errors
    /// [`TransformError`] when a step cannot take it.
    pub fn apply<'a>(&self, picture: Picture<'a>, draws: Draws) -> Result<Picture<'a>, TransformError> {
        self.apply_from(0, picture, draws)
    }

    /// The part of a picture of `size` rows and columns that the first step brings to another size, if that is what it does.
    pub(crate) fn part(&self, size: [usize; 2], draws: Draws) -> Option<Part> {
        self.steps.first()?.part(size, draws)
    }

    /// Sends a picture that has come through the first `done` steps through the others.
    pub(crate) fn apply_from<'a>(
        &self,
        done: usize,
        picture: Picture<'a>,
        draws: Draws,
    ) -> Result<Picture<'a>, TransformError> {
        self.steps[done..].iter().try_fold(picture, |picture, step| step.apply(picture, draws))
    }

    /// # Errors
    /// [`TransformError::Random`] when a step draws.
    pub(crate) fn check_fixed(&self) -> Result<(), TransformError> {
        match self.steps.iter().find(|step| step.is_random()) {
            Some(step) => Err(TransformError::Random { step: format!("{step:?}") }),
            None => Ok(()),
        }
    }

    /// The steps, for an error.
    pub(crate) fn names(&self) -> String {
        format!("{:?}", self.steps)
    }
}

#[cfg(test)]
mod tests;
