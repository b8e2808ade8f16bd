//! The variance in every single tensor, as `tensors.json` says it: a few numbers for each of many tensors at many
//! moments, so names are written once and numbers with five digits. The run's `metrics.jsonl` has them whole.

use serde::{Deserialize, Serialize};

use crate::results::diagnostics::{Moment, TensorRow, TensorVariance};

/// One model's tensors at all moments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TensorTable {
    /// Name of the model.
    pub model: String,
    /// Its tensors, in the order of the network.
    pub names: Vec<String>,
    /// The moments.
    #[serde(with = "crate::results::json_table")]
    pub moments: Vec<TensorMoment>,
}

/// One moment of one run; in every list one value for each tensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TensorMoment {
    /// Name of the method.
    pub method: String,
    /// Seed of the run.
    pub seed: u64,
    /// Epoch, counted from 1.
    pub epoch: usize,
    /// How far through the epoch, in percent of its steps.
    pub percent: f64,
    /// Trace of the variance of the plain stochastic gradient.
    pub sgd_variance: Vec<Option<f64>>,
    /// Variance-reduced over plain variance; none where the plain variance is zero.
    pub ratio: Vec<Option<f64>>,
    /// The coefficient of the control variate that would give the least variance.
    pub optimal_coefficient: Vec<Option<f64>>,
    /// The coefficient that the method uses; older tables have none.
    #[serde(default)]
    pub coefficient: Vec<Option<f64>>,
}

impl TensorTable {
    /// Whether every list has one value for each tensor.
    pub fn is_whole(&self) -> bool {
        let count = self.names.len();
        let lists = |at: &TensorMoment| [at.sgd_variance.len(), at.ratio.len(), at.optimal_coefficient.len()];
        let used = |at: &TensorMoment| at.coefficient.is_empty() || at.coefficient.len() == count;
        self.moments.iter().all(|at| lists(at) == [count; 3] && used(at))
    }

    /// The rows that it was made of, with five digits; a variance that was not finite is not a number.
    pub fn rows(&self) -> impl Iterator<Item = TensorRow> {
        self.moments.iter().map(|row| {
            // A list that is too short, as older tables have of the coefficient, has no value for the others.
            let value = |list: &[Option<f64>], index: usize| list.get(index).copied().flatten();
            let tensor = |(index, name): (usize, &String)| TensorVariance {
                name: name.clone(),
                sgd_variance: value(&row.sgd_variance, index).unwrap_or(f64::NAN),
                ratio: value(&row.ratio, index),
                optimal_coefficient: value(&row.optimal_coefficient, index),
                coefficient: value(&row.coefficient, index),
            };
            let TensorMoment { method, seed, epoch, percent, .. } = row;
            let (model, method) = (self.model.clone(), method.clone());
            let at = Moment { model, method, seed: *seed, epoch: *epoch, percent: *percent };
            TensorRow { at, tensors: self.names.iter().enumerate().map(tensor).collect() }
        })
    }
}

/// The tables of all models that have rows.
pub fn of(rows: &[TensorRow]) -> Vec<TensorTable> {
    let mut tables: Vec<TensorTable> = Vec::new();
    for TensorRow { at, tensors } in rows {
        let index = tables.iter().position(|table| table.model == at.model).unwrap_or_else(|| {
            let names = tensors.iter().map(|tensor| tensor.name.clone()).collect();
            tables.push(TensorTable { model: at.model.clone(), names, moments: Vec::new() });
            tables.len() - 1
        });
        tables[index].moments.push(moment(at, tensors));
    }
    tables
}

fn moment(at: &Moment, tensors: &[TensorVariance]) -> TensorMoment {
    let list = |value: fn(&TensorVariance) -> Option<f64>| tensors.iter().map(|t| value(t).and_then(short)).collect();
    TensorMoment {
        method: at.method.clone(),
        seed: at.seed,
        epoch: at.epoch,
        percent: at.percent,
        sgd_variance: list(|tensor| Some(tensor.sgd_variance)),
        ratio: list(|tensor| tensor.ratio),
        optimal_coefficient: list(|tensor| tensor.optimal_coefficient),
        coefficient: list(|tensor| tensor.coefficient),
    }
}

/// The number with five significant digits; none for what is not finite.
fn short(value: f64) -> Option<f64> {
    format!("{value:.4e}").parse().ok().filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_once_and_numbers_short() {
        let row = |model: &str, percent| TensorRow {
            at: Moment { model: model.into(), method: "svrg".into(), seed: 0, epoch: 2, percent },
            tensors: ["conv", "fc"]
                .map(|name| TensorVariance {
                    name: name.into(),
                    sgd_variance: 1.0 / 3.0,
                    ratio: None,
                    optimal_coefficient: Some(f64::NAN),
                    coefficient: None,
                })
                .to_vec(),
        };
        let tables = of(&[row("lenet", 0.0), row("resnet110", 0.0), row("lenet", 11.0)]);
        assert_eq!(tables.iter().map(|table| table.moments.len()).collect::<Vec<_>>(), [2, 1]);
        let text = crate::results::json_table::to_json(&tables, 4).unwrap();
        assert_eq!(text.matches("\"fc\"").count(), 2);
        assert!(text.contains("[0.33333,0.33333]") && text.contains("[null,null]"), "{text}");
        let again: Vec<TensorTable> = serde_json::from_str(&text).unwrap();
        assert_eq!(again, tables);
        assert_eq!(of(&again.iter().flat_map(TensorTable::rows).collect::<Vec<_>>()), tables);
        let torn = text.replacen("[0.33333,0.33333]", "[0.33333]", 1);
        assert!(serde_json::from_str::<Vec<TensorTable>>(&torn).unwrap().iter().any(|table| !table.is_whole()));
    }
}
