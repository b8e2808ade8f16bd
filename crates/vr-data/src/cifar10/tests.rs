use super::*;
use crate::{SyntheticConfig, synthetic};

fn small() -> Dataset {
    synthetic(&SyntheticConfig { seed: 1, train: 33, test: 10 })
}

fn written() -> (tempfile::TempDir, PathBuf, Dataset) {
    let outer = tempfile::tempdir().unwrap();
    let dir = outer.path().join("set");
    let set = small();
    write(&dir, &set, false).unwrap();
    (outer, dir, set)
}

#[test]
fn what_is_written_is_read() {
    let (_outer, dir, set) = written();
    assert_eq!(read(&dir).unwrap(), set);
}

#[test]
fn a_folder_without_description_must_have_the_official_sizes() {
    let (_outer, dir, _) = written();
    fs::remove_file(dir.join(MANIFEST)).unwrap();
    let error = read(&dir).unwrap_err();
    assert!(matches!(error, CifarError::Size { expected: 30_730_000, records: 10_000, .. }), "{error}");
}

#[test]
fn official_files_are_read_without_a_description() {
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = vec![0; OFFICIAL_RECORDS * RECORD_BYTES];
    for name in TRAIN_FILES {
        fs::write(dir.path().join(name), &bytes).unwrap();
    }
    bytes[RECORD_BYTES] = 9;
    bytes[RECORD_BYTES + 1 + 1024 + 2] = 77;
    fs::write(dir.path().join(TEST_FILE), &bytes).unwrap();
    // The official file ends in an empty line.
    fs::write(dir.path().join(CLASSES_FILE), CLASSES.join("\n") + "\n\n").unwrap();
    let set = read(dir.path()).unwrap();
    assert_eq!((set.name.as_str(), set.train.len(), set.test.len()), ("CIFAR-10", 50_000, 10_000));
    assert_eq!((set.test.label(1), set.test.picture(1).unwrap().bytes()[1024 + 2]), (9, 77));
}

#[test]
fn errors_name_the_file_and_what_was_expected() {
    let (_outer, dir, _) = written();
    let fault = |change: &dyn Fn()| {
        change();
        read(&dir).unwrap_err()
    };
    let file = dir.join("data_batch_3.bin");
    let good = fs::read(&file).unwrap();

    let mut bad = good.clone();
    bad[2 * RECORD_BYTES] = 10;
    let error = fault(&|| fs::write(&file, &bad).unwrap());
    assert!(matches!(&error, CifarError::Record { source: RecordError::Label { record: 2, label: 10, .. }, .. }));
    assert!(error.to_string().contains("data_batch_3.bin: record 2 has label 10"), "{error}");

    let error = fault(&|| fs::write(&file, &good[..good.len() - 1]).unwrap());
    assert!(error.to_string().contains("truncated"), "{error}");

    let error = fault(&|| fs::remove_file(&file).unwrap());
    assert!(error.to_string().contains("lacks data_batch_3.bin;"), "{error}");

    let error = fault(&|| fs::write(dir.join(MANIFEST), "{").unwrap());
    assert!(matches!(error, CifarError::Manifest { .. }));

    let nowhere = read(dir.join("nowhere")).unwrap_err();
    assert!(nowhere.to_string().contains("data_batch_1.bin, data_batch_2.bin"), "{nowhere}");
}

#[test]
fn existing_data_is_left_alone_unless_replaced() {
    let (_outer, dir, set) = written();
    let other = synthetic(&SyntheticConfig { seed: 2, train: 20, test: 10 });
    assert!(matches!(write(&dir, &other, false), Err(CifarError::File(vr_files::FileError::Exists { .. }))));
    assert_eq!(read(&dir).unwrap(), set);
    write(&dir, &other, true).unwrap();
    assert_eq!(read(&dir).unwrap(), other);
}

#[test]
fn a_folder_with_other_things_in_it_is_never_replaced() {
    let (_outer, dir, set) = written();
    fs::write(dir.join("thesis.tex"), "").unwrap();
    let error = write(&dir, &small(), true).unwrap_err();
    assert!(matches!(&error, CifarError::Foreign { stranger, .. } if stranger == "thesis.tex"));
    assert_eq!(read(&dir).unwrap(), set);
}

#[test]
fn pictures_of_another_shape_are_refused() {
    let outer = tempfile::tempdir().unwrap();
    let dir = outer.path().join("set");
    let set = ImageSet::new([3, 8, 8], vec![0; 192], vec![0], vec!["only".into()]).unwrap();
    let error = write(&dir, &Dataset { name: "own".into(), train: set.clone(), test: set }, false).unwrap_err();
    assert!(error.to_string().contains("data_batch_1.bin: a record holds a picture of shape [3, 32, 32]"), "{error}");
    assert!(!dir.exists());
}
