//! What a run is made of: cells, each one training with its measurements and tests.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use vr_core::{MinibatchSource, Oracle, State, StateError};
use vr_optim::Training;

use crate::error::CellError;

/// The training of a cell.
pub type TrainingOf<C> = Training<<C as Cell>::Oracle, <C as Cell>::Source>;

/// The beginning of a cell that is another one's, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// The name of the other cell.
    pub cell: String,
    /// Epochs that both begin with.
    pub epochs: usize,
}

/// One training with its measurements and tests: a unit of work with a folder of its own.
///
/// Equal cells must behave equally: what [`begin`](Self::begin) builds and what is measured must follow from
/// [`settings`](Self::settings) alone. A cell is then the same whether and wherever it was interrupted.
pub trait Cell: Sync {
    /// What computes the gradients.
    type Oracle: Oracle;
    /// Where the minibatches come from.
    type Source: MinibatchSource<Batch = <Self::Oracle as Oracle>::Batch>;
    /// What its log holds, one in a line. As JSON it is an object, and it comes back from JSON equal to what it was.
    type Event: Serialize + DeserializeOwned;
    /// What the events come to. As JSON it is an object, with a key `diverged` if the training diverged.
    type Found: FromIterator<Self::Event> + Serialize + DeserializeOwned + Send;

    /// The name, from which its folder's is made; it tells the cells of a run apart.
    fn name(&self) -> String;

    /// Everything that its result depends on, with the number of epochs under `cell.epochs`. A folder that was made with
    /// other settings is refused.
    fn settings(&self) -> Value;

    /// Epochs to train.
    fn epochs(&self) -> usize;

    /// A step's loss above which the training counts as diverged.
    fn exploded(&self) -> f64 {
        f64::INFINITY
    }

    /// A cell of the run that trains by plain SGD, with which this one agrees to the bit for some epochs. Where that cell has come so far, its
    /// epochs are taken over instead of being trained again; the result is the same.
    fn prefix(&self) -> Option<Prefix> {
        None
    }

    /// The epochs after which other cells may take over what this one has trained: its state there is kept.
    fn branches(&self) -> &[usize] {
        &[]
    }

    /// An event of the cell that [`prefix`](Self::prefix) names, as this one would have noted it.
    fn taken_over(&self, event: Self::Event) -> Self::Event {
        event
    }

    /// The training before its first step.
    ///
    /// # Errors
    /// When network, data and estimator do not fit each other.
    fn begin(&self) -> Result<TrainingOf<Self>, CellError>;

    /// What measures along the way; by default nothing does.
    fn probe(&self) -> Box<dyn Probe<Self> + '_> {
        Box::new(Nothing)
    }

    /// What there is to note at the end of an epoch, such as a test error.
    ///
    /// # Errors
    /// When the test fails.
    fn test(&self, training: &TrainingOf<Self>, epoch: &EpochEnd) -> Result<Vec<Self::Event>, CellError>;

    /// The event that the training diverged in a 1-based epoch.
    fn diverged(&self, epoch: usize) -> Self::Event;
}

/// What is known at the end of an epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochEnd {
    /// 1-based.
    pub epoch: usize,
    /// Mean loss of its steps, in train mode.
    pub train_loss: f64,
}

/// A place in an epoch at which something is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Steps taken before it.
    pub step: usize,
    /// Whether a snapshot that is due is taken first.
    pub begins: bool,
}

/// Takes a cell's measurements. None of them may change the course of the training.
pub trait Probe<C: Cell + ?Sized> {
    /// The places of a 1-based epoch of `steps` steps at which it measures, in order.
    fn places(&self, epoch: usize, steps: usize) -> Vec<Place>;

    /// Measures at the `index`-th of the places of an epoch.
    ///
    /// # Errors
    /// When a gradient, a minibatch or a table fails.
    fn take(&mut self, training: &mut TrainingOf<C>, epoch: usize, index: usize) -> Result<Vec<C::Event>, CellError>;

    /// Adds what a measurement has under way between two places to a state.
    fn save(&self, _state: &mut State) {}

    /// Reads what [`save`](Self::save) added, for `parameters` parameters.
    ///
    /// # Errors
    /// When a value is missing or does not fit.
    fn restore(&mut self, _state: &State, _parameters: usize) -> Result<(), StateError> {
        Ok(())
    }
}

/// Measures nothing.
struct Nothing;

impl<C: Cell + ?Sized> Probe<C> for Nothing {
    fn places(&self, _epoch: usize, _steps: usize) -> Vec<Place> {
        Vec::new()
    }

    fn take(
        &mut self,
        _training: &mut TrainingOf<C>,
        _epoch: usize,
        _index: usize,
    ) -> Result<Vec<C::Event>, CellError> {
        Ok(Vec::new())
    }
}
