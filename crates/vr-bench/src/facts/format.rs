//! The forms that a table can have.

use std::str::FromStr;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_have_names() {
        for format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(format));
        }
        assert!("xlsx".parse::<Format>().unwrap_err().to_string().contains("`xlsx`"));
    }
}
