//! Untouched pictures of ImageNet: all of them are decoded, and eleven are what Pillow makes of them.
//!
//! They are nobody's to hand on, so they lie beside the project or where `VR_IMAGENET_ORIGINALS` says; without them the test
//! says that it is skipped, and `pillow.rs` holds the same on drawn pictures.

#![expect(clippy::print_stderr, reason = "a skipped test says so, and a measurement is shown")]

use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};
use vr_core::{Key, Stream};
use vr_data::{CentreCrop, DecodeError, Draws, Part, Picture, Resize, Step, decode};

#[derive(Deserialize)]
struct Golden {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    source: String,
    width: usize,
    height: usize,
    crops_to_224: Vec<Crop>,
}

#[derive(Deserialize)]
struct Crop {
    top: usize,
    left: usize,
    height: usize,
    width: usize,
    png: String,
}

/// The archive's files, by their paths.
fn files() -> Option<BTreeMap<String, Vec<u8>>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/imagenet-originals.tar.gz");
    let path = std::env::var_os("VR_IMAGENET_ORIGINALS").map_or(beside, PathBuf::from);
    if !path.exists() {
        eprintln!("skipped: {} is absent; VR_IMAGENET_ORIGINALS may name it", path.display());
        return None;
    }
    let mut archive = tar::Archive::new(MultiGzDecoder::new(File::open(path).unwrap()));
    let files = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_string_lossy().trim_start_matches("./").to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (name, bytes)
    });
    Some(files.filter(|(_, bytes)| !bytes.is_empty()).collect())
}

/// Mean and greatest difference.
fn apart(a: &Picture<'_>, b: &Picture<'_>) -> (f64, u8) {
    assert_eq!(a.shape(), b.shape());
    let apart = || a.bytes().iter().zip(b.bytes()).map(|(a, b)| a.abs_diff(*b));
    (apart().map(f64::from).sum::<f64>() / a.bytes().len() as f64, apart().max().unwrap())
}

#[test]
fn every_picture_loads() {
    let Some(files) = files() else { return };
    let list = String::from_utf8(files["originals/LIST.tsv"].clone()).unwrap();
    let rows: Vec<Vec<&str>> = list.lines().skip(1).map(|line| line.split('\t').collect()).collect();
    assert_eq!(rows.len(), 59);
    for row in rows {
        let picture = decode(&files[&format!("originals/{}", row[0])]).unwrap_or_else(|e| panic!("{}: {e}", row[0]));
        // As it lies in the file, whatever the orientation says.
        assert_eq!(picture.shape(), [3, row[3].parse().unwrap(), row[2].parse().unwrap()], "{}", row[0]);
        let [_, height, width] = picture.shape();
        let planes: Vec<&[u8]> = picture.bytes().chunks_exact(height * width).collect();
        assert_eq!(planes[0] == planes[1] && planes[1] == planes[2], row[4] == "1", "{}", row[0]);
    }
}

/// The decoders round differently and fill in colours between samples differently: up to 6 of 255 in whole pictures.
/// Resampling, which gives Pillow's bytes for equal bytes, averages most of that away.
#[test]
fn pictures_are_pillows() {
    let Some(files) = files() else { return };
    let golden: Golden = serde_json::from_slice(&files["golden/golden.json"]).unwrap();
    assert_eq!(golden.items.len(), 11);
    let (mut worst_mean, mut worst) = (0.0_f64, 0);
    for Item { source, width, height, crops_to_224 } in golden.items {
        let picture = decode(&files[&format!("originals/{source}")]).unwrap();
        assert_eq!(picture.shape(), [3, height, width]);
        let mut hold = |found: &Picture<'_>, png: &str| {
            let (mean, most) = apart(found, &decode(&files[&format!("golden/{png}")]).unwrap());
            assert!(mean < 0.4 && most <= 5, "{png}: mean {mean}, at most {most}");
            (worst_mean, worst) = (worst_mean.max(mean), worst.max(most));
        };
        for Crop { top, left, height, width, png } in crops_to_224 {
            let part = Part { corner: [top, left], size: [height, width], to: [224, 224] };
            hold(&picture.resampled(part).unwrap(), &png);
        }
        let draws = Draws { key: Key::new(0, Stream::User), sample: 0 };
        let resized = Resize { shorter: 256 }.apply(picture, draws).unwrap();
        hold(&CentreCrop { side: 224 }.apply(resized, draws).unwrap(), &source.replace(".JPEG", ".val224.png"));
    }
    eprintln!("mean difference {worst_mean:.3} at most, single difference {worst} at most");
}

#[test]
fn odd_files_are_read_or_refused() {
    let Some(files) = files() else { return };
    let (mean, most) = {
        let cmyk = decode(&files["golden/made_cmyk.JPEG"]).unwrap();
        apart(&cmyk, &decode(&files["golden/made_cmyk.full.png"]).unwrap())
    };
    assert!(mean < 0.6 && most <= 6, "mean {mean}, at most {most}");
    assert!(decode(&files["golden/made_png_inside.JPEG"]).is_ok());
    assert!(decode(&files["golden/made_corrupt_exif.JPEG"]).is_ok());
    assert!(matches!(decode(&files["golden/made_truncated.JPEG"]), Err(DecodeError::Truncated)));
}
