//! What a configuration's types cannot say: ranges, and what goes with what.

use std::ops::Bound;

use vr_core::Coefficient;
use vr_data::{Augmentation, SyntheticConfig};
use vr_optim::{
    EstimatorConfig, InnerSamples, InnerSteps, Locking, MegaBatchConfig, MegaBatchSize, RuleConfig, SagaConfig,
    SnapshotGradients, SnapshotRule, SvrgConfig, TableStorage,
};

use vr_run::config::{Checked, Config, Fault, POSITIVE, distinct, folder, within};

use super::TrainConfig;
use crate::measure::Kind;
use crate::settings::DataChoice;

/// Threads that anybody may want.
const MOST_THREADS: usize = 1024;
/// Above this, drawing a geometric number of steps would take longer than taking them.
const MOST_INNER_STEPS: f64 = 1e6;

impl Config for TrainConfig {
    fn check(&self) -> Result<(), Fault> {
        if self.method.as_ref().is_some_and(|name| name.trim().is_empty()) {
            return Err(Fault {
                nearest: Some(self.estimator.build().name().into()),
                ..Fault::new("method", "is empty")
            });
        }
        within("batch-size", self.batch_size, 1..=u32::MAX as usize)?;
        within("epochs", self.epochs, 1..)?;
        within("threads", self.threads.unwrap_or(1), 1..=MOST_THREADS)?;
        within("jobs", self.jobs, 1..=MOST_THREADS)?;
        distinct("seeds", &self.seeds)?;
        distinct("policies", &self.policies)?;
        within("checkpoints.steps", self.checkpoints.every_steps.unwrap_or(1), 1..)?;
        within("checkpoints.latest", self.checkpoints.latest, 1..)?;
        within("checkpoints.keep-epochs", self.checkpoints.keep_epochs.unwrap_or(1), 1..)?;
        self.check_data()?;
        self.check_schedule()?;
        check_rule(&self.rule)?;
        self.check_estimator()?;
        self.check_measures()
    }
}

impl TrainConfig {
    /// Whether it fits a training set of `pictures` pictures, before any subset is taken.
    ///
    /// # Errors
    /// The key that does not.
    pub fn check_size(&self, pictures: usize) -> Result<(), Fault> {
        let size = self.train_size.unwrap_or(pictures);
        within("train-size", size, 1..=pictures)?;
        within("batch-size", self.batch_size, 1..=size)
    }

    fn check_data(&self) -> Checked {
        match &self.data {
            DataChoice::Synthetic => self.check_size(SyntheticConfig::default().train),
            DataChoice::Cifar10(path) => folder("data.cifar10", path),
        }
    }

    fn check_schedule(&self) -> Checked {
        within("schedule.base", self.schedule.base, POSITIVE)?;
        within("schedule.length", self.schedule.length, 1..)?;
        for (i, &drop) in self.schedule.drops.iter().enumerate() {
            within(&format!("schedule.drops[{i}]"), drop, 0.0..f64::INFINITY)?;
        }
        let length = self.schedule.length;
        if self.epochs > length {
            let reason = format!("is {}; the schedule ends after {length} (`schedule.length`)", self.epochs);
            return Err(Fault { nearest: Some(length.to_string()), ..Fault::new("epochs", reason) });
        }
        Ok(())
    }

    fn check_estimator(&self) -> Checked {
        match &self.estimator {
            EstimatorConfig::Sgd => Ok(()),
            EstimatorConfig::Svrg(config) => self.check_svrg(config),
            EstimatorConfig::MegaBatch(config) => check_mega_batch(config),
            EstimatorConfig::Saga(config) => self.check_saga(config),
        }
    }

    fn check_svrg(&self, config: &SvrgConfig<f32>) -> Checked {
        if let SnapshotRule::MovingAverage { keep } = config.snapshot {
            within("estimator.svrg.snapshot.moving-average.keep", keep, 0.0..1.0)?;
        }
        within("estimator.svrg.interval", config.interval.unwrap_or(1), 1..)?;
        self.check_coefficient(&config.coefficient)?;
        storage("estimator.svrg.storage", &config.storage)
    }

    fn check_coefficient(&self, coefficient: &Coefficient<f32>) -> Checked {
        let key = "estimator.svrg.coefficient";
        let (name, alphas) = match coefficient {
            Coefficient::Scalar(alpha) => ("scalar", std::slice::from_ref(alpha)),
            Coefficient::PerTensor(alphas) => ("per-tensor", &**alphas),
            Coefficient::PerCoordinate(alphas) => ("per-coordinate", &**alphas),
        };
        let key = format!("{key}.{name}");
        alphas.iter().try_for_each(|&alpha| within(&key, alpha, f32::MIN..=f32::MAX))?;
        let graph = self.model.graph().map_err(|error| Fault::new("model", error.to_string()))?;
        if !coefficient.fits(graph.space()) {
            let (tensors, len) = (graph.space().tensors().len(), graph.space().len());
            let found = alphas.len();
            return Err(Fault::new(
                key,
                format!("has {found} numbers; {} has {tensors} tensors of {len} numbers", self.model),
            ));
        }
        Ok(())
    }

    fn check_saga(&self, config: &SagaConfig) -> Checked {
        within("estimator.saga.weight", config.weight, (Bound::Excluded(0.0), Bound::Included(1.0)))?;
        if self.locking == Locking::Locked && self.augmentation != Augmentation::None {
            let reason = "is `locked`, which leaves `estimator.saga` the same transforms for the whole run";
            return Err(Fault { nearest: Some("unlocked".into()), ..Fault::new("locking", reason) });
        }
        storage("estimator.saga.storage", &config.storage)
    }

    fn check_measures(&self) -> Checked {
        within("measures.every", self.measures.every, 1..)?;
        match self.measures.kind {
            Kind::Positions { size } => within("measures.kind.positions.size", size, 1..),
            Kind::Geometry if matches!(self.estimator, EstimatorConfig::Sgd | EstimatorConfig::Saga(_)) => {
                let reason = format!("is `geometry`, the distance from a snapshot; {} has none", self.method());
                Err(Fault { nearest: Some("variance".into()), ..Fault::new("measures.kind", reason) })
            }
            _ => Ok(()),
        }
    }
}

fn check_mega_batch(config: &MegaBatchConfig) -> Checked {
    let key = |name: &str| format!("estimator.mega-batch.{name}");
    match config.size {
        MegaBatchSize::Constant(size) => within(&key("size.constant"), size, 1..)?,
        MegaBatchSize::Growing { first, factor, most } => {
            within(&key("size.growing.first"), first, 1..)?;
            let above_one = (Bound::Excluded(1.0), Bound::Excluded(f64::INFINITY));
            within(&key("size.growing.factor"), factor, above_one)?;
            within(&key("size.growing.most"), most, first..)?;
        }
    }
    match config.inner {
        InnerSteps::Matching => {}
        InnerSteps::Fixed(steps) => within(&key("inner.fixed"), steps, 1..)?,
        InnerSteps::Geometric { mean } => within(&key("inner.geometric.mean"), mean, 1.0..=MOST_INNER_STEPS)?,
    }
    if config.samples == InnerSamples::Fresh && config.gradients == SnapshotGradients::Stored {
        let reason = "is `stored`, which serves a mega-batch's own samples only, but `samples` is `fresh`";
        return Err(Fault { nearest: Some("recomputed".into()), ..Fault::new(key("gradients"), reason) });
    }
    storage(&key("storage"), &config.storage)
}

fn check_rule(rule: &RuleConfig) -> Checked {
    match *rule {
        RuleConfig::SgdMomentum { momentum, weight_decay, nesterov: _ } => {
            within("rule.sgd-momentum.momentum", momentum, 0.0..1.0)?;
            within("rule.sgd-momentum.weight-decay", weight_decay, 0.0..f64::INFINITY)
        }
        RuleConfig::AdamW { beta1, beta2, epsilon, weight_decay } => {
            within("rule.adamw.beta1", beta1, 0.0..1.0)?;
            within("rule.adamw.beta2", beta2, 0.0..1.0)?;
            within("rule.adamw.epsilon", epsilon, POSITIVE)?;
            within("rule.adamw.weight-decay", weight_decay, 0.0..f64::INFINITY)
        }
    }
}

fn storage(key: &str, storage: &TableStorage) -> Checked {
    match storage {
        TableStorage::Memory | TableStorage::Bf16 => Ok(()),
        TableStorage::File { folder: path } => folder(&format!("{key}.file.folder"), path),
    }
}
