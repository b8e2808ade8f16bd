//! Minibatches in the order they are given, in every epoch.

use std::convert::Infallible;

use vr_core::{MinibatchKey, MinibatchSource};

pub struct InOrder<B>(pub Vec<B>);

impl<B: Clone> MinibatchSource for InOrder<B> {
    type Batch = B;
    type Error = Infallible;

    fn minibatches(&self) -> usize {
        self.0.len()
    }

    fn minibatch(&self, key: MinibatchKey) -> Result<B, Infallible> {
        Ok(self.0[key.index as usize].clone())
    }
}
