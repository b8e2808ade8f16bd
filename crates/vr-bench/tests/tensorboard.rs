//! Event files say what the logs do, once, whatever interrupted the run.

mod common;

use std::path::Path;

use common::{Stop, cells, data, run, settings};
use vr_bench::cell::Cell;
use vr_bench::cells::CellOnData;
use vr_bench::cells::observer::Silent;
use vr_bench::tensorboard::{FILE, FOLDER, Live, export};

/// The records of a file: the bytes of each event but for its time, which come first.
fn records(file: &Path) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(file).unwrap();
    let mut rest = &bytes[..];
    let mut found = Vec::new();
    while !rest.is_empty() {
        let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
        found.push(rest[12 + 9..12 + length].to_vec());
        rest = &rest[12 + length + 4..];
    }
    found
}

fn has(records: &[Vec<u8>], tag: &str) -> usize {
    let field = [&[tag.len() as u8], tag.as_bytes()].concat();
    records.iter().filter(|record| record.windows(field.len()).any(|window| window == field)).count()
}

fn live(cells: &[Cell], out: &Path, stop: &Stop) -> bool {
    let (settings, data) = (settings(), data());
    let live = Live::new(out, &CellOnData::each(&settings, &data, cells), stop).unwrap();
    run(&settings, &data, cells, out, &live).is_ok()
}

#[test]
fn a_run_that_is_interrupted_anywhere_has_every_record_once() {
    let cells = &cells()[1..3];
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    run(&settings(), &data(), cells, &at("whole"), &Silent).unwrap();
    export(&[at("whole")], &at("exported")).unwrap();
    let names: Vec<_> = vr_run::CellFolder::all(&at("whole")).unwrap().iter().map(vr_run::CellFolder::name).collect();
    let expected: Vec<_> = names.iter().map(|name| records(&at("exported").join(name).join(FILE))).collect();
    assert!(has(&expected[1], "ratio/33 %") == 2 && has(&expected[1], "test-error") == 2, "{names:?}");
    assert!(has(&expected[1], "learning-rate") == 2 && has(&expected[1], "coefficient/33 %") == 2);
    assert!(has(&expected[1], "gradient-norm/100 %") == 2 && has(&expected[0], "test-error/naive") == 2);

    for chances in [3, 9, 14, 30] {
        let out = at(&format!("stopped-{chances}"));
        let file = |name: &String| out.join(FOLDER).join(name).join(FILE);
        assert!(!live(cells, &out, &Stop::after(chances)), "{chances}");
        for name in names.iter().filter(|name| file(name).exists()) {
            // As after a kill: what was measured since the last checkpoint is in the file and not in the log.
            let bytes = std::fs::read(file(name)).unwrap();
            std::fs::write(file(name), [&bytes[..], b"torn"].concat()).unwrap();
        }
        assert!(live(cells, &out, &Stop::after(usize::MAX)));
        for (name, expected) in names.iter().zip(&expected) {
            assert!(records(&file(name)) == *expected, "{name} after {chances}");
        }
    }
    // Asked for after the end.
    assert!(live(cells, &at("whole"), &Stop::after(usize::MAX)));
    let path = at("whole").join(FOLDER);
    assert!(names.iter().zip(&expected).all(|(name, expected)| records(&path.join(name).join(FILE)) == *expected));
}

/// What cannot be written for TensorBoard is warned of, and nothing is written through a link.
#[cfg(unix)]
#[test]
fn a_link_in_the_way_is_left_and_the_run_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = folder.path().join("elsewhere");
    let out = folder.path().join("run");
    let cells = &cells()[..1];
    std::fs::create_dir(&elsewhere).unwrap();
    run(&settings(), &data(), cells, &out, &Stop::after(2)).unwrap_err();
    std::fs::create_dir(out.join(FOLDER)).unwrap();
    std::os::unix::fs::symlink(&elsewhere, out.join(FOLDER).join("lenet-sgd-seed-3")).unwrap();
    assert!(live(cells, &out, &Stop::after(usize::MAX)));
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
}

/// Of older results, which have no logs, and of runs that are damaged.
#[test]
fn results_without_logs_have_event_files_too() {
    let folder = tempfile::tempdir().unwrap();
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/results");
    let runs = [results.join("quick"), results.join("test-error-lenet")];
    export(&runs, folder.path()).unwrap();
    let mut found = 0;
    let mut left = vec![folder.path().to_owned()];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            found += usize::from(has(&records(&path), "test-error") > 0);
        }
    }
    assert!(found > 12, "{found}");
    let torn = folder.path().join("torn");
    std::fs::create_dir(&torn).unwrap();
    std::fs::write(torn.join("result.json"), "{").unwrap();
    assert!(export(&[torn], folder.path()).unwrap_err().to_string().contains("result.json` is damaged"));
}
