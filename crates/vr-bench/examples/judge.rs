//! One experiment at a small scale, and what its verdicts say; then the same folder judged again without training.
//! `cargo run --release -p vr-bench --example judge`

#![allow(clippy::print_stdout, reason = "it shows what it found")]

use vr_bench::cells::observer::Silent;
use vr_bench::experiments::{self, locking};
use vr_bench::results::ExperimentResult;
use vr_bench::settings::Settings;

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("locking");
    let settings = Settings { train_size: Some(400), test_size: Some(100), epochs: 2, ..Settings::default() };
    let finished = experiments::run(&locking::EXPERIMENT, &settings, &out, false, &Silent)?;
    for verdict in &finished.result.verdicts {
        println!("{}: {} ({})", verdict.id, verdict.outcome, verdict.measured);
    }

    let written = ExperimentResult::from_json(&std::fs::read_to_string(out.join("result.json"))?)?;
    assert_eq!((locking::EXPERIMENT.verdicts)(&written), finished.result.verdicts);
    Ok(())
}
