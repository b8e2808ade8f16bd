//! Text or released code, where they differ.

use serde::{Deserialize, Serialize};

/// Which of the paper's text and the authors' released code to follow where they differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Version {
    /// The code behind the published figures: epochs 150 and 225, counted from 1, are the first at a
    /// lower rate; stored-gradient SVRG with its snapshot at a moving average of the iterates and the
    /// iterate moved there; SCSG with its mega-batch's own minibatches in order.
    #[default]
    Released,
    /// The text and the papers it cites: drops after 150 and 220 epochs; snapshot at the last iterate;
    /// SCSG with a geometric number of fresh inner minibatches.
    Described,
}
