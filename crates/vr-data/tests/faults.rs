//! Every operation of an import fails in turn: the set found afterwards is the old one or the new one.

use std::path::Path;

use vr_data::{Dataset, SyntheticConfig, cifar10, import_cifar10, synthetic, verify};
use vr_files::fault::{Fault, inject};

fn set(seed: u64) -> Dataset {
    synthetic(&SyntheticConfig { seed, train: 10, test: 10 })
}

/// Imports `from` under every fault of a kind, over an old set or over nothing; how many faults struck.
fn check(kind: fn(u64) -> Fault, from: &Path, old: Option<&Dataset>, new: &Dataset, step: u64) -> usize {
    for strikes in 0.. {
        let outer = tempfile::tempdir().unwrap();
        let dest = outer.path().join("set");
        if let Some(old) = old {
            cifar10::write(&dest, old, false).unwrap();
        }
        let fault = kind(strikes as u64 * step);
        let (outcome, struck) = inject(fault, || import_cifar10(from, &dest, old.is_some()));
        let found = dest.exists().then(|| cifar10::read(&dest).unwrap());
        assert!(found.as_ref() == old || found.as_ref() == Some(new), "{fault:?}: a third state");
        assert!(found.is_none() || verify(&dest).unwrap().is_good(), "{fault:?}");
        assert!(outcome.is_err() || found.as_ref() == Some(new), "{fault:?} was hushed up");
        if !struck {
            outcome.unwrap();
            return strikes;
        }
        // The way is clear for the next try.
        import_cifar10(from, &dest, true).unwrap();
        assert_eq!(cifar10::read(&dest).unwrap(), *new);
    }
    unreachable!("an import has finitely many operations")
}

#[test]
fn old_or_new_and_never_a_third() {
    let outer = tempfile::tempdir().unwrap();
    let from = outer.path().join("from");
    let (old, new) = (set(1), set(2));
    cifar10::write(&from, &new, false).unwrap();
    for kind in [Fault::Once, Fault::From, Fault::Torn] {
        assert!(check(kind, &from, Some(&old), &new, 1) > 30);
        assert!(check(kind, &from, None, &new, 1) > 30);
    }
    // Of some 60 kB.
    assert!(check(Fault::Full, &from, Some(&old), &new, 3001) > 15);
}
