//! Gradient tables: what is written comes back, rounded or not; a storage that cannot be had is an error.

use std::path::Path;

use half::bf16;
use proptest::prelude::*;
use vr_core::FlatVector;
use vr_optim::{GradientTable, SnapshotGradients, StepDecay, Svrg, SvrgConfig, TableError, TableStorage, Training};

use vr_optim::conformance::problem::{Loss, P, Regression, Samples, start};

fn in_file() -> TableStorage {
    TableStorage::File { folder: std::env::temp_dir() }
}

proptest! {
    #[test]
    fn rows_come_back_as_write_said(
        rows in proptest::collection::vec(proptest::collection::vec(any::<f32>(), 7), 1..5),
        storage in prop_oneof![Just(TableStorage::Memory), Just(TableStorage::Bf16), Just(in_file())],
    ) {
        let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        let mut table = GradientTable::new(&storage, rows.len(), 7).unwrap();
        let mut buffer = FlatVector::zeros(7);
        for r in 0..rows.len() {
            prop_assert_eq!(table.row(r, &mut buffer).unwrap(), [0.0; 7]);
        }
        let mut kept = Vec::new();
        for r in (0..rows.len()).rev() {
            kept.insert(0, bits(table.write(r, &rows[r]).unwrap()));
        }
        for r in 0..rows.len() {
            let row = bits(table.row(r, &mut buffer).unwrap());
            prop_assert_eq!(&row, &kept[r]);
            if storage != TableStorage::Bf16 {
                prop_assert_eq!(row, bits(&rows[r]));
            }
        }
    }

    /// The neighbours are written down by their bits: bfloat16 is the upper half of an f32.
    #[test]
    fn bf16_rows_hold_the_nearest_value_ties_to_even(x in -1e38_f32..1e38, low in prop_oneof![Just(0x8000_u32), any::<u16>().prop_map(u32::from)]) {
        let x = f32::from_bits(x.to_bits() & 0xffff_0000 | low);
        let below = f32::from_bits(x.to_bits() & 0xffff_0000);
        let above = f32::from_bits((x.to_bits() & 0xffff_0000) + 0x1_0000);
        let distance = |y: f32| (f64::from(y) - f64::from(x)).abs();
        let even = if below.to_bits() & 0x1_0000 == 0 { below } else { above };
        let nearest = match distance(below).total_cmp(&distance(above)) {
            std::cmp::Ordering::Less => below,
            std::cmp::Ordering::Equal => even,
            std::cmp::Ordering::Greater => above,
        };
        let mut table = GradientTable::new(&TableStorage::Bf16, 1, 1).unwrap();
        let kept = table.write(0, &[x]).unwrap()[0];
        prop_assert_eq!(kept.to_bits(), nearest.to_bits());
        prop_assert_eq!(kept, bf16::from_f32(kept).to_f32());
    }
}

fn svrg(loss: Loss, storage: TableStorage) -> Training<Regression, Samples> {
    let gradients = SnapshotGradients::Stored;
    let estimator = Svrg::new(SvrgConfig { gradients, storage, ..SvrgConfig::default() });
    Training::new(Regression::new(loss), Samples::with_jitter(0.3), start(), estimator)
        .unwrap()
        .with_schedule(StepDecay::constant(0.05))
}

#[test]
fn a_file_gives_the_bits_of_memory() {
    for loss in [Loss::Squares, Loss::Logistic] {
        let [memory, file] = [TableStorage::Memory, in_file()].map(|storage| {
            let mut run = svrg(loss, storage);
            run.epoch().unwrap();
            run.step().unwrap();
            (run.iterate().clone(), run.variance().unwrap())
        });
        assert_eq!(memory, file, "{loss:?}");
    }
}

#[test]
fn rounded_rows_leave_the_locked_estimator_unbiased() {
    let [exact, rounded] = [TableStorage::Memory, TableStorage::Bf16].map(|storage| {
        let mut run = svrg(Loss::Logistic, storage);
        for _ in 0..3 {
            run.step().unwrap();
        }
        (run.iterate().clone(), run.variance().unwrap().total)
    });
    assert_ne!(exact.0, rounded.0);
    assert!(rounded.1.squared_bias < 1e-28, "{:?}", rounded.1);
    assert!(rounded.1.ratio.unwrap() < 1.0, "{:?}", rounded.1);
}

#[test]
fn the_storage_follows_the_limit() {
    let run = Path::new("run");
    let within = |limit| TableStorage::within::<f32>(limit, run, 391, 1_730_426);
    let bytes = GradientTable::<f32>::bytes(&TableStorage::Memory, 391, 1_730_426);
    assert_eq!(bytes, 2_706_386_264);
    assert_eq!(within(bytes), TableStorage::Memory);
    assert_eq!(within(bytes - 1), TableStorage::File { folder: run.to_owned() });
    assert_eq!(GradientTable::<f64>::bytes(&TableStorage::Bf16, 391, 1_730_426), bytes / 2);
}

#[test]
fn a_storage_that_cannot_be_had_is_named() {
    let folder = std::env::temp_dir().join("no-such-folder");
    let error = GradientTable::<f32>::new(&TableStorage::File { folder: folder.clone() }, 3, 5).unwrap_err();
    assert!(matches!(&error, TableError::File { bytes: 60, .. }), "{error:?}");
    assert!(error.to_string().contains(folder.to_str().unwrap()), "{error}");
    for storage in [TableStorage::Memory, TableStorage::Bf16] {
        let error = GradientTable::<f32>::new(&storage, 3, usize::MAX / 4).unwrap_err();
        assert!(matches!(error, TableError::Memory { rows: 3, .. }), "{error:?}");
    }
}

const CHILD: &str = "VR_OPTIM_TEST_FILE_LIMIT";

/// Runs itself again in a process whose files may not grow beyond one block of 512 or 1024 bytes.
#[cfg(unix)]
#[test]
fn a_file_that_cannot_grow_is_an_error_before_the_run_starts() {
    if std::env::var_os(CHILD).is_some() {
        let error = GradientTable::<f32>::new(&in_file(), 4, 1000).unwrap_err();
        assert!(matches!(&error, TableError::File { bytes: 16_000, .. }), "{error:?}");
        return;
    }
    let child = std::process::Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" --exact \"$1\""])
        .arg(std::env::current_exe().unwrap())
        .arg("a_file_that_cannot_grow_is_an_error_before_the_run_starts")
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    assert!(String::from_utf8_lossy(&child.stdout).contains("1 passed"));
}

/// Two tables in one folder are two files, and neither leaves anything behind.
#[test]
fn files_are_private_and_go_away() {
    let folder = tempfile::tempdir().unwrap();
    let storage = TableStorage::File { folder: folder.path().to_owned() };
    let [mut a, b] = [0, 1].map(|_| GradientTable::new(&storage, 2, P).unwrap());
    a.write(1, &[1.0_f64; P]).unwrap();
    assert_eq!(b.row(1, &mut FlatVector::zeros(P)).unwrap(), [0.0; P]);
    drop((a, b));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
