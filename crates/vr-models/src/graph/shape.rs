//! The shapes of a network's values, and what does not fit.

use vr_core::SpaceError;

use super::op::{Conv, Op, Windows};

/// Why a network cannot be described.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum GraphError {
    /// A node cannot take its inputs' shapes.
    #[error("node `{node}` cannot take an input of shape {found:?}; {expected}")]
    Shape {
        /// The node.
        node: String,
        /// Its input's shape.
        found: Vec<usize>,
        /// What would do.
        expected: String,
    },
    /// A layer without outputs, taps or progress.
    #[error("node `{node}` has a size of 0; pictures, outputs, kernel, stride and groups must be at least 1")]
    Empty {
        /// The node.
        node: String,
    },
    /// A value or a tensor beyond what the engines address.
    #[error("node `{node}` is too large: {what}")]
    Size {
        /// The node.
        node: String,
        /// What is too large.
        what: String,
    },
    /// A dropout rate is no probability below 1.
    #[error("node `{node}` cannot drop out {rate} of its input; at least 0 and less than 1 was expected")]
    Rate {
        /// The node.
        node: String,
        /// The rate given.
        rate: f64,
    },
    /// A node's value goes nowhere, so that its parameters would have no gradient.
    #[error("node `{node}` is read by no other, and is not the last, which gives the logits")]
    Unread {
        /// The node.
        node: String,
    },
    /// No network of a family has this depth.
    #[error("a depth of {depth} layers; expected {expected}")]
    Depth {
        /// The depth asked for.
        depth: usize,
        /// Those that there are.
        expected: &'static str,
    },
    /// Two nodes share a name.
    #[error(transparent)]
    Space(#[from] SpaceError),
}

/// Whether a network can read pictures of shape `[C, H, W]`.
pub(super) fn pictures(shape: [usize; 3]) -> Result<(), GraphError> {
    if shape.contains(&0) {
        return Err(GraphError::Empty { node: "input".into() });
    }
    within("input", "values", MOST_VALUES, &shape)
}

/// The shape of a node's value, from its inputs'.
pub(super) fn infer(name: &str, op: &Op, inputs: &[Vec<usize>]) -> Result<Vec<usize>, GraphError> {
    let first = inputs.first().map_or(&[][..], Vec::as_slice);
    check_size(name, op, first)?;
    let shape = fit(name, op, inputs)?;
    within(name, "values", MOST_VALUES, &shape)?;
    Ok(shape)
}

fn fit(name: &str, op: &Op, inputs: &[Vec<usize>]) -> Result<Vec<usize>, GraphError> {
    let first = inputs.first().map_or(&[][..], Vec::as_slice);
    let misfit = |found: &[usize], expected: &str| {
        Err(GraphError::Shape { node: name.into(), found: found.to_vec(), expected: expected.into() })
    };
    match (op, first) {
        (
            &(Op::Conv(Conv { out: 0, .. } | Conv { kernel: 0, .. } | Conv { stride: 0, .. } | Conv { groups: 0, .. })
            | Op::Linear { out: 0 }),
            _,
        ) => Err(GraphError::Empty { node: name.into() }),
        (Op::MaxPool(windows) | Op::AvgPool(windows), _)
            if windows.kernel.contains(&0) || windows.stride.contains(&0) =>
        {
            Err(GraphError::Empty { node: name.into() })
        }
        (&Op::Conv(Conv { out, groups, .. }), &[channels, _, _])
            if !channels.is_multiple_of(groups) || !out.is_multiple_of(groups) =>
        {
            misfit(first, &format!("{groups} groups must divide its channels and the {out} outputs"))
        }
        (&Op::Conv(Conv { out, kernel, stride, padding, .. }), &[_, h, w]) => {
            if h + 2 * padding < kernel || w + 2 * padding < kernel {
                return misfit(first, "the kernel is larger than the padded picture");
            }
            let side = |s: usize| (s + 2 * padding - kernel) / stride + 1;
            Ok(vec![out, side(h), side(w)])
        }
        (Op::MaxPool(windows) | Op::AvgPool(windows), &[c, h, w]) => {
            let Windows { kernel, padding, .. } = windows;
            if [0, 1].iter().any(|&axis| padding[axis] > kernel[axis] / 2) {
                return misfit(first, &format!("the padding {padding:?} is more than half a window {kernel:?}"));
            }
            if [h, w].iter().zip(kernel).zip(padding).any(|((side, kernel), padding)| side + 2 * padding < *kernel) {
                return misfit(first, &format!("a window {kernel:?} is larger than the padded picture"));
            }
            Ok(vec![c, windows.outputs(0, h), windows.outputs(1, w)])
        }
        (Op::Conv(_) | Op::MaxPool(_) | Op::AvgPool(_), _) => misfit(first, "it must be [C, H, W]"),
        (Op::Flatten, _) => Ok(vec![first.iter().product()]),
        (&Op::Linear { out }, &[_]) => Ok(vec![out]),
        (Op::Linear { .. }, _) => misfit(first, "it must be flat"),
        (Op::Add, _) => match inputs.iter().find(|shape| shape.as_slice() != first) {
            Some(other) => misfit(other, &format!("the other summand has shape {first:?}")),
            None => Ok(first.to_vec()),
        },
        (Op::Concat, &[_, h, w]) => {
            if let Some(other) = inputs.iter().find(|shape| shape.get(1..) != Some(&[h, w])) {
                return misfit(other, "the pictures to join must have one size");
            }
            Ok(vec![inputs.iter().map(|shape| shape[0]).sum(), h, w])
        }
        (Op::Concat, _) => misfit(first, "it must be [C, H, W]"),
        (&Op::Dropout { rate }, _) if !(0.0..1.0).contains(&rate) => Err(GraphError::Rate { node: name.into(), rate }),
        (Op::Input | Op::BatchNorm | Op::Relu | Op::Elu | Op::Dropout { .. }, _) => Ok(first.to_vec()),
    }
}

/// Numbers of one sample's value at most, with the padding that its reader adds: a lane block of them is
/// addressed in 32 bits.
const MOST_VALUES: usize = 1 << 25;
/// Numbers of a tensor of parameters at most.
const MOST_PARAMETERS: usize = u32::MAX as usize;
/// Rows and columns of a kernel or a window at most.
const MOST_TAPS: usize = 1 << 10;

/// Whether a product of sizes stays within a bound.
fn within(node: &str, what: &str, most: usize, factors: &[usize]) -> Result<(), GraphError> {
    let product = factors.iter().try_fold(1usize, |product, &factor| product.checked_mul(factor));
    if product.is_some_and(|product| product <= most) {
        return Ok(());
    }
    let sizes = factors.iter().map(usize::to_string).collect::<Vec<_>>().join(" × ");
    Err(GraphError::Size { node: node.into(), what: format!("{what} {sizes}, where {most} are possible") })
}

/// Whether a node's tensors, and its values with their padding, stay within what the engines address, for the
/// shape of its first input.
fn check_size(name: &str, op: &Op, input: &[usize]) -> Result<(), GraphError> {
    let channels = input.first().copied().unwrap_or(1);
    let padded = |axis: usize, padding: usize| {
        let side = input.get(axis + 1).copied().unwrap_or(1);
        padding.saturating_mul(2).saturating_add(side)
    };
    match *op {
        Op::Conv(Conv { out, kernel, stride, padding, groups, .. }) => {
            within(name, "rows of a kernel", MOST_TAPS, &[kernel])?;
            within(name, "a stride of", MOST_TAPS, &[stride])?;
            within(name, "values", MOST_VALUES, &[channels.max(out), padded(0, padding), padded(1, padding)])?;
            within(name, "weights", MOST_PARAMETERS, &[out, channels / groups.max(1), kernel, kernel])
        }
        Op::Linear { out } => within(name, "weights", MOST_PARAMETERS, &[out, channels]),
        Op::MaxPool(Windows { kernel, padding, .. }) | Op::AvgPool(Windows { kernel, padding, .. }) => {
            within(name, "rows of a window", MOST_TAPS, &[kernel[0]])?;
            within(name, "columns of a window", MOST_TAPS, &[kernel[1]])?;
            within(name, "values", MOST_VALUES, &[channels, padded(0, padding[0]), padded(1, padding[1])])
        }
        _ => Ok(()),
    }
}
