//! Grids: a list where one value belongs, such as `base = [0.01, 0.1]`, stands for a training with each of its values.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use toml::{Table, Value};
use vr_run::config::{Checked, ConfigError, Fault, parse_with, put, read_with};

use super::TrainConfig;

/// The values of each key that has several, by the way to it: `schedule.base`.
pub type Grid = BTreeMap<String, Vec<Value>>;

/// Keys, by their last names, whose value is a list; a list of lists is several values.
const LISTS: [&str; 5] = ["seeds", "policies", "drops", "per-tensor", "per-coordinate"];

/// Keys, by their first names, that all trainings of a run share.
const OF_THE_RUN: [&str; 18] = [
    "batch-size",
    "best-by",
    "checkpoints",
    "classes",
    "data",
    "engine",
    "grid",
    "jobs",
    "measures",
    "method",
    "out",
    "picture-limit-mib",
    "seeds",
    "table-limit-mib",
    "tensorboard",
    "threads",
    "train-size",
    "validation",
];

/// Settings that one run may have.
const MOST: usize = 1000;

/// Longest value, in characters, that stands in a name; of longer ones it is the place in the list.
const LONGEST: usize = 24;

/// Reads and checks a configuration as [`vr_run::config::read`] does, with lists where one value belongs.
///
/// # Errors
/// As [`vr_run::config::read`].
pub fn read(path: &Path, overrides: &[String]) -> Result<TrainConfig, ConfigError> {
    read_with(path, overrides, gather)
}

/// As [`read`], of the text of a file called `path`.
///
/// # Errors
/// As [`read`].
pub fn parse(path: &Path, text: &str, overrides: &[String]) -> Result<TrainConfig, ConfigError> {
    parse_with(path, text, overrides, gather)
}

/// Puts the first value in place of each list, and the list under `grid`.
fn gather(table: &mut Table) -> Checked {
    let mut found = Vec::new();
    lists(table, &[], &mut found);
    for (keys, values) in found {
        let key = keys.join(".");
        let first = values.first().ok_or_else(|| empty(&key))?;
        put(table, &keys, first.clone());
        put(table, &["grid".to_owned(), key], Value::Array(values));
    }
    Ok(())
}

fn empty(key: &str) -> Fault {
    Fault::new(key, "is an empty list; expected a value, or a list of them")
}

/// The opposite: each list in its key's place.
pub(super) fn spread(table: &mut Table) {
    if let Some(Value::Table(grid)) = table.remove("grid") {
        grid.into_iter().for_each(|(key, values)| put(table, &way(&key), values));
    }
}

/// Every list where one value belongs, with the keys that lead to it.
fn lists(table: &Table, above: &[String], found: &mut Vec<(Vec<String>, Vec<Value>)>) {
    for (key, value) in table.iter().filter(|(key, _)| !above.is_empty() || *key != "grid") {
        let keys = [above, std::slice::from_ref(key)].concat();
        match value {
            Value::Table(inner) => lists(inner, &keys, found),
            Value::Array(values) if !LISTS.contains(&key.as_str()) || values.first().is_some_and(Value::is_array) => {
                found.push((keys, values.clone()));
            }
            _ => {}
        }
    }
}

fn way(key: &str) -> Vec<String> {
    key.split('.').map(str::to_owned).collect()
}

impl TrainConfig {
    /// One configuration without a grid for each combination of the grid's values, the last key's values changing first. Its
    /// method's name says the values.
    ///
    /// # Errors
    /// The key with a value that it cannot have.
    pub fn settings_of_grid(&self) -> Result<Vec<Self>, Fault> {
        let mut settings = vec![(Self { grid: Grid::new(), ..self.clone() }, String::new())];
        for (key, values) in &self.grid {
            let label = self.label(key);
            let mut more = Vec::new();
            for (config, name) in &settings {
                for (index, value) in values.iter().enumerate() {
                    more.push((config.with(key, index, value)?, format!("{name} {label}={}", short(index, value))));
                }
            }
            settings = more;
        }
        let named = |(config, name): (Self, String)| match name.as_str() {
            "" => config,
            name => Self { method: Some(config.method() + name), ..config },
        };
        Ok(settings.into_iter().map(named).collect())
    }

    /// A key as names say it: its last part, unless another key ends with it, too.
    fn label<'a>(&self, key: &'a str) -> &'a str {
        let last = |key: &'a str| key.rsplit('.').next().unwrap_or(key);
        match key {
            "schedule.base" => "learning-rate",
            key if self.grid.keys().filter(|other| other.rsplit('.').next() == Some(last(key))).count() > 1 => key,
            key => last(key),
        }
    }

    /// With a value of a list in place of its own.
    fn with(&self, key: &str, index: usize, value: &Value) -> Result<Self, Fault> {
        let fault = |reason: String| Fault::new(format!("{key}[{index}]"), reason);
        let mut table = Table::try_from(self).map_err(|error| fault(error.to_string()))?;
        put(&mut table, &way(key), value.clone());
        let config = Self::deserialize(table).map_err(|error| fault(error.message().to_owned()))?;
        // JSON, in which the run is recorded, has no such number.
        if is_finite(value) { Ok(config) } else { Err(fault(format!("is {value}; expected a finite number"))) }
    }

    pub(super) fn check_grid(&self) -> Checked {
        if self.grid.is_empty() {
            return Ok(());
        }
        let mut count = 1_usize;
        for (key, values) in &self.grid {
            self.check_list(key, values)?;
            count = count.saturating_mul(values.len());
            if count > MOST {
                let reason = format!("is a list that makes {count} settings or more; a run has at most {MOST}");
                return Err(Fault::new(key, reason));
            }
        }
        let named = |fault: Fault| match fault.key.as_str() {
            "method" => Fault { reason: format!("with the values of a setting, {}", fault.reason), ..fault },
            _ => fault,
        };
        self.settings_of_grid()?.iter().try_for_each(|setting| setting.check_values().map_err(named))
    }

    /// Whether one of the lists makes sense by itself.
    fn check_list(&self, key: &str, values: &[Value]) -> Checked {
        let first = key.split('.').next().unwrap_or_default();
        if OF_THE_RUN.contains(&first) {
            return Err(Fault::new(key, "is a list; it is the same for all trainings of a run, so expected one value"));
        }
        if values.is_empty() {
            return Err(empty(key));
        }
        if let Some(above) = self.grid.keys().find(|above| key.starts_with(&format!("{above}."))) {
            return Err(Fault::new(key, format!("is a list within that of `{above}`; expected one of the two")));
        }
        if values.len() > MOST {
            return Err(Fault::new(key, format!("is a list of {}; a run has at most {MOST} settings", values.len())));
        }
        let alone = Self { grid: Grid::new(), ..self.clone() };
        let each = values.iter().enumerate().map(|(index, value)| alone.with(key, index, value));
        let each = each.collect::<Result<Vec<_>, _>>()?;
        match (1..each.len()).find(|&index| each[..index].contains(&each[index])) {
            Some(twice) => Err(Fault::new(format!("{key}[{twice}]"), format!("{} stands there twice", values[twice]))),
            None => Ok(()),
        }
    }
}

fn is_finite(value: &Value) -> bool {
    match value {
        Value::Float(number) => number.is_finite(),
        Value::Array(values) => values.iter().all(is_finite),
        Value::Table(table) => table.values().all(is_finite),
        _ => true,
    }
}

/// Each number that the name of a setting says: its key, the number, and the name without the two.
///
/// The other way round of how [`TrainConfig::settings_of_grid`] makes names; what follows a slash is whose batch-norm statistics are meant.
pub(crate) fn numbers(name: &str) -> Vec<(&str, f64, String)> {
    let part = |(at, _): (usize, &str)| {
        let rest = &name[at + 1..];
        let part = &rest[..rest.find([' ', '/']).unwrap_or(rest.len())];
        let (key, value) = part.split_once('=')?;
        let value = value.parse().ok().filter(|value: &f64| value.is_finite())?;
        Some((key, value, format!("{}{}", &name[..at], &rest[part.len()..])))
    };
    name.match_indices(' ').filter_map(part).collect()
}

/// A value as names say it.
fn short(index: usize, value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        value => value.to_string().replace([' ', '"'], ""),
    };
    if text.chars().count() > LONGEST { format!("#{}", index + 1) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_numbers_that_are_found_again() {
        let text = "schedule.base = [1e-5, 0.1]
                    rule.sgd-momentum.weight-decay = 1e-4
                    rule.sgd-momentum.nesterov = [true]
                    rule.sgd-momentum.momentum = [0.0, 0.9]";
        let settings = parse(Path::new("x.toml"), text, &[]).unwrap().settings_of_grid().unwrap();
        assert_eq!(settings.len(), 4);
        let mut found = Vec::new();
        for setting in &settings {
            let name = format!("{}/naive", setting.method());
            for (key, value, others) in numbers(&name) {
                found.push((key.to_owned(), value));
                assert!(
                    others.ends_with("/naive") && !others.contains(key) && others.contains("nesterov=true"),
                    "{others}"
                );
            }
        }
        for of_key in [[("momentum", 0.0), ("learning-rate", 1e-5)], [("momentum", 0.9), ("learning-rate", 0.1)]] {
            assert!(of_key.iter().all(|(key, value)| found.contains(&((*key).to_owned(), *value))), "{found:?}");
        }
        assert_eq!(found.len(), 8);
        assert_eq!(numbers("svrg"), []);
        assert_eq!(numbers("svrg rate=#2 model=lenet size=inf"), []);
    }
}
