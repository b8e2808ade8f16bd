//! What a person meets at the command line when something is wrong.

use std::path::Path;
use std::process::{Command, Output};

use vr_bench::results::ExperimentResult;

fn xtask(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask")).args(arguments).output().unwrap()
}

#[track_caller]
fn check(arguments: &[&str], code: i32, expected: &[&str]) {
    let output = xtask(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for expected in expected {
        assert!(said.contains(expected), "`{expected}` is not in: {said}");
    }
}

#[test]
fn an_unknown_model_names_the_nearest() {
    check(&["repro", "quick", "--model", "lennet"], 2, &["lennet", "similar", "lenet", "densenet-40-36"]);
    check(&["repro", "quick", "--model", "resnet:deep=8"], 2, &["unknown option `deep`", "`depth`"]);
    check(&["bench", "step", "--model", "resnet:depth=9"], 2, &["a depth of 9 layers", "6n + 2"]);
}

#[test]
fn an_unknown_experiment_or_key_names_the_nearest() {
    check(&["repro", "quik"], 2, &["quik", "quick"]);
    check(&["repro", "quick", "--epoch", "2"], 2, &["--epoch", "--epochs"]);
}

#[test]
fn seeds_that_are_no_numbers_are_named() {
    check(&["repro", "quick", "--seeds", "0,x"], 1, &["`x`", "--seeds"]);
}

#[test]
#[cfg(not(feature = "mpi"))]
fn ranks_that_are_not_in_the_build_are_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let out = path.to_str().unwrap();
    check(&["repro", "quick", "--ranks", "--out", out], 1, &["--ranks is not in this build", "--features mpi"]);
    check(&["repro", "all", "--ranks", "--out", out], 1, &["--ranks takes one run at a time"]);
    check(&["repro", "quick", "--ranks", "--on", "slurm"], 2, &["--ranks", "--on"]);
    assert!(!path.exists());
}

#[test]
fn engines_that_cannot_be_had_are_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let out = path.to_str().unwrap();
    check(&["repro", "quick", "--engine", "gpu", "--out", out], 2, &["`gpu`", "`cuda:0`"]);
    // Without the feature that is said; with it a machine without a GPU says what is missing.
    let expected: &[&str] = if cfg!(feature = "cuda") { &["cuda:99"] } else { &["cuda:99", "cargo xtask-cuda"] };
    check(&["repro", "quick", "--device", "cuda:99", "--out", out], 1, expected);
    assert!(!path.exists());
}

#[test]
fn what_ranks_would_gain_is_told_for_every_network() {
    let output = xtask(&["bench", "ranks", "--ranks", "2", "--json"]);
    let rows = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<serde_json::Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(rows.iter().any(|row| row["model"] == "resnext101-32x8d" && row["gain"].as_f64().unwrap() < 2.0));
    check(&["bench", "ranks", "--gbit", "0"], 1, &["--gbit"]);
    check(&["bench", "ranks", "--latency=-1"], 1, &["--latency"]);
}

#[test]
fn what_cannot_be_run_leaves_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let out = path.to_str().unwrap();
    for (more, said) in [
        (["--seeds", "0,3,0"], "twice"),
        (["--train-size", "18446744073709551615"], "`train-size`"),
        (["--epochs", "0"], "--epochs"),
        (["--schedule-epochs", "18446744073709551615"], "`epochs`"),
        (["--model", "lenet:classes=2"], "take `lenet`"),
    ] {
        check(&[&["repro", "quick", "--out", out], &more[..]].concat(), 1, &[said]);
        assert!(!path.exists(), "{more:?}");
    }
}

#[test]
fn a_folder_without_the_data_names_the_files_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let out = folder.path().join("run");
    check(&["repro", "locking", "--data", path, "--out", out.to_str().unwrap()], 1, &["data_batch_1.bin", path]);
    assert!(!out.join("result.json").exists());
    check(&["data", "info", "cifar10", "--dir", path], 1, &["data_batch_1.bin"]);
}

#[test]
fn a_truncated_set_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    for n in 1..=5 {
        std::fs::write(folder.path().join(format!("data_batch_{n}.bin")), [0; 3073 * 2 - 1]).unwrap();
    }
    std::fs::write(folder.path().join("test_batch.bin"), [0; 3073]).unwrap();
    std::fs::write(
        folder.path().join("batches.meta.txt"),
        "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n",
    )
    .unwrap();
    check(&["data", "info", "cifar10", "--dir", folder.path().to_str().unwrap()], 1, &["data_batch_1.bin"]);
}

#[test]
fn an_output_that_cannot_be_written_is_found_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "mine").unwrap();
    let out = file.join("run");
    check(&["repro", "quick", "--out", out.to_str().unwrap()], 1, &[out.to_str().unwrap()]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
}

#[test]
fn a_folder_that_holds_something_else_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let result = folder.path().join("result.json");
    std::fs::write(&result, "{}").unwrap();
    check(&["repro", "quick", "--out", out], 1, &["already holds `result.json`", out]);
    assert_eq!(std::fs::read_to_string(&result).unwrap(), "{}");
    std::fs::write(folder.path().join("run.json"), r#"{"experiment": "locking", "settings": {}}"#).unwrap();
    for verb in ["resume", "verify", "status"] {
        check(&[verb, out], 1, &["run.json"]);
    }
    check(&["resume", "nowhere"], 1, &["`nowhere` holds no run"]);
}

/// A whole run in miniature: everything a run folder promises is there, and equal runs are equal.
#[test]
fn equal_runs_leave_equal_results() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str| {
        let out = folder.path().join(name);
        let arguments = [
            "repro",
            "quick",
            "--train-size",
            "40",
            "--batch-size",
            "16",
            "--epochs",
            "2",
            "--every",
            "1",
            "--seeds",
            "0",
        ];
        let output = xtask(&[&arguments[..], &["--out", out.to_str().unwrap()]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        out
    };
    let (first, second) = (run("first"), run("second"));
    for file in ["result.json", "metrics.jsonl", "figures/locking.svg"] {
        let read = |run: &Path| std::fs::read(run.join(file)).unwrap();
        assert!(read(&first) == read(&second), "{file} differs");
    }
    for file in ["manifest.json", "timing.json", "report.html", "figures/locking.png", "figures/bn-reset.png"] {
        assert!(first.join(file).metadata().unwrap().len() > 100, "{file}");
    }
    let text = std::fs::read_to_string(first.join("result.json")).unwrap();
    let result = ExperimentResult::from_json(&text).unwrap();
    assert_eq!(result.points.len(), 2 * 2 * 5);
    assert!(result.points.iter().all(|point| point.ratio.is_some()));
    assert!(result.epochs.len() == 2 * 4 && result.epochs.iter().all(|epoch| epoch.test_loss.is_finite()));
    assert!(text.lines().any(|line| line.contains(r#""svrg-locked""#)), "a row is a line");
}

/// A figure with nothing to draw is left out; the numbers are there.
#[test]
fn what_cannot_be_drawn_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let small = ["--train-size", "40", "--batch-size", "10", "--epochs", "1"];
    for (experiment, more, code, said) in [
        ("test-error", ["--learning-rate", "1e30"], 3, "diverged"),
        ("geometry", ["--every", "2"], 0, "nothing to draw"),
    ] {
        let out = folder.path().join(experiment);
        let arguments = [&["repro", experiment, "--model", "lenet", "--out", out.to_str().unwrap()], &small[..], &more];
        check(&arguments.concat(), code, &[said]);
        assert!(out.join("result.json").exists() && out.join("report.html").exists(), "{experiment}");
    }
}

/// The limit is 0, so all tables are in files; what the run needs is said before its first epoch.
#[test]
fn a_table_in_a_file_changes_nothing_but_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, limit: &[&str]| {
        let out = folder.path().join(name);
        let arguments = ["repro", "locking", "--train-size", "40", "--batch-size", "16", "--epochs", "1"];
        let output = xtask(&[&arguments[..], &["--out", out.to_str().unwrap()], limit].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8_lossy(&output.stdout).lines().next().unwrap().to_owned();
        (said, std::fs::read(out.join("result.json")).unwrap())
    };
    let (memory, file) = (run("memory", &[]), run("file", &["--table-limit", "0"]));
    assert!(memory.0.contains("MiB of memory") && !memory.0.contains("disk"), "{}", memory.0);
    assert!(file.0.contains("0.7 MiB of disk for the table"), "{}", file.0);
    assert!(memory.1 == file.1);
    assert!(run("bf16", &["--bf16-tables"]).1 != memory.1);
}

#[test]
fn runs_are_exported_whole_or_not_at_all() {
    let results = |name: &str| format!("{}/../docs/results/{name}", env!("CARGO_MANIFEST_DIR"));
    let quick = results("quick");
    let output = xtask(&["export", &quick, "--format", "csv"]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && printed.starts_with("run,cell,model,"), "{printed}");
    assert!(printed.lines().skip(1).all(|line| line.starts_with(&quick)) && printed.lines().count() > 500);

    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let file = path("table");
    // A folder of runs.
    for format in ["csv", "json", "parquet"] {
        check(&["export", &results(""), "--format", format, "--out", &file], 0, &[]);
        assert!(std::fs::metadata(&file).unwrap().len() > 100_000, "{format}");
        std::fs::remove_file(&file).unwrap();
    }
    std::fs::create_dir(path("torn")).unwrap();
    std::fs::write(path("torn/result.json"), "{\"experiment\": ").unwrap();
    check(&["export", &quick, &path("torn"), "--format", "csv", "--out", &file], 1, &["torn/result.json` is damaged"]);
    check(&["export", &path("nowhere"), "--format", "csv"], 1, &["nowhere` holds no run"]);
    check(&["export", &quick, "--format", "parquet"], 1, &["--out"]);
    check(&["export", &quick, "--format", "xlsx"], 2, &["xlsx", "parquet"]);
    assert!(!Path::new(&file).exists());
}

#[test]
fn runs_are_compared_as_tables_and_as_a_page() {
    let results = |name: &str| format!("{}/../docs/results/{name}", env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    let two = ["locking-lenet", "locking-lenet-20000"].map(results);
    let output = xtask(&["compare", &two[0], &two[1], "--html", page.to_str().unwrap()]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && printed.contains("settings.train_size"), "{printed}");
    assert!(std::fs::read_to_string(&page).unwrap().contains("<svg"));
    check(&["compare", &two[0]], 1, &["1 run", "two at least"]);
}

#[test]
fn a_verdict_that_turned_fails_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let results = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/results/locking-lenet");
    let judge = ["verdict", results, "--out", &path("")];
    assert!(xtask(&judge).status.success());
    let table = std::fs::read_to_string(path("VERDICTS.md")).unwrap();
    assert!(
        table.contains("### C2-start") && table.contains("**check passed**") && table.contains("**one run, for**"),
        "{table}"
    );

    let verdicts = std::fs::read_to_string(path("verdicts.json")).unwrap();
    let expect = |text: &str, code: i32, said: &[&str]| {
        std::fs::write(path("expected.json"), text).unwrap();
        check(&[&judge[..], &["--expect", &path("expected.json")]].concat(), code, said);
    };
    expect(&verdicts, 0, &[]);
    expect(&verdicts.replacen("passed", "undecided", 1), 0, &[]);
    expect(&verdicts.replacen("passed", "failed", 1), 1, &["C2-start", "was check failed", "is check passed"]);
    expect("{}", 1, &["expected.json", "verdicts.json"]);
    check(&["verdict", &path("nowhere")], 1, &["nowhere"]);
}
