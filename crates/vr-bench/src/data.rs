//! The pictures that a run is trained and tested on.

mod fit;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use vr_data::verify::check;
use vr_data::{
    Augmentation, Dataset, ImageSet, Pipeline, SyntheticConfig, Transforms, balanced_split, balanced_subset,
    choose_classes, cifar10, picture_list, synthetic, synthetic_of_size, transform::imagenet::shorter,
};
use vr_run::config::{ConfigError, Fault, within};

pub use fit::Misfit;

use crate::cell::Cell;
use crate::error::BenchError;
use crate::results::DataInfo;
use crate::settings::{DataChoice, Model, Settings};

/// Pictures that may be drawn for a set: as many take 3 GB.
const MOST_DRAWN: usize = 1_000_000;

/// The seed of subsets, which are the same whatever the seeds of the runs.
const SUBSET: u64 = 0;

/// The seed of what is held out.
const HELD_OUT: u64 = 1;

/// Pictures with what a result says of them.
#[derive(Clone, Debug)]
pub struct LoadedData {
    /// Training pictures, after any subset.
    pub train: Arc<ImageSet>,
    /// Test pictures.
    pub test: Arc<ImageSet>,
    /// Pictures that were held out of the training set, if any were.
    pub validation: Option<Arc<ImageSet>>,
    /// Training pictures of the whole set, before any subset.
    pub whole: usize,
    /// Whether the pictures are brought to each network's size; otherwise they have one, which must be the network's.
    pub resized: bool,
    /// Name, sizes and digest.
    pub info: DataInfo,
    /// In what the set is not what was written, as `data verify` tells; a run on it says so.
    pub problems: Vec<String>,
}

/// A folder that holds no list of pictures.
#[derive(Debug, thiserror::Error)]
#[error("`{}` holds no list of pictures (`{}`); `cargo xtask data import imagenet` makes one", _0.display(), picture_list::DESCRIPTION)]
pub struct NoList(PathBuf);

impl LoadedData {
    /// Minibatches in an epoch.
    pub fn minibatches(&self, settings: &Settings) -> usize {
        self.info.train_size.div_ceil(settings.batch_size)
    }

    /// Whether the networks of all cells can be trained on the pictures.
    ///
    /// # Errors
    /// [`BenchError::Model`] for the first that cannot.
    pub fn fit(&self, cells: &[Cell], batch_size: usize) -> Result<(), BenchError> {
        let mut seen: Vec<String> = Vec::new();
        for cell in cells {
            let name = cell.model.to_string();
            if !seen.contains(&name) {
                fit::fits(cell.model, &self.train, self.pipeline(cell.model), batch_size)?;
                seen.push(name);
            }
        }
        Ok(())
    }

    /// What training pictures go through on their way into a network.
    pub fn training(&self, model: Model, augmentation: Augmentation) -> Transforms {
        self.pipeline(model).training(augmentation)
    }

    /// What test pictures go through on their way into a network.
    pub fn testing(&self, model: Model) -> Transforms {
        self.pipeline(model).testing()
    }

    fn pipeline(&self, model: Model) -> Pipeline {
        let [_, side, _] = model.options().picture;
        if self.resized { Pipeline::Resized { side } } else { Pipeline::Direct }
    }
}

/// A set as it was read or made.
struct Source {
    set: Dataset,
    resized: bool,
    problems: Vec<String>,
}

impl Settings {
    /// Reads or makes the pictures. Subsets are the same whatever the seeds of the runs.
    ///
    /// # Errors
    /// [`BenchError::Data`] when the set cannot be read or is too small, [`BenchError::Config`] when too many pictures would
    /// have to be drawn, [`BenchError::Model`] when the network
    /// cannot be trained on it.
    pub fn load(&self) -> Result<LoadedData, BenchError> {
        let Source { set, resized, problems } = match &self.data {
            DataChoice::Synthetic => self.drawn()?,
            DataChoice::Cifar10(dir) => read_cifar10(dir)?,
            DataChoice::Pictures(dir) => open_list(dir)?,
        };
        let whole = set.train.len();
        let set = match self.classes {
            Some(classes) => choose_classes(&set, classes, SUBSET).map_err(data)?,
            None => set,
        };
        let part = |set: ImageSet, size: Option<usize>| match size {
            Some(size) => balanced_subset(&set, size, SUBSET).map_err(data),
            None => Ok(set),
        };
        let Dataset { name, train, test } = set;
        // First, so that the same pictures are held out whatever subset is trained on.
        let (train, validation) = match self.validation {
            Some(size) => balanced_split(&train, size, HELD_OUT).map(|(rest, held_out)| (rest, Some(held_out))),
            None => Ok((train, None)),
        }
        .map_err(|error| ConfigError::Fit(Fault::new("validation", error.to_string())))?;
        let (train, test) = (part(train, self.train_size)?, part(test, self.test_size)?);
        let held_out = validation.as_ref().map_or_else(String::new, |set| format!(" validation {}", set.digest()));
        let info = DataInfo {
            name,
            train_size: train.len(),
            test_size: test.len(),
            validation_size: validation.as_ref().map_or(0, ImageSet::len),
            digest: format!("train {} test {}{held_out}", train.digest(), test.digest()),
        };
        let pictures = info.train_size + info.test_size + info.validation_size;
        let kept = |set| Arc::new(self.kept(set, pictures));
        let (train, test, validation) = (kept(train), kept(test), validation.map(kept));
        let loaded = LoadedData { train, test, validation, whole, resized, info, problems };
        fit::fits(self.model, &loaded.train, loaded.pipeline(self.model), self.batch_size)?;
        Ok(loaded)
    }

    /// The default synthetic set, or a larger one where more pictures are asked for. For a network of larger or smaller square
    /// pictures it is drawn as large as the pictures to test on are resized to, and cropped from there as ImageNet's are.
    fn drawn(&self) -> Result<Source, BenchError> {
        let least = SyntheticConfig::default();
        let asked = self.train_size.unwrap_or(0).saturating_add(self.validation.unwrap_or(0));
        let train = asked.max(least.train);
        within("train-size", train, ..=MOST_DRAWN).map_err(ConfigError::Fit)?;
        let config = SyntheticConfig { train, ..least };
        let (set, resized) = match self.model.options().picture {
            picture @ [3, rows, columns] if rows == columns && picture != vr_data::synthetic::SHAPE => {
                (synthetic_of_size(&config, shorter(rows)).map_err(data)?, true)
            }
            _ => (synthetic(&config), false),
        };
        Ok(Source { set, resized, problems: Vec::new() })
    }

    /// One of the sets, of whose decoded pictures its share of what was asked for is kept in memory; all sets together have
    /// so many pictures.
    fn kept(&self, set: ImageSet, pictures: usize) -> ImageSet {
        let Some(limit) = self.picture_limit else { return set };
        let share = u128::from(limit) * set.len() as u128 / pictures.max(1) as u128;
        set.cached(u64::try_from(share).unwrap_or(u64::MAX))
    }
}

fn data(error: impl std::error::Error + Send + Sync + 'static) -> BenchError {
    BenchError::Data(Box::new(error))
}

/// A set from disk with what is wrong with it, which is said, too.
fn read_cifar10(dir: &Path) -> Result<Source, BenchError> {
    let set = cifar10::read(dir).map_err(data)?;
    let problems = check(dir, set.info()).map_err(data)?.problems;
    for problem in &problems {
        tracing::warn!(set = %dir.display(), "the set is damaged: {problem}");
    }
    Ok(Source { set, resized: false, problems })
}

/// A set whose pictures are decoded when they are asked for; only its lists are held against their digests.
fn open_list(dir: &Path) -> Result<Source, BenchError> {
    if !picture_list::is_list(dir) {
        return Err(data(NoList(dir.to_owned())));
    }
    let set = picture_list::open(dir).map_err(data)?;
    Ok(Source { set, resized: true, problems: Vec::new() })
}
