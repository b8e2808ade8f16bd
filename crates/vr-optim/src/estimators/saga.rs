//! SAGA on minibatches, its table with an exponential moving average, and SAG.

use std::ops::Bound;
use std::sync::Arc;

use vr_core::random::Permutation;
use vr_core::{
    Coefficient, FlatVector, Key, Mean, ParameterSpace, Purpose, Scalar, StateError, StateReader, StateWriter, Stream,
};

use crate::estimator::{Ask, Estimate, Estimator, EstimatorError, NormRule, Point, Request};
use crate::estimators::{Method, Vectors};
use crate::fault::{Fault, within};
use crate::table::{GradientTable, TableStorage};

/// How a gradient and the table make a direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// SAGA: `(g_b(x) − φ_b) + mean φ`, unbiased.
    #[default]
    Saga,
    /// SAG: `(g_b(x) − φ_b)/m + mean φ`, the mean of the table with the new gradient in it: a variance smaller by m², and
    /// a bias.
    Sag,
}

/// Options of [`Saga`].
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct SagaConfig {
    /// SAGA or SAG.
    #[serde(skip_serializing_if = "is_saga")]
    pub form: Form,
    /// a, the weight of a new gradient in its row, in (0, 1].
    pub weight: f64,
    /// Where the table is kept.
    pub storage: TableStorage,
    /// Governs the order of the minibatches.
    pub seed: u64,
}

fn is_saga(form: &Form) -> bool {
    *form == Form::Saga
}

impl Default for SagaConfig {
    /// SAGA: weight 1, the table in memory.
    fn default() -> Self {
        Self { form: Form::Saga, weight: 1.0, storage: TableStorage::default(), seed: 0 }
    }
}

impl<S: Scalar> Method<S> for SagaConfig {
    fn build(&self) -> Box<dyn Estimator<S>> {
        Box::new(Saga::new(self.clone()))
    }

    fn check(&self) -> Result<(), Fault> {
        within("weight", self.weight, (Bound::Excluded(0.0), Bound::Included(1.0)))
    }

    /// μ, the direction, and a row before and after its visit.
    fn vectors(&self) -> Vectors {
        Vectors { numbers: 4, sums: 1 }
    }

    fn table(&mut self, minibatches: usize) -> Option<(&mut TableStorage, usize)> {
        Some((&mut self.storage, minibatches))
    }

    fn keeps_one_plan(&self) -> bool {
        true
    }
}

/// SAGA (Defazio, Bach & Lacoste-Julien, NIPS 2014) with a row φ_b for each minibatch:
/// `v = (g_b(x) − φ_b) + mean φ`, then `φ_b ← (1 − a)·φ_b + a·g_b(x)`.
///
/// With a = 1 that is SAGA; [`Form::Sag`] makes it SAG (Le Roux, Schmidt & Bach, NIPS 2012).
/// With a < 1 a row averages the gradients of several visits with their
/// transforms: the remedy for augmented data that Defazio & Bottou (NeurIPS 2019) name after MISO
/// (Bietti & Mairal, NIPS 2017). Given the table, the mean of v over the m minibatches is that of
/// their gradients, whatever their transforms and whatever a: v is unbiased for a uniform minibatch.
///
/// The first epoch is plain SGD: its directions are the gradients, and each fills its row. The control
/// variate begins with the second epoch, when every row is there. Rows that are all taken at the initial
/// point would be stale by a whole epoch when steps are longest.
///
/// The members of a minibatch never change (the generation stays 0), only the order does, from epoch
/// to epoch. So [locked](crate::Locking::Locked) transforms, the default of
/// [`Training`](crate::Training), stay the same for the whole run: with random transforms unlock them.
/// A step costs 1 evaluation; the table is m·P numbers, and a saved state holds it whole, since
/// nothing can compute it again. With a below about 1/100, rows in bf16 may stop moving: a change that
/// is smaller than half the spacing of its values is lost.
#[derive(Debug)]
pub struct Saga<S> {
    config: SagaConfig,
    space: Arc<ParameterSpace>,
    minibatches: u32,
    step: u64,
    /// Whether the direction is ready.
    ready: bool,
    table: GradientTable<S>,
    sum: Mean,
    mean: FlatVector<S>,
    row: FlatVector<S>,
    renewed: FlatVector<S>,
    direction: FlatVector<S>,
}

impl<S: Scalar> Saga<S> {
    /// The estimator before its first step.
    pub fn new(config: SagaConfig) -> Self {
        Self {
            config,
            space: Arc::default(),
            minibatches: 0,
            step: 0,
            ready: false,
            table: GradientTable::default(),
            sum: Mean::default(),
            mean: FlatVector::default(),
            row: FlatVector::default(),
            renewed: FlatVector::default(),
            direction: FlatVector::default(),
        }
    }

    fn epoch(&self) -> u32 {
        (self.step / u64::from(self.minibatches)) as u32
    }

    /// Whether rows are still filled for the first time.
    fn fills(&self) -> bool {
        self.step < u64::from(self.minibatches)
    }

    /// Rows that are filled: the first of the table, since the first epoch goes through it in order.
    fn filled(&self) -> u32 {
        (self.step.saturating_add(self.ready.into())).min(self.minibatches.into()) as u32
    }

    /// The minibatch of the coming step.
    fn index(&self) -> u32 {
        let place = (self.step % u64::from(self.minibatches)) as u32;
        if self.fills() {
            return place;
        }
        let order = Key { generation: self.epoch(), ..Key::new(self.config.seed, Stream::TableOrder) };
        Permutation::new(order, self.minibatches).at(place)
    }

    fn fill(&mut self, row: usize, gradient: &FlatVector<S>) -> Result<(), EstimatorError> {
        self.direction.copy_from_slice(gradient);
        self.sum.add(self.table.write(row, gradient)?);
        Ok(())
    }

    fn combine(&mut self, row: usize, gradient: &FlatVector<S>) -> Result<(), EstimatorError> {
        let old = self.table.row(row, &mut self.row)?;
        direct(self.config.form, &self.space, self.minibatches, [gradient, old, &self.mean], &mut self.direction);
        self.sum.remove(old);
        let renewed = if self.config.weight == 1.0 {
            gradient
        } else {
            self.renewed.copy_from_slice(old);
            self.renewed.average_in(1.0 - self.config.weight, gradient);
            &self.renewed
        };
        self.sum.add(self.table.write(row, renewed)?);
        Ok(())
    }

    /// Computes μ once every row is filled.
    fn average(&mut self) {
        if self.filled() == self.minibatches {
            self.sum.write(&mut self.mean);
        }
    }
}

/// Writes the direction made of a gradient, its row and the table's mean.
fn direct<S: Scalar>(
    form: Form,
    space: &ParameterSpace,
    minibatches: u32,
    [gradient, row, mean]: [&[S]; 3],
    out: &mut FlatVector<S>,
) {
    match form {
        Form::Saga => Coefficient::one().combine(space, gradient, row, mean, out),
        Form::Sag => {
            let share = S::from_f64(1.0 / f64::from(minibatches));
            for (((out, &gradient), &row), &mean) in out.iter_mut().zip(gradient).zip(row).zip(mean) {
                *out = share * (gradient - row) + mean;
            }
        }
    }
}

impl<S: Scalar> Estimator<S> for Saga<S> {
    fn name(&self) -> &'static str {
        match self.config.form {
            Form::Sag => "sag",
            Form::Saga if self.config.weight == 1.0 => "saga",
            Form::Saga => "ema-table",
        }
    }

    fn begin(&mut self, space: &Arc<ParameterSpace>, minibatches: u32) -> Result<(), EstimatorError> {
        let checked = Method::<S>::check(&self.config);
        checked.map_err(|fault| EstimatorError::Config { method: self.name(), fault })?;
        self.space = Arc::clone(space);
        self.minibatches = minibatches;
        self.table = GradientTable::new(&self.config.storage, minibatches as usize, space.len())?;
        self.sum = Mean::new(space.len());
        for vector in [&mut self.mean, &mut self.row, &mut self.renewed, &mut self.direction] {
            *vector = FlatVector::zeros(space.len());
        }
        Ok(())
    }

    fn ask(&mut self, _x: &FlatVector<S>) -> Result<Ask<'_, S>, EstimatorError> {
        if self.ready {
            return Ok(Ask::Step(&self.direction));
        }
        Ok(Ask::Evaluate(vec![Request {
            point: Point::Current,
            generation: 0,
            index: self.index(),
            visit: self.epoch(),
            purpose: Purpose::Inner,
            norm: NormRule::Batch,
        }]))
    }

    fn tell(&mut self, request: &Request, gradient: &FlatVector<S>) -> Result<(), EstimatorError> {
        let row = request.index as usize;
        if self.fills() {
            self.fill(row, gradient)?
        } else {
            self.combine(row, gradient)?
        }
        self.ready = true;
        self.average();
        Ok(())
    }

    fn advance(&mut self, _x: &FlatVector<S>) {
        self.step += 1;
        self.ready = false;
    }

    fn save(&self, out: &mut StateWriter<'_>) -> Result<(), EstimatorError> {
        out.integer("step", self.step);
        out.flag("ready", self.ready);
        if self.ready {
            out.vector("direction", &self.direction);
        }
        self.sum.save(&mut out.part("mean"));
        let mut table = out.part("table");
        let mut buffer = FlatVector::zeros(self.space.len());
        for row in 0..self.filled() {
            table.vector(&row.to_string(), self.table.row(row as usize, &mut buffer)?);
        }
        Ok(())
    }

    fn restore(&mut self, from: &StateReader<'_>) -> Result<(), EstimatorError> {
        if from.has("rows") {
            let found = "that of a table filled at the initial point".to_owned();
            let expected = "a table filled by a first epoch of SGD; start the run anew".to_owned();
            return Err(StateError::Value { name: from.name("rows"), found, expected }.into());
        }
        self.step = from.integer("step")?;
        self.ready = from.flag("ready")?;
        if self.ready {
            self.direction = from.vector("direction", self.space.len())?;
        }
        self.sum.restore(&from.part("mean"), self.filled().into())?;
        let table = from.part("table");
        for row in 0..self.filled() {
            self.table.write(row as usize, &table.vector::<S>(&row.to_string(), self.space.len())?)?;
        }
        self.average();
        Ok(())
    }

    fn generation(&self) -> u32 {
        0
    }

    fn direction_on(
        &self,
        index: u32,
        gradient: &FlatVector<S>,
        _probed: &[&FlatVector<S>],
    ) -> Result<Estimate<S>, EstimatorError> {
        if self.fills() {
            return Ok(Estimate { direction: gradient.clone(), reference: None });
        }
        let len = self.space.len();
        let (mut direction, mut buffer) = (FlatVector::zeros(len), FlatVector::zeros(len));
        let row = self.table.row(index as usize, &mut buffer)?;
        direct(self.config.form, &self.space, self.minibatches, [gradient, row, &self.mean], &mut direction);
        Ok(Estimate { direction, reference: Some(FlatVector::from(row.to_vec())) })
    }
}
