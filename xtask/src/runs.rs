//! Which runs a path means.

use std::path::{Path, PathBuf};

use vr_bench::run_dir::RESULT;
use vr_run::run_folder::is_run;

/// The run at `path`, or the runs in that folder and in the folders of it, by path. Without any it is `path` itself, of
/// which an error can then be told. What cannot be listed holds none.
pub fn at(path: &Path) -> Vec<PathBuf> {
    all(path, is_run)
}

/// As [`at`], where a result on its own counts as a run: that is all there is of older ones.
pub fn with_results(path: &Path) -> Vec<PathBuf> {
    all(path, |path| is_run(path) || path.join(RESULT).symlink_metadata().is_ok())
}

/// The runs in a folder and in the folders of it, by path.
pub fn below(folder: &Path) -> Vec<PathBuf> {
    all_below(folder, is_run)
}

fn all(path: &Path, is_one: fn(&Path) -> bool) -> Vec<PathBuf> {
    let found = if is_one(path) { Vec::new() } else { all_below(path, is_one) };
    if found.is_empty() { vec![path.to_owned()] } else { found }
}

fn all_below(folder: &Path, is_one: fn(&Path) -> bool) -> Vec<PathBuf> {
    let runs = |path: PathBuf| if is_one(&path) { vec![path] } else { inside(&path) };
    inside(folder).into_iter().flat_map(runs).filter(|path| is_one(path)).collect()
}

fn inside(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    paths.sort();
    paths
}
