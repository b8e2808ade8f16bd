use super::*;
use crate::{SyntheticConfig, image_set::PICTURE_BYTES, synthetic};
use flate2::{Compression, write::GzEncoder};
use image::{ImageFormat, RgbImage};
use std::{fs, io::Cursor, path::PathBuf};

/// Red counts columns, green rows, blue is `blue`: exchanged axes or channels would show.
fn png(blue: u8, side: u32) -> Vec<u8> {
    let picture = RgbImage::from_fn(side, side, |x, y| image::Rgb([x as u8, 100 + y as u8, blue]));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

pub(crate) fn good() -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for (class, blue) in [("zebra", 200), ("ant", 10)] {
        for n in 0..6 {
            files.push((format!("pictures/train/{class}/{n}.png"), png(blue + n, 32)));
        }
        files.push((format!("pictures/test/{class}/0.PNG"), png(blue, 32)));
    }
    files
}

pub(crate) fn archive(path: &Path, files: &[(String, Vec<u8>)]) {
    let mut tar = tar::Builder::new(GzEncoder::new(fs::File::create(path).unwrap(), Compression::fast()));
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        // Written by hand: the library would refuse the paths that a hostile archive holds.
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append(&header, bytes.as_slice()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap();
}

fn import(files: &[(String, Vec<u8>)]) -> (tempfile::TempDir, PathBuf, Result<DatasetInfo, ImportError>) {
    let outer = tempfile::tempdir().unwrap();
    let from = outer.path().join("small.tar.gz");
    archive(&from, files);
    let dest = outer.path().join("set");
    let result = import_cifar10(&from, &dest, false);
    (outer, dest, result)
}

#[test]
fn pictures_arrive_with_axes_channels_and_labels_right() {
    let (_outer, dest, info) = import(&good());
    let set = cifar10::read(&dest).unwrap();
    assert_eq!(set.info(), info.unwrap());
    assert_eq!((set.name.as_str(), set.train.classes()), ("small", ["ant".to_owned(), "zebra".to_owned()].as_slice()));
    assert_eq!(set.train.class_counts(), [6, 6]);
    for index in 0..set.train.len() {
        let picture = set.train.picture(index);
        assert_eq!((picture[5 * 32 + 7], picture[1024 + 5 * 32 + 7]), (7, 105));
        assert_eq!(set.train.label(index) == 1, picture[PICTURE_BYTES - 1] >= 200);
    }
}

#[test]
fn a_folder_and_an_archive_in_any_order_give_the_same() {
    let (outer, dest, _) = import(&good());
    for (name, bytes) in good().into_iter().rev() {
        let path = outer.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let again = outer.path().join("again");
    let info = import_cifar10(outer.path().join("pictures"), &again, false).unwrap();
    assert_eq!(info.train, cifar10::read(&dest).unwrap().train.info());
}

#[test]
fn hostile_names_are_not_even_read() {
    let mut files = good();
    files.push(("../../train/ant/evil.png".into(), png(0, 32)));
    files.push(("/train/ant/evil.png".into(), png(0, 32)));
    let (outer, _, info) = import(&files);
    assert_eq!(info.unwrap().train.per_class, [6, 6]);
    assert_eq!(fs::read_dir(outer.path()).unwrap().count(), 2);
}

#[test]
fn faults_are_named_and_leave_nothing_behind() {
    let with = |name: &str, bytes: Vec<u8>| [good(), vec![(name.to_owned(), bytes)]].concat();
    for (files, expected) in [
        (with("train/ant/big.png", png(0, 33)), "picture `train/ant/big.png` is 33×33; 32×32 was expected"),
        (with("train/ant/bad.png", b"no picture".to_vec()), "`train/ant/bad.png` cannot be decoded"),
        (with("train/bee/0.png", png(0, 32)), "train/ has classes [ant, bee, zebra] and test/ [ant, zebra]"),
        (with("x/train/ant/0.png", png(0, 32)), "holds `train/ant/0.png` twice"),
        (with("train/ant/huge.png", vec![0; (1 << 20) + 1]), "has 1048577 bytes; at most 1048576"),
        (vec![("readme".into(), vec![])], "holds no picture set"),
        (with("cifar/data_batch_2.bin", vec![1; 100]), "lacks data_batch_1.bin, data_batch_3.bin"),
    ] {
        let (outer, dest, result) = import(&files);
        let error = result.unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("small.tar.gz"), "{error}");
        assert!(!dest.exists());
        assert_eq!(fs::read_dir(outer.path()).unwrap().count(), 1, "only the archive is left");
    }
}

#[test]
fn a_broken_archive_is_an_error() {
    let outer = tempfile::tempdir().unwrap();
    let from = outer.path().join("a.tar.gz");
    archive(&from, &good());
    let bytes = fs::read(&from).unwrap();
    for content in [&bytes[..bytes.len() / 2], b"not an archive"] {
        fs::write(&from, content).unwrap();
        let result = import_cifar10(&from, outer.path().join("set"), false);
        assert!(matches!(result, Err(ImportError::Io { .. })), "{result:?}");
    }
}

#[test]
fn existing_data_stays_unless_replaced() {
    let (outer, dest, first) = import(&good());
    let from = outer.path().join("small.tar.gz");
    assert!(import_cifar10(&from, &dest, false).unwrap_err().to_string().contains("exists already"));
    assert_eq!(import_cifar10(&from, &dest, true).unwrap(), first.unwrap());
    // A set of ours is itself a source.
    let copy = outer.path().join("copy");
    let set = synthetic(&SyntheticConfig { seed: 0, train: 20, test: 10 });
    let ours = outer.path().join("ours");
    cifar10::write(&ours, &set, false).unwrap();
    assert_eq!(import_cifar10(&ours, &copy, false).unwrap(), set.info());
}

/// All of CIFAR-10, where it lies beside the project.
#[test]
fn the_whole_of_cifar10() {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/cifar10-jpeg.tar.gz");
    if !from.exists() {
        #[expect(clippy::print_stderr, reason = "a skipped test says so")]
        {
            eprintln!("skipped: {} is absent", from.display());
        }
        return;
    }
    let outer = tempfile::tempdir().unwrap();
    let info = import_cifar10(&from, outer.path().join("set"), false).unwrap();
    assert_eq!(info.name, "CIFAR-10 (JPEG)");
    assert_eq!(info.classes, cifar10::CLASSES);
    assert_eq!((info.train.per_class, info.test.per_class), (vec![5000; 10], vec![1000; 10]));
    assert_eq!(cifar10::read(outer.path().join("set")).unwrap().info().train.digest, info.train.digest);
}
