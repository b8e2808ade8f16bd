//! Run state as data: everything that influences a trajectory, as named values that any file format can hold.

use std::collections::BTreeMap;

pub use crate::value::Value;
use crate::{FlatVector, Scalar};

/// Named vectors and integers, in the order of their names. Names are paths such as
/// `estimator.snapshot`; values round-trip to the bit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    values: BTreeMap<String, Value>,
}

/// Why a state cannot be restored.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum StateError {
    /// The value is absent.
    #[error("the state has no `{name}`; expected {expected}")]
    Missing {
        /// Full name.
        name: String,
        /// What should stand there.
        expected: &'static str,
    },
    /// Another kind of value stands there.
    #[error("`{name}` of the state is {found}; expected {expected}")]
    Kind {
        /// Full name.
        name: String,
        /// What stands there.
        found: &'static str,
        /// What should.
        expected: &'static str,
    },
    /// A vector of another length.
    #[error("`{name}` of the state has {found} elements; expected {expected}")]
    Len {
        /// Full name.
        name: String,
        /// Elements there.
        found: usize,
        /// Elements that fit.
        expected: usize,
    },
    /// A value outside its range, or that belongs to other settings.
    #[error("`{name}` of the state is {found}; expected {expected}")]
    Value {
        /// Full name.
        name: String,
        /// The value.
        found: String,
        /// What would do.
        expected: String,
    },
}

impl State {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a value under a name, replacing what stood there.
    pub fn insert(&mut self, name: impl Into<String>, value: Value) {
        self.values.insert(name.into(), value);
    }

    /// The value of that name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// All values by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Writes under names that begin with `prefix.`.
    pub fn writer(&mut self, prefix: &str) -> StateWriter<'_> {
        StateWriter { state: self, prefix: prefix.to_owned() }
    }

    /// Reads names that begin with `prefix.`.
    pub fn reader(&self, prefix: &str) -> StateReader<'_> {
        StateReader { state: self, prefix: prefix.to_owned() }
    }
}

/// Writes one part of a [`State`].
#[derive(Debug)]
pub struct StateWriter<'a> {
    state: &'a mut State,
    prefix: String,
}

impl StateWriter<'_> {
    /// A vector of parameters.
    pub fn vector<S: Scalar>(&mut self, name: &str, x: &[S]) {
        self.put(name, S::to_value(x));
    }
    /// A vector of f64.
    pub fn f64s(&mut self, name: &str, x: &[f64]) {
        self.put(name, Value::F64(x.to_vec()));
    }
    /// An integer.
    pub fn integer(&mut self, name: &str, value: u64) {
        self.put(name, Value::Integer(value));
    }
    /// A flag.
    pub fn flag(&mut self, name: &str, value: bool) {
        self.integer(name, u64::from(value));
    }
    /// A real number, by its bits.
    pub fn real(&mut self, name: &str, value: f64) {
        self.integer(name, value.to_bits());
    }
    /// A part of this part.
    pub fn part(&mut self, name: &str) -> StateWriter<'_> {
        StateWriter { prefix: format!("{}.{name}", self.prefix), state: self.state }
    }

    fn put(&mut self, name: &str, value: Value) {
        self.state.insert(format!("{}.{name}", self.prefix), value);
    }
}

/// Reads one part of a [`State`]; every error names the value at fault.
#[derive(Clone, Debug)]
pub struct StateReader<'a> {
    state: &'a State,
    prefix: String,
}

impl<'a> StateReader<'a> {
    /// A part of this part.
    pub fn part(&self, name: &str) -> StateReader<'a> {
        StateReader { prefix: self.name(name), state: self.state }
    }

    /// Whether a value of that name is there.
    pub fn has(&self, name: &str) -> bool {
        self.state.values.contains_key(&self.name(name))
    }

    /// The full name of a value of this part.
    pub fn name(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    /// A vector of parameters of `len` elements.
    ///
    /// # Errors
    /// When it is absent, of another type or of another length.
    pub fn vector<S: Scalar>(&self, name: &str, len: usize) -> Result<FlatVector<S>, StateError> {
        let value = self.value(name, S::VECTOR)?;
        let x = S::from_value(value).ok_or_else(|| self.kind(name, value, S::VECTOR))?;
        self.check(name, x.len(), len)?;
        Ok(FlatVector::from(x.to_vec()))
    }

    /// A vector of f64 of `len` elements.
    ///
    /// # Errors
    /// When it is absent, of another type or of another length.
    pub fn f64s(&self, name: &str, len: usize) -> Result<Vec<f64>, StateError> {
        Ok(self.vector::<f64>(name, len)?.to_vec())
    }

    /// An integer.
    ///
    /// # Errors
    /// When it is absent or no integer.
    pub fn integer(&self, name: &str) -> Result<u64, StateError> {
        match self.value(name, "an integer")? {
            Value::Integer(value) => Ok(*value),
            other => Err(self.kind(name, other, "an integer")),
        }
    }

    /// An integer of at most `most`, such as an index.
    ///
    /// # Errors
    /// When it is absent, no integer or too large.
    pub fn index(&self, name: &str, most: u64) -> Result<u64, StateError> {
        let value = self.integer(name)?;
        if value > most {
            return Err(StateError::Value {
                name: self.name(name),
                found: value.to_string(),
                expected: format!("at most {most}"),
            });
        }
        Ok(value)
    }

    /// A flag.
    ///
    /// # Errors
    /// When it is absent or neither 0 nor 1.
    pub fn flag(&self, name: &str) -> Result<bool, StateError> {
        Ok(self.index(name, 1)? == 1)
    }

    /// A real number.
    ///
    /// # Errors
    /// When it is absent or no integer.
    pub fn real(&self, name: &str) -> Result<f64, StateError> {
        Ok(f64::from_bits(self.integer(name)?))
    }

    fn value(&self, name: &str, expected: &'static str) -> Result<&'a Value, StateError> {
        let name = self.name(name);
        self.state.values.get(&name).ok_or(StateError::Missing { name, expected })
    }

    fn kind(&self, name: &str, found: &Value, expected: &'static str) -> StateError {
        StateError::Kind { name: self.name(name), found: found.kind(), expected }
    }

    fn check(&self, name: &str, found: usize, expected: usize) -> Result<(), StateError> {
        if found == expected { Ok(()) } else { Err(StateError::Len { name: self.name(name), found, expected }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_to_the_bit() {
        let mut state = State::new();
        let mut out = state.writer("estimator");
        out.vector("snapshot", &[1.0_f32, -0.0, f32::NAN]);
        out.real("sum", -0.0);
        out.flag("active", true);
        out.part("table").integer("rows", 7);
        let input = state.reader("estimator");
        let snapshot: FlatVector<f32> = input.vector("snapshot", 3).unwrap();
        assert_eq!(snapshot[1].to_bits(), (-0.0_f32).to_bits());
        assert!(snapshot[2].is_nan());
        assert_eq!(input.real("sum").unwrap().to_bits(), (-0.0_f64).to_bits());
        assert!(input.flag("active").unwrap());
        assert_eq!(input.part("table").integer("rows"), Ok(7));
    }

    #[test]
    fn every_misfit_names_the_value() {
        let mut state = State::new();
        state.writer("rule").vector("buffer", &[1.0_f64]);
        let rule = state.reader("rule");
        let name = String::from("rule.buffer");
        let kind = |found, expected| StateError::Kind { name: name.clone(), found, expected };
        assert_eq!(rule.vector::<f32>("buffer", 1), Err(kind("a vector of f64", "a vector of f32")));
        assert_eq!(rule.integer("buffer"), Err(kind("a vector of f64", "an integer")));
        assert_eq!(rule.f64s("buffer", 2), Err(StateError::Len { name: name.clone(), found: 1, expected: 2 }));
        assert!(rule.integer("step").unwrap_err().to_string().contains("`rule.step`"));
    }
}
