//! Settings as keys with values, and those that differ.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

/// Settings by their keys from the top, such as `config.schedule.base`.
pub type Keys = BTreeMap<String, Value>;

/// A setting that is not the same in all runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// The key; of a cell's own settings with the method before it.
    pub key: String,
    /// Its value in each run; none where a run has no such key.
    pub values: Vec<Option<Value>>,
}

/// What a run was made with and where, which is no setting of its own.
const BESIDE: [&str; 2] = ["problems", "out"];

/// The keys of a run's record or manifest.
pub fn of_record(record: &Value) -> Keys {
    let mut keys = Keys::new();
    add(&mut keys, "", record);
    keys.retain(|key, _| !BESIDE.contains(&key.rsplit('.').next().unwrap_or_default()));
    keys
}

/// Adds what the settings of a cell say of its method. The seed tells cells apart and no methods.
pub fn add_cell(keys: &mut Keys, settings: &Value) {
    let Value::Object(settings) = settings else { return };
    let method = settings.get("cell").and_then(|cell| cell["method"].as_str()).unwrap_or_default();
    for (key, value) in settings {
        let mut value = value.clone();
        if let Some(cell) = value.as_object_mut().filter(|_| key == "cell") {
            cell.remove("seed");
            cell.remove("method");
        }
        add(keys, &format!("{method}: {key}"), &value);
    }
}

fn add(keys: &mut Keys, key: &str, value: &Value) {
    match value {
        Value::Object(object) if !object.is_empty() => {
            for (name, value) in object {
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                add(keys, &key, value);
            }
        }
        value => _ = keys.insert(key.to_owned(), value.clone()),
    }
}

/// The keys whose values are not the same everywhere. A method that some runs alone have is one line, not one for each of its keys.
pub fn that_differ(runs: &[&Keys]) -> Vec<Setting> {
    let methods = |keys: &Keys| -> BTreeSet<String> { keys.keys().filter_map(|key| method(key)).collect() };
    let of_runs: Vec<_> = runs.iter().map(|keys| methods(keys)).collect();
    let shared = |name: &String| of_runs.iter().all(|methods| methods.contains(name));
    let all: BTreeSet<&String> = runs.iter().flat_map(|keys| keys.keys()).collect();
    let of_keys = all.into_iter().filter(|key| method(key).is_none_or(|name| shared(&name))).filter_map(|key| {
        let values: Vec<_> = runs.iter().map(|keys| keys.get(key).cloned()).collect();
        (!values.windows(2).all(|two| two[0] == two[1])).then(|| Setting { key: key.clone(), values })
    });
    let listed = |methods: &BTreeSet<String>| Some(methods.iter().cloned().collect::<Vec<_>>().join(", ").into());
    // Of a result on its own it is not known.
    let known = of_runs.iter().all(|methods| !methods.is_empty());
    let of_methods = (known && !of_runs.windows(2).all(|two| two[0] == two[1]))
        .then(|| Setting { key: "methods".into(), values: of_runs.iter().map(listed).collect() });
    of_methods.into_iter().chain(of_keys).collect()
}

/// The method that a key is of.
fn method(key: &str) -> Option<String> {
    key.split_once(": ").map(|(method, _)| method.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_differs_is_listed_by_its_key() {
        let run = |rate: f64, method: &str| {
            let mut keys =
                of_record(&json!({"experiment": "train", "config": {"schedule": {"base": rate, "drops": []}}}));
            let cell = |seed| json!({"batch_size": 128, "cell": {"method": method, "seed": seed, "rate": rate}});
            (0..3).for_each(|seed| add_cell(&mut keys, &cell(seed)));
            keys
        };
        let found = |runs: &[Keys]| that_differ(&runs.iter().collect::<Vec<_>>());
        assert_eq!(found(&[run(0.1, "sgd"), run(0.1, "sgd")]), []);
        let row = |key: &str, values: [Value; 2]| Setting { key: key.into(), values: values.map(Some).into() };
        let rate = row("config.schedule.base", [json!(0.1), json!(0.2)]);
        let two = found(&[run(0.1, "sgd"), run(0.2, "sgd")]);
        assert_eq!(two, [rate.clone(), row("sgd: cell.rate", [json!(0.1), json!(0.2)])]);
        let other = found(&[run(0.1, "sgd"), run(0.2, "svrg")]);
        assert_eq!(other, [row("methods", [json!("sgd"), json!("svrg")]), rate]);
        assert_eq!(found(&[run(0.1, "sgd"), Keys::new()])[0].values[1], None);
    }
}
