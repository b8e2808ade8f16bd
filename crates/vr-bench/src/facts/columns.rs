//! Facts as a file of Apache Parquet.

use std::sync::Arc;

use parquet::basic::Compression;
use parquet::column::writer::ColumnWriterImpl;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use super::Fact;
use super::rows::Table;
use crate::error::BenchError;

/// The columns of [`COLUMNS`](super::COLUMNS) with their types.
const SCHEMA: &str = "
message facts {
  required binary run (STRING);
  required binary cell (STRING);
  required binary model (STRING);
  required binary method (STRING);
  required int64 seed (INTEGER(64, false));
  required int64 epoch;
  optional double percent;
  optional int64 step;
  required binary part (STRING);
  required binary quantity (STRING);
  required double value;
  required binary unit (STRING);
}";

/// Rows that are held until they are written as one group.
const GROUP: usize = 1 << 16;

/// Columns that wait, and the groups before them.
pub(super) struct Parquet {
    file: SerializedFileWriter<Vec<u8>>,
    rows: usize,
    /// run, cell, model, method; then part, quantity, unit.
    texts: [Vec<ByteArray>; 7],
    seeds: Vec<i64>,
    epochs: Vec<i64>,
    percents: Vec<Option<f64>>,
    steps: Vec<Option<i64>>,
    values: Vec<f64>,
}

impl Parquet {
    pub fn new() -> Result<Self, BenchError> {
        let schema = Arc::new(parse_message_type(SCHEMA)?);
        // Names repeat, which the dictionaries of the columns take care of.
        let properties = WriterProperties::builder().set_compression(Compression::UNCOMPRESSED).build();
        Ok(Self {
            file: SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?,
            rows: 0,
            texts: Default::default(),
            seeds: Vec::new(),
            epochs: Vec::new(),
            percents: Vec::new(),
            steps: Vec::new(),
            values: Vec::new(),
        })
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut group = self.file.next_row_group()?;
        let [run, cell, model, method, part, quantity, unit] = std::mem::take(&mut self.texts);
        for text in [run, cell, model, method] {
            required::<ByteArrayType>(&mut group, &text)?;
        }
        required::<Int64Type>(&mut group, &std::mem::take(&mut self.seeds))?;
        required::<Int64Type>(&mut group, &std::mem::take(&mut self.epochs))?;
        optional::<DoubleType>(&mut group, &std::mem::take(&mut self.percents))?;
        optional::<Int64Type>(&mut group, &std::mem::take(&mut self.steps))?;
        for text in [part, quantity] {
            required::<ByteArrayType>(&mut group, &text)?;
        }
        required::<DoubleType>(&mut group, &std::mem::take(&mut self.values))?;
        required::<ByteArrayType>(&mut group, &unit)?;
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}

/// Writes the next column of a group.
fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    write: impl FnOnce(&mut ColumnWriterImpl<'_, T>) -> Result<usize, ParquetError>,
) -> Result<(), ParquetError> {
    let mut column = group.next_column()?.ok_or_else(|| ParquetError::General("a column too many".into()))?;
    write(column.typed::<T>())?;
    column.close()
}

fn required<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: &[T::T],
) -> Result<(), ParquetError> {
    column::<T>(group, |column| column.write_batch(values, None, None))
}

fn optional<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: &[Option<T::T>],
) -> Result<(), ParquetError> {
    let present: Vec<T::T> = values.iter().flatten().cloned().collect();
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    column::<T>(group, |column| column.write_batch(&present, Some(&levels), None))
}

/// A number as Parquet's signed one; an unsigned column has the same bits.
fn signed(number: u64) -> i64 {
    i64::from_ne_bytes(number.to_ne_bytes())
}

impl Table for Parquet {
    fn row(&mut self, fact: &Fact<'_>) -> Result<(), BenchError> {
        let texts = [
            fact.of.run,
            fact.of.cell,
            fact.of.model,
            fact.of.method,
            fact.part,
            fact.quantity.name,
            fact.quantity.unit,
        ];
        for (column, text) in self.texts.iter_mut().zip(texts) {
            column.push(text.into());
        }
        self.seeds.push(signed(fact.of.seed));
        self.epochs.push(signed(fact.epoch as u64));
        self.percents.push(fact.percent);
        self.steps.push(fact.step.map(|step| signed(step as u64)));
        self.values.push(fact.value);
        self.rows += 1;
        if self.rows == GROUP {
            self.write_group()?;
        }
        Ok(())
    }

    fn bytes(mut self: Box<Self>) -> Result<Vec<u8>, BenchError> {
        self.write_group()?;
        Ok(self.file.into_inner()?)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;

    use super::*;
    use crate::facts::{COLUMNS, Of, quantity};

    /// More rows than a group has, with every kind of value that may be missing.
    #[test]
    fn rows_come_back_over_groups() {
        let fact = |i: usize, method| Fact {
            of: Of { run: "runs/a", cell: "lenet-svrg", model: "lenet", method, seed: u64::MAX - i as u64 },
            epoch: i,
            percent: (!i.is_multiple_of(3)).then_some(i as f64 / 7.0),
            step: i.is_multiple_of(2).then_some(i),
            part: "",
            quantity: &quantity::RATIO,
            value: if i.is_multiple_of(5) { f64::NAN } else { 1.0 / i as f64 },
        };
        let methods: Vec<String> = (0..GROUP + 10).map(|i| format!("svrg-{}", i % 4)).collect();
        let mut table = Box::new(Parquet::new().unwrap());
        for (i, method) in methods.iter().enumerate() {
            table.row(&fact(i, method)).unwrap();
        }
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&table.bytes().unwrap()).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let names: Vec<String> =
            reader.metadata().file_metadata().schema().get_fields().iter().map(|field| field.name().into()).collect();
        assert_eq!(names, COLUMNS);
        assert_eq!(reader.num_row_groups(), 2);
        let mut count = 0;
        for (i, row) in reader.get_row_iter(None).unwrap().map(Result::unwrap).enumerate() {
            let Fact { of, epoch, percent, step, value, .. } = fact(i, &methods[i]);
            assert_eq!(row.get_string(3).unwrap(), of.method);
            assert_eq!((row.get_ulong(4).unwrap(), row.get_long(5).unwrap()), (of.seed, epoch as i64));
            assert_eq!(row.get_double(6).ok(), percent);
            assert_eq!(row.get_long(7).ok(), step.map(|step| step as i64));
            assert_eq!(row.get_double(10).unwrap().to_bits(), value.to_bits());
            assert_eq!((row.get_string(9).unwrap().as_str(), row.get_string(11).unwrap().as_str()), ("ratio", "1"));
            count += 1;
        }
        assert_eq!(count, methods.len());
    }
}
