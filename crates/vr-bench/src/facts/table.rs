//! Facts as the bytes of a table.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Serialize;

use super::{Fact, Quantity, read};
use crate::error::BenchError;

/// The columns, which stay the same from version to version.
pub const COLUMNS: [&str; 12] =
    ["run", "cell", "model", "method", "seed", "epoch", "percent", "step", "part", "quantity", "value", "unit"];

/// The form of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated, with the names of the columns in the first line (RFC 4180). A number that is not finite is `NaN`,
    /// `inf` or `-inf`; what is missing is empty.
    Csv,
    /// A list of objects, one a line. A number that is not finite is `null`, and so is what is missing.
    Json,
    /// Apache Parquet, with the Cargo feature `parquet`.
    Parquet,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Csv, Self::Json, Self::Parquet];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Parquet => "parquet",
        }
    }

    /// Whether it is in this build.
    pub fn is_built(self) -> bool {
        self != Self::Parquet || cfg!(feature = "parquet")
    }
}

/// A format that nobody knows, or that is not in this build.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// Nobody knows it.
    #[error("`{0}` is no format of tables; expected csv, json or parquet")]
    Unknown(String),
    /// The Cargo feature `parquet` is off.
    #[error("parquet is not in this build; the Cargo feature of that name builds it in")]
    NotBuilt,
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(name: &str) -> Result<Self, FormatError> {
        let found = Self::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| FormatError::Unknown(name.to_owned()))
    }
}

/// What takes rows one after another and ends as bytes.
pub(super) trait Table {
    /// Adds a row.
    fn row(&mut self, fact: &Fact<'_>) -> Result<(), BenchError>;
    /// The whole.
    fn bytes(self: Box<Self>) -> Result<Vec<u8>, BenchError>;
}

/// The facts of runs, each with the name that the column `run` shows, as a table.
///
/// # Errors
/// As [`read`]; [`FormatError::NotBuilt`].
pub fn table(format: Format, runs: &[(String, PathBuf)]) -> Result<Vec<u8>, BenchError> {
    let mut table: Box<dyn Table> = match format {
        Format::Csv => Box::new(Csv::new()),
        Format::Json => Box::new(Json(Vec::new())),
        #[cfg(feature = "parquet")]
        Format::Parquet => Box::new(super::columns::Parquet::new()?),
        #[cfg(not(feature = "parquet"))]
        Format::Parquet => return Err(FormatError::NotBuilt.into()),
    };
    for (name, folder) in runs {
        let mut failed = None;
        read(folder, name, &mut |fact| {
            if failed.is_none() {
                failed = table.row(&fact).err();
            }
        })?;
        failed.map_or(Ok(()), Err)?;
    }
    table.bytes()
}

/// Writes a [`table`] to a file, which appears whole or not at all.
///
/// # Errors
/// As [`table`]; when the file cannot be written.
pub fn write_table(format: Format, runs: &[(String, PathBuf)], file: &Path) -> Result<(), BenchError> {
    Ok(vr_files::write_atomic(file, &table(format, runs)?)?)
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

struct Csv(String);

impl Csv {
    fn new() -> Self {
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

struct Json(Vec<u8>);

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
            serde_json::from_str(&written(Box::new(Json(Vec::new())), &facts)).unwrap();
        assert_eq!(json[0]["method"], "a, \"b\"");
        assert!(json[1]["value"].is_null() && json[1]["percent"].is_null());
        assert!(
            json.iter().all(|row| row.len() == COLUMNS.len() && COLUMNS.iter().all(|name| row.contains_key(*name)))
        );
        assert_eq!(written(Box::new(Json(Vec::new())), &[]), "[]\n");
    }

    #[test]
    fn formats_have_names() {
        for format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(format));
        }
        assert!("xlsx".parse::<Format>().unwrap_err().to_string().contains("`xlsx`"));
    }
}
