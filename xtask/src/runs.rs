//! Which runs a path means.

use std::path::{Path, PathBuf};

use vr_run::run_folder::is_run;

/// The run at `path`, or the runs in that folder and in the folders of it, by path. Without any it is `path` itself, of
/// which an error can then be told. What cannot be listed holds none.
pub fn at(path: &Path) -> Vec<PathBuf> {
    let found = if is_run(path) { Vec::new() } else { below(path) };
    if found.is_empty() { vec![path.to_owned()] } else { found }
}

/// The runs in a folder and in the folders of it, by path.
pub fn below(folder: &Path) -> Vec<PathBuf> {
    let runs = |path: PathBuf| if is_run(&path) { vec![path] } else { inside(&path) };
    inside(folder).into_iter().flat_map(runs).filter(|path| is_run(path)).collect()
}

fn inside(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    paths.sort();
    paths
}
