//! The invariants of docs/architecture.md that a test can see.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which crates of the workspace each one may depend on.
const EDGES: [(&str, &[&str]); 11] = [
    ("vr-core", &[]),
    ("vr-cuda", &["vr-core", "vr-data", "vr-kernels", "vr-models", "vr-optim"]),
    ("vr-files", &[]),
    ("vr-data", &["vr-core", "vr-files"]),
    ("vr-kernels", &[]),
    ("vr-mpi", &["vr-core", "vr-optim", "vr-run"]),
    ("vr-models", &["vr-core", "vr-kernels"]),
    ("vr-optim", &["vr-core"]),
    ("vr-run", &["vr-core", "vr-files", "vr-optim"]),
    ("vr-bench", &["vr-core", "vr-cuda", "vr-data", "vr-files", "vr-kernels", "vr-models", "vr-optim", "vr-run"]),
    ("xtask", &["vr-bench", "vr-data", "vr-files", "vr-mpi", "vr-run"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every Rust source of the workspace, as (path from the root, text).
fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join("crates"), &mut found);
    walk(&root().join("xtask"), &mut found);
    found
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/"), text)
        })
        .collect()
}

/// The sources of the libraries, without their tests.
fn library_code() -> impl Iterator<Item = (String, String)> {
    sources().into_iter().filter(|(path, _)| path.starts_with("crates/") && path.contains("/src/")).map(
        |(path, text)| {
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            (path, code.join("\n"))
        },
    )
}

fn assert_absent(what: &[&str], allowed: fn(&str) -> bool, why: &str) {
    let found: Vec<String> = library_code()
        .filter(|(path, _)| !allowed(path) && !path.ends_with("tests.rs"))
        .filter(|(_, code)| what.iter().any(|what| code.contains(what)))
        .map(|(path, _)| path)
        .collect();
    assert!(found.is_empty(), "{why}: {found:?}");
}

#[test]
fn crates_depend_downwards_only() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut found = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        let mut inside: Vec<String> = dependencies
            .map(|d| d["name"].as_str().unwrap().to_owned())
            .filter(|name| name.starts_with("vr-") || name == "xtask")
            .collect();
        inside.sort();
        inside.dedup();
        found.insert(package["name"].as_str().unwrap().to_owned(), inside);
    }
    let allowed: BTreeMap<_, Vec<_>> =
        EDGES.iter().map(|(name, to)| (name.to_string(), to.iter().map(|s| s.to_string()).collect())).collect();
    for (name, inside) in &found {
        let allowed = allowed.get(name).unwrap_or_else(|| panic!("crate {name} is not on the map"));
        for to in inside {
            assert!(allowed.contains(to), "{name} may not depend on {to}");
        }
    }
    assert_eq!(found.len(), EDGES.len(), "the map names a crate that is not there");
}

#[test]
fn libraries_never_print() {
    assert_absent(&["println!", "print!(", "eprint!(", "dbg!("], |_| false, "libraries emit tracing instead");
}

#[test]
fn unsafe_code_stands_beside_kernels_alone() {
    let kernels = |path: &str| {
        ["crates/vr-kernels/", "crates/vr-cuda/src/host/", "crates/vr-cuda/src/cuda/"]
            .iter()
            .any(|at| path.starts_with(at))
    };
    let why = "unsafe code belongs in vr-kernels, and in vr-cuda where kernels are called";
    assert_absent(&["unsafe {", "unsafe fn", "unsafe impl"], kernels, why);
}

#[test]
fn final_files_appear_through_vr_files_alone() {
    // The part of a download grows in place, by design.
    let grows = |path: &str| path.starts_with("crates/vr-files/") || path.starts_with("crates/vr-data/src/fetch");
    assert_absent(&["fs::write(", "File::create(", "fs::rename("], grows, "use vr_files::write_atomic");
}

#[test]
fn the_core_does_no_io_and_reads_no_clock() {
    let elsewhere = |path: &str| !path.starts_with("crates/vr-core/");
    assert_absent(&["std::fs", "std::io", "std::net", "std::time", "std::env"], elsewhere, "vr-core is pure");
}

#[test]
fn files_stay_small() {
    let mut sizes: Vec<(usize, String)> =
        sources().into_iter().map(|(path, text)| (text.lines().count(), path)).collect();
    sizes.sort();
    let (largest, path) = sizes.last().unwrap();
    assert!(*largest <= 800, "{path} has {largest} lines");
    let median = sizes[sizes.len() / 2].0;
    assert!(median < 200, "the median file has {median} lines");
}

#[test]
fn versions_stand_in_the_workspace_table_alone() {
    for (name, _) in EDGES {
        let folder = if name == "xtask" { root().join(name) } else { root().join("crates").join(name) };
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let mut dependencies = false;
        let own: Vec<&str> = manifest
            .lines()
            .filter(|line| {
                if line.starts_with('[') {
                    dependencies = line.ends_with("dependencies]");
                }
                dependencies && !line.starts_with('[') && (line.contains("version = \"") || line.contains(" = \""))
            })
            .collect();
        assert!(own.is_empty(), "{name}: {own:?}");
    }
}
