//! The memory that a list of ImageNet's size takes. Alone in its program, so that nothing else takes memory.

#![cfg(target_os = "linux")]

use std::{fs, io::BufWriter, io::Write, path::Path};
use vr_data::picture_list;

const TRAIN: usize = 1_281_167;
const VALIDATION: usize = 50_000;

/// MiB that the program has in memory, at most so far or now.
fn mib(line: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|found| found.strip_prefix(line)).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() >> 10
}

/// A list of `pictures` made-up pictures; its digest.
fn write_list(path: &Path, pictures: usize, name: impl Fn(usize, usize) -> String) -> String {
    let (mut file, mut hasher) = (BufWriter::new(fs::File::create(path).unwrap()), blake3::Hasher::new());
    for n in 0..pictures {
        let label = n % 1000;
        let line = format!("{label}\t{}\t{}\t{}\n", n as u64 * 115_200, 90_000 + n % 50_000, name(label, n));
        hasher.update(line.as_bytes());
        file.write_all(line.as_bytes()).unwrap();
    }
    file.flush().unwrap();
    hasher.finalize().to_hex().to_string()
}

#[test]
fn imagenets_list_takes_at_most_150_mib() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("pictures.tar");
    fs::write(&archive, "").unwrap();
    let train = write_list(&folder.path().join("train.tsv"), TRAIN, |label, n| {
        format!("n{:08}_{}.JPEG", 1_440_764 + label * 8191, n / 1000 + 10_000)
    });
    let test =
        write_list(&folder.path().join("test.tsv"), VALIDATION, |_, n| format!("ILSVRC2012_val_{:08}.JPEG", n + 1));
    let listed = |pictures, list| picture_list::Listed {
        pictures,
        source: picture_list::Source::Archive { path: archive.clone(), bytes: 0 },
        digest: String::new(),
        list,
    };
    let description = picture_list::Description {
        name: "made up".into(),
        classes: (0..1000).map(|label| format!("n{:08}", 1_440_764 + label * 8191)).collect(),
        train: listed(TRAIN, train),
        test: listed(VALIDATION, test),
    };
    fs::write(folder.path().join("pictures.json"), serde_json::to_vec(&description).unwrap()).unwrap();
    let before = mib("VmRSS:");
    let set = picture_list::open(folder.path()).unwrap();
    let (now, most) = (mib("VmRSS:") - before, mib("VmHWM:") - before);
    assert_eq!((set.train.len(), set.test.len()), (TRAIN, VALIDATION));
    assert!(now <= 120 && most <= 150, "{now} MiB, {most} on the way");
    assert!(now >= 20, "{now} MiB: not measured");
}
