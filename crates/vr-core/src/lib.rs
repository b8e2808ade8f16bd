//! Control-variate mathematics and the types that the crates of the workspace share.
//!
//! The crate does no I/O, reads no clock and holds no hidden state: a gradient is a function of the
//! parameters and a minibatch ([`Oracle`]), and every random number is a function of its key ([`Key`]).
//!
//! | module | what it holds |
//! |---|---|
//! | [`space`], [`vector`] | ordered named tensors, and the flat vectors over them |
//! | [`oracle`], [`norm`] | the gradient oracle, and batch-norm statistics as a type of their own |
//! | [`batch`], [`lanes`], [`minibatch`] | pictures with labels, how they lie in memory, and the keys that name a minibatch |
//! | [`coefficient`] | the control variate `(g − α·g̃) + α·μ` |
//! | [`variance`] | the variance report: what an estimator's step costs in variance and in bias |
//! | [`random`] | the counter-based generator and a stateless permutation |
//! | [`counts`] | gradient evaluations by purpose |
//! | [`state`] | run state as named values, for checkpoints |
//!
//! # Example
//!
//! With a control variate that correlates with the gradient, the variance falls and the mean stays:
//!
//! ```
//! use vr_core::{Coefficient, ParameterSpace, VarianceAccumulator};
//!
//! let space = ParameterSpace::new([("weight", vec![2])])?;
//! let at_iterate = [[1.0_f64, 4.0], [3.0, 0.0]]; // g_b(x) of two minibatches
//! let at_snapshot = [[0.9, 3.8], [2.9, 0.2]]; // g_b(x̃)
//! let mean = [1.9, 2.0]; // μ
//!
//! let mut moments = VarianceAccumulator::new(&space);
//! let mut estimate = [0.0; 2];
//! for (g, reference) in at_iterate.iter().zip(&at_snapshot) {
//!     Coefficient::one().combine(&space, g, reference, &mean, &mut estimate);
//!     moments.observe(g, &estimate, Some(reference));
//! }
//! let total = moments.report().total;
//! assert!(total.ratio.unwrap() < 0.02);
//! assert!(total.squared_bias < 1e-12);
//! # Ok::<(), vr_core::SpaceError>(())
//! ```

pub mod batch;
pub mod coefficient;
pub mod counts;
pub mod lanes;
pub mod mean;
pub mod minibatch;
pub mod norm;
pub mod oracle;
pub mod random;
pub mod scalar;
pub mod space;
pub mod state;
mod value;
pub mod variance;
pub mod vector;

pub use batch::{Batch, Noise};
pub use coefficient::Coefficient;
pub use counts::{EvaluationCounts, Purpose};
pub use lanes::{LANES, LaneBlock};
pub use mean::Mean;
pub use minibatch::{MinibatchKey, MinibatchSource, TransformKey};
pub use norm::{NormLayer, NormStatistics};
pub use oracle::{Evaluation, Normalization, Oracle};
pub use random::{Key, Stream};
pub use scalar::Scalar;
pub use space::{ParameterSpace, SpaceError, TensorOptions, TensorSpec};
pub use state::{State, StateError, StateReader, StateWriter};
pub use variance::{VarianceAccumulator, VarianceReport, VarianceSummary};
pub use vector::FlatVector;
