//! What differs between two records of settings.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// The first key at which two records differ, with both values.
pub fn difference(found: &Value, ours: &Value) -> Option<String> {
    below("", found, ours)
}

fn below(key: &str, found: &Value, ours: &Value) -> Option<String> {
    match (found, ours) {
        (Value::Object(found), Value::Object(ours)) => {
            let keys: BTreeSet<&String> = found.keys().chain(ours.keys()).collect();
            keys.into_iter().find_map(|name| {
                let inner = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                let value = |of: &Map<String, Value>| of.get(name).cloned().unwrap_or(Value::Null);
                below(&inner, &value(found), &value(ours))
            })
        }
        _ if found == ours => None,
        _ => Some(format!("{key} is {found} there and {ours} here")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_difference_is_named() {
        let a = json!({"cell": {"epochs": 3, "method": "sgd"}, "batch_size": 128});
        assert_eq!(difference(&a, &a), None);
        let b = json!({"cell": {"epochs": 4, "method": "sgd"}, "batch_size": 128});
        assert_eq!(difference(&a, &b).unwrap(), "cell.epochs is 3 there and 4 here");
        let c = json!({"cell": {"epochs": 3, "method": "sgd", "rule": "adamw"}, "batch_size": 128});
        assert_eq!(difference(&a, &c).unwrap(), "cell.rule is null there and \"adamw\" here");
    }
}
