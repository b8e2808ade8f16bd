//! ZeroSARAH (Li, Hanzely & Richtárik, 2021): SARAH that never takes a full gradient, held by a table as SAGA's.
//!
//! `v ← g_b(x) − g_b(x⁻) + (1 − λ)·v + λ·(g_b(x⁻) − φ_b + mean φ)`, then `φ_b ← g_b(x)`, with x⁻ the previous iterate and all φ zero at first; the first
//! direction is the gradient. The authors' λ is half a minibatch's share of the set, 1/(2m). It keeps x⁻, v and a table of m·P numbers, and costs
//! 2 gradient evaluations a step. Given the past, v is biased by `(1 − λ)·(v − ∇f(x⁻))`, the old error.

use std::ops::Bound;
use std::sync::Arc;

use vr_core::{FlatVector, Mean, ParameterSpace, Scalar, StateReader, StateWriter};

use crate::estimator::{Estimator, EstimatorError};
use crate::estimators::{Method, Vectors};
use crate::fault::{Fault, within};
use crate::recursive::{Opening, Recursion, Recursive};
use crate::table::{GradientTable, TableError, TableStorage};

/// Options of [`ZeroSarah`].
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ZeroSarahConfig {
    /// λ, above 0 and at most 1; `None` is the authors' 1/(2m).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lambda: Option<f64>,
    /// Where the table is kept.
    pub storage: TableStorage,
}

impl<S: Scalar> Method<S> for ZeroSarahConfig {
    fn build(&self) -> Box<dyn Estimator<S>> {
        Box::new(ZeroSarah::new(self.clone()))
    }

    fn check(&self) -> Result<(), Fault> {
        within("lambda", self.lambda.unwrap_or(1.0), (Bound::Excluded(0.0), Bound::Included(1.0)))
    }

    /// Those of the recursion, the mean of the table, and a row.
    fn vectors(&self) -> Vectors {
        Vectors { numbers: ZeroSarah::<S>::VECTORS + 2, sums: 2 }
    }

    fn table(&mut self, minibatches: usize) -> Option<(&mut TableStorage, usize)> {
        Some((&mut self.storage, minibatches))
    }

    fn keeps_one_plan(&self) -> bool {
        true
    }
}

/// ZeroSARAH. The members of a minibatch never change, and their order neither; with random transforms unlock them, as for
/// [`Saga`](crate::Saga).
pub type ZeroSarah<S> = Recursive<S, Tabled<S>>;

impl<S: Scalar> ZeroSarah<S> {
    /// The estimator before its first step.
    pub fn new(config: ZeroSarahConfig) -> Self {
        let (table, sum, mean) = (GradientTable::default(), Mean::default(), FlatVector::default());
        Self::of(Tabled { config, minibatches: 1, filled: 0, table, sum, mean })
    }
}

/// ZeroSARAH's recursion, with the table.
#[derive(Debug)]
pub struct Tabled<S> {
    config: ZeroSarahConfig,
    minibatches: u32,
    /// Rows that have been visited; the others are zero.
    filled: u32,
    table: GradientTable<S>,
    sum: Mean,
    mean: FlatVector<S>,
}

impl<S: Scalar> Tabled<S> {
    /// The sum of a table of zeros.
    fn empty(&mut self) {
        self.sum.reset();
        let zeros = FlatVector::<S>::zeros(self.mean.len());
        (0..self.minibatches).for_each(|_| self.sum.add(&zeros));
    }
}

impl<S: Scalar> Recursion<S> for Tabled<S> {
    fn name(&self) -> &'static str {
        "zero-sarah"
    }

    fn check(&self) -> Result<(), Fault> {
        Method::<S>::check(&self.config)
    }

    fn begin(&mut self, space: &Arc<ParameterSpace>, minibatches: u32) -> Result<(), TableError> {
        self.minibatches = minibatches;
        self.table = GradientTable::new(&self.config.storage, minibatches as usize, space.len())?;
        (self.sum, self.mean) = (Mean::new(space.len()), FlatVector::zeros(space.len()));
        self.empty();
        Ok(())
    }

    fn opens(&self, _step: u64, _minibatches: u32) -> Opening {
        Opening::Step
    }

    fn direct(
        &self,
        index: u32,
        gradient: &[S],
        before: Option<&[S]>,
        direction: &mut FlatVector<S>,
    ) -> Result<(), TableError> {
        let Some(before) = before else {
            direction.copy_from_slice(gradient);
            return Ok(());
        };
        let lambda = self.config.lambda.unwrap_or(0.5 / f64::from(self.minibatches));
        let (new, old) = (S::from_f64(lambda), S::from_f64(1.0 - lambda));
        let mut buffer = FlatVector::zeros(self.mean.len());
        let row = self.table.row(index as usize, &mut buffer)?;
        let table = row.iter().zip(&self.mean[..]);
        for (((v, &g), &before), (&row, &mean)) in direction.iter_mut().zip(gradient).zip(before).zip(table) {
            *v = (g - before) + old * *v + new * ((before - row) + mean);
        }
        Ok(())
    }

    fn learn(&mut self, index: u32, gradient: &[S]) -> Result<(), TableError> {
        let mut buffer = FlatVector::zeros(self.mean.len());
        self.sum.remove(self.table.row(index as usize, &mut buffer)?);
        self.sum.add(self.table.write(index as usize, gradient)?);
        self.sum.write(&mut self.mean);
        self.filled = self.filled.max(index + 1);
        Ok(())
    }

    fn save(&self, out: &mut StateWriter<'_>) -> Result<(), TableError> {
        out.integer("filled", self.filled.into());
        self.sum.save(&mut out.part("sum"));
        let mut buffer = FlatVector::zeros(self.mean.len());
        let mut out = out.part("table");
        for row in 0..self.filled {
            out.vector(&row.to_string(), self.table.row(row as usize, &mut buffer)?);
        }
        Ok(())
    }

    fn restore(&mut self, from: &StateReader<'_>) -> Result<(), EstimatorError> {
        self.filled = from.index("filled", self.minibatches.into())? as u32;
        self.sum.restore(&from.part("sum"), self.minibatches.into())?;
        let table = from.part("table");
        for row in 0..self.filled {
            self.table.write(row as usize, &table.vector::<S>(&row.to_string(), self.mean.len())?)?;
        }
        self.sum.write(&mut self.mean);
        Ok(())
    }
}
