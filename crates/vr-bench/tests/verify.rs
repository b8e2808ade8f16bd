//! `verify` finds what is wrong with a run, and nothing wrong with a sound one.

use std::path::{Path, PathBuf};

use vr_bench::cells::observer::Silent;
use vr_bench::experiments::{self, quick};
use vr_bench::facts;
use vr_bench::settings::{DataChoice, Settings};
use vr_bench::verdict::table::JudgedRun;
use vr_core::State;
use vr_core::state::Value;
use vr_data::{SyntheticConfig, cifar10, synthetic};
use vr_run::checkpoint::{CheckpointPolicy, load};
use vr_run::digest::digest;
use vr_run::digests::Digests;
use vr_run::verify::CellCheck;
use vr_run::{CellFolder, RunFolder};

const POLICY: CheckpointPolicy = CheckpointPolicy { every_steps: Some(2), every: None, latest: 2, keep_epochs: None };

/// A set of 40 pictures beside the run's folder, which is faster read than drawn.
fn data(out: &Path) -> PathBuf {
    let folder = out.join("../set");
    if !folder.exists() {
        let set = synthetic(&SyntheticConfig { train: 40, test: 10, ..SyntheticConfig::default() });
        cifar10::write(&folder, &set, false).unwrap();
    }
    folder
}

/// A folder for a run.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    (folder, out)
}

fn run(out: &Path) {
    try_run(out).unwrap();
}

fn try_run(out: &Path) -> Result<(), vr_bench::BenchError> {
    std::fs::create_dir_all(out).unwrap();
    let data = DataChoice::Cifar10(data(out));
    let settings = Settings { data, batch_size: 16, epochs: 1, checkpoints: POLICY, ..Settings::default() };
    experiments::run(&quick::EXPERIMENT, &settings, out, false, &Silent).map(drop)
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
    let found = experiments::verify(out, 100).unwrap();
    found.cells.into_iter().flat_map(|cell| cell.problems).chain(found.problems).collect()
}

#[test]
fn sound_and_damaged_runs_are_told_apart() {
    let (_folder, out) = folder();
    let out = out.as_path();
    run(out);
    let check = experiments::verify(out, 100).unwrap();
    assert!(check.is_sound() && check.notes.is_empty() && check.files > 20, "{check:?}");
    let found = check.cells;
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|CellCheck { problems, .. }| problems.is_empty()), "{found:?}");
    assert!(found.iter().all(|cell| cell.checkpoints == 2 && cell.replayed == 1), "{found:?}");

    // A run that is not finished has no digests of its checkpoints.
    std::fs::remove_file(out.join("digests.json")).unwrap();
    std::fs::remove_file(out.join("result.json")).unwrap();
    save_again(out, |_| {});
    assert_eq!(problems(out), [""; 0]);
    save_again(out, |x| x[0] = f32::from_bits(x[0].to_bits() ^ 1));
    let found = problems(out);
    assert!(found.iter().any(|problem| problem.contains("the digest of the weights")), "{found:?}");
    assert!(found.len() == 2 && found[1].contains("`iterate.conv1.weight` of the newest differs"), "{found:?}");
    save_again(out, |x| x[0] = f32::NAN);
    assert!(problems(out)[0].contains("`iterate.conv1.weight` is not finite"), "{:?}", problems(out));

    let result = CellFolder::all(out).unwrap()[1].metrics().with_file_name("result.json");
    let text = std::fs::read_to_string(&result).unwrap();
    std::fs::write(&result, text.replacen("\"epoch\": 1", "\"epoch\": 2", 1)).unwrap();
    assert!(problems(out).iter().any(|problem| problem.contains("is not what the log")), "{:?}", problems(out));
}

/// All files of a run but its lock, by path from its folder.
fn files(out: &Path) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for path in vr_files::list(folder).unwrap() {
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    walk(out, &mut found);
    found.retain(|path| !path.ends_with("lock"));
    found
}

/// The file with one digit changed, as near to its middle as there is one.
fn digit_changed(whole: &[u8]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    let middle = bytes.len() / 2;
    let place = (0..bytes.len()).filter(|&i| bytes[i].is_ascii_digit()).min_by_key(|i| i.abs_diff(middle)).unwrap();
    bytes[place] = if bytes[place] == b'9' { b'8' } else { bytes[place] + 1 };
    bytes
}

/// The text with one digit of its first long number changed.
fn number_changed(text: &str) -> String {
    let long = |&at: &usize| text[at + 1..].bytes().take(6).filter(u8::is_ascii_digit).count() == 6;
    let place = text.match_indices('.').map(|(at, _)| at).find(long).unwrap() + 3;
    let other = if text.as_bytes()[place] == b'9' { "8" } else { "9" };
    format!("{}{other}{}", &text[..place], &text[place + 1..])
}

#[test]
fn a_result_that_was_changed_is_neither_judged_nor_exported() {
    let (_folder, out) = folder();
    run(&out);
    assert!(!JudgedRun::all(&out).unwrap()[0].result.verdicts.is_empty());
    for name in ["result.json", "timing.json"] {
        let whole = std::fs::read(out.join(name)).unwrap();
        std::fs::write(out.join(name), digit_changed(&whole)).unwrap();
        let judged = JudgedRun::all(&out).unwrap_err();
        let exported = facts::read(&out, "it", &mut |_| {}).unwrap_err();
        for error in [judged, exported].map(|error| error.to_string()) {
            assert!(error.contains(name) && error.contains("digests.json"), "{error}");
        }
        std::fs::write(out.join(name), whole).unwrap();
    }
}

#[test]
fn a_digit_changed_a_file_cut_or_gone_is_found_anywhere() {
    let (_folder, out) = folder();
    let out = out.as_path();
    run(out);
    let files = files(out);
    assert!(files.len() > 30, "{files:?}");
    for path in files {
        let whole = std::fs::read(&path).unwrap();
        for changed in [Some(digit_changed(&whole)), Some(whole[..whole.len() / 2].to_vec()), None] {
            match &changed {
                Some(bytes) => std::fs::write(&path, bytes).unwrap(),
                None => std::fs::remove_file(&path).unwrap(),
            }
            let found = experiments::verify(out, 0);
            // A record that cannot be read is an error.
            assert!(found.as_ref().map_or(true, |found| !found.is_sound()), "{}: {changed:?}", path.display());
        }
        std::fs::write(&path, &whole).unwrap();
    }
    assert_eq!(problems(out), [""; 0]);
}

/// Whoever changes a number and all digests that he knows of is still told by what the numbers follow from.
#[test]
fn forged_digests_are_found() {
    let (_folder, out) = folder();
    let out = out.as_path();
    run(out);
    let cell = CellFolder::all(out).unwrap()[0].clone();
    let (own, top) = (cell.path().join("result.json"), out.join("result.json"));
    let [own_whole, top_whole] = [&own, &top].map(|path| std::fs::read_to_string(path).unwrap());
    let seal = |forged: &[(&str, &str)]| {
        let mut digests = Digests::default();
        forged.iter().for_each(|(path, content)| digests.note(*path, content.as_bytes()));
        RunFolder::open(out, "quick").unwrap().seal(digests).unwrap();
    };
    // The weights' digest in a cell, with the digests of it.
    let weights =
        serde_json::from_str::<serde_json::Value>(&own_whole).unwrap()["weights"].as_str().unwrap().to_owned();
    let forged = own_whole.replace(&weights, &digest(b"other weights"));
    let chained = top_whole.replace(&digest(own_whole.as_bytes()), &digest(forged.as_bytes()));
    std::fs::write(&own, &forged).unwrap();
    std::fs::write(&top, &chained).unwrap();
    seal(&[("result.json", &chained)]);
    let found = problems(out);
    assert!(found.len() == 1 && found[0].contains("the digest of the weights"), "{found:?}");
    std::fs::write(&own, &own_whole).unwrap();
    // A number of the run's result.
    let forged = number_changed(&top_whole);
    std::fs::write(&top, &forged).unwrap();
    seal(&[("result.json", &forged)]);
    let found = problems(out);
    assert!(found.len() == 1 && found[0].contains("other numbers of svrg"), "{found:?}");
}

/// Neither a wrong number nor one that nobody can vouch for reaches the run's result.
#[test]
fn a_changed_cell_is_never_carried_into_the_result() {
    let (_folder, out) = folder();
    let out = out.as_path();
    run(out);
    let whole = std::fs::read(out.join("result.json")).unwrap();
    let cell = CellFolder::all(out).unwrap()[0].clone();
    for sealed in [true, false] {
        if !sealed {
            std::fs::remove_file(out.join("digests.json")).unwrap();
        }
        for name in ["result.json", "metrics.jsonl", "settings.json", "timing.jsonl"] {
            let path = cell.path().join(name);
            let before = std::fs::read(&path).unwrap();
            let changed = match name {
                "settings.json" => digit_changed(&before),
                _ => number_changed(str::from_utf8(&before).unwrap()).into_bytes(),
            };
            std::fs::write(&path, changed).unwrap();
            match try_run(out) {
                Err(error) => assert!(error.to_string().contains(name) || name == "settings.json", "{name}: {error}"),
                // Without digests nobody knows what a time was.
                Ok(()) => assert!(!sealed && name == "timing.jsonl", "{name}"),
            }
            assert_eq!(std::fs::read(out.join("result.json")).unwrap(), whole);
            std::fs::write(&path, before).unwrap();
        }
    }
    // What the errors advise.
    std::fs::remove_dir_all(cell.path()).unwrap();
    run(out);
    assert_eq!(std::fs::read(out.join("result.json")).unwrap(), whole);
    assert_eq!(problems(out), [""; 0]);
}

#[test]
fn a_run_on_a_damaged_set_says_so() {
    let (_folder, out) = folder();
    std::fs::create_dir(&out).unwrap();
    let file = data(&out).join("data_batch_1.bin");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    run(&out);
    for name in ["manifest.json", "report.html"] {
        let text = std::fs::read_to_string(out.join(name)).unwrap();
        assert!(text.contains("data_problems") && text.contains("the training set has digest"), "{name}");
    }
}

#[test]
fn a_run_whose_data_are_not_at_hand_is_checked_as_far_as_can_be() {
    let (_folder, out) = folder();
    run(&out);
    std::fs::rename(data(&out), out.join("../elsewhere")).unwrap();
    let found = experiments::verify(&out, 100).unwrap();
    assert!(found.is_sound() && found.cells.len() == 3 && found.notes.len() == 1, "{found:?}");
    assert!(found.notes[0].contains("no step was taken again") && found.notes[0].contains("data_batch_1.bin"));
    let log = CellFolder::all(&out).unwrap()[1].metrics();
    std::fs::write(&log, digit_changed(&std::fs::read(&log).unwrap())).unwrap();
    let found = experiments::verify(&out, 100).unwrap();
    assert!(found.problems.len() == 1 && found.cells.iter().filter(|cell| !cell.problems.is_empty()).count() == 1);
}
