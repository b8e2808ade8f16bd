//! The paper's methods as cells that experiments adapt.

use vr_data::Augmentation;
use vr_optim::{
    EstimatorConfig, Locking, MegaBatchConfig, NormPolicy, RuleConfig, SnapshotGradients, SnapshotRule, SvrgConfig,
};

use crate::cell::Cell;
use crate::measure::Measures;
use crate::settings::{Settings, Version};

/// The paper's learning rate, but for the test errors of ResNet-110.
pub const LEARNING_RATE: f64 = 0.1;

/// An estimator with the paper's update rule and schedule, locked transforms and the batch-norm
/// reset, its variance not measured.
pub fn cell(settings: &Settings, method: &str, estimator: EstimatorConfig, seed: u64) -> Cell {
    Cell {
        model: settings.model,
        method: method.into(),
        estimator,
        rule: RuleConfig::default(),
        schedule: settings.schedule(LEARNING_RATE),
        epochs: settings.epochs,
        augmentation: Augmentation::Standard,
        locking: Locking::Locked,
        policies: vec![NormPolicy::Reset],
        measures: Measures::NONE,
        seed,
        prefix: None,
        branches: Vec::new(),
    }
}

/// The name of plain SGD.
pub const SGD: &str = "sgd";

/// Plain SGD.
pub fn sgd(settings: &Settings, seed: u64) -> Cell {
    cell(settings, SGD, EstimatorConfig::Sgd, seed)
}

/// The snapshot of the SVRG behind the variance figures: in the released code at the moving average
/// of the iterates, with the iterate moved there; in the text at the last iterate.
pub fn snapshot(version: Version) -> SnapshotRule {
    match version {
        Version::Released => SnapshotRule::MovingAverage { keep: 0.9 },
        Version::Described => SnapshotRule::LastIterate,
    }
}

/// The SVRG behind the variance figures: stored gradients, train mode everywhere, no reset. Called
/// `svrg-locked` or `svrg-unlocked`.
pub fn stored(settings: &Settings, locking: Locking, seed: u64) -> Cell {
    let method = match locking {
        Locking::Locked => "svrg-locked",
        Locking::Unlocked => "svrg-unlocked",
    };
    let svrg = SvrgConfig {
        snapshot: snapshot(settings.version),
        gradients: SnapshotGradients::Stored,
        ..SvrgConfig::default()
    };
    Cell { locking, policies: vec![NormPolicy::Naive], ..cell(settings, method, EstimatorConfig::Svrg(svrg), seed) }
}

/// The SVRG behind the test errors: recomputation from the last iterate.
pub fn recomputed(settings: &Settings, seed: u64) -> Cell {
    cell(settings, "svrg-recomputed", EstimatorConfig::Svrg(SvrgConfig::default()), seed)
}

/// SCSG with mega-batches of ten minibatches.
pub fn scsg(settings: &Settings, seed: u64) -> Cell {
    let config = match settings.version {
        Version::Released => MegaBatchConfig::scsg_released(),
        Version::Described => MegaBatchConfig::scsg_published(seed),
    };
    cell(settings, "scsg", EstimatorConfig::MegaBatch(config), seed)
}
