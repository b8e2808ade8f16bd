//! From text to a configuration that was checked.

use std::path::Path;
use std::str::FromStr;

use serde_path_to_error::Segment;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::Config;
use super::check::Checked;
use super::error::{ConfigError, Fault, Source};

/// Longest configuration that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// Reads and checks a configuration, `overrides` of the form `a.b=c` put in place of what the file says.
/// A value that is no TOML is taken as a string.
///
/// # Errors
/// [`ConfigError`], which names the place, the key and what was expected.
pub fn read<C: Config>(path: &Path, overrides: &[String]) -> Result<C, ConfigError> {
    read_with(path, overrides, |_| Ok(()))
}

/// As [`read`], of what `prepare` makes of the file with the overrides in it: for a configuration that is written otherwise
/// than its type is.
///
/// # Errors
/// As [`read`], and for a key that `prepare` refuses.
pub fn read_with<C: Config>(
    path: &Path,
    overrides: &[String],
    prepare: impl FnOnce(&mut Table) -> Checked,
) -> Result<C, ConfigError> {
    let bytes = vr_files::read(path, LARGEST)?;
    let text = str::from_utf8(&bytes).map_err(|error| ConfigError::Syntax {
        place: place(path, &String::from_utf8_lossy(&bytes[..error.valid_up_to()]), error.valid_up_to()),
        reason: "the text is not UTF-8".into(),
    })?;
    parse_with(path, text, overrides, prepare)
}

/// As [`read`], of the text of a file called `path`.
///
/// # Errors
/// As [`read`].
pub fn parse<C: Config>(path: &Path, text: &str, overrides: &[String]) -> Result<C, ConfigError> {
    parse_with(path, text, overrides, |_| Ok(()))
}

/// As [`read_with`], of the text of a file called `path`.
///
/// # Errors
/// As [`read`].
pub fn parse_with<C: Config>(
    path: &Path,
    text: &str,
    overrides: &[String],
    prepare: impl FnOnce(&mut Table) -> Checked,
) -> Result<C, ConfigError> {
    let syntax = |error: toml::de::Error| ConfigError::Syntax {
        place: place(path, text, error.span().map_or(0, |span| span.start)),
        reason: error.message().to_owned(),
    };
    let spans = DeTable::parse(text).map_err(syntax)?;
    let mut table = Table::from_str(text).map_err(syntax)?;
    let mut set = Vec::new();
    for text in overrides {
        let (keys, value) = split(text)?;
        put(&mut table, &keys, value);
        set.push((keys, text));
    }
    let locate = |fault: Fault| {
        let keys: Vec<&str> = fault.key.split(['.', '[']).map(|key| key.trim_end_matches(']')).collect();
        let touched = |(found, _): &&(Vec<String>, _)| found.iter().zip(&keys).all(|(a, b)| a == b);
        let place = match set.iter().rev().find(touched) {
            Some((_, text)) => Source::Set((*text).clone()),
            None => place(path, text, offset(spans.get_ref(), &keys)),
        };
        ConfigError::Key { place, fault }
    };
    prepare(&mut table).map_err(locate)?;
    let config: C = serde_path_to_error::deserialize(table.clone())
        .map_err(|error| locate(Fault::of_serde(dotted(error.path()), error.inner().message())))?;
    if let Some(key) = list_for_table(&table, &Table::try_from(&config).map_err(ConfigError::Write)?) {
        return Err(locate(Fault::new(key, "is a list; expected a table")));
    }
    config.check().map_err(locate)?;
    Ok(config)
}

/// The first key with a list where a table belongs: serde takes a list for a table's values in their order.
fn list_for_table(found: &Table, whole: &Table) -> Option<String> {
    found.iter().find_map(|(key, value)| match (value, whole.get(key)?) {
        (Value::Array(_), Value::Table(_)) => Some(key.clone()),
        (Value::Table(found), Value::Table(whole)) => Some(format!("{key}.{}", list_for_table(found, whole)?)),
        _ => None,
    })
}

/// Keys and value of `a.b=c`.
fn split(text: &str) -> Result<(Vec<String>, Value), ConfigError> {
    let bad = |reason: &str| ConfigError::Syntax { place: Source::Set(text.to_owned()), reason: reason.to_owned() };
    let (key, value) = text.split_once('=').ok_or_else(|| bad("expected the form `a.b=c`"))?;
    let mut table = Table::from_str(&format!("{key} = 0")).map_err(|error| bad(error.message()))?;
    let mut keys = Vec::new();
    while let Some((key, value)) = table.into_iter().next() {
        keys.push(key);
        table = if let Value::Table(inner) = value { inner } else { Table::new() };
    }
    let parsed = Table::from_str(&format!("value = {value}")).ok().and_then(|mut table| table.remove("value"));
    Ok((keys, parsed.unwrap_or_else(|| Value::String(value.trim().to_owned()))))
}

/// Puts a value where the keys lead; what is in the way gives way.
pub fn put(table: &mut Table, keys: &[String], value: Value) {
    match keys {
        [] => {}
        [last] => _ = table.insert(last.clone(), value),
        [first, rest @ ..] => {
            let inner = table.entry(first.clone()).or_insert_with(|| Table::new().into());
            if !inner.is_table() {
                *inner = Table::new().into();
            }
            if let Value::Table(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// The way to a value, such as `estimator.svrg.start` or `seeds[1]`.
fn dotted(path: &serde_path_to_error::Path) -> String {
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => text += &format!("[{index}]"),
            Segment::Map { key: name } | Segment::Enum { variant: name } => {
                text += if text.is_empty() { "" } else { "." };
                text += name;
            }
            Segment::Unknown => text += "?",
        }
    }
    text
}

/// Where the text says what the keys lead to, or as far as they lead.
fn offset(table: &DeTable<'_>, keys: &[&str]) -> usize {
    let mut found = 0;
    let mut table = Some(table);
    let mut array: Option<&[Spanned<DeValue<'_>>]> = None;
    for key in keys {
        let entry = table.and_then(|table| table.iter().find(|(name, _)| name.get_ref() == key));
        let element = array.and_then(|array| array.get(key.parse::<usize>().ok()?));
        let value = match (entry, element) {
            (Some((name, value)), _) => {
                found = name.span().start;
                value
            }
            (None, Some(value)) => {
                found = value.span().start;
                value
            }
            (None, None) => break,
        };
        table = value.get_ref().as_table();
        array = value.get_ref().as_array().map(|array| &**array);
    }
    found
}

/// A byte of a file's text as line and column.
fn place(path: &Path, text: &str, offset: usize) -> Source {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    Source::File { path: path.to_owned(), line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
}
