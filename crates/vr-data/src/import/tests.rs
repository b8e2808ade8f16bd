use super::*;
use crate::{SyntheticConfig, cifar10::PICTURE_BYTES, synthetic};
use flate2::{Compression, write::GzEncoder};
use image::{ImageFormat, RgbImage};
use std::{fs, io::Cursor, path::PathBuf};

/// Red counts columns, green rows, blue is `blue`: exchanged axes or channels would show.
pub(crate) fn png(blue: u8, side: u32) -> Vec<u8> {
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

fn import(files: &[(String, Vec<u8>)]) -> (tempfile::TempDir, PathBuf, Result<Imported, ImportError>) {
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
    assert_eq!(set.info(), info.unwrap().info);
    assert_eq!((set.name.as_str(), set.train.classes()), ("small", ["ant".to_owned(), "zebra".to_owned()].as_slice()));
    assert_eq!(set.train.class_counts(), [6, 6]);
    for index in 0..set.train.len() {
        let picture = set.train.picture(index).unwrap();
        let picture = picture.bytes();
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
    assert_eq!(info.info.train, cifar10::read(&dest).unwrap().train.info());
}

#[test]
fn hostile_names_are_not_even_read() {
    let mut files = good();
    files.push(("../../train/ant/evil.png".into(), png(0, 32)));
    files.push(("/train/ant/evil.png".into(), png(0, 32)));
    let (outer, _, info) = import(&files);
    let info = info.unwrap();
    assert_eq!(info.info.train.per_class, [6, 6]);
    assert_eq!((info.passed_over.len(), info.passed_over[0].count), (1, 2));
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

/// The same files in a folder and in an archive.
fn both(files: &[(String, Vec<u8>)], check: impl Fn(Result<Loaded, ImportError>)) {
    let outer = tempfile::tempdir().unwrap();
    let from = outer.path().join("small.tar.gz");
    archive(&from, files);
    check(load(&from));
    for (name, bytes) in files {
        let path = outer.path().join("folder").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    check(load(outer.path().join("folder/pictures")));
}

#[test]
fn what_is_no_picture_is_counted_and_listed() {
    let mut files = good();
    for name in [
        "train/.ipynb_checkpoints/0-checkpoint.png",
        "train/ant/._0.png",
        "train/ant/.DS_Store",
        "train/ant/notes.txt",
        "train/notes.txt",
        "val/ant/0.png",
        "README",
    ] {
        files.push((format!("pictures/{name}"), b"no picture".to_vec()));
    }
    both(&files, |loaded| {
        let Loaded { set, passed_over } = loaded.unwrap();
        assert_eq!((set.train.classes(), set.train.len()), (&["ant".to_owned(), "zebra".to_owned()][..], 12));
        let counts: Vec<_> = passed_over.iter().map(|group| (group.reason.as_str(), group.examples.len())).collect();
        let [(hidden, 2..=3), (no_picture, 1), (outside, 2..=3)] = counts[..] else { panic!("{counts:?}") };
        assert_eq!([hidden, no_picture, outside], [place::HIDDEN, place::NO_PICTURE, place::Splits::TEST.outside]);
    });
}

#[test]
fn a_picture_or_class_that_would_be_left_out_is_refused() {
    for (name, expected) in [
        ("train/ant/9.gif", "pictures of this kind are not read"),
        ("train/ant/9.TIFF", "pictures of this kind are not read"),
        ("train/ant/young/9.png", "pictures lie directly in"),
        ("train/9.png", "pictures lie directly in"),
        ("train/bee/notes.txt", "train/bee/ holds no picture"),
        ("test/bee/notes.txt", "test/bee/ holds no picture"),
    ] {
        both(&[good(), vec![(format!("pictures/{name}"), vec![])]].concat(), |loaded| {
            let error = loaded.unwrap_err().to_string();
            assert!(error.contains(expected), "{name}: {error}");
        });
    }
}

/// JPEG data under a name that says PNG.
#[test]
fn the_content_says_whether_there_was_loss() {
    let mut jpeg = Cursor::new(Vec::new());
    RgbImage::new(32, 32).write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
    for (content, name) in [(png(0, 32), "CIFAR-10 (PNG)"), (jpeg.into_inner(), "CIFAR-10 (JPEG)")] {
        let files: Vec<_> = (cifar10::CLASSES.iter())
            .flat_map(|class| {
                ["train", "test"].map(|split| (format!("pictures/{split}/{class}/0.png"), content.clone()))
            })
            .collect();
        both(&files, |loaded| assert_eq!(loaded.unwrap().set.name, name));
    }
}

#[test]
fn a_picture_that_is_cut_off_is_refused() {
    let mut jpeg = Cursor::new(Vec::new());
    let noise = RgbImage::from_fn(32, 32, |x, y| image::Rgb([x as u8 * 7, y as u8 * 5, (x * y) as u8]));
    noise.write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
    let jpeg = jpeg.into_inner();
    for len in (0..jpeg.len()).step_by(9) {
        let files = [good(), vec![("pictures/train/ant/9.jpg".into(), jpeg[..len].to_vec())]].concat();
        let outer = tempfile::tempdir().unwrap();
        let from = outer.path().join("small.tar.gz");
        archive(&from, &files);
        assert!(matches!(load(&from), Err(ImportError::Decode { .. })), "{len} of {}", jpeg.len());
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
    assert_eq!(import_cifar10(&ours, &copy, false).unwrap().info, set.info());
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
    let Imported { info, passed_over } = import_cifar10(&from, outer.path().join("set"), false).unwrap();
    assert_eq!(passed_over, []);
    assert_eq!(info.name, "CIFAR-10 (JPEG)");
    // Results name their data by these digests.
    assert_eq!(info.train.digest, "e75cb506a7dbc6d70a6786486ea4ec72f98ecbe6e9aa51d9746aa7ec44607495");
    assert_eq!(info.test.digest, "0b0b52e134e99d12d1cefc68172d71c237313e70b200ad9e042c274b814162fa");
    assert_eq!(info.classes, cifar10::CLASSES);
    assert_eq!((info.train.per_class, info.test.per_class), (vec![5000; 10], vec![1000; 10]));
    assert_eq!(cifar10::read(outer.path().join("set")).unwrap().info().train.digest, info.train.digest);
}
