//! Where the nodes' tensors, or the gradients of them, lie.

use vr_models::graph::NodeId;

use super::builder::{Builder, View};
use super::homes::Home;
use crate::CudaError;
use crate::kernels::Fill;

/// The tensors of concatenations, made when the first of their parts is.
#[derive(Clone, Debug)]
pub struct Concatenations {
    owned: Vec<Option<View>>,
    /// Whether they begin as zeros, for sums.
    zeros: bool,
}

impl Concatenations {
    /// None yet.
    pub fn new(nodes: usize, zeros: bool) -> Self {
        Self { owned: vec![None; nodes], zeros }
    }

    /// The view of a part that begins at a home.
    pub fn part(&mut self, builder: &mut Builder<'_>, home: Home) -> Result<View, CudaError> {
        let whole = self.whole(builder, home.owner)?;
        let first = home.first * builder.positions(home.owner);
        Ok(View { address: whole.address.at(first), pitch: whole.pitch })
    }

    fn whole(&mut self, builder: &mut Builder<'_>, owner: NodeId) -> Result<View, CudaError> {
        if let Some(whole) = self.owned[owner] {
            return Ok(whole);
        }
        let whole = builder.fresh_view(owner);
        if self.zeros {
            builder.launch(&Fill { y: whole.address, value: 0.0, len: builder.len(owner) })?;
        }
        self.owned[owner] = Some(whole);
        Ok(whole)
    }
}
