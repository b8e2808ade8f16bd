//! An import on a disk that fails: afterwards the old set is there, or the new one, never a third.

use std::path::Path;

use flate2::{Compression, write::GzEncoder};
use image::RgbImage;
use vr_data::{cifar10, import_cifar10};
use vr_files::fault::{Fault, inject};

/// Class folders of plain pictures.
fn pictures(folder: &Path, shade: u8) {
    for (place, class) in ["ant", "zebra"].into_iter().enumerate() {
        for (part, count) in [("train", 5), ("test", 1)] {
            let folder = folder.join(part).join(class);
            std::fs::create_dir_all(&folder).unwrap();
            for n in 0..count {
                let colour = image::Rgb([shade, place as u8, n]);
                RgbImage::from_pixel(32, 32, colour).save(folder.join(format!("{n}.png"))).unwrap();
            }
        }
    }
}

/// The same pictures in an archive.
fn archive(folder: &Path) {
    let file = std::fs::File::create(folder.with_extension("tar.gz")).unwrap();
    let mut tar = tar::Builder::new(GzEncoder::new(file, Compression::fast()));
    tar.append_dir_all(".", folder).unwrap();
    tar.into_inner().unwrap().finish().unwrap();
}

/// The first red value of the set at `path`; `None` where nothing is.
fn found(path: &Path) -> Option<u8> {
    path.exists().then(|| cifar10::read(path).expect("what is visible is complete").train.pixels().unwrap()[0])
}

#[test]
fn whatever_operation_fails_a_set_is_whole_or_absent() {
    let sources = tempfile::tempdir().unwrap();
    pictures(&sources.path().join("old"), 10);
    pictures(&sources.path().join("new"), 20);
    archive(&sources.path().join("new"));
    let import =
        |source: &str, dest: &Path, replace| import_cifar10(sources.path().join(source), dest, replace).map(|_| ());
    let mut strikes = 0;
    for (kind, source) in [
        (Fault::Once as fn(u64) -> Fault, "new"),
        (Fault::Torn, "new"),
        (Fault::Once, "new.tar.gz"),
        (Fault::From, "new.tar.gz"),
    ] {
        for (n, replace) in (0..).flat_map(|n| [(n, false), (n, true)]) {
            let folder = tempfile::tempdir().unwrap();
            let dest = folder.path().join("set");
            let old = replace.then(|| import("old", &dest, false).unwrap()).map(|()| 10);
            let (outcome, struck) = inject(kind(n), || import(source, &dest, replace));
            // Where folders cannot be exchanged, a disk that dies between the two renames of a replacement
            // leaves the old set beside its place.
            let aside = || {
                let mut beside = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
                beside.any(|path| cifar10::read(&path).is_ok_and(|set| set.train.pixels().unwrap()[0] == 10))
            };
            match found(&dest) {
                Some(20) => {}
                left if left == old => assert!(outcome.is_err(), "{:?} was hushed up", kind(n)),
                None if !cfg!(target_os = "linux") => assert!(outcome.is_err() && aside(), "{:?}", kind(n)),
                left => panic!("{:?}: a third state, {left:?}", kind(n)),
            }
            if !struck && replace {
                outcome.unwrap();
                break;
            }
            strikes += usize::from(struck);
        }
    }
    assert!(strikes > 80, "{strikes}");
}
