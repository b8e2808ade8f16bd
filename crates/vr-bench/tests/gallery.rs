//! The gallery in the docs has every figure that there is, and says nothing of others.

use std::path::{Path, PathBuf};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

/// The parts of the gallery: heading and text.
fn parts() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(docs().join("gallery.md")).unwrap();
    let parts = text.split("\n## ").skip(1).map(|part| part.split_once('\n').unwrap());
    parts.map(|(heading, text)| (heading.to_owned(), text.to_owned())).collect()
}

#[test]
fn every_kind_of_figure_stands_in_the_gallery() {
    let code = include_str!("../src/figures/mod.rs");
    let kinds = code.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let mut kinds: Vec<String> = kinds.filter(|&kind| kind != "png").map(|kind| kind.replace('_', "-")).collect();
    let mut shown: Vec<String> = parts().into_iter().map(|(heading, _)| heading).collect();
    kinds.sort();
    shown.sort();
    assert_eq!(shown, kinds);
}

#[test]
fn pictures_are_of_runs_of_the_command_below_them() {
    let mut pictures = 0;
    for (heading, text) in parts() {
        let command = text.split("`cargo xtask ").nth(1).unwrap_or_else(|| panic!("{heading} has no command"));
        for target in text.split("](").skip(1).map(|link| link.split(')').next().unwrap()) {
            let picture = docs().join(target);
            assert!(picture.is_file(), "{heading}: {target}");
            let result = std::fs::read(picture.with_file_name("result.json")).unwrap();
            let result: serde_json::Value = serde_json::from_slice(&result).unwrap();
            let words = command.strip_prefix("repro ").unwrap_or(command);
            assert_eq!(words.split([' ', '`']).next(), result["experiment"].as_str(), "{heading}");
            pictures += 1;
        }
    }
    assert!(pictures > 10, "{pictures} pictures");
}

/// The committed figures are what their results draw today, but for those of single tensors, whose numbers are not committed.
#[test]
fn pictures_are_drawn_as_reports_draw_them() {
    let (mut drawn, mut missing) = (0, Vec::new());
    for folder in std::fs::read_dir(docs().join("results")).unwrap().map(|entry| entry.unwrap().path()) {
        if !folder.join("result.json").is_file() {
            continue;
        }
        let figures = vr_bench::experiments::figures(&folder).unwrap();
        for picture in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            if picture.extension().is_none_or(|kind| kind != "svg") || picture.ends_with("tensors.svg") {
                continue;
            }
            let name = picture.file_stem().unwrap().to_str().unwrap();
            match figures.iter().find(|(figure, _)| *figure == name) {
                Some((_, svg)) => {
                    let committed = std::fs::read_to_string(&picture).unwrap();
                    assert!(
                        committed == *svg,
                        "{}: `cargo xtask report RUN --figures RUN` draws it",
                        picture.display()
                    );
                    drawn += 1;
                }
                None => missing.push(picture),
            }
        }
    }
    assert!(missing.is_empty(), "no result draws {missing:?}");
    assert!(drawn > 30, "{drawn} pictures");
}
