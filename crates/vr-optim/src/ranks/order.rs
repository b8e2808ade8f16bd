//! What the root orders and a server computes, as the values of a message.

use std::sync::Arc;

use vr_core::{
    FlatVector, MinibatchKey, NormLayer, NormStatistics, Normalization, Scalar, State, StateError, StateReader,
    StateWriter,
};

/// One evaluation, whose vectors the server has in numbered places.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Order<M> {
    /// Of which minibatch.
    pub minibatch: M,
    /// Where the point lies.
    pub x: usize,
    /// With which statistics.
    pub norm: OrderedNorm,
}

/// [`Normalization`] by the place where the statistics lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderedNorm {
    Batch,
    Running(usize),
    Stored(usize),
}

/// Places that a server can have; a place is small, so that no message can ask for much memory.
const MOST_PLACES: u64 = 1 << 16;

impl OrderedNorm {
    fn save(self, out: &mut StateWriter<'_>) {
        let (kind, place) = match self {
            Self::Batch => (0, None),
            Self::Running(place) => (1, Some(place)),
            Self::Stored(place) => (2, Some(place)),
        };
        out.integer("norm", kind);
        if let Some(place) = place {
            out.integer("statistics", place as u64);
        }
    }

    fn from_state(from: &StateReader<'_>) -> Result<Self, StateError> {
        let place = || place(from, "statistics");
        Ok(match from.index("norm", 2)? {
            0 => Self::Batch,
            1 => Self::Running(place()?),
            _ => Self::Stored(place()?),
        })
    }
}

/// The number of a place.
pub fn place(from: &StateReader<'_>, name: &str) -> Result<usize, StateError> {
    Ok(from.index(name, MOST_PLACES)? as usize)
}

/// Gradients, one after another.
pub fn gradients(orders: &[Order<MinibatchKey>]) -> State {
    let mut state = State::new();
    state.writer("gradients").integer("count", orders.len() as u64);
    for (number, order) in orders.iter().enumerate() {
        let mut out = state.writer(&format!("gradient-{number}"));
        order.minibatch.save(&mut out.part("minibatch"));
        out.integer("x", order.x as u64);
        order.norm.save(&mut out);
    }
    state
}

/// What [`gradients`] wrote.
pub fn read_gradients(state: &State) -> Result<Vec<Order<MinibatchKey>>, StateError> {
    let count = state.reader("gradients").index("count", u32::MAX.into())?;
    (0..count)
        .map(|number| {
            let from = state.reader(&format!("gradient-{number}"));
            let minibatch = MinibatchKey::from_state(&from.part("minibatch"))?;
            Ok(Order { minibatch, x: place(&from, "x")?, norm: OrderedNorm::from_state(&from)? })
        })
        .collect()
}

/// Successive minibatches of one test: the set's number, and which of its minibatches.
pub type TestMinibatches = (u32, std::ops::Range<u32>);

/// Evaluations of a test at one point.
pub fn tests(order: &Order<TestMinibatches>) -> State {
    let mut state = State::new();
    let mut out = state.writer("tests");
    let (set, minibatches) = &order.minibatch;
    out.integer("set", (*set).into());
    out.integer("first", minibatches.start.into());
    out.integer("end", minibatches.end.into());
    out.integer("x", order.x as u64);
    order.norm.save(&mut out);
    state
}

/// What [`tests`] wrote.
pub fn read_tests(state: &State) -> Result<Order<TestMinibatches>, StateError> {
    let from = state.reader("tests");
    let number = |name| Ok::<u32, StateError>(from.index(name, u32::MAX.into())? as u32);
    let minibatch = (number("set")?, number("first")?..number("end")?);
    Ok(Order { minibatch, x: place(&from, "x")?, norm: OrderedNorm::from_state(&from)? })
}

/// Statistics as one vector: all means, then all variances.
pub fn statistics_of<S: Scalar>(
    layers: &Arc<[NormLayer]>,
    values: &FlatVector<S>,
) -> Result<NormStatistics<S>, StateError> {
    let mut statistics = NormStatistics::initial(layers.clone());
    let channels = statistics.mean().len();
    if values.len() != 2 * channels {
        let (name, found, expected) = (String::from("vector.values"), values.len(), 2 * channels);
        return Err(StateError::Len { name, found, expected });
    }
    let mut at = 0;
    for (index, layer) in layers.iter().enumerate() {
        let (mean, variance) = statistics.layer_mut(index);
        mean.copy_from_slice(&values[at..at + layer.channels]);
        variance.copy_from_slice(&values[channels + at..channels + at + layer.channels]);
        at += layer.channels;
    }
    Ok(statistics)
}

/// The two parts of the vector of a normalization's statistics.
pub fn parts<'a, S: Scalar>(norm: &Normalization<'a, S>) -> Option<[&'a [S]; 2]> {
    match norm {
        Normalization::Batch => None,
        Normalization::Running(statistics) | Normalization::Stored(statistics) => {
            Some([statistics.mean(), statistics.variance()])
        }
    }
}
