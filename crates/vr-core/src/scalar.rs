//! The two element types: `f32` for training, `f64` for checking it.

use std::fmt::Debug;
use std::ops::{Add, Mul, Sub};

use crate::value::Value;

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// An element of a [`FlatVector`](crate::FlatVector): `f32` or `f64`, and nothing else.
pub trait Scalar:
    sealed::Sealed
    + bytemuck::Pod
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
{
    /// The nearest value of this type.
    fn from_f64(value: f64) -> Self;
    /// The same value in double precision.
    fn to_f64(self) -> f64;

    /// What a vector of it is called in errors.
    const VECTOR: &'static str;
    /// A vector of it as a value of a run state.
    fn to_value(x: &[Self]) -> Value;
    /// The vector, if the value is one of this type.
    fn from_value(value: &Value) -> Option<&[Self]>;
}

impl Scalar for f32 {
    fn from_f64(value: f64) -> Self {
        value as f32
    }
    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    const VECTOR: &'static str = "a vector of f32";
    fn to_value(x: &[Self]) -> Value {
        Value::F32(x.to_vec())
    }
    fn from_value(value: &Value) -> Option<&[Self]> {
        if let Value::F32(x) = value { Some(x) } else { None }
    }
}

impl Scalar for f64 {
    fn from_f64(value: f64) -> Self {
        value
    }
    fn to_f64(self) -> f64 {
        self
    }

    const VECTOR: &'static str = "a vector of f64";
    fn to_value(x: &[Self]) -> Value {
        Value::F64(x.to_vec())
    }
    fn from_value(value: &Value) -> Option<&[Self]> {
        if let Value::F64(x) = value { Some(x) } else { None }
    }
}
