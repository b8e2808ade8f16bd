//! Augmentations by name.

use super::{Flip, PadCrop, Transforms};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Which random transforms training pictures go through, by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Augmentation {
    /// None: every pass sees the same picture.
    None,
    /// A random crop of the picture's size after zero-padding by 4, and a horizontal flip with probability ½.
    #[default]
    Standard,
}

impl Augmentation {
    /// Its steps, and values in [−1, 1] after them.
    pub fn transforms(self) -> Transforms {
        match self {
            Self::None => Transforms::new(),
            Self::Standard => Transforms::new().then(PadCrop { padding: 4 }).then(Flip),
        }
    }
}

impl fmt::Display for Augmentation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Standard => "standard",
        })
    }
}

impl FromStr for Augmentation {
    type Err = UnknownAugmentation;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "none" => Ok(Self::None),
            "standard" => Ok(Self::Standard),
            _ => Err(UnknownAugmentation(name.to_owned())),
        }
    }
}

/// A name that is no augmentation.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("no augmentation is called `{0}`; there are `none` and `standard`")]
pub struct UnknownAugmentation(pub String);
