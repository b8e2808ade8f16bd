//! What reads checkpoints and logs, on bytes that nobody wrote: no panic, and nothing is believed that
//! does not check. `PROPTEST_CASES` says how many inputs each property sees.

use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use vr_core::State;
use vr_run::checkpoint::{decode, encode};
use vr_run::log::{Log, sound};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Event {
    Epoch(EpochRow),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct EpochRow {
    method: String,
    seed: u64,
    epoch: usize,
    train_loss: f64,
    test_loss: f64,
    test_error: f64,
    gradient_evaluations: u64,
}

fn state() -> Vec<u8> {
    let mut state = State::new();
    let mut out = state.writer("run");
    out.vector("x", &[1.0_f32, 0.5, -0.0]);
    out.f64s("sum", &[7.0, 1e300]);
    out.integer("step", 7);
    encode(&state).unwrap()
}

fn events() -> Vec<Event> {
    let row = |epoch: usize| EpochRow {
        method: "sgd".into(),
        seed: 0,
        epoch,
        train_loss: 1.0 / epoch as f64,
        test_loss: 2.3,
        test_error: 50.0,
        gradient_evaluations: 391 * epoch as u64,
    };
    (1..=3).map(|epoch| Event::Epoch(row(epoch))).collect()
}

static LOG: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut log = Log::open(&path, 0).unwrap();
    events().iter().for_each(|event| log.append(event).unwrap());
    std::fs::read(path).unwrap()
});

/// Bytes with some overwritten, cut at a place, something put in.
fn mutated(whole: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let len = whole.len();
    (vec((0..len, any::<u8>()), 0..4), 0..=len, 0..=len, vec(any::<u8>(), 0..20)).prop_map(
        move |(overwritten, cut, place, inserted)| {
            let mut bytes = whole.clone();
            overwritten.iter().for_each(|&(i, byte)| bytes[i] = byte);
            bytes.splice(place..place, inserted);
            bytes.truncate(cut.max(len / 2));
            bytes
        },
    )
}

#[test]
fn every_flip_and_every_cut_of_a_state() {
    let whole = state();
    for len in 0..whole.len() {
        assert!(decode(&whole[..len]).is_err(), "cut at {len}");
    }
    for i in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[i] ^= 1 << bit;
            let _ = decode(&bytes);
        }
    }
}

/// Known attacks and accidents, each under the name of what it is.
fn corpus(kind: &str) -> impl Iterator<Item = (String, Vec<u8>)> {
    let folder = std::fs::read_dir(std::path::Path::new("tests/corpus").join(kind)).unwrap();
    folder.map(|entry| {
        let path = entry.unwrap().path();
        (path.display().to_string(), std::fs::read(path).unwrap())
    })
}

#[test]
fn no_state_of_the_corpus_is_read() {
    for (name, bytes) in corpus("states") {
        let error = decode(&bytes).expect_err(&name).to_string();
        assert!(error.starts_with("not a safetensors file") || error.starts_with("tensor `"), "{name}: {error}");
    }
}

/// Every log of the corpus begins with a line that is sound, and goes on with one that is not.
#[test]
fn a_log_of_the_corpus_ends_where_its_damage_begins() {
    for (name, bytes) in corpus("logs") {
        let (found, len) = sound::<Event>(&bytes);
        assert_eq!(found, events()[..1], "{name}");
        assert_eq!(&bytes[..len as usize], &LOG[..len as usize], "{name}");
    }
}

proptest! {
    #[test]
    fn any_bytes_as_a_state(bytes in vec(any::<u8>(), 0..300)) {
        // Eight bytes and `{}` are the shortest.
        prop_assert!(decode(&bytes).is_err() || bytes.len() >= 10);
    }

    #[test]
    fn a_mutated_state(bytes in mutated(state())) {
        if let Ok(state) = decode(&bytes) {
            let numbers: usize = state.iter().count();
            prop_assert!(numbers <= bytes.len());
        }
    }

    #[test]
    fn any_header_of_a_state(
        shape in vec(any::<u64>(), 0..4),
        (from, to) in any::<(u64, u64)>(),
        kind in prop::sample::select(vec!["F32", "F64", "U64", "BOOL", "F4", "X"]),
        data in vec(any::<u8>(), 0..64),
    ) {
        let header = format!(r#"{{"a":{{"dtype":"{kind}","shape":{shape:?},"data_offsets":[{from},{to}]}}}}"#);
        let bytes = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &data].concat();
        let _ = decode(&bytes);
    }

    #[test]
    fn any_bytes_as_a_log(bytes in vec(any::<u8>(), 0..300)) {
        prop_assert!(sound::<Event>(&bytes).0.is_empty());
    }

    #[test]
    fn a_mutated_log(bytes in mutated(LOG.clone())) {
        let (found, len) = sound::<Event>(&bytes);
        let expected = events();
        prop_assert!(found.len() <= expected.len() && found == expected[..found.len()]);
        prop_assert_eq!(&bytes[..len as usize], &LOG[..len as usize]);
    }
}
