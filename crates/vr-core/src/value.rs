//! The values that a run state is made of.

/// One named value of a [`State`](crate::State).
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A vector of f32.
    F32(Vec<f32>),
    /// A vector of f64.
    F64(Vec<f64>),
    /// A counter, an index, a flag or the bits of a real number.
    Integer(u64),
}

impl Value {
    /// What it is called in errors.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::F32(_) => "a vector of f32",
            Self::F64(_) => "a vector of f64",
            Self::Integer(_) => "an integer",
        }
    }
}
