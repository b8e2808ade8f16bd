//! Imports of ImageNet and of folders of classes against hostile input, and on a disk that fails.

#[path = "hostile/mod.rs"]
#[expect(dead_code, reason = "shared with the hostile sets of CIFAR's kind")]
mod hostile;

use hostile::{Random, file, gzip, picture, tar};
use image::ImageFormat;
use std::{fs, path::Path};
use tar::EntryType;
use vr_data::{ImagenetOptions, ImportError, Part, decode, image_folder, import_imagenet, picture_list};
use vr_files::fault::{Fault, inject};

fn import(from: &Path, dest: &Path, replace: bool) -> Result<vr_data::Imported, ImportError> {
    import_imagenet(from, dest, ImagenetOptions { replace, unchecked: true }, &mut |_, _| ())
}

/// Imports an archive of this content.
fn load(content: &[u8]) -> Result<vr_data::Imported, ImportError> {
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("set.tar");
    fs::write(&from, content).unwrap();
    let imported = import(&from, &folder.path().join("set"), false);
    assert_eq!(folder.path().join("set").exists(), imported.is_ok(), "whole or not at all");
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 1 + usize::from(imported.is_ok()), "nothing else is left behind");
    imported
}

fn good() -> Vec<hostile::File> {
    ["train/a/0.JPEG", "train/b/1.JPEG", "val/a/0.JPEG", "val/b/0.JPEG"]
        .map(|name| file(name, picture(ImageFormat::Jpeg, 24)))
        .into()
}

fn with(more: hostile::File) -> Vec<u8> {
    tar(&[good(), vec![more]].concat())
}

#[test]
fn names_lead_nowhere_and_what_is_no_file_is_not_followed() {
    assert_eq!(load(&tar(&good())).unwrap().info.train.pictures, 2);
    for name in ["../train/a/evil.JPEG", "train/../train/a/evil.JPEG", "/train/a/evil.JPEG"] {
        let imported = load(&with(file(name, Vec::new()))).unwrap();
        assert_eq!((imported.info.train.pictures, imported.passed_over[0].count), (2, 1), "{name}");
    }
    for kind in [EntryType::Symlink, EntryType::Link, EntryType::Fifo, EntryType::Char, EntryType::GNUSparse] {
        let error = load(&with((kind, b"train/a/evil.JPEG".to_vec(), Vec::new()))).unwrap_err();
        assert!(matches!(error, ImportError::NotPlain { .. }), "{error}");
    }
    let error = load(&with(file("train/a/two\nlines.JPEG", Vec::new()))).unwrap_err();
    assert!(matches!(error, ImportError::Misplaced { .. }), "{error}");
}

#[test]
fn sizes_are_bounded_and_lies_about_them_refused() {
    for size in [(64 << 20) + 1, 1 << 40, u64::MAX >> 1] {
        let mut tar = tar(&good());
        let header: &mut [u8; 512] = (&mut tar[..512]).try_into().unwrap();
        let mut vast = tar::Header::from_byte_slice(header).clone();
        vast.set_size(size);
        vast.set_cksum();
        header.copy_from_slice(vast.as_bytes());
        assert!(matches!(load(&tar).unwrap_err(), ImportError::TooLarge { .. }), "{size}");
    }
    let bomb = gzip(&with(file("notes", vec![0; 64 << 20])));
    assert!(bomb.len() < 1 << 20);
    assert!(matches!(load(&bomb).unwrap_err(), ImportError::Bomb { .. }));
    let whole = gzip(&tar(&good()));
    for len in (0..whole.len()).step_by(13) {
        assert!(load(&whole[..len]).is_err(), "{len} of {} bytes", whole.len());
    }
}

#[test]
fn a_thousand_changed_archives_never_panic() {
    let mut read = 0;
    for input in 0..1000 {
        let mut random = Random::new(7, input);
        let mut files = good();
        let mut content = if random.below(2) == 0 {
            let hit = random.below(files.len());
            random.mutate(&mut files[hit].2);
            tar(&files)
        } else {
            let mut content = tar(&files);
            random.mutate(&mut content);
            content
        };
        if random.below(3) == 0 {
            content = gzip(&content);
        }
        read += usize::from(load(&content).is_ok());
    }
    assert!((100..900).contains(&read), "{read}: the changes do too little or too much");
}

/// Pictures that are decoded in part go by another header than their own.
#[test]
fn two_thousand_changed_pictures_are_decoded_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (_, name, content) in good() {
        let path = folder.path().join(String::from_utf8(name).unwrap());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let mut read = 0;
    for input in 0..2000 {
        let mut content = picture(ImageFormat::Jpeg, 24);
        Random::new(8, input).mutate(&mut content);
        let whole = decode(&content);
        fs::write(folder.path().join("train/a/0.JPEG"), &content).unwrap();
        let set = image_folder(folder.path()).unwrap().set.train;
        let part = |size: [usize; 2]| Part { corner: [0, 0], size: [size[0].div_ceil(3), size[1]], to: [5, 5] };
        match (whole, set.part(0, |size| Some(part(size)))) {
            (Ok(_), Ok(found)) => {
                assert_eq!(found.shape(), [3, 5, 5]);
                read += 1;
            }
            // Where the damage lies below the part, it is not met.
            (Err(_), _) => {}
            (Ok(_), Err(error)) => panic!("input {input}: {error}"),
        }
    }
    assert!((200..1900).contains(&read), "{read}");
}

#[cfg(unix)]
#[test]
fn links_pipes_and_unreadable_files_of_a_folder_are_named() {
    use std::os::unix::fs::symlink;
    let set = |change: &dyn Fn(&Path)| {
        let folder = tempfile::tempdir().unwrap();
        for (_, name, content) in good() {
            let path = folder.path().join("from").join(String::from_utf8(name).unwrap());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        change(&folder.path().join("from"));
        import(&folder.path().join("from"), &folder.path().join("set"), false).map(|imported| imported.info)
    };
    assert_eq!(set(&|_| ()).unwrap().train.pictures, 2);
    let refused = |result| matches!(result, Err(ImportError::NotPlain { .. }));
    assert!(refused(set(&|root| symlink("/dev/zero", root.join("train/a/endless.JPEG")).unwrap())));
    assert!(refused(set(&|root| symlink("/", root.join("train/c")).unwrap())));
    assert!(refused(set(&|root| {
        assert!(std::process::Command::new("mkfifo").arg(root.join("val/a/pipe.JPEG")).status().unwrap().success());
    })));
    // A pipe in an archive's place.
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("ILSVRC2012_img_train.tar");
    assert!(std::process::Command::new("mkfifo").arg(&archive).status().unwrap().success());
    assert!(matches!(import(folder.path(), &folder.path().join("set"), false), Err(ImportError::Nothing { .. })));
    let dest = folder.path().join("set");
    let missing = import(&folder.path().join("nowhere"), &dest, false).unwrap_err();
    assert!(missing.to_string().contains("nowhere"), "{missing}");
}

/// Pictures of the set at `path`; `None` where nothing is.
fn found(path: &Path) -> Option<usize> {
    path.exists().then(|| {
        let set = picture_list::open(path).expect("what is visible is complete");
        (0..set.train.len()).for_each(|index| drop(set.train.picture(index).unwrap()));
        set.train.len()
    })
}

#[test]
fn whatever_operation_fails_a_list_is_whole_or_absent() {
    let sources = tempfile::tempdir().unwrap();
    let packed = |name: &str, files: &[hostile::File]| {
        let path = sources.path().join(name);
        fs::write(&path, gzip(&tar(files))).unwrap();
        path
    };
    let old = packed("old.tgz", &good());
    let new = packed("new.tgz", &[good(), vec![file("train/a/1.JPEG", picture(ImageFormat::Jpeg, 9))]].concat());
    let mut strikes = 0;
    for kind in [Fault::Once as fn(u64) -> Fault, Fault::From, Fault::Torn] {
        for (n, replace) in (0..).flat_map(|n| [(n, false), (n, true)]) {
            let folder = tempfile::tempdir().unwrap();
            let dest = folder.path().join("set");
            let before =
                replace.then(|| import(&old, &dest, false).unwrap()).map(|imported| imported.info.train.pictures);
            let (outcome, struck) = inject(kind(n), || import(&new, &dest, replace));
            match found(&dest) {
                Some(3) => {}
                left if left == before => assert!(outcome.is_err(), "{:?} was hushed up", kind(n)),
                None if !cfg!(target_os = "linux") => assert!(outcome.is_err()),
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
