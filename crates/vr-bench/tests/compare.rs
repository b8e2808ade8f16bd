//! Committed runs beside each other.

use std::path::{Path, PathBuf};

use serde_json::json;
use vr_bench::compare::{compare, page, text};

fn runs(names: &[&str]) -> Vec<(String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/results");
    names.iter().map(|&name| (name.to_owned(), folder.join(name))).collect()
}

#[test]
fn what_differs_is_said_and_over_which_seeds() {
    let found = compare(&runs(&["locking-lenet", "locking-lenet-ten-seeds"])).unwrap();
    let setting = |key: &str| found.settings.iter().find(|setting| setting.key == key).unwrap();
    assert_eq!(setting("settings.seeds").values[0], Some(json!([0])));
    assert!(found.settings.iter().all(|setting| !setting.key.ends_with("batch_size")), "{:?}", found.settings);
    let made_with: Vec<&str> = found.made_with.iter().map(|setting| setting.key.as_str()).collect();
    assert!(made_with.contains(&"commit") && !made_with.contains(&"data.digest"), "{made_with:?}");
    assert!(made_with.iter().all(|key| !key.starts_with("settings") && *key != "experiment"), "{made_with:?}");
    let ratio = found.results.iter().find(|row| row.quantity.starts_with("variance ratio")).unwrap();
    let [one, ten] = [0, 1].map(|run| ratio.values[run].unwrap());
    assert_eq!((one.n, one.interval), (1, None));
    assert!(ten.n > 2 && ten.interval.is_some_and(|[low, high]| low < ten.mean && ten.mean < high));
    assert_eq!(ratio.differences[1].unwrap().of.n, 1);
    // By hand, of the seed that both have.
    let value = serde_json::to_value(&found).unwrap();
    assert_eq!(value["runs"][1]["run"], "locking-lenet-ten-seeds");
    assert!(value["results"][0]["values"].as_array().unwrap().len() == 2 && value.get("found").is_none());
}

/// One is finished; of the other only cells are there.
#[test]
fn a_run_under_way_is_compared_as_far_as_it_is() {
    let found = compare(&runs(&["test-error-lenet", "test-error-lenet-ten-seeds"])).unwrap();
    let row = found.results.iter().find(|row| row.values.iter().all(Option::is_some)).unwrap();
    assert!(row.differences[1].unwrap().of.n <= 4, "{row:?}");
}

#[test]
fn a_run_does_not_differ_from_itself() {
    let found = compare(&runs(&["quick", "quick"])).unwrap();
    assert!(found.settings.is_empty() && found.made_with.is_empty());
    let differences: Vec<_> = found.results.iter().filter_map(|row| row.differences[1]).collect();
    assert!(differences.len() > 5 && differences.iter().all(|difference| !difference.differs && difference.of.n == 4));
    assert!(text::results(&found).1.iter().all(|row| row.len() == 4 && !row.concat().contains('*')));
}

#[test]
fn the_page_shows_runs_over_each_other() {
    let found = compare(&runs(&["variance-ratio-lenet", "variance-ratio-lenet-250"])).unwrap();
    let html = page::html(&found).unwrap();
    for part in ["Settings that differ", "epochs", "at 33 % of an epoch", "variance-ratio-lenet-250"] {
        assert!(html.contains(part), "{part}");
    }
    let (heads, rows) = text::costs(&found);
    assert!(heads.len() == 6 && rows.iter().any(|row| row[0] == "variance-ratio-lenet-250" && row[2] == "250"));
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let with = |path: &Path| [runs(&["quick"]), vec![("it".into(), path.to_owned())]].concat();
    let error = |path: &Path| compare(&with(path)).unwrap_err().to_string();
    assert!(error(&folder.path().join("nothing")).contains("nothing` holds no run"));
    std::fs::write(folder.path().join("result.json"), "[]").unwrap();
    assert!(error(folder.path()).contains("result.json` is damaged"));
    std::fs::copy(runs(&["quick"])[0].1.join("result.json"), folder.path().join("result.json")).unwrap();
    std::fs::write(folder.path().join("manifest.json"), "{").unwrap();
    assert!(error(folder.path()).contains("manifest.json` is damaged"));
    #[cfg(unix)]
    {
        let path = folder.path().join("manifest.json");
        std::fs::rename(&path, folder.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &path).unwrap();
        assert!(error(folder.path()).contains("manifest.json"));
    }
}
