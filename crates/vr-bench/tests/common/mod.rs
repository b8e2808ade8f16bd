//! Real LeNet cells small enough to be run hundreds of times.

// Each test file uses a part.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use vr_bench::BenchError;
use vr_bench::cell::Cell;
use vr_bench::cells::observer::Observer;
use vr_bench::cells::run_cells;
use vr_bench::data::LoadedData;
use vr_bench::measure::{Measures, Places};
use vr_bench::paper::methods;
use vr_bench::results::CellResult;
use vr_bench::results::{DataInfo, Event};
use vr_bench::run_dir::Record;
use vr_bench::settings::{Settings, Version};
use vr_core::State;
use vr_data::{SyntheticConfig, synthetic};
use vr_optim::{
    EstimatorConfig, Locking, NormPolicy, RuleConfig, SagaConfig, SnapshotGradients, SvrgConfig, TableStorage,
};
use vr_run::RunFolder;
use vr_run::checkpoint::{CheckpointPolicy, encode};

/// Two epochs of four minibatches, the last one short, saved at the end only.
pub fn settings() -> Settings {
    let checkpoints = CheckpointPolicy { every: None, ..CheckpointPolicy::default() };
    Settings { epochs: 2, batch_size: 8, checkpoints, ..Settings::default() }
}

pub fn data() -> LoadedData {
    let set = synthetic(&SyntheticConfig { train: 30, test: 10, ..SyntheticConfig::default() });
    let info = DataInfo {
        name: set.name,
        train_size: 30,
        test_size: 10,
        validation_size: 0,
        digest: set.train.digest().to_string(),
    };
    LoadedData {
        train: Arc::new(set.train),
        test: Arc::new(set.test),
        validation: None,
        whole: info.train_size,
        resized: false,
        info,
        problems: Vec::new(),
    }
}

/// Every estimator, measured or not, locked or not.
pub fn cells() -> Vec<Cell> {
    let settings = settings();
    let measured = Measures::variance(Places::Paper, 1);
    vec![
        methods::sgd(&settings, 3),
        Cell { measures: measured, ..methods::stored(&settings, Locking::Unlocked, 3) },
        Cell { policies: vec![NormPolicy::Reset, NormPolicy::Naive], ..methods::recomputed(&settings, 3) },
        Cell { measures: measured, ..methods::scsg(&settings, 3) },
        methods::cell(&settings, "saga", EstimatorConfig::Saga(SagaConfig::default()), 3),
    ]
}

/// Every estimator with every way to keep its table, under one update rule.
pub fn methods_under(rule: RuleConfig) -> Vec<Cell> {
    let settings = Settings { version: Version::Described, ..settings() };
    let mut cells = cells();
    cells.push(methods::scsg(&settings, 3));
    for (method, storage) in
        [("svrg-bf16", TableStorage::Bf16), ("svrg-file", TableStorage::File { folder: std::env::temp_dir() })]
    {
        let config =
            SvrgConfig { gradients: SnapshotGradients::Stored, storage: storage.clone(), ..Default::default() };
        cells.push(methods::cell(&settings, method, EstimatorConfig::Svrg(config), 3));
        let config = SagaConfig { storage, weight: 0.5, ..SagaConfig::default() };
        cells.push(methods::cell(&settings, &format!("ema-{method}"), EstimatorConfig::Saga(config), 3));
    }
    for cell in &mut cells {
        cell.rule = rule;
        if matches!(rule, RuleConfig::AdamW(_)) {
            cell.schedule.base = 1e-3;
        }
    }
    cells
}

pub fn run(
    settings: &Settings,
    data: &LoadedData,
    cells: &[Cell],
    out: &Path,
    observer: &dyn Observer,
) -> Result<Vec<CellResult>, BenchError> {
    let folder = RunFolder::open(out, "test")?;
    run_cells(&folder, &Record::of_experiment("test", settings), settings, data, cells, observer)
}

/// What equal runs have in common to the byte: results, logs and settings, by path.
pub fn files(out: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(folder: &Path, root: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
            if path.is_dir() {
                walk(&path, root, found);
            } else if ["metrics.jsonl", "result.json", "settings.json"].iter().any(|kept| name.ends_with(kept)) {
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(out, out, &mut found);
    found
}

/// The bytes of the newest checkpoint of the only cell, times left out.
pub fn final_state(out: &Path) -> Vec<u8> {
    let cell = vr_run::CellFolder::all(out).unwrap().remove(0);
    let newest = cell.checkpoints(CheckpointPolicy::default()).sound().unwrap().next().unwrap().unwrap();
    let mut state = State::new();
    for (name, value) in newest.iter().filter(|(name, _)| !matches!(*name, "cell.seconds" | "cell.timing")) {
        state.insert(name, value.clone());
    }
    encode(&state).unwrap()
}

/// Asks to stop once it has been asked so many times.
pub struct Stop {
    left: AtomicUsize,
}

impl Stop {
    pub fn after(chances: usize) -> Self {
        Self { left: AtomicUsize::new(chances) }
    }
}

impl Observer for Stop {}

impl vr_run::Observer<Event> for Stop {
    fn stop(&self) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err()
    }
}
