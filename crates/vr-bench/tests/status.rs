//! `status` tells what is done, what failed and why.

mod common;

use common::{Stop, cells, data, run, settings};
use vr_bench::cells::observer::Silent;
use vr_run::status::{CellState, status};

#[test]
fn a_cell_that_fails_is_told_apart_and_can_go_on() {
    let (settings, data, cells) = (settings(), data(), cells());
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    let in_the_way = out.join("cells/lenet-sgd-seed-3/metrics.jsonl");
    run(&settings, &data, &cells[..2], out, &Stop::after(0)).unwrap_err();
    std::fs::create_dir(&in_the_way).unwrap();
    let error = run(&settings, &data, &cells[..2], out, &Silent).unwrap_err();
    assert!(error.to_string().contains("metrics.jsonl"), "{error}");

    let found = status(out).unwrap();
    assert_eq!((found.experiment.as_str(), found.holder), ("test", None));
    let states: Vec<_> = found.cells.iter().map(|cell| (cell.state, cell.epochs_done, cell.epochs)).collect();
    // By name; the cell after the one that failed went on.
    assert_eq!(states, [(CellState::Failed, 0, 2), (CellState::Done, 2, 2)]);
    assert_eq!(found.cells[0].error, Some(error.to_string()));
    assert!(found.left_s.unwrap() > 0.0);

    std::fs::remove_dir(&in_the_way).unwrap();
    run(&settings, &data, &cells[..2], out, &Silent).unwrap();
    let found = status(out).unwrap();
    assert!(found.cells.iter().all(|cell| cell.state == CellState::Done && cell.error.is_none()), "{found:?}");
    assert_eq!(found.left_s, Some(0.0));
}
