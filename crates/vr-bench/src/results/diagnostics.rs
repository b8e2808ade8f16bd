//! What the diagnostics beyond the variance of whole steps found, in the form that is written to disk.

use serde::{Deserialize, Serialize};
use vr_optim::Geometry;

/// Which run, and when in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Name of the model.
    pub model: String,
    /// Name of the method.
    pub method: String,
    /// Seed of the run.
    pub seed: u64,
    /// Epoch, counted from 1.
    pub epoch: usize,
    /// How far through the epoch, in percent of its steps.
    pub percent: f64,
}

/// How far the iterate x is from the snapshot x̃ (Figure 3).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GeometryRow {
    /// The run and the moment.
    #[serde(flatten)]
    pub at: Moment,
    /// ‖x − x̃‖.
    #[serde(with = "vr_run::not_finite")]
    pub distance: f64,
    /// ‖x − x̃‖/‖x̃‖; older results have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative_distance: Option<f64>,
    /// ‖g(x) − g(x̃)‖, of the full gradients.
    #[serde(with = "vr_run::not_finite")]
    pub gradient_distance: f64,
    /// `gradient_distance / distance`; none at the snapshot itself.
    pub curvature: Option<f64>,
    /// mean‖g_b(x) − g_b(x̃)‖²/‖x − x̃‖² over the minibatches b; none at the snapshot itself, or in older results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_square_curvature: Option<f64>,
}

impl GeometryRow {
    /// What a pass over the minibatches found.
    pub fn new(at: Moment, found: Geometry) -> Self {
        let Geometry { distance, relative_distance, gradient_distance, curvature, mean_square_curvature } = found;
        let finite = |x: Option<f64>| x.filter(|x| x.is_finite());
        Self {
            at,
            distance,
            relative_distance: finite(relative_distance),
            gradient_distance,
            curvature: finite(curvature),
            mean_square_curvature: finite(mean_square_curvature),
        }
    }
}

/// Over which minibatches the variance after a mega-batch is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// The mega-batch's own minibatches, as in the released code.
    InnerBatch,
    /// All minibatches of the epoch.
    FullPass,
}

/// The variance at one position after a mega-batch (Figure 4); every square is taken about the full gradient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PositionRow {
    /// The run and the moment.
    #[serde(flatten)]
    pub at: Moment,
    /// Steps taken since the mega-batch's gradients.
    pub position: usize,
    /// Over which minibatches.
    pub form: Form,
    /// Mean squared error of the plain stochastic gradient.
    #[serde(with = "vr_run::not_finite")]
    pub sgd_variance: f64,
    /// Mean squared error of the variance-reduced gradient: its variance plus the squared bias.
    #[serde(with = "vr_run::not_finite", alias = "vr_variance")]
    pub estimator_error: f64,
    /// `estimator_error / sgd_variance`; none where the plain variance is zero.
    pub ratio: Option<f64>,
}

/// How much successive steps resemble each other, as means over the pairs of a run of successive steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRow {
    /// The run and the moment of the first step.
    #[serde(flatten)]
    pub at: Moment,
    /// Pairs of successive steps.
    pub pairs: usize,
    /// Cosine of the angle between their directions, before momentum and weight decay.
    #[serde(with = "vr_run::not_finite")]
    pub direction_cosine: f64,
    /// Cosine of the angle between their noises: each direction less the full gradient at its own iterate.
    #[serde(with = "vr_run::not_finite")]
    pub noise_cosine: f64,
}

/// The variance in each parameter tensor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TensorRow {
    /// The run and the moment.
    #[serde(flatten)]
    pub at: Moment,
    /// The tensors, in the order of the network.
    pub tensors: Vec<TensorVariance>,
}

/// The variance in one parameter tensor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TensorVariance {
    /// Its name.
    pub name: String,
    /// Trace of the variance of the plain stochastic gradient.
    #[serde(with = "vr_run::not_finite")]
    pub sgd_variance: f64,
    /// Variance-reduced over plain variance; none where the plain variance is zero.
    pub ratio: Option<f64>,
    /// The coefficient of the control variate that would give the least variance.
    pub optimal_coefficient: Option<f64>,
    /// The coefficient that the method uses; older results have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coefficient: Option<f64>,
}

/// All of them; empty lists are not written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Diagnostics {
    /// Distances from the snapshot.
    #[serde(default, with = "crate::results::json_table", skip_serializing_if = "Vec::is_empty")]
    pub geometry: Vec<GeometryRow>,
    /// Variances after mega-batches.
    #[serde(default, with = "crate::results::json_table", skip_serializing_if = "Vec::is_empty")]
    pub positions: Vec<PositionRow>,
    /// Successive steps.
    #[serde(default, with = "crate::results::json_table", skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepRow>,
    /// Variances of single tensors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tensors: Vec<TensorRow>,
}

impl<'a> FromIterator<&'a Self> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = &'a Self>>(runs: I) -> Self {
        runs.into_iter().fold(Self::default(), |mut all, run| {
            all.geometry.extend_from_slice(&run.geometry);
            all.positions.extend_from_slice(&run.positions);
            all.steps.extend_from_slice(&run.steps);
            all.tensors.extend_from_slice(&run.tensors);
            all
        })
    }
}
