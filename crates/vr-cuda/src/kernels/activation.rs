//! What follows a linear map.

use super::argument::{Argument, Meaning};

/// An activation that kernels apply with what comes before it. NaN passes through all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// The value itself.
    #[default]
    None,
    /// `v <= 0 ? 0 : v`.
    Relu,
    /// `v > 0 ? v : e^v − 1`.
    Elu,
}

impl Argument for Activation {
    fn fields(name: &'static str) -> Vec<(&'static str, &'static str)> {
        vec![("size", name)]
    }

    fn values(self) -> Vec<Meaning> {
        vec![Meaning::Bits(match self {
            Self::None => 0,
            Self::Relu => 1,
            Self::Elu => 2,
        })]
    }
}
