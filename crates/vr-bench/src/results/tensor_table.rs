//! The variance in every single tensor, as `tensors.json` says it: a few numbers for each of many tensors at many
//! moments, so names are written once and numbers with five digits. The run's `metrics.jsonl` has them whole.

use serde::Serialize;

use crate::results::diagnostics::{Moment, TensorRow, TensorVariance};

/// One model's tensors at all moments.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TensorTable {
    /// Name of the model.
    pub model: String,
    /// Its tensors, in the order of the network.
    pub names: Vec<String>,
    /// The moments.
    #[serde(serialize_with = "crate::results::json_table::serialize")]
    pub moments: Vec<TensorMoment>,
}

/// One moment of one run; in every list one value for each tensor.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
                })
                .to_vec(),
        };
        let tables = of(&[row("lenet", 0.0), row("resnet110", 0.0), row("lenet", 11.0)]);
        assert_eq!(tables.iter().map(|table| table.moments.len()).collect::<Vec<_>>(), [2, 1]);
        let text = crate::results::json_table::to_json(&tables, 4).unwrap();
        assert_eq!(text.matches("\"fc\"").count(), 2);
        assert!(text.contains("[0.33333,0.33333]") && text.contains("[null,null]"), "{text}");
    }
}
