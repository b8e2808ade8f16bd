//! Checkpoints on hostile disks.

use std::path::Path;

use vr_core::State;
use vr_files::fault::{Fault, inject};
use vr_run::checkpoint::load;
use vr_run::{CheckpointError, CheckpointPolicy, Checkpoints};

fn state(value: u64) -> State {
    let mut state = State::new();
    let mut out = state.writer("run");
    out.vector("x", &[value as f32, 0.5, -0.0]);
    out.f64s("sum", &[value as f64, 1e300]);
    out.integer("step", value);
    state
}

fn checkpoints(folder: &Path) -> Checkpoints {
    Checkpoints::new(folder.join("checkpoints"), CheckpointPolicy { latest: 1, ..CheckpointPolicy::default() })
}

fn newest(checkpoints: &Checkpoints) -> Option<State> {
    checkpoints.sound().unwrap().next().map(Result::unwrap)
}

/// Every operation of a save fails in turn, in every way: the newest state is the old or the new one.
#[test]
fn a_save_that_fails_leaves_the_old_state_or_the_new() {
    let mut strikes = 0;
    for kind in [Fault::Once, Fault::From, Fault::Torn, Fault::Full] {
        for n in 0.. {
            // Few bytes' difference matter to a full disk only at its beginning and end.
            let n = if kind(0) == Fault::Full(0) { 31 * n } else { n };
            let folder = tempfile::tempdir().unwrap();
            let checkpoints = checkpoints(folder.path());
            checkpoints.save(1, &state(1)).unwrap();
            let (saved, struck) = inject(kind(n), || checkpoints.save(1, &state(2)));
            let found = newest(&checkpoints).expect("a state is never lost");
            assert!(found == state(2) || (saved.is_err() && found == state(1)), "{:?}", kind(n));
            if !struck {
                saved.unwrap();
                break;
            }
            strikes += 1;
            // Whatever is left, the next save succeeds and counts.
            checkpoints.save(1, &state(3)).unwrap();
            assert_eq!(newest(&checkpoints), Some(state(3)));
        }
    }
    assert!(strikes > 60, "{strikes}");
}

/// A disk that cannot be read is no reason to take an older state.
#[test]
fn a_read_that_fails_is_an_error_and_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(folder.path().join("checkpoints"), CheckpointPolicy::default());
    checkpoints.save(1, &state(1)).unwrap();
    checkpoints.save(1, &state(2)).unwrap();
    for n in 0.. {
        let (found, struck) = inject(Fault::Once(n), || checkpoints.sound().map(|mut states| states.next()));
        if !struck {
            assert_eq!(found.unwrap().unwrap().unwrap(), state(2));
            break;
        }
        assert!(matches!(found, Err(_) | Ok(Some(Err(_)))), "operation {n}");
    }
}

#[test]
fn damage_is_passed_over_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(folder.path().join("checkpoints"), CheckpointPolicy::default());
    checkpoints.save(1, &state(1)).unwrap();
    let second = checkpoints.path(checkpoints.save(1, &state(2)).unwrap());
    for name in ["state.safetensors", "manifest.json"] {
        let whole = std::fs::read(second.join(name)).unwrap();
        let damages = (0..8 * whole.len()).map(|i| {
            let mut bytes = whole.clone();
            bytes[i / 8] ^= 1 << (i % 8);
            bytes
        });
        let cuts = (0..whole.len()).map(|len| whole[..len].to_vec());
        for bytes in damages.chain(cuts) {
            std::fs::write(second.join(name), &bytes).unwrap();
            match load(&second) {
                Err(error) => assert!(error.is_damage(), "{error}"),
                Ok(found) => panic!("{name} is {} and gives {found:?}", String::from_utf8_lossy(&bytes)),
            }
        }
        assert_eq!(newest(&checkpoints), Some(state(1)));
        std::fs::remove_file(second.join(name)).unwrap();
        assert_eq!(newest(&checkpoints), Some(state(1)));
        std::fs::write(second.join(name), &whole).unwrap();
        assert_eq!(newest(&checkpoints), Some(state(2)));
    }
    let text = std::fs::read_to_string(second.join("manifest.json")).unwrap();
    std::fs::write(second.join("manifest.json"), text.replace("\"schema\":1", "\"schema\":2")).unwrap();
    assert!(matches!(load(&second), Err(CheckpointError::Schema { found: 2, .. })));
}
