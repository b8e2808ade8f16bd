//! What a configuration's types cannot say: ranges, and what goes with what.

use std::ops::Bound;
use vr_data::{Augmentation, SyntheticConfig};
use vr_optim::{Locking, TableStorage};
use vr_run::config::{Checked, Config, Fault, POSITIVE, distinct, folder, within};

use super::TrainConfig;
use crate::engine::available;
use crate::measure::Kind;
use crate::paper::schedule::{Rise, Schedule, Shape};
use crate::results::ranking::Measure;
use crate::settings::{DataChoice, EngineKind, MOST_EPOCHS};

/// Longest name of a method, in bytes: model and seed come to it in the name of a cell's folder.
const LONGEST_METHOD: usize = 100;

/// Steps of a mega-batch that anybody may want.
const MOST_POSITIONS: usize = 1_000_000;

/// Threads that anybody may want.
const MOST_THREADS: usize = 1024;

impl Config for TrainConfig {
    fn check(&self) -> Result<(), Fault> {
        self.check_values()?;
        self.check_surroundings()
    }
}

impl TrainConfig {
    /// Whether it makes sense anywhere: in another folder, with another build, after its data went elsewhere.
    ///
    /// # Errors
    /// The first key that does not, and why.
    pub fn check_values(&self) -> Result<(), Fault> {
        self.check_grid()?;
        self.check_method()?;
        within("batch-size", self.batch_size, 1..=u32::MAX as usize)?;
        within("classes", self.classes.unwrap_or(1), 1..)?;
        within("epochs", self.epochs, 1..=MOST_EPOCHS)?;
        within("threads", self.threads.unwrap_or(1), 1..=MOST_THREADS)?;
        within("jobs", self.jobs, 1..=MOST_THREADS)?;
        distinct("seeds", &self.seeds)?;
        distinct("policies", &self.policies)?;
        within("checkpoints.steps", self.checkpoints.every_steps.unwrap_or(1), 1..)?;
        within("checkpoints.latest", self.checkpoints.latest, 1..)?;
        within("checkpoints.keep-epochs", self.checkpoints.keep_epochs.unwrap_or(1), 1..)?;
        self.check_best()?;
        self.check_data()?;
        self.check_schedule()?;
        self.rule.check().map_err(|fault| Fault::of(fault, "rule"))?;
        self.check_estimator()?;
        self.check_measures()
    }

    /// Whether engine and folders are there.
    ///
    /// # Errors
    /// The first key that names what is not.
    pub fn check_surroundings(&self) -> Result<(), Fault> {
        check_engine(self.engine)?;
        if let Some((key, path)) = self.data.folder() {
            folder(key, path)?;
        }
        match self.estimator.clone().table(1) {
            Some((TableStorage::File { folder: path }, _)) => {
                folder(&format!("estimator.{}.storage.file.folder", self.estimator.key()), path)
            }
            _ => Ok(()),
        }
    }

    /// Whether it fits a training set of `pictures` pictures, before any is held out and any subset is taken.
    ///
    /// # Errors
    /// The key that does not.
    pub fn check_size(&self, pictures: usize) -> Result<(), Fault> {
        let held_out = self.validation.unwrap_or(0);
        within("validation", self.validation.unwrap_or(1), 1..pictures.max(1))?;
        let left = pictures - held_out;
        let size = self.train_size.unwrap_or(left);
        within("train-size", size, 1..=left)?;
        within("batch-size", self.batch_size, 1..=size)
    }

    fn check_method(&self) -> Checked {
        let Some(name) = &self.method else { return Ok(()) };
        let reason = if name.trim().is_empty() {
            "is empty".into()
        } else if name.chars().any(char::is_control) {
            format!("is {name:?}, with a control character; expected one line of text")
        } else if name.len() > LONGEST_METHOD {
            format!("has {} bytes; expected at most {LONGEST_METHOD}", name.len())
        } else {
            return Ok(());
        };
        Err(Fault { nearest: Some(self.estimator.build().name().into()), ..Fault::new("method", reason) })
    }

    fn check_best(&self) -> Checked {
        match self.best_by {
            Some(measure) if measure.is_held_out() && self.validation.is_none() => {
                let reason = format!("is `{}`, and no pictures are held out (`validation`)", measure.name());
                let nearest = Some(Measure::TrainLoss.name().into());
                Err(Fault { nearest, ..Fault::new("best-by", reason) })
            }
            _ => Ok(()),
        }
    }

    fn check_data(&self) -> Checked {
        match &self.data {
            DataChoice::Synthetic => self.check_size(SyntheticConfig::default().train),
            DataChoice::Cifar10(_) | DataChoice::Pictures(_) => Ok(()),
        }
    }

    fn check_schedule(&self) -> Checked {
        within("schedule.base", self.schedule.base, POSITIVE)?;
        within("schedule.length", self.schedule.length, 1..=MOST_EPOCHS)?;
        for (i, &drop) in self.schedule.drops.iter().enumerate() {
            within(&format!("schedule.drops[{i}]"), drop, 0.0..f64::INFINITY)?;
        }
        within("schedule.factor", self.schedule.factor, (Bound::Excluded(0.0), Bound::Included(1.0)))?;
        self.check_shape()?;
        let length = self.schedule.length;
        if self.epochs > length {
            let reason = format!("is {}; the schedule ends after {length} (`schedule.length`)", self.epochs);
            return Err(Fault { nearest: Some(length.to_string()), ..Fault::new("epochs", reason) });
        }
        Ok(())
    }

    fn check_shape(&self) -> Checked {
        let Schedule { base, drops, length, shape, warm_up, .. } = &self.schedule;
        if *shape != Shape::Steps && !drops.is_empty() {
            return Err(Fault::new("schedule.drops", "belong to the shape `steps`; leave them out"));
        }
        match *shape {
            Shape::Steps | Shape::Constant => {}
            Shape::Cosine { last } => within("schedule.shape.cosine.last", last, 0.0..=*base)?,
            Shape::Polynomial { last, power } => {
                within("schedule.shape.polynomial.last", last, 0.0..=*base)?;
                within("schedule.shape.polynomial.power", power, POSITIVE)?;
            }
        }
        if let Some(Rise { epochs, first }) = *warm_up {
            within("schedule.warm-up.epochs", epochs, 0.0..=*length as f64)?;
            within("schedule.warm-up.first", first, 0.0..=1.0)?;
        }
        Ok(())
    }

    fn check_estimator(&self) -> Checked {
        self.estimator.check().map_err(|fault| Fault::of(fault, "estimator"))?;
        let graph = self.model.graph().map_err(|error| Fault::new("model", error.to_string()))?;
        self.estimator.check_space(graph.space()).map_err(|fault| Fault::of(fault, "estimator"))?;
        let key = format!("estimator.{}", self.estimator.key());
        let fixed = self.estimator.method().keeps_one_plan() && self.locking == Locking::Locked;
        if fixed && self.augmentation != Augmentation::None {
            let reason = format!("is `locked`, which leaves `{key}` the same transforms for the whole run");
            return Err(Fault { nearest: Some("unlocked".into()), ..Fault::new("locking", reason) });
        }
        Ok(())
    }

    fn check_measures(&self) -> Checked {
        within("measures.every", self.measures.every, 1..)?;
        match self.measures.kind {
            Kind::Positions { size } => within("measures.kind.positions.size", size, 1..=MOST_POSITIONS),
            Kind::Geometry if !self.estimator.method().takes_snapshots() => {
                let reason = format!("is `geometry`, the distance from a snapshot; {} has none", self.method());
                Err(Fault { nearest: Some("variance".into()), ..Fault::new("measures.kind", reason) })
            }
            _ => Ok(()),
        }
    }
}

/// Whether an engine can be had.
///
/// # Errors
/// When it is not in the build, or the machine has no such GPU.
pub fn check_engine(engine: EngineKind) -> Checked {
    available(engine).map_err(|reason| Fault { nearest: Some("cpu".into()), ..Fault::new("engine", reason) })
}
