//! How fast encoded pictures become minibatches.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use vr_core::{MinibatchKey, MinibatchSource, Stream, TransformKey};
use vr_data::{ImageSet, Loader, LoaderConfig, transform::imagenet};
use vr_kernels::Isa;

use crate::error::BenchError;

/// Pictures of a minibatch.
const BATCH: usize = 64;
/// Clock ticks of a second in what Linux tells of a process's times.
const TICKS: f64 = 100.0;

/// Speed of loading: reading, decoding, a random crop resized, a flip, normalised, in the lanes of a minibatch.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LoadingTime {
    /// The instruction set of resampling.
    pub isa: String,
    /// Rows and columns that come out.
    pub picture_size: usize,
    /// Pictures of the set.
    pub pictures: usize,
    /// Threads.
    pub threads: usize,
    /// Epochs that were loaded.
    pub epochs: usize,
    /// Pictures a second.
    pub pictures_per_second: f64,
    /// Pictures a second of a core's time, which other programs do not lengthen; `None` where the system does not say.
    pub pictures_per_core_second: Option<f64>,
}

/// Loads a set over and over for about `seconds` seconds with ImageNet's transforms, after an epoch to warm up.
///
/// # Errors
/// When a picture cannot be read.
pub fn loading_time(set: ImageSet, picture_size: usize, seconds: f64) -> Result<LoadingTime, BenchError> {
    let failed = |error: vr_data::LoaderError| BenchError::Data(Box::new(error));
    let transforms = imagenet::training(picture_size);
    let config = LoaderConfig { batch_size: BATCH, transforms, prefetch_depth: 0, ..LoaderConfig::default() };
    let loader = Loader::new(Arc::new(set), config).map_err(failed)?;
    let epoch = |visit| {
        let transform = TransformKey { stream: Stream::InnerTransform, generation: 0, visit };
        let mut keys = (0..loader.minibatches() as u32).map(|index| MinibatchKey { generation: 0, index, transform });
        keys.try_for_each(|key| loader.minibatch(key).map(drop)).map_err(failed)
    };
    epoch(0)?;
    let (started, cpu) = (Instant::now(), cpu_seconds());
    let mut epochs = 0;
    while epochs == 0 || started.elapsed().as_secs_f64() < seconds {
        epochs += 1;
        epoch(epochs as u32)?;
    }
    let pictures = loader.set().len();
    let loaded = (epochs * pictures) as f64;
    let cpu = cpu.zip(cpu_seconds()).map(|(before, after)| after - before);
    Ok(LoadingTime {
        isa: Isa::detect().name().into(),
        picture_size,
        pictures,
        threads: rayon::current_num_threads(),
        epochs,
        pictures_per_second: loaded / started.elapsed().as_secs_f64(),
        pictures_per_core_second: cpu.filter(|&cpu| cpu > 0.0).map(|cpu| loaded / cpu),
    })
}

/// Time that cores have spent on this process.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, which may hold spaces, ends with the last bracket; the times are fields 14 and 15.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |place: usize| fields.get(place)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS)
}
