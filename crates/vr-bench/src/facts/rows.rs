//! Facts as the rows of a table.

use std::borrow::Cow;

use serde::Serialize;

use super::{Fact, Quantity};
use crate::error::BenchError;

/// The columns, which stay the same from version to version.
pub const COLUMNS: [&str; 12] =
    ["run", "cell", "model", "method", "seed", "epoch", "percent", "step", "part", "quantity", "value", "unit"];

/// What takes rows one after another and ends as bytes.
pub(super) trait Table {
    /// Adds a row.
    fn row(&mut self, fact: &Fact<'_>) -> Result<(), BenchError>;
    /// The whole.
    fn bytes(self: Box<Self>) -> Result<Vec<u8>, BenchError>;
}

/// A fact with a field for each column, in their order.
#[derive(Serialize)]
struct Row<'a> {
    run: &'a str,
    cell: &'a str,
    model: &'a str,
    method: &'a str,
    seed: u64,
    epoch: usize,
    percent: Option<f64>,
    step: Option<usize>,
    part: &'a str,
    quantity: &'a str,
    value: f64,
    unit: &'a str,
}

impl<'a> From<&Fact<'a>> for Row<'a> {
    fn from(fact: &Fact<'a>) -> Self {
        let Fact { of, epoch, percent, step, part, quantity: Quantity { name, unit, .. }, value } = *fact;
        let super::Of { run, cell, model, method, seed } = of;
        Self { run, cell, model, method, seed, epoch, percent, step, part, quantity: name, value, unit }
    }
}

/// Comma-separated values.
pub(super) struct Csv(String);

impl Csv {
    pub(super) fn new() -> Self {
        Self(COLUMNS.join(",") + "\n")
    }
}

/// A field: in quotes where a reader would take it for something else without.
fn quoted(text: &str) -> Cow<'_, str> {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\"")).into()
    } else {
        text.into()
    }
}

impl Table for Csv {
    fn row(&mut self, fact: &Fact<'_>) -> Result<(), BenchError> {
        let Row { run, cell, model, method, seed, epoch, percent, step, part, quantity, value, unit } = fact.into();
        let [run, cell, model, method, part] = [run, cell, model, method, part].map(quoted);
        let percent = percent.map_or_else(String::new, |percent| percent.to_string());
        let step = step.map_or_else(String::new, |step| step.to_string());
        // The exponent of a small number is shorter than its zeros.
        let row = format!(
            "{run},{cell},{model},{method},{seed},{epoch},{percent},{step},{part},{quantity},{value:?},{unit}\n"
        );
        self.0.push_str(&row);
        Ok(())
    }

    fn bytes(self: Box<Self>) -> Result<Vec<u8>, BenchError> {
        Ok(self.0.into_bytes())
    }
}

/// A list of objects.
#[derive(Default)]
pub(super) struct Json(Vec<u8>);

impl Table for Json {
    fn row(&mut self, fact: &Fact<'_>) -> Result<(), BenchError> {
        self.0.extend(if self.0.is_empty() { b"[\n" } else { b",\n" });
        Ok(serde_json::to_writer(&mut self.0, &Row::from(fact))?)
    }

    fn bytes(mut self: Box<Self>) -> Result<Vec<u8>, BenchError> {
        self.0.extend(if self.0.is_empty() { &b"[]\n"[..] } else { &b"\n]\n"[..] });
        Ok(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Of, quantity};

    fn fact(method: &str, value: f64) -> Fact<'_> {
        let of = Of { run: "a", cell: "", model: "lenet", method, seed: 1 };
        Fact { of, epoch: 2, percent: None, step: None, part: "", quantity: &quantity::RATIO, value }
    }

    fn written(mut table: Box<dyn Table>, facts: &[Fact<'_>]) -> String {
        facts.iter().for_each(|fact| table.row(fact).unwrap());
        String::from_utf8(table.bytes().unwrap()).unwrap()
    }

    #[test]
    fn every_row_has_every_column() {
        let facts = [fact("a, \"b\"", 0.1 + 0.2), fact("c", f64::NAN)];
        let csv = || Box::new(Csv::new());
        let expected = "run,cell,model,method,seed,epoch,percent,step,part,quantity,value,unit\n\
                        a,,lenet,\"a, \"\"b\"\"\",1,2,,,,ratio,0.30000000000000004,1\n\
                        a,,lenet,c,1,2,,,,ratio,NaN,1\n";
        assert_eq!(written(csv(), &facts), expected);
        assert_eq!(written(csv(), &[]), expected.split_inclusive('\n').next().unwrap());

        let json: Vec<serde_json::Map<String, serde_json::Value>> =
            serde_json::from_str(&written(Box::new(Json::default()), &facts)).unwrap();
        assert_eq!(json[0]["method"], "a, \"b\"");
        assert!(json[1]["value"].is_null() && json[1]["percent"].is_null());
        assert!(
            json.iter().all(|row| row.len() == COLUMNS.len() && COLUMNS.iter().all(|name| row.contains_key(*name)))
        );
        assert_eq!(written(Box::new(Json::default()), &[]), "[]\n");
    }
}
