use super::{kit::Kit, *};
use crate::import::tests::{archive, png};
use flate2::{Compression, write::GzEncoder};
use std::{collections::BTreeMap, fs, io::Write, path::PathBuf};
use vr_core::{Key, Stream, random::Permutation};
use vr_files::fault::{Fault, inject};

fn import(from: &Path, dest: &Path) -> Result<Imported, ImportError> {
    let options = ImagenetOptions { unchecked: true, ..ImagenetOptions::default() };
    import_imagenet(from, dest, options, &mut |_, _| ())
}

/// A tar archive of files in no folder.
fn flat_tar(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    tar.into_inner().unwrap()
}

fn element(kind: u32, content: &[u8]) -> Vec<u8> {
    let mut out = [kind.to_le_bytes(), (content.len() as u32).to_le_bytes()].concat();
    out.extend(content);
    out.resize(out.len().next_multiple_of(8), 0);
    out
}

fn matrix(class: u8, data: &[u8]) -> Vec<u8> {
    let flags = element(6, &[u32::from(class).to_le_bytes(), [0; 4]].concat());
    // One to four bytes stand in the place of their length.
    let name = [1_u32.to_le_bytes(), 0_u32.to_le_bytes()].concat();
    element(14, &[flags, element(5, &[1, 0, 0, 0, 1, 0, 0, 0]), name, data.to_vec()].concat())
}

/// A kit of classes `n00000000` to `n00000999`, whose numbers are shuffled, with a synset above them.
fn made_kit(truth: &[u32]) -> Vec<u8> {
    let fields: Vec<u8> = ["ILSVRC2012_ID", "WNID", "num_children"]
        .iter()
        .flat_map(|name| [name.as_bytes(), &vec![0; 16 - name.len()]].concat())
        .collect();
    let mut structures = [&[5, 0, 4, 0, 16, 0, 0, 0][..], &element(1, &fields)].concat();
    for index in 0..1001_u32 {
        let name = format!("n{:08}", class_of(index + 1));
        structures.extend(matrix(11, &element(4, &(index as u16 + 1).to_le_bytes())));
        structures.extend(matrix(4, &element(16, name.as_bytes())));
        structures.extend(matrix(9, &element(2, &[u8::from(index == 1000)])));
    }
    let mut meta = vec![b' '; 128];
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&matrix(2, &structures)).unwrap();
    let packed = packed.finish().unwrap();
    meta.extend([15_u32.to_le_bytes(), (packed.len() as u32).to_le_bytes()].concat());
    meta.extend(packed);
    let truth: String = truth.iter().map(|number| format!("{number}\n")).collect();
    let files = [("kit/data/meta.mat", meta), ("kit/data/ILSVRC2012_validation_ground_truth.txt", truth.into())];
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&flat_tar(&files.map(|(name, bytes)| (name.to_owned(), bytes)))).unwrap();
    gzip.finish().unwrap()
}

/// The class that a number of the made kit stands for.
fn class_of(number: u32) -> u32 {
    if number > 1000 { 5000 } else { Permutation::new(Key::new(1, Stream::User), 1000).at(number - 1) }
}

/// Official archives in a folder: a picture of each class for training, whose blue tells the class, and one to test on.
fn official(folder: &Path, kit: &[u8], classes: &[String], validation: impl Fn(&str) -> String) {
    let picture = |class: usize, split| png((class % 250) as u8, 1 + class as u32 % 3 + split);
    let inner: Vec<_> = (classes.iter().enumerate())
        .map(|(label, class)| {
            (format!("{class}.tar"), flat_tar(&[(format!("{class}_{label}.JPEG"), picture(label, 0))]))
        })
        .collect();
    let test: Vec<_> =
        classes.iter().enumerate().map(|(label, class)| (validation(class), picture(label, 1))).collect();
    fs::write(folder.join(TRAIN), flat_tar(&inner)).unwrap();
    fs::write(folder.join(VALIDATION), flat_tar(&test)).unwrap();
    fs::write(folder.join(KIT), kit).unwrap();
}

/// Archives with a made kit.
fn made(folder: &Path) {
    let truth: Vec<u32> = (1..=1000).rev().collect();
    let mut numbers = vec![0; 1000];
    (1..=1000).for_each(|number| numbers[class_of(number) as usize] = number);
    let classes: Vec<String> = (0..1000).map(|class| format!("n{class:08}")).collect();
    official(folder, &made_kit(&truth), &classes, |class| {
        let number = numbers[class[1..].parse::<usize>().unwrap()];
        // The truth counts down from class 1000.
        format!("ILSVRC2012_val_{:08}.JPEG", 1001 - number)
    });
}

fn assert_labels(dest: &Path) {
    let set = picture_list::open(dest).unwrap();
    assert_eq!((set.name.as_str(), set.train.len(), set.test.len()), ("ImageNet", 1000, 1000));
    for (part, extra) in [(&set.train, 0), (&set.test, 1)] {
        for index in 0..1000 {
            let (label, picture) = (usize::from(part.label(index)), part.picture(index).unwrap());
            assert_eq!(picture.shape(), [3, 1 + label % 3 + extra, 1 + label % 3 + extra]);
            assert_eq!(usize::from(*picture.bytes().last().unwrap()), label % 250);
        }
        assert_eq!(part.class_counts(), [1; 1000]);
    }
}

#[test]
fn official_archives_are_listed_with_their_labels() {
    let outer = tempfile::tempdir().unwrap();
    let (from, dest) = (outer.path().join("from"), outer.path().join("set"));
    fs::create_dir(&from).unwrap();
    made(&from);
    let (mut calls, mut last) = (0, (0, 0));
    let options = ImagenetOptions { unchecked: true, ..ImagenetOptions::default() };
    let imported = import_imagenet(&from, &dest, options, &mut |done, of| {
        assert!(done >= last.0 && done <= of);
        (calls, last) = (calls + 1, (done, of));
    });
    assert_eq!(imported.unwrap().passed_over, []);
    assert!(calls > 10 && last.0 == last.1, "{calls} {last:?}");
    assert_labels(&dest);
    assert!(picture_list::verify(&dest, |_, _| ()).unwrap().is_good());
    // The pictures stay where they are.
    let own = fs::read_dir(&dest).unwrap().count();
    assert_eq!(own, 3);
}

/// ImageNet's own kit, where it lies beside the project or where `VR_IMAGENET_KIT` says.
#[test]
fn the_real_kit_names_all_classes() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(KIT);
    let path = std::env::var_os("VR_IMAGENET_KIT").map_or(beside, PathBuf::from);
    let Ok(bytes) = fs::read(&path) else {
        #[expect(clippy::print_stderr, reason = "a skipped test says so")]
        {
            eprintln!("skipped: {} is absent", path.display());
        }
        return;
    };
    let kit = Kit::read(&path, &bytes).unwrap();
    assert_eq!(kit.class_of("ILSVRC2012_val_00000001.JPEG"), Some("n01751748"));
    assert_eq!((kit.classes.len(), &*kit.classes[0], &*kit.classes[65]), (1000, "n01440764", "n01751748"));
    assert!(kit.class_of("ILSVRC2012_val_00050000.JPEG").is_some());
    for name in ["ILSVRC2012_val_00050001.JPEG", "ILSVRC2012_val_00000000.JPEG", "ILSVRC2012_val_1.JPEG", "x"] {
        assert_eq!(kit.class_of(name), None, "{name}");
    }
    let mut first = std::collections::HashMap::new();
    for place in (1..=50_000).rev() {
        let name = format!("ILSVRC2012_val_{place:08}.JPEG");
        first.insert(kit.class_of(&name).unwrap().to_owned(), name);
    }
    let outer = tempfile::tempdir().unwrap();
    let (from, dest) = (outer.path().join("from"), outer.path().join("set"));
    fs::create_dir(&from).unwrap();
    official(&from, &bytes, &kit.classes, |class| first[class].clone());
    import(&from, &dest).unwrap();
    assert_labels(&dest);
    // All but the kit are others than the published ones.
    let error = import_imagenet(&from, outer.path().join("new"), ImagenetOptions::default(), &mut |_, _| ());
    assert!(matches!(&error, Err(ImportError::Checksum { path, .. }) if path.ends_with(VALIDATION)), "{error:?}");
}

fn class_folders(root: &str) -> Vec<(String, Vec<u8>)> {
    let mut files = vec![(format!("{root}notes.csv"), b"path,label".to_vec())];
    for (class, blue) in [("n02", 20), ("n01", 10), ("n10", 30)] {
        for n in 0..4 {
            files.push((format!("{root}train/{class}/{n}.JPEG"), png(blue + n, 5 + u32::from(n))));
        }
        files.push((format!("{root}val/{class}/9.JPEG"), png(blue, 7)));
    }
    files
}

fn write_files(root: &Path, files: &[(String, Vec<u8>)]) {
    for (name, bytes) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

#[test]
fn folders_and_archives_of_them_give_the_same_set() {
    let outer = tempfile::tempdir().unwrap();
    let at = |name: &str| outer.path().join(name);
    let files = class_folders("imagenette/");
    write_files(outer.path(), &files);
    archive(&at("imagenette.tgz"), &files);
    fs::write(at("imagenette.tar"), flat_tar(&files)).unwrap();
    let mut found = Vec::new();
    for (place, from) in ["imagenette", "imagenette.tgz", "imagenette.tar"].into_iter().enumerate() {
        let dest = at(&format!("set{place}"));
        let Imported { info, passed_over } = import(&at(from), &dest).unwrap();
        assert_eq!((info.name.as_str(), passed_over.len(), passed_over[0].count), ("imagenette", 1, 1));
        assert_eq!(
            (info.classes.clone(), info.train.per_class.clone()),
            (vec!["n01".into(), "n02".into(), "n10".into()], vec![4; 3])
        );
        let set = picture_list::open(&dest).unwrap();
        assert_eq!(set.info(), info);
        let pictures: Vec<_> = (0..12).map(|index| set.train.picture(index).unwrap().into_owned()).collect();
        found.push((info, pictures));
    }
    assert!(found.windows(2).all(|pair| pair[0] == pair[1]));
    // What is unpacked is kept, what is not stays where it is.
    assert!(at("set1").join("pictures.tar").exists() && !at("set2").join("pictures.tar").exists());
    // With test/ in the place of val/.
    let tests: Vec<_> = files.into_iter().map(|(name, bytes)| (name.replace("/val/", "/test/"), bytes)).collect();
    fs::write(at("tests.tar"), flat_tar(&tests)).unwrap();
    assert_eq!(import(&at("tests.tar"), &at("tests")).unwrap().info.test, found[0].0.test);
}

#[test]
fn what_has_changed_since_is_named() {
    let outer = tempfile::tempdir().unwrap();
    let at = |name: &str| outer.path().join(name);
    write_files(&at("from"), &class_folders(""));
    import(&at("from"), &at("set")).unwrap();
    fs::write(at("from/train/n02/1.JPEG"), "no picture").unwrap();
    let bytes = png(10, 5);
    fs::write(at("from/val/n01/9.JPEG"), &bytes[..bytes.len() - 1]).unwrap();
    fs::remove_file(at("from/val/n10/9.JPEG")).unwrap();
    let done = std::sync::atomic::AtomicU64::new(0);
    let check = picture_list::verify(at("set"), |_, of| {
        assert_eq!(of, 15);
        done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    });
    let check = check.unwrap();
    assert_eq!(done.into_inner(), 15);
    let faults: Vec<_> = check.faults.iter().map(|fault| (fault.train, fault.reason.clone())).collect();
    assert_eq!(faults.len(), 3, "{faults:?}");
    for ((train, reason), (expected, file)) in
        faults.iter().zip([(true, "train/n02/1.JPEG"), (false, "val/n01/9.JPEG"), (false, "val/n10/9.JPEG")])
    {
        assert!(*train == expected && reason.contains(file), "{reason}");
    }
    // An archive of another length is another archive.
    fs::write(at("a.tar"), flat_tar(&class_folders(""))).unwrap();
    import(&at("a.tar"), &at("tar")).unwrap();
    fs::OpenOptions::new().append(true).open(at("a.tar")).unwrap().write_all(&[0; 512]).unwrap();
    assert!(matches!(picture_list::open(at("tar")), Err(ImportError::Archive { .. })));
}

#[test]
fn a_changed_list_is_refused() {
    let outer = tempfile::tempdir().unwrap();
    let (from, dest) = (outer.path().join("from"), outer.path().join("set"));
    write_files(&from, &class_folders(""));
    import(&from, &dest).unwrap();
    let list = fs::read_to_string(dest.join("train.tsv")).unwrap();
    for changed in [
        list.replacen("0\t", "1\t", 1),
        list.replacen("0\t", "3\t", 1),
        list.replacen('\t', " ", 1),
        list.lines().skip(1).map(|line| format!("{line}\n")).collect(),
        list[..list.len() - 1].to_owned(),
        format!("{list}{}\n", "9".repeat(1 << 18)),
        list.replacen("\t0\t", "\t-1\t", 1),
        list.replacen("\t0\t", "\t99999999999999999999999\t", 1),
    ] {
        fs::write(dest.join("train.tsv"), changed).unwrap();
        let error = picture_list::open(&dest).unwrap_err();
        assert!(matches!(error, ImportError::List { .. }) && error.to_string().contains("train.tsv"), "{error}");
    }
    fs::write(dest.join("train.tsv"), list).unwrap();
    picture_list::open(&dest).unwrap();
    fs::write(dest.join("pictures.json"), "{}").unwrap();
    assert!(matches!(picture_list::open(&dest), Err(ImportError::Description { .. })));
}

#[test]
fn a_list_gives_way_only_when_told_and_alone() {
    let outer = tempfile::tempdir().unwrap();
    let (from, dest) = (outer.path().join("from"), outer.path().join("set"));
    write_files(&from, &class_folders(""));
    let first = import(&from, &dest).unwrap();
    assert!(import(&from, &dest).unwrap_err().to_string().contains("exists already"));
    let replace = ImagenetOptions { replace: true, ..ImagenetOptions::default() };
    assert_eq!(import_imagenet(&from, &dest, replace, &mut |_, _| ()).unwrap(), first);
    fs::write(dest.join("thesis.tex"), "mine").unwrap();
    let error = import_imagenet(&from, &dest, replace, &mut |_, _| ()).unwrap_err();
    assert!(matches!(error, ImportError::Foreign { .. }), "{error}");
    assert!(dest.join("thesis.tex").exists());
}

/// The files of a set by their names; empty where there is none.
fn files(set: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(set).into_iter().flatten().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().into(), fs::read(entry.path()).unwrap())).collect()
}

#[test]
fn an_interrupted_import_leaves_what_was_there_and_begins_anew() {
    let outer = tempfile::tempdir().unwrap();
    let at = |name: &str| outer.path().join(name);
    fs::create_dir(at("official")).unwrap();
    made(&at("official"));
    write_files(&at("folder"), &class_folders(""));
    archive(&at("packed.tgz"), &class_folders(""));
    let mut strikes = 0;
    for (from, old) in [("official", None), ("folder", Some("packed.tgz")), ("packed.tgz", None)] {
        let import = |from: &str, dest: &Path| {
            let options = ImagenetOptions { replace: true, unchecked: true };
            import_imagenet(at(from), dest, options, &mut |_, _| ())
        };
        import(from, &at("whole")).unwrap();
        let whole = files(&at("whole"));
        // Once, or for good, with half of what was being written.
        for kind in [Fault::Once as fn(u64) -> Fault, Fault::Torn] {
            for n in 0.. {
                let folder = tempfile::tempdir().unwrap();
                let dest = folder.path().join("set");
                if let Some(old) = old {
                    import(old, &dest).unwrap();
                }
                let before = files(&dest);
                let (outcome, struck) = inject(kind(n), || import(from, &dest));
                let left = files(&dest);
                // Elsewhere a replacement takes two renames.
                let between = !cfg!(target_os = "linux") && left.is_empty();
                assert!(left == whole || left == before || between, "{from}, {:?}: a third state", kind(n));
                assert!(left == whole || outcome.is_err(), "{from}, {:?} was hushed up", kind(n));
                import(from, &dest).unwrap();
                assert!(files(&dest) == whole, "{from}, {:?}: another list than at once", kind(n));
                if cfg!(target_os = "linux") {
                    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "{from}, {:?}", kind(n));
                }
                strikes += usize::from(struck);
                if !struck {
                    break;
                }
            }
        }
    }
    assert!(strikes > 60, "{strikes}");
}
