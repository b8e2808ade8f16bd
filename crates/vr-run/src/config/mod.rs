//! The configuration of a run: a TOML file and overrides, read into a type of one's own, checked, and refused with the
//! file, line, key and nearest valid name where something is wrong.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use vr_run::config::{Checked, Config, parse, within};
//!
//! #[derive(Debug, Serialize, Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Mine {
//!     epochs: usize,
//! }
//!
//! impl Config for Mine {
//!     fn check(&self) -> Checked {
//!         within("epochs", self.epochs, 1..=1000)
//!     }
//! }
//!
//! let config: Mine = parse("mine.toml".as_ref(), "epochs = 3", &["epochs=5".into()])?;
//! assert_eq!(config.epochs, 5);
//! let error = parse::<Mine>("mine.toml".as_ref(), "epoch = 3", &[]).unwrap_err();
//! assert!(error.to_string().contains("`mine.toml`, line 1, column 1: `epoch`"));
//! assert!(error.to_string().ends_with("the nearest is `epochs`"));
//! # Ok::<(), vr_run::config::ConfigError>(())
//! ```

mod check;
mod error;
mod read;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use check::{Checked, POSITIVE, distinct, folder, within};
pub use error::{ConfigError, Fault, Source};
pub use read::{parse, parse_with, put, read, read_with};

/// A configuration that can be read and checked.
pub trait Config: Serialize + DeserializeOwned {
    /// Whether it makes sense, as far as that can be told without its data.
    ///
    /// # Errors
    /// The first key that does not, and why.
    fn check(&self) -> Checked;
}
