//! JSON for long lists of flat records: a table, `{"columns": [names], "rows": [[values], …]}`, one row a line.

use std::collections::BTreeSet;
use std::io::{Result as Written, Write};

use serde::de::{DeserializeOwned, Error as _};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};
use serde_json::{Map, Value};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

/// What is read: a table, or the plain list of earlier versions.
#[derive(Deserialize)]
#[serde(untagged)]
enum Form {
    Table(Table),
    List(Vec<Value>),
}

/// Writes records as a table; for `#[serde(with)]`.
///
/// # Errors
/// When a record is no object.
pub fn serialize<T: Serialize, S: Serializer>(records: &[T], out: S) -> Result<S::Ok, S::Error> {
    let object = |record: &T| match serde_json::to_value(record).map_err(S::Error::custom)? {
        Value::Object(object) => Ok(object),
        _ => Err(S::Error::custom("a row is no record")),
    };
    let objects = records.iter().map(object).collect::<Result<Vec<_>, _>>()?;
    // Optional fields stand in some records only.
    let columns: BTreeSet<String> = objects.iter().flat_map(|object| object.keys().cloned()).collect();
    let columns: Vec<String> = columns.into_iter().collect();
    let row =
        |mut object: Map<String, Value>| columns.iter().map(|name| object.remove(name).unwrap_or_default()).collect();
    let rows = objects.into_iter().map(row).collect();
    Table { columns, rows }.serialize(out)
}

/// Reads what [`serialize`] wrote, or a plain list of records.
///
/// # Errors
/// When a row has not one value for each column, or is no such record.
pub fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(input: D) -> Result<Vec<T>, D::Error> {
    let records = match Form::deserialize(input)? {
        Form::List(records) => records,
        Form::Table(Table { columns, rows }) => {
            if let Some(row) = rows.iter().position(|row| row.len() != columns.len()) {
                return Err(D::Error::custom(format!("row {row} has not one value for each of {columns:?}")));
            }
            let record = |row: Vec<Value>| Value::Object(columns.iter().cloned().zip(row).collect());
            rows.into_iter().map(record).collect()
        }
    };
    records.into_iter().map(|record| serde_json::from_value(record).map_err(D::Error::custom)).collect()
}

/// Records as they are [serialized](serialize) here, as a value of their own.
#[derive(Serialize)]
#[serde(bound = "T: Serialize")]
#[serde(transparent)]
pub struct Rows<'a, T>(#[serde(serialize_with = "serialize")] pub &'a [T]);

/// JSON with its first `indented` levels over many lines and whatever lies deeper on one: 2 for [`Rows`] alone, one more
/// for each level above them.
///
/// # Errors
/// When the value cannot be written as JSON.
pub fn to_json<T: Serialize>(value: &T, indented: usize) -> Result<String, serde_json::Error> {
    let mut text = Vec::new();
    let lines = Lines { depth: 0, most: indented, indented: PrettyFormatter::new() };
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut text, lines))?;
    String::from_utf8(text).map_err(serde::ser::Error::custom)
}

struct Lines {
    depth: usize,
    most: usize,
    indented: PrettyFormatter<'static>,
}

impl Lines {
    fn formatter(&mut self) -> Either<'_> {
        if self.depth > self.most { Either::Line(CompactFormatter) } else { Either::Indented(&mut self.indented) }
    }
}

enum Either<'a> {
    Line(CompactFormatter),
    Indented(&'a mut PrettyFormatter<'static>),
}

/// Hands each part to the formatter of its depth.
macro_rules! by_depth {
    ($($name:ident($($argument:ident: $type:ty)?) $change:expr, $back:expr;)*) => {
        $(fn $name<W: ?Sized + Write>(&mut self, writer: &mut W $(, $argument: $type)?) -> Written<()> {
            self.depth += $change;
            let written = match self.formatter() {
                Either::Line(mut line) => line.$name(writer $(, $argument)?),
                Either::Indented(indented) => indented.$name(writer $(, $argument)?),
            };
            self.depth -= $back;
            written
        })*
    };
}

impl Formatter for Lines {
    by_depth! {
        begin_array() 1, 0;
        end_array() 0, 1;
        begin_array_value(first: bool) 0, 0;
        end_array_value() 0, 0;
        begin_object() 1, 0;
        end_object() 0, 1;
        begin_object_key(first: bool) 0, 0;
        begin_object_value() 0, 0;
        end_object_value() 0, 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Row {
        name: String,
        ratio: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bias: Option<f64>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct File {
        seeds: Vec<u64>,
        #[serde(with = "super")]
        points: Vec<Row>,
    }

    fn file(ratios: &[Option<f64>]) -> File {
        let row = |&ratio: &Option<f64>| Row { name: "sgd".into(), ratio, bias: None };
        File { seeds: vec![0, 1], points: ratios.iter().map(row).collect() }
    }

    #[test]
    fn what_some_rows_alone_have_is_a_column_too() {
        let mut file = file(&[Some(0.5), None]);
        file.points[1].bias = Some(2.0);
        let text = to_json(&file, 3).unwrap();
        assert!(text.contains("[null,\"sgd\",0.5]") && text.contains("[2.0,\"sgd\",null]"), "{text}");
        assert_eq!(serde_json::from_str::<File>(&text).unwrap(), file);
    }

    #[test]
    fn a_row_is_a_line_and_comes_back_to_the_bit() {
        for ratios in [&[][..], &[Some(0.1 + 0.2), None, Some(1e-300)]] {
            let text = to_json(&file(ratios), 3).unwrap();
            assert_eq!(serde_json::from_str::<File>(&text).unwrap(), file(ratios), "{text}");
            assert!(ratios.is_empty() || text.contains("\n      [\"sgd\",0.30000000000000004],\n"), "{text}");
        }
    }

    #[test]
    fn rows_alone_are_a_table_too() {
        let points = file(&[Some(0.5), None]).points;
        let text = to_json(&Rows(&points), 2).unwrap();
        assert!(text.contains("\n    [\"sgd\",0.5],\n"), "{text}");
        let again: Vec<Row> = deserialize(&mut serde_json::Deserializer::from_str(&text)).unwrap();
        assert_eq!(again, points);
    }

    #[test]
    fn plain_lists_are_still_read() {
        let text = r#"{"seeds": [0, 1], "points": [{"name": "sgd", "ratio": 0.5}, {"ratio": null, "name": "sgd"}]}"#;
        assert_eq!(serde_json::from_str::<File>(text).unwrap(), file(&[Some(0.5), None]));
    }

    #[test]
    fn a_torn_row_is_refused() {
        for points in [r#"{"columns": ["name"], "rows": [["a", 1]]}"#, r#"{"columns": ["name"]}"#, "3", r#"["a"]"#] {
            let text = format!(r#"{{"seeds": [], "points": {points}}}"#);
            assert!(serde_json::from_str::<File>(&text).is_err(), "{points}");
        }
    }
}
