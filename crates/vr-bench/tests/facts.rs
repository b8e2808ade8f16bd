//! Facts come from logs where there are any and from results otherwise, and a damaged file is named.

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use common::{Stop, cells, data, run, settings};
use vr_bench::cells::observer::Silent;
use vr_bench::facts::{self, Fact, Format, table};
use vr_bench::results::ExperimentResult;

fn results(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/results").join(name)
}

/// Cell, part, epoch, place and quantity, with how often it stands there and the last value.
type Found = BTreeMap<(String, String, usize, String, &'static str), (usize, f64)>;

fn facts(out: &Path) -> Found {
    let mut found = Found::new();
    let mut tell = |fact: Fact<'_>| {
        let Fact { of, epoch, percent, step, part, quantity, value } = fact;
        assert!(of.run == "it" && !of.method.is_empty());
        let place = format!("{percent:?} {step:?}");
        let count = found.entry((of.cell.into(), part.into(), epoch, place, quantity.name)).or_insert((0, value));
        *count = (count.0 + 1, value);
    };
    facts::read(out, "it", &mut tell).unwrap();
    found
}

fn copy(name: &str, to: &Path) -> PathBuf {
    fn all(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
            let to = to.join(entry.file_name());
            if entry.path().is_dir() { all(&entry.path(), &to) } else { _ = std::fs::copy(entry.path(), to).unwrap() }
        }
    }
    let to = to.join(name);
    all(&results(name), &to);
    to
}

fn error(out: &Path) -> String {
    facts::read(out, "it", &mut |_| {}).unwrap_err().to_string()
}

/// The page shows the programs that are run on the real libraries.
#[test]
fn the_programs_are_documented_as_they_are() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    for program in ["export/ratio_pandas.py", "export/ratio_polars.py"] {
        assert!(read("export.md").contains(&format!("```python\n{}```", read(program))), "{program}");
    }
}

#[test]
fn a_result_alone_says_what_it_measured() {
    let found = facts(&results("quick"));
    let text = std::fs::read_to_string(results("quick").join("result.json")).unwrap();
    let result = ExperimentResult::from_json(&text).unwrap();
    for point in &result.points {
        let cell = format!("lenet-{}-seed-{}", point.method, point.seed);
        let place = format!("{:?} None", Some(point.percent));
        let key = |quantity| (cell.clone(), String::new(), point.epoch, place.clone(), quantity);
        assert_eq!(found[&key("sgd-variance")], (1, point.sgd_variance));
        assert_eq!(found.get(&key("ratio")).map(|found| found.1), point.ratio);
    }
    let errors = found.keys().filter(|key| key.4 == "test-error").count();
    assert_eq!(errors, result.epochs.len());
    assert!(found.keys().all(|key| key.4 != "learning-rate"), "the rates of cells are not in a result");
}

/// Some cells may have logs and others only rows in the result; together they are all, and none twice.
#[test]
fn logs_and_results_make_one_table() {
    let folder = tempfile::tempdir().unwrap();
    let both = facts(&results("test-error-lenet"));
    let bare = copy("test-error-lenet", folder.path());
    std::fs::remove_dir_all(bare.join("cells/lenet-sgd-seed-3")).unwrap();
    let mixed = facts(&bare);
    assert!(
        both.iter().all(|(key, value)| { mixed.get(key).map_or(key.4 == "learning-rate", |found| found == value) })
    );
    std::fs::remove_dir_all(bare.join("cells")).unwrap();
    let alone = facts(&bare);
    assert!(both.values().all(|&(count, _)| count == 1));
    for (key, value) in &alone {
        assert_eq!(both.get(key), Some(value), "{key:?}");
    }
    let more: Vec<_> = both.keys().filter(|key| !alone.contains_key(key)).map(|key| key.4).collect();
    assert!(!more.is_empty() && more.iter().all(|&name| name == "learning-rate"), "{more:?}");
    assert_eq!(both[&("lenet-sgd-seed-3".into(), String::new(), 1, "Some(100.0) None".into(), "learning-rate")].1, 0.1);
    // Cells without a result.
    let logged = copy("test-error-lenet", &folder.path().join("logged"));
    std::fs::remove_file(logged.join("result.json")).unwrap();
    assert!(facts(&logged).iter().all(|(key, value)| both.get(key) == Some(value)));
    assert_eq!(facts(&logged).keys().filter(|key| key.4 == "test-error").count(), 12 * 250);
}

#[test]
fn a_run_under_way_has_facts_as_far_as_it_is() {
    let (settings, data, cells) = (settings(), data(), cells());
    let folder = tempfile::tempdir().unwrap();
    run(&settings, &data, &cells[1..2], folder.path(), &Stop::after(6)).unwrap_err();
    let part = facts(folder.path());
    run(&settings, &data, &cells[1..2], folder.path(), &Silent).unwrap();
    let whole = facts(folder.path());
    assert!(part.len() > 100 && part.len() < whole.len(), "{} of {}", part.len(), whole.len());
    assert!(part.iter().all(|(key, value)| key.4.ends_with("-time") || whole.get(key) == Some(value)));
    assert!(whole.keys().any(|key| key.4 == "tensor-ratio" && key.1 == "conv1.weight"));
    let csv = table(Format::Csv, &[("it".into(), folder.path().to_owned())]).unwrap();
    assert_eq!(csv.split(|&byte| byte == b'\n').count(), 2 + whole.len());
}

#[test]
fn what_is_damaged_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let nothing = folder.path().join("nothing");
    assert!(error(&nothing).contains("nothing` holds no run"));
    let out = copy("test-error-lenet", folder.path());
    let damage = |name: &str, text: &str, said: &[&str]| {
        let path = out.join(name);
        let before = std::fs::read(&path).unwrap();
        std::fs::write(&path, text).unwrap();
        let error = error(&out);
        assert!(error.contains(name) && said.iter().all(|part| error.contains(part)), "{error}");
        std::fs::write(&path, before).unwrap();
    };
    damage("result.json", "{\"experiment\": 3}", &["is damaged"]);
    damage("timing.json", "{\"columns\": [], \"rows\": [[1]]}", &["is damaged", "row 0"]);
    damage("cells/lenet-sgd-seed-1/metrics.jsonl", "{\"epoch\":", &["0 sound bytes"]);
    let settings = "cells/lenet-sgd-seed-1/settings.json";
    damage(settings, "{}", &["is damaged"]);
    let text = std::fs::read_to_string(out.join(settings)).unwrap();
    damage(
        settings,
        &text.replace("\"batch_size\": 128", "\"batch_size\": 0"),
        &["no example, or none in a minibatch"],
    );
    std::fs::write(out.join("tensors.json"), r#"[{"model": "a", "names": ["b"], "moments": []}]"#).unwrap();
    facts(&out);
    let torn = r#"[{"model": "a", "names": ["b"], "moments": [{"method": "c", "seed": 0, "epoch": 1, "percent": 0.0,
        "sgd_variance": [], "ratio": [], "optimal_coefficient": []}]}]"#;
    damage("tensors.json", torn, &["one value for each tensor"]);
}

#[cfg(unix)]
#[test]
fn no_link_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = folder.path().join("elsewhere");
    for name in ["result.json", "timing.json", "cells", "cells/lenet-sgd-seed-1/metrics.jsonl"] {
        let out = copy("test-error-lenet", folder.path());
        std::fs::rename(out.join(name), &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, out.join(name)).unwrap();
        assert!(error(&out).contains(name), "{name}: {}", error(&out));
        std::fs::remove_dir_all(&out).unwrap();
        if elsewhere.is_dir() { std::fs::remove_dir_all(&elsewhere) } else { std::fs::remove_file(&elsewhere) }
            .unwrap();
    }
}
