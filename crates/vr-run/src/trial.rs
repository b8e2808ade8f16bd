//! A cell for trainings that need no measurements of their own: a name, settings, a closure that builds the training.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use vr_core::{MinibatchSource, Oracle};
use vr_optim::Training;

use crate::cell::{Cell, EpochEnd};
use crate::error::CellError;
use crate::not_finite;

/// Version of what a trial's settings mean.
const SCHEMA: u64 = 1;

/// What a trial tests at the end of an epoch: names with numbers.
type Test<'a, O, D> = Box<dyn Fn(&Training<O, D>) -> Result<Vec<(&'static str, f64)>, CellError> + Sync + 'a>;

/// A training that a closure builds, with a row of numbers for each epoch.
pub struct Trial<'a, O: Oracle, D: MinibatchSource<Batch = O::Batch>, B> {
    name: String,
    settings: Value,
    epochs: usize,
    begin: B,
    test: Option<Test<'a, O, D>>,
}

impl<'a, O, D, B> Trial<'a, O, D, B>
where
    O: Oracle,
    D: MinibatchSource<Batch = O::Batch>,
    B: Fn() -> Result<Training<O, D>, CellError> + Sync,
{
    /// A training of so many epochs. `settings` say everything that its result depends on, so that a folder of other
    /// settings is refused; `begin` builds the same training, to the bit, whenever it is called.
    pub fn new(name: impl Into<String>, settings: Value, epochs: usize, begin: B) -> Self {
        Self { name: name.into(), settings, epochs, begin, test: None }
    }

    /// With numbers to note at the end of each epoch, such as an error on pictures that were not trained on.
    #[must_use]
    pub fn with_test(
        mut self,
        test: impl Fn(&Training<O, D>) -> Result<Vec<(&'static str, f64)>, CellError> + Sync + 'a,
    ) -> Self {
        self.test = Some(Box::new(test));
        self
    }
}

/// A line of a trial's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrialEvent {
    /// An epoch is over.
    Epoch(TrialEpoch),
    /// The training diverged and ends here.
    Diverged(TrialDivergence),
}

/// One epoch of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialEpoch {
    /// 1-based.
    pub epoch: usize,
    /// Mean loss of its steps, in train mode.
    #[serde(with = "not_finite")]
    pub train_loss: f64,
    /// What the test found, by name; none where it found no finite number.
    pub test: BTreeMap<String, Option<f64>>,
}

/// Where a trial diverged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialDivergence {
    /// 1-based.
    pub epoch: usize,
}

/// What a trial came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrialResult {
    /// Its epochs; of a training that diverged, those before.
    pub epochs: Vec<TrialEpoch>,
    /// Where it diverged, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diverged: Option<TrialDivergence>,
}

impl FromIterator<TrialEvent> for TrialResult {
    fn from_iter<I: IntoIterator<Item = TrialEvent>>(events: I) -> Self {
        let mut result = Self::default();
        for event in events {
            match event {
                TrialEvent::Epoch(row) => result.epochs.push(row),
                TrialEvent::Diverged(divergence) => result.diverged = Some(divergence),
            }
        }
        result
    }
}

impl<O, D, B> Cell for Trial<'_, O, D, B>
where
    O: Oracle,
    D: MinibatchSource<Batch = O::Batch>,
    B: Fn() -> Result<Training<O, D>, CellError> + Sync,
{
    type Oracle = O;
    type Source = D;
    type Event = TrialEvent;
    type Found = TrialResult;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn settings(&self) -> Value {
        json!({
            "schema": SCHEMA,
            "cell": { "name": self.name, "epochs": self.epochs },
            "settings": self.settings,
        })
    }

    fn epochs(&self) -> usize {
        self.epochs
    }

    fn begin(&self) -> Result<Training<O, D>, CellError> {
        (self.begin)()
    }

    fn test(&self, training: &Training<O, D>, end: &EpochEnd) -> Result<Vec<TrialEvent>, CellError> {
        let found = self.test.as_ref().map_or_else(|| Ok(Vec::new()), |test| test(training))?;
        let test = found.into_iter().map(|(name, x)| (name.to_owned(), x.is_finite().then_some(x))).collect();
        Ok(vec![TrialEvent::Epoch(TrialEpoch { epoch: end.epoch, train_loss: end.train_loss, test })])
    }

    fn diverged(&self, epoch: usize) -> TrialEvent {
        TrialEvent::Diverged(TrialDivergence { epoch })
    }
}
