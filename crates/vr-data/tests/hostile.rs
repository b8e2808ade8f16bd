//! Readers of data against hostile input: a corpus of known attacks, and changes by the thousand.

#[path = "hostile/mod.rs"]
mod hostile;

use hostile::{READ, Random, archive, check_archive, check_records, file, good, gzip, picture, records, tar};
use image::ImageFormat;
use std::{fs, path::Path};
use tar::EntryType;
use vr_data::{CifarError, ImportError, cifar10, import, import_cifar10};

fn with(more: hostile::File) -> Vec<u8> {
    let mut files = good();
    files.push(more);
    gzip(&tar(&files))
}

fn load(bytes: &[u8]) -> Result<import::Loaded, ImportError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set.tar.gz");
    fs::write(&path, bytes).unwrap();
    import::load(&path)
}

#[test]
fn a_good_archive_is_read() {
    let loaded = load(&gzip(&tar(&good()))).unwrap();
    assert_eq!((loaded.set.train.len(), loaded.passed_over.len()), (2, 0));
}

/// Names that lead out of the archive are passed over, and counted.
#[test]
fn paths_lead_nowhere() {
    let png = || picture(ImageFormat::Png, 32);
    for name in ["../train/a/evil.png", "train/../train/a/evil.png", "/train/a/evil.png"] {
        let loaded = load(&with(file(name, png()))).unwrap();
        assert_eq!(loaded.set.train.len(), 2, "{name}");
        let [passed_over] = &loaded.passed_over[..] else { panic!("{:?}", loaded.passed_over) };
        assert_eq!((passed_over.count, &passed_over.examples[..]), (1, &[name.to_owned()][..]));
    }
}

/// A picture that is not read is never left out without a word.
#[test]
fn pictures_that_are_none_are_refused() {
    let kinds = [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Fifo,
        EntryType::Char,
        EntryType::Block,
        EntryType::Directory,
        EntryType::GNUSparse,
    ];
    for kind in kinds {
        for name in ["train/a/evil.png", "test/a/evil.JPEG"] {
            let error = load(&with((kind, name.into(), Vec::new()))).unwrap_err();
            assert!(matches!(&error, ImportError::NotPlain { path } if path.ends_with(name)), "{kind:?} {error}");
        }
        if kind != EntryType::Directory {
            let loaded = load(&with((kind, b"docs/evil".to_vec(), Vec::new()))).unwrap();
            assert_eq!(loaded.passed_over[0].count, 1);
        }
    }
    let error = load(&with((EntryType::Regular, b"train/a/\xff\xfe.png".to_vec(), picture(ImageFormat::Png, 32))));
    assert!(error.unwrap_err().to_string().contains("UTF-8"));
}

/// A long name of a tar archive: in an entry of its own before the member.
fn named(kind: EntryType, header: Vec<u8>, content: Vec<u8>) -> Vec<u8> {
    let mut files = good();
    files.push((kind, b"././@LongLink".to_vec(), header));
    files.push((EntryType::Regular, b"train/a/short.png".to_vec(), content));
    let mut tar = tar(&files);
    // What links, and these, have in common in the making of an archive.
    tar.truncate(tar.len() / 512 * 512);
    gzip(&tar)
}

fn pax(key: &str, value: &str) -> Vec<u8> {
    let record = |len: usize| format!("{len} {key}={value}\n");
    let mut len = 0;
    while record(len).len() != len {
        len = record(len).len();
    }
    record(len).into_bytes()
}

#[test]
fn long_names_are_read() {
    let name = format!("{}/train/a/long.png", "d".repeat(300));
    let png = || picture(ImageFormat::Png, 32);
    let gnu = [name.as_bytes(), b"\0"].concat();
    for (kind, header) in [(EntryType::GNULongName, gnu), (EntryType::XHeader, pax("path", &name))] {
        let loaded = load(&named(kind, header, png())).unwrap();
        assert_eq!(loaded.set.train.class_counts(), [2, 1], "{kind:?}");
    }
    let global = load(&named(EntryType::XGlobalHeader, pax("comment", "0123"), png())).unwrap();
    assert_eq!(global.set.train.class_counts(), [2, 1]);
    let size = load(&named(EntryType::XHeader, pax("size", "7"), png()));
    assert!(size.unwrap_err().to_string().contains("a size of its own"));
}

/// A megabyte of zeros packs into a kilobyte: names are bounded before they are read.
#[test]
fn long_names_are_bounded() {
    for kind in [EntryType::GNULongName, EntryType::GNULongLink, EntryType::XHeader, EntryType::XGlobalHeader] {
        let error = load(&named(kind, vec![b'a'; 1 << 20], Vec::new())).unwrap_err();
        assert!(error.to_string().contains("a header of 1048576 bytes; at most 65536"), "{kind:?}: {error}");
    }
}

/// A colour profile of 64 MiB in 64 kB: the picture is read without it, within its bound.
#[test]
fn a_packed_profile_is_not_unpacked_beyond_the_bound() {
    let png = picture(ImageFormat::Png, 32);
    let mut profile = b"icc\0\0".to_vec();
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut zlib, &vec![0; 64 << 20]).unwrap();
    profile.extend(zlib.finish().unwrap());
    let body = [b"iCCP", &profile[..]].concat();
    let mut crc = flate2::Crc::new();
    crc.update(&body);
    let length = (profile.len() as u32).to_be_bytes();
    let chunk = [&length[..], &body, &crc.sum().to_be_bytes()].concat();
    // After the signature and the header.
    let bomb = [&png[..33], &chunk, &png[33..]].concat();
    let grown = |work: &dyn Fn()| {
        let most = || {
            let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).map(str::to_owned);
            line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0)
        };
        let before = most();
        work();
        most() - before
    };
    let kib = grown(&|| {
        let loaded = load(&with(file("train/a/bomb.png", bomb.clone())));
        assert!(loaded.is_err() || loaded.unwrap().set.train.len() == 3);
    });
    assert!(kib < 48 << 10, "{kib} KiB");
}

/// A class's name is a line of a file, so it cannot hold a line's end.
#[test]
fn class_names_are_single_lines() {
    for class in ["a\nb", "a\rb", " a", "a ", "\u{1b}[2J", "\u{a0}a"] {
        let mut files = good();
        for split in ["train", "test"] {
            files.push(file(&format!("{split}/{class}/0.png"), picture(ImageFormat::Png, 32)));
        }
        let error = load(&gzip(&tar(&files))).unwrap_err();
        assert!(matches!(&error, ImportError::ClassName { .. }), "{error}");
        assert!(!error.to_string().contains(char::is_control));
    }
}

#[test]
fn sizes_are_bounded_before_anything_is_read() {
    // A header that promises far more than there is.
    for size in [1 << 21, 1 << 40, u64::MAX >> 1] {
        let mut tar = tar(&good());
        let header: &mut [u8; 512] = (&mut tar[..512]).try_into().unwrap();
        let mut vast = tar::Header::from_byte_slice(header).clone();
        vast.set_size(size);
        vast.set_cksum();
        header.copy_from_slice(vast.as_bytes());
        assert!(matches!(load(&gzip(&tar)).unwrap_err(), ImportError::TooLarge { .. }), "{size}");
    }
    let classes = load(&with(file("batches.meta.txt", vec![b'\n'; 1 << 17])));
    assert!(matches!(classes.unwrap_err(), ImportError::TooLarge { .. }));
}

/// Pictures that claim to be vast, in a few bytes.
#[test]
fn vast_pictures_cost_nothing() {
    let mut png = picture(ImageFormat::Png, 32);
    png[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    let mut jpeg = picture(ImageFormat::Jpeg, 32);
    let frame = jpeg.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].fill(0xff);
    for content in [png, jpeg, picture(ImageFormat::Png, 33), Vec::new(), b"\x89PNG\r\n\x1a\n".to_vec()] {
        let error = load(&with(file("train/a/vast.png", content))).unwrap_err();
        assert!(matches!(error, ImportError::Decode { .. } | ImportError::Dimensions { .. }), "{error}");
    }
}

#[test]
fn every_truncation_of_an_archive_is_refused() {
    let whole = gzip(&tar(&good()));
    for len in (0..whole.len()).step_by(7) {
        assert!(load(&whole[..len]).is_err(), "{len} of {} bytes", whole.len());
    }
}

#[test]
fn two_thousand_changed_archives_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set.tar.gz");
    let read = (0..2000).filter(|&input| check_archive(&path, &archive(&mut Random::new(1, input))) == READ).count();
    assert!((100..1900).contains(&read), "{read}: the changes do too little or too much");
}

#[test]
fn five_thousand_changed_records_are_read_or_refused() {
    let good = (0..5000).filter(|&input| {
        let (bytes, classes) = records(&mut Random::new(2, input));
        check_records(&bytes, classes) == READ
    });
    assert!((500..4500).contains(&good.count()));
}

/// The shortest input of each outcome that the fuzzer has found (`examples/fuzz.rs`), under the outcome's name.
#[test]
fn the_corpus_comes_to_what_it_came_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set.tar.gz");
    let replay = |kind: &str, outcome_is: &dyn Fn(&[u8], &str) -> bool| {
        let inputs = fs::read_dir(Path::new("tests/corpus").join(kind)).unwrap().map(|entry| entry.unwrap().path());
        let wrong: Vec<_> = inputs
            .filter(|input| !outcome_is(&fs::read(input).unwrap(), input.file_name().unwrap().to_str().unwrap()))
            .collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    };
    replay("archives", &|bytes, outcome| check_archive(&path, bytes) == outcome);
    // What records come to depends on the number of classes.
    replay("records", &|bytes, outcome| (1..=12).any(|classes| check_records(bytes, classes) == outcome));
}

#[cfg(unix)]
#[test]
fn links_and_pipes_in_a_folder_are_not_followed() {
    use std::os::unix::fs::symlink;
    let set = |change: &dyn Fn(&Path)| {
        let folder = tempfile::tempdir().unwrap();
        for (_, name, content) in good() {
            let path = folder.path().join(String::from_utf8(name).unwrap());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        change(folder.path());
        let result = import::load(folder.path());
        result.map(|loaded| loaded.set.train.len())
    };
    assert_eq!(set(&|_| ()).unwrap(), 2);
    let refused = |result| matches!(result, Err(ImportError::NotPlain { .. }));
    assert!(refused(set(&|root| symlink("/dev/zero", root.join("train/a/endless.png")).unwrap())));
    assert!(refused(set(&|root| symlink("/", root.join("train/c")).unwrap())));
    assert!(refused(set(&|root| symlink("/", root.join("train/a/notes")).unwrap())));
    // What is linked as a whole may lie elsewhere.
    let moved = set(&|root| {
        fs::rename(root.join("train"), root.join("elsewhere")).unwrap();
        symlink("elsewhere", root.join("train")).unwrap();
    });
    assert_eq!(moved.unwrap(), 2);
    assert!(refused(set(&|root| {
        let made = std::process::Command::new("mkfifo").arg(root.join("test/a/pipe.png")).status().unwrap();
        assert!(made.success());
    })));
}

/// The texts of a folder of CIFAR files are bounded too.
#[test]
fn long_texts_are_not_read() {
    let outer = tempfile::tempdir().unwrap();
    let (from, dest) = (outer.path().join("set.tar.gz"), outer.path().join("set"));
    fs::write(&from, gzip(&tar(&good()))).unwrap();
    import_cifar10(&from, &dest, false).unwrap();
    for name in [cifar10::CLASSES_FILE, cifar10::MANIFEST] {
        let kept = fs::read(dest.join(name)).unwrap();
        fs::write(dest.join(name), vec![b'\n'; 1 << 17]).unwrap();
        let error = cifar10::read(&dest).unwrap_err();
        assert!(matches!(&error, CifarError::File(vr_files::FileError::TooLarge { .. })), "{error}");
        fs::write(dest.join(name), kept).unwrap();
    }
    assert!(cifar10::read(&dest).is_ok());
}
