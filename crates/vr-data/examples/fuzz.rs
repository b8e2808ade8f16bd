//! Feeds the readers of data with hostile input by seed:
//! `cargo run --release -p vr-data --example fuzz -- 100000 [SEED [FOLDER]]`.
//!
//! Half of the inputs are archives (pictures, tar or gzip changed), half records of CIFAR's format. A panic
//! ends the run; what came of the inputs, the slowest of them and the most memory are printed. The shortest input of each
//! outcome is kept in the folder, under the outcome's name: the corpus that the tests replay.
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

#[allow(dead_code, reason = "shared with the tests")]
#[path = "../tests/hostile/mod.rs"]
mod hostile;

use hostile::{Outcome, Random};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How often an outcome was seen, and its shortest input.
type Seen = BTreeMap<Outcome, (u32, Vec<u8>)>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let inputs: u32 = arguments.next().unwrap_or("100000".into()).parse()?;
    let seed: u64 = arguments.next().unwrap_or("0".into()).parse()?;
    let keep = arguments.next().map(std::path::PathBuf::from);
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("set.tar.gz");
    let [mut archives, mut records] = [Seen::new(), Seen::new()];
    let mut slowest = (Duration::ZERO, 0);
    for input in 0..inputs {
        let mut random = Random::new(seed, input);
        let started = Instant::now();
        let (seen, outcome, bytes) = if input % 2 == 0 {
            let bytes = hostile::archive(&mut random);
            (&mut archives, hostile::check_archive(&path, &bytes), bytes)
        } else {
            let (bytes, classes) = hostile::records(&mut random);
            (&mut records, hostile::check_records(&bytes, classes), bytes)
        };
        slowest = slowest.max((started.elapsed(), input));
        let (count, shortest) = seen.entry(outcome).or_insert_with(|| (0, bytes.clone()));
        *count += 1;
        if bytes.len() < shortest.len() {
            *shortest = bytes;
        }
    }
    for (name, seen) in [("archives", archives), ("records", records)] {
        println!("{name}: {} inputs, no panic", seen.values().map(|(count, _)| count).sum::<u32>());
        for (outcome, (count, shortest)) in seen {
            println!("  {count:7} {outcome}");
            if let Some(keep) = &keep {
                std::fs::create_dir_all(keep.join(name))?;
                std::fs::write(keep.join(name).join(outcome), shortest)?;
            }
        }
    }
    println!("slowest: input {} of seed {seed}, {:.0} ms", slowest.1, slowest.0.as_secs_f64() * 1e3);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .filter(|line| ["VmHWM", "VmPeak"].iter().any(|most| line.starts_with(most)))
        .for_each(|line| println!("{line}"));
    Ok(())
}
