//! JSON has no number for what is not finite: it is written as `null` and read back as NaN.
//!
//! For fields of one's own events: `#[serde(with = "vr_run::not_finite")]`.

use serde::{Deserialize, Deserializer, Serializer};

/// Writes a number, or `null`.
///
/// # Errors
/// What the serializer fails with.
pub fn serialize<S: Serializer>(value: &f64, out: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() { out.serialize_some(value) } else { out.serialize_none() }
}

/// Reads a number, or NaN.
///
/// # Errors
/// What the deserializer fails with.
pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(input)?.unwrap_or(f64::NAN))
}
