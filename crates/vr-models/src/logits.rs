//! What an engine makes of a minibatch before any loss.

use candle_core::Tensor;
use vr_core::NormStatistics;

/// The logits of a minibatch as a candle tensor, through which gradients pass to the parameters.
#[derive(Debug)]
pub struct Logits<S = f32> {
    /// `[N, classes]`.
    pub values: Tensor,
    /// In train mode the batch's statistics (variance unbiased), for the caller to fold into the
    /// running ones or to drop; `None` in evaluation mode.
    pub statistics: Option<NormStatistics<S>>,
}
