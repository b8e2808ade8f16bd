//! Cells that share a beginning: trained once, taken over by the others, and the same bytes as if each had trained all by itself.

mod common;

use std::path::Path;

use common::{Stop, data, files, run, settings};
use vr_bench::BenchError;
use vr_bench::cell::Cell;
use vr_bench::cells::observer::Silent;
use vr_bench::experiments::find;
use vr_bench::settings::Settings;
use vr_run::{CellFolder, RunError};

/// Nine epochs of the schedule: SVRG from epochs 0, 2, 4, 6 and 8 on, beside SGD.
fn fine_tuning() -> (Settings, Vec<Cell>) {
    let settings = Settings { epochs: 9, schedule_epochs: 9, ..settings() };
    let minibatches = data().train.len().div_ceil(settings.batch_size);
    let cells = (find("fine-tuning").unwrap().cells)(&settings, minibatches);
    (settings, cells)
}

fn folder(out: &Path, cell: &Cell) -> CellFolder {
    let named = |folder: &CellFolder| folder.name().contains(&format!("-{}-seed", cell.method.replace('%', "_")));
    CellFolder::all(out).unwrap().into_iter().find(named).unwrap()
}

/// The bytes of the newest state, but for times.
fn end(out: &Path, cell: &Cell) -> Vec<u8> {
    let checkpoints = folder(out, cell).checkpoints(Default::default());
    let newest = checkpoints.sound().unwrap().next().unwrap().unwrap();
    let mut state = vr_core::State::new();
    for (name, value) in newest.iter().filter(|(name, _)| !matches!(*name, "cell.seconds" | "cell.timing")) {
        state.insert(name, value.clone());
    }
    vr_run::checkpoint::encode(&state).unwrap()
}

#[test]
fn a_beginning_that_is_taken_over_leaves_the_same_bytes() {
    let ((settings, cells), data) = (fine_tuning(), data());
    let branched = tempfile::tempdir().unwrap();
    run(&settings, &data, &cells, branched.path(), &Silent).unwrap();
    let sgd = folder(branched.path(), &cells[0]).times().unwrap();
    for cell in &cells[1..] {
        let alone = tempfile::tempdir().unwrap();
        run(&settings, &data, std::slice::from_ref(cell), alone.path(), &Silent).unwrap();
        let (theirs, ours) = (folder(alone.path(), cell), folder(branched.path(), cell));
        for name in ["settings.json", "metrics.jsonl", "result.json"] {
            let [theirs, ours] = [&theirs, &ours].map(|folder| std::fs::read(folder.path().join(name)).unwrap());
            assert_eq!(ours, theirs, "{} of {}", name, cell.method);
        }
        assert_eq!(end(branched.path(), cell), end(alone.path(), cell), "{}", cell.method);
        // Their times are SGD's, to the last digit, and only as far as they were taken over.
        let shared = cell.prefix.as_ref().map_or(0, |(_, epochs)| *epochs);
        let times = ours.times().unwrap();
        assert_eq!((&times[..shared], times.len()), (&sgd[..shared], 9), "{}", cell.method);
        assert_ne!(times[shared], sgd[shared], "{}", cell.method);
    }
    let shared: Vec<usize> = cells.iter().filter_map(|cell| Some(cell.prefix.as_ref()?.1)).collect();
    assert_eq!(shared, [2, 4, 6, 8]);
}

#[test]
fn branches_resume_to_the_bit_wherever_they_are_stopped() {
    let ((settings, cells), data) = (fine_tuning(), data());
    let whole = tempfile::tempdir().unwrap();
    run(&settings, &data, &cells, whole.path(), &Silent).unwrap();
    let parts = tempfile::tempdir().unwrap();
    let mut stops = 0;
    while let Err(error) = run(&settings, &data, &cells, parts.path(), &Stop::after(3 + stops % 5)) {
        assert!(matches!(error, BenchError::Run(RunError::Interrupted(_))), "{error}");
        stops += 1;
    }
    assert!(stops > 30, "{stops}");
    assert_eq!(files(parts.path()), files(whole.path()));
}

/// Where the other cell's state or log is damaged or gone, the cell trains all by itself.
#[test]
fn a_damaged_beginning_is_not_taken_over() {
    let ((settings, cells), data) = (fine_tuning(), data());
    let pair = [cells[0].clone(), cells[2].clone()];
    let whole = tempfile::tempdir().unwrap();
    run(&settings, &data, &pair, whole.path(), &Silent).unwrap();
    for damaged in ["state", "log", "log that is gone"] {
        let out = tempfile::tempdir().unwrap();
        // SGD's cell is begun, branched from, and not finished, so that nothing else looks at its files.
        let stopped = run(&settings, &data, &pair[..1], out.path(), &Stop::after(20)).unwrap_err();
        assert!(matches!(stopped, BenchError::Run(RunError::Interrupted(_))), "{stopped}");
        let sgd = folder(out.path(), &pair[0]);
        let checkpoints = sgd.checkpoints(Default::default());
        let first = checkpoints.list().unwrap().into_iter().find(|found| found.epoch == 3).unwrap();
        let file = match damaged {
            "state" => checkpoints.path(first).join("state.safetensors"),
            _ => sgd.metrics(),
        };
        if damaged == "log that is gone" {
            std::fs::remove_file(&file).unwrap();
        } else {
            let mut bytes = std::fs::read(&file).unwrap();
            bytes[10] ^= 1;
            std::fs::write(&file, bytes).unwrap();
        }
        run(&settings, &data, &pair[1..], out.path(), &Silent).unwrap();
        let [ours, theirs] = [out.path(), whole.path()].map(|out| folder(out, &pair[1]));
        assert_eq!(std::fs::read(ours.metrics()).unwrap(), std::fs::read(theirs.metrics()).unwrap(), "{damaged}");
        assert_ne!(ours.times().unwrap()[0], sgd.times().unwrap()[0], "{damaged}");
    }
}
