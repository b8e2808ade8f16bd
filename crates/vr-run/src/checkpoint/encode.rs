//! A state as a safetensors file: vectors as tensors of one dimension, integers as U64 of none.

use std::borrow::Cow;

use safetensors::tensor::{Dtype, SafeTensors, TensorView, View};
use vr_core::State;
use vr_core::state::Value;

use super::EncodingError;

struct Tensor<'a> {
    value: &'a Value,
    shape: Vec<usize>,
}

impl<'a> Tensor<'a> {
    fn new(value: &'a Value) -> Self {
        let shape = match value {
            Value::F32(x) => vec![x.len()],
            Value::F64(x) => vec![x.len()],
            Value::Integer(_) => Vec::new(),
        };
        Self { value, shape }
    }
}

impl View for Tensor<'_> {
    fn dtype(&self) -> Dtype {
        match self.value {
            Value::F32(_) => Dtype::F32,
            Value::F64(_) => Dtype::F64,
            Value::Integer(_) => Dtype::U64,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        bytes(self.value)
    }

    fn data_len(&self) -> usize {
        self.shape.iter().product::<usize>() * self.dtype().bitsize() / 8
    }
}

/// The numbers of a value, little end first: as they lie, where the machine has them so.
pub(crate) fn bytes(value: &Value) -> Cow<'_, [u8]> {
    const AS_THEY_LIE: bool = cfg!(target_endian = "little");
    match value {
        Value::F32(x) if AS_THEY_LIE => Cow::Borrowed(bytemuck::cast_slice(x)),
        Value::F64(x) if AS_THEY_LIE => Cow::Borrowed(bytemuck::cast_slice(x)),
        Value::F32(x) => x.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Value::F64(x) => x.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Value::Integer(x) => Cow::Owned(x.to_le_bytes().to_vec()),
    }
}

/// The bytes of a state; equal states give equal bytes.
///
/// # Errors
/// When the header would exceed what the format allows.
pub fn encode(state: &State) -> Result<Vec<u8>, EncodingError> {
    Ok(safetensors::serialize(state.iter().map(|(name, value)| (name, Tensor::new(value))), None)?)
}

/// The state of [`encode`]d bytes. Allocates in proportion to the bytes, whatever they say.
///
/// # Errors
/// [`EncodingError`] for bytes that [`encode`] cannot have written.
pub fn decode(bytes: &[u8]) -> Result<State, EncodingError> {
    let mut state = State::new();
    for (name, tensor) in SafeTensors::deserialize(bytes)?.iter() {
        state.insert(name, value(name, &tensor)?);
    }
    Ok(state)
}

fn value(name: &str, tensor: &TensorView<'_>) -> Result<Value, EncodingError> {
    let data = tensor.data();
    match (tensor.dtype(), tensor.shape(), data.as_chunks(), data.as_chunks()) {
        (Dtype::F32, [_], (chunks, []), _) => Ok(Value::F32(chunks.iter().map(|&x| f32::from_le_bytes(x)).collect())),
        (Dtype::F64, [_], _, (chunks, [])) => Ok(Value::F64(chunks.iter().map(|&x| f64::from_le_bytes(x)).collect())),
        (Dtype::U64, [], _, (&[x], [])) => Ok(Value::Integer(u64::from_le_bytes(x))),
        (dtype, shape, ..) => {
            Err(EncodingError::Tensor { name: name.to_owned(), found: format!("{dtype:?} of shape {shape:?}") })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_comes_back() {
        let mut state = State::new();
        let mut out = state.writer("part");
        out.vector("f32", &[1.0_f32, -0.0, f32::from_bits(0x7fc0_1234), f32::MIN_POSITIVE / 2.0]);
        out.f64s("f64", &[f64::NEG_INFINITY, -0.0, 1e-310]);
        out.vector::<f32>("empty", &[]);
        out.integer("integer", u64::MAX);
        let bytes = encode(&state).unwrap();
        let back = decode(&bytes).unwrap();
        assert_eq!(encode(&back).unwrap(), bytes);
        // NaN is not equal to itself, so the vector with one is compared by its bits.
        let bits = |state: &State| match state.get("part.f32") {
            Some(Value::F32(x)) => x.iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(bits(&back), bits(&state));
        for name in ["part.f64", "part.empty", "part.integer"] {
            assert_eq!(back.get(name), state.get(name));
        }
        assert_eq!(back.iter().count(), 4);
    }

    #[test]
    fn a_tensor_that_no_state_has_is_named() {
        let matrix = TensorView::new(Dtype::F32, vec![1, 1], &[0; 4]).unwrap();
        let bytes = safetensors::serialize([("odd", matrix)], None).unwrap();
        assert!(decode(&bytes).unwrap_err().to_string().contains("`odd` is F32 of shape [1, 1]"));
    }
}
