//! `verify` finds what is wrong with a run, and nothing wrong with a sound one.

use std::path::Path;

use vr_bench::cells::observer::Silent;
use vr_bench::experiments::{self, quick};
use vr_bench::settings::Settings;
use vr_core::State;
use vr_core::state::Value;
use vr_run::CellFolder;
use vr_run::checkpoint::{CheckpointPolicy, load};
use vr_run::verify::CellCheck;

const POLICY: CheckpointPolicy = CheckpointPolicy { every_steps: Some(2), every: None, latest: 2, keep_epochs: None };

fn run(out: &Path) {
    let settings =
        Settings { train_size: Some(40), batch_size: 16, epochs: 1, checkpoints: POLICY, ..Settings::default() };
    experiments::run(&quick::EXPERIMENT, &settings, out, false, &Silent).unwrap();
}

/// The newest state of the first cell, changed and saved once more.
fn save_again(out: &Path, change: impl Fn(&mut [f32])) {
    let checkpoints = CellFolder::all(out).unwrap()[0].checkpoints(POLICY);
    let newest = *checkpoints.list().unwrap().last().unwrap();
    let mut state = State::new();
    for (name, value) in load(&checkpoints.path(newest)).unwrap().iter() {
        let mut value = value.clone();
        if let ("iterate.conv1.weight", Value::F32(x)) = (name, &mut value) {
            change(x);
        }
        state.insert(name, value);
    }
    checkpoints.save(newest.epoch, &state).unwrap();
}

fn problems(out: &Path) -> Vec<String> {
    experiments::verify(out, 100).unwrap().into_iter().flat_map(|cell| cell.problems).collect()
}

#[test]
fn sound_and_damaged_runs_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    run(out);
    let found = experiments::verify(out, 100).unwrap();
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|CellCheck { problems, .. }| problems.is_empty()), "{found:?}");
    assert!(found.iter().all(|cell| cell.checkpoints == 2 && cell.replayed == 1), "{found:?}");

    save_again(out, |_| {});
    assert_eq!(problems(out), [""; 0]);
    save_again(out, |x| x[0] = f32::from_bits(x[0].to_bits() ^ 1));
    let found = problems(out);
    assert!(found.len() == 1 && found[0].contains("`iterate.conv1.weight` of the newest differs"), "{found:?}");
    save_again(out, |x| x[0] = f32::NAN);
    assert!(problems(out)[0].contains("`iterate.conv1.weight` is not finite"), "{:?}", problems(out));

    let result = CellFolder::all(out).unwrap()[1].metrics().with_file_name("result.json");
    let text = std::fs::read_to_string(&result).unwrap();
    std::fs::write(&result, text.replacen("\"epoch\": 1", "\"epoch\": 2", 1)).unwrap();
    assert!(problems(out).iter().any(|problem| problem.contains("is not what the log")), "{:?}", problems(out));
}
