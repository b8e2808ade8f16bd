//! The variance ratios of the published Figure 2, as read off the plot.

use thiserror::Error;

const TABLE: &str = include_str!("../../assets/published-variance-ratio.csv");
const HEADER: &str = "model,epoch,point,ratio";

/// The models of the published figure.
pub const MODELS: [&str; 4] = ["lenet", "resnet-small", "resnet110", "densenet-40-36"];

/// One published variance ratio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PublishedPoint {
    /// Epoch, counted from 1.
    pub epoch: usize,
    /// How far through the epoch, in percent.
    pub percent: f64,
    /// Variance of the variance-reduced gradient over that of the plain one, dimensionless.
    pub ratio: f64,
}

/// One published variance ratio and the model it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// Name of the model, one of [`MODELS`].
    pub model: String,
    /// The ratio.
    pub point: PublishedPoint,
}

/// Why a table of published ratios cannot be read. Lines are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PublishedError {
    /// The first line is not the expected header.
    #[error("the header is {0:?}, not {HEADER:?}")]
    Header(String),
    /// A line has another number of fields than the header.
    #[error("line {line} has {found} fields, not 4")]
    Fields {
        /// The line.
        line: usize,
        /// Its fields.
        found: usize,
    },
    /// A field is not a usable number.
    #[error("line {line}: the {field} {text:?} is not a usable number")]
    Number {
        /// The line.
        line: usize,
        /// Name of the field.
        field: &'static str,
        /// Its text.
        text: String,
    },
}

/// The published points of a model, in the order of the table; empty for a model that is not in it.
pub fn published(model: &str) -> Vec<PublishedPoint> {
    // A test reads the whole bundled table, so it cannot fail here.
    let table = parse(TABLE).unwrap_or_default();
    table.into_iter().filter(|row| row.model == model).map(|row| row.point).collect()
}

/// Reads a table with the columns `model,epoch,point,ratio`, where a point looks like `11%`.
pub fn parse(text: &str) -> Result<Vec<Published>, PublishedError> {
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default();
    if header != HEADER {
        return Err(PublishedError::Header(header.to_owned()));
    }
    (2..).zip(lines).filter(|(_, text)| !text.is_empty()).map(|(line, text)| row(line, text)).collect()
}

fn row(line: usize, text: &str) -> Result<Published, PublishedError> {
    let fields: Vec<&str> = text.split(',').collect();
    let &[model, epoch, point, ratio] = fields.as_slice() else {
        return Err(PublishedError::Fields { line, found: fields.len() });
    };
    let bad = |field, text: &str| PublishedError::Number { line, field, text: text.to_owned() };
    let number = |text: &str| text.parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0);
    Ok(Published {
        model: model.to_owned(),
        point: PublishedPoint {
            epoch: epoch.parse().map_err(|_| bad("epoch", epoch))?,
            percent: point.strip_suffix('%').and_then(number).ok_or_else(|| bad("point", point))?,
            ratio: number(ratio).ok_or_else(|| bad("ratio", ratio))?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_table_is_whole() {
        let table = parse(TABLE).unwrap();
        assert_eq!(table.len(), 397);
        let sizes = MODELS.map(|model| published(model).len());
        assert_eq!(sizes, [100, 100, 96, 101]);
        for row in &table {
            assert!([2.0, 11.0, 33.0, 100.0].contains(&row.point.percent), "{row:?}");
            assert!((1..=240).contains(&row.point.epoch) && row.point.ratio > 0.0, "{row:?}");
        }
    }

    #[test]
    fn the_first_row_is_read_as_printed() {
        assert_eq!(published("lenet")[0], PublishedPoint { epoch: 2, percent: 2.0, ratio: 0.2701 });
        assert!(published("alexnet").is_empty());
    }

    #[test]
    fn bad_tables_are_named() {
        assert!(matches!(parse("a,b"), Err(PublishedError::Header(_))));
        assert_eq!(parse(&format!("{HEADER}\nlenet,2,2%")), Err(PublishedError::Fields { line: 2, found: 3 }));
        for (text, name) in [("lenet,x,2%,1", "epoch"), ("lenet,2,2,1", "point"), ("lenet,2,2%,nan", "ratio")] {
            let error = parse(&format!("{HEADER}\n{text}")).unwrap_err();
            assert!(matches!(error, PublishedError::Number { field, line: 2, .. } if field == name));
        }
    }
}
