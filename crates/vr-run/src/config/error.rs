//! What is wrong with a configuration: where, why, and what would do.

use std::fmt;
use std::path::PathBuf;

use vr_files::FileError;

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The text is no TOML.
    #[error("{place}: {reason}")]
    Syntax {
        /// Where.
        place: Source,
        /// What is wrong.
        reason: String,
    },
    /// A key or its value is wrong.
    #[error("{place}: {fault}")]
    Key {
        /// Where.
        place: Source,
        /// Which key, and why.
        fault: Fault,
    },
    /// The configuration does not fit its data.
    #[error(transparent)]
    Fit(#[from] Fault),
    /// TOML cannot hold it.
    #[error("configuration: {0}")]
    Write(#[source] toml::ser::Error),
}

/// Where in a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A place in a file.
    File {
        /// The file.
        path: PathBuf,
        /// 1-based.
        line: usize,
        /// 1-based, in characters.
        column: usize,
    },
    /// An override, as it was given.
    Set(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line, column } => write!(f, "`{}`, line {line}, column {column}", path.display()),
            Self::Set(text) => write!(f, "`--set {text}`"),
        }
    }
}

/// A key that is wrong or has a wrong value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}`: {reason}{}", .nearest.as_ref().map_or_else(String::new, |nearest| format!("; the nearest is `{nearest}`")))]
pub struct Fault {
    /// The key from the top, such as `estimator.svrg.start`.
    pub key: String,
    /// What is wrong and what was expected.
    pub reason: String,
    /// The valid key or value that is nearest to the one found, where there is one.
    pub nearest: Option<String>,
}

impl Fault {
    /// A key with what is wrong.
    pub fn new(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { key: key.into(), reason: reason.into(), nearest: None }
    }

    /// What is wrong with an option of a method that stands under `key`.
    pub fn of(fault: vr_optim::Fault, key: &str) -> Self {
        Self::from(fault.within(key))
    }

    /// What serde says of a key.
    pub(super) fn of_serde(key: String, message: &str) -> Self {
        let reason = match message {
            "invalid type: unit variant, expected newtype variant" => "it has options; expected a table, `{}` for none",
            "invalid type: unit variant, expected string only" => "expected a name, or a table of one name's options",
            "wanted exactly 1 element, more than 1 element" => "several choices; expected one",
            "wanted exactly 1 element, found 0 elements" => "no choice; expected one",
            other => other,
        };
        Self { nearest: nearest_listed(message), ..Self::new(key, reason) }
    }
}

impl From<vr_optim::Fault> for Fault {
    fn from(vr_optim::Fault { key, reason, nearest }: vr_optim::Fault) -> Self {
        Self { key, reason, nearest }
    }
}

/// Of the names that a message such as "unknown field `x`, expected one of `a`, `b`" lists, the nearest to the one that
/// it refuses.
fn nearest_listed(message: &str) -> Option<String> {
    let (refused, listed) = message.strip_prefix("unknown ")?.rsplit_once(", expected ")?;
    let refused = refused.split_once('`')?.1.strip_suffix('`')?;
    let names = listed.split('`').skip(1).step_by(2);
    names.min_by_key(|name| strsim::damerau_levenshtein(refused, name)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_of_the_listed_names() {
        for (message, nearest) in [
            ("unknown field `epoch`, expected one of `model`, `epochs`, `seeds`", Some("epochs")),
            ("unknown variant `sdg`, expected `sgd` or `svrg`", Some("sgd")),
            ("unknown field `a`, expected `b`", Some("b")),
            ("unknown field `a`, expected `b`, expected `c`", Some("c")),
            ("unknown field `a`, there are no fields", None),
            ("invalid type: string \"x\", expected usize", None),
        ] {
            assert_eq!(nearest_listed(message).as_deref(), nearest, "{message}");
        }
    }
}
