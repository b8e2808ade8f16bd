//! How a GPU computes what can be computed in several ways.

/// How a GPU computes what can be computed in several ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CudaOptions {
    /// Whether convolutions and products may round their factors to TF32, which has 10 bits in place of 23.
    pub tf32: bool,
    /// Whether convolutions may take algorithms whose sums have no fixed order.
    pub any_order: bool,
}

impl Default for CudaOptions {
    /// Full f32, and the same bits from run to run.
    fn default() -> Self {
        Self { tf32: false, any_order: false }
    }
}
