//! What reads the record of a run, on bytes that nobody wrote: no panic, and nothing is taken up that makes no sense.
//! `PROPTEST_CASES` says how many inputs the property sees.

use proptest::collection::vec;
use proptest::prelude::*;
use vr_bench::config::TrainConfig;
use vr_bench::run_dir::Record;

/// Known attacks and accidents, each under the name of what it is.
#[test]
fn no_record_of_the_corpus_is_taken_up() {
    for entry in std::fs::read_dir("tests/corpus/records").unwrap() {
        let path = entry.unwrap().path();
        Record::parse(&std::fs::read(&path).unwrap()).expect_err(&path.display().to_string());
    }
}

/// A record with some bytes overwritten, cut at a place, something put in.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let whole = serde_json::to_vec(&Record::of_training(&TrainConfig::default())).unwrap();
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

proptest! {
    #[test]
    fn a_mutated_record(bytes in mutated()) {
        if let Ok(record) = Record::parse(&bytes) {
            prop_assert!(record.settings("run".as_ref()).batch_size > 0);
        }
    }
}
