//! The pages that are made from the committed results say what the results say.

use std::path::{Path, PathBuf};

use vr_bench::verdict::fill::fill;
use vr_bench::verdict::page::markdown;
use vr_bench::verdict::table::JudgedRun;

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

#[test]
fn pages_are_what_the_committed_runs_make_of_them() {
    let runs = JudgedRun::all(&docs().join("results")).unwrap();
    let page = std::fs::read_to_string(docs().join("reproduction.md")).unwrap();
    let verdicts = std::fs::read_to_string(docs().join("results/VERDICTS.md")).unwrap();
    let again = "`cargo xtask verdict docs/results --fill docs/reproduction.md` makes it anew";
    assert!(fill(&page, &runs).unwrap() == page, "docs/reproduction.md is older than the results: {again}");
    assert!(markdown(&runs) == verdicts, "docs/results/VERDICTS.md is older than the results: {again}");
}

/// Figures, runs and pages that are linked are there.
#[test]
fn links_lead_somewhere() {
    let page = std::fs::read_to_string(docs().join("reproduction.md")).unwrap();
    let targets = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let mut seen = 0;
    for target in targets.filter(|target| !target.starts_with("http")) {
        assert!(docs().join(target).exists(), "{target}");
        seen += 1;
    }
    assert!(seen > 10);
}
