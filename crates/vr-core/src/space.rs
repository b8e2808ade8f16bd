//! The ordered parameter space: which tensors a flat vector holds, where, and how each is treated.

use std::collections::HashSet;

/// Per-tensor options of an update rule.
///
/// The default is the paper's: every tensor, batch-norm scales and biases included, learns at the
/// schedule's rate and decays at the rule's weight decay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TensorOptions {
    /// Multiplies the learning rate; at 0 the tensor is frozen.
    pub learning_rate: f64,
    /// Multiplies the update rule's weight decay.
    pub weight_decay: f64,
}

impl TensorOptions {
    /// Those of a tensor that no step changes.
    pub const FROZEN: Self = Self { learning_rate: 0.0, weight_decay: 0.0 };

    /// Whether no step changes the tensor.
    pub fn is_frozen(&self) -> bool {
        self.learning_rate == 0.0
    }
}

impl Default for TensorOptions {
    fn default() -> Self {
        Self { learning_rate: 1.0, weight_decay: 1.0 }
    }
}

/// One tensor of a [`ParameterSpace`].
#[derive(Clone, Debug, PartialEq)]
pub struct TensorSpec {
    name: String,
    shape: Vec<usize>,
    offset: usize,
    len: usize,
    options: TensorOptions,
}

impl TensorSpec {
    /// The tensor's name, unique in its space, such as `conv1.weight`.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Its shape, outermost dimension first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }
    /// The elements it occupies in a flat vector.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.len
    }
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.len
    }
    /// Whether the tensor has no elements.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
    /// How an update rule treats it.
    pub fn options(&self) -> TensorOptions {
        self.options
    }
}

/// Why a parameter space could not be built or used.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum SpaceError {
    /// Two tensors share a name.
    #[error("the parameter space names tensor `{0}` twice")]
    Duplicate(String),
    /// A pattern matched nothing, which is nearly always a misspelling.
    #[error("no tensor matches the pattern `{pattern}`; the space holds: {}", names.join(", "))]
    NoMatch {
        /// The pattern as given.
        pattern: String,
        /// Every name in the space.
        names: Vec<String>,
    },
    /// A vector does not fit the space.
    #[error("{what} has {found} elements, the parameter space {expected}")]
    Length {
        /// Which vector.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The space's length.
        expected: usize,
    },
}

/// An ordered list of named tensors that a [`FlatVector`](crate::FlatVector) concatenates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParameterSpace {
    tensors: Vec<TensorSpec>,
    len: usize,
}

impl ParameterSpace {
    /// Lays the tensors out one after another in the order given.
    ///
    /// # Errors
    /// [`SpaceError::Duplicate`] when two share a name.
    pub fn new<N: Into<String>>(tensors: impl IntoIterator<Item = (N, Vec<usize>)>) -> Result<Self, SpaceError> {
        let mut space = Self::default();
        let mut seen = HashSet::new();
        for (name, shape) in tensors {
            let name = name.into();
            if !seen.insert(name.clone()) {
                return Err(SpaceError::Duplicate(name));
            }
            let len = shape.iter().product();
            let offset = space.len;
            space.len += len;
            space.tensors.push(TensorSpec { name, shape, offset, len, options: TensorOptions::default() });
        }
        Ok(space)
    }

    /// Gives every tensor whose name matches `pattern` (`*` stands for any run of characters) these
    /// options; a later call overrides an earlier one.
    ///
    /// # Errors
    /// [`SpaceError::NoMatch`] when the pattern names no tensor.
    pub fn with_options(mut self, pattern: &str, options: TensorOptions) -> Result<Self, SpaceError> {
        let mut matched = false;
        for tensor in &mut self.tensors {
            if matches(pattern, &tensor.name) {
                tensor.options = options;
                matched = true;
            }
        }
        if !matched {
            return Err(SpaceError::NoMatch {
                pattern: pattern.to_owned(),
                names: self.tensors.into_iter().map(|t| t.name).collect(),
            });
        }
        Ok(self)
    }

    /// The tensors in order.
    pub fn tensors(&self) -> &[TensorSpec] {
        &self.tensors
    }
    /// The tensor of that name.
    pub fn get(&self, name: &str) -> Option<&TensorSpec> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }
    /// Number of parameters P: the elements of all tensors.
    pub fn len(&self) -> usize {
        self.len
    }
    /// Whether the space has no elements.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Checks that a vector of `found` elements, called `what` in the error, fits.
    ///
    /// # Errors
    /// [`SpaceError::Length`] when it does not.
    pub fn check(&self, what: &'static str, found: usize) -> Result<(), SpaceError> {
        if found == self.len { Ok(()) } else { Err(SpaceError::Length { what, found, expected: self.len }) }
    }
}

/// Whether `name` matches `pattern`, in which `*` stands for any run of characters.
fn matches(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space() -> ParameterSpace {
        ParameterSpace::new([("conv.weight", vec![2, 3]), ("bn.weight", vec![2]), ("bn.bias", vec![2])]).unwrap()
    }

    #[test]
    fn tensors_lie_one_after_another() {
        let space = space();
        assert_eq!(space.len(), 10);
        assert_eq!(space.get("bn.weight").unwrap().range(), 6..8);
        assert_eq!(space.get("bn.bias").unwrap().range(), 8..10);
    }

    #[test]
    fn duplicate_name_is_refused() {
        let error = ParameterSpace::new([("a", vec![1]), ("a", vec![2])]).unwrap_err();
        assert_eq!(error, SpaceError::Duplicate("a".into()));
    }

    #[test]
    fn options_follow_patterns_and_decay_everything_by_default() {
        assert!(space().tensors().iter().all(|t| t.options() == TensorOptions::default()));
        let no_decay = TensorOptions { weight_decay: 0.0, ..TensorOptions::default() };
        let space = space().with_options("bn.*", no_decay).unwrap();
        let decays: Vec<f64> = space.tensors().iter().map(|t| t.options().weight_decay).collect();
        assert_eq!(decays, [1.0, 0.0, 0.0]);
    }

    #[test]
    fn a_pattern_without_a_match_names_the_tensors() {
        let error = space().with_options("norm.*", TensorOptions::default()).unwrap_err();
        assert!(error.to_string().contains("`norm.*`") && error.to_string().contains("bn.bias"));
    }

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("bn.bias", "bn.bias", true),
            ("bn", "bn.bias", false),
            ("*.bias", "bn.bias", true),
            ("*bn*as", "x.bn1.bias", true),
            ("*", "", true),
            ("a*a", "a", false),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
