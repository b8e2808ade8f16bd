//! Feeds the readers of data with hostile input by seed: `cargo run --release -p vr-data --example fuzz -- 100000 [SEED]`.
//!
//! Half of the inputs are archives (pictures, tar or gzip changed), half records of CIFAR's format. A panic
//! ends the run; the slowest input and the largest resident memory are printed.
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

#[allow(dead_code, reason = "shared with the tests")]
#[path = "../tests/hostile/mod.rs"]
mod hostile;

use hostile::Random;
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let inputs: u32 = arguments.next().unwrap_or("100000".into()).parse()?;
    let seed: u64 = arguments.next().unwrap_or("0".into()).parse()?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("set.tar.gz");
    let (mut archives, mut records) = ([0, 0], [0, 0]);
    let mut slowest = (Duration::ZERO, 0);
    for input in 0..inputs {
        let mut random = Random::new(seed, input);
        let started = Instant::now();
        if input % 2 == 0 {
            let bytes = hostile::archive(&mut random);
            archives[usize::from(hostile::check_archive(&path, &bytes))] += 1;
        } else {
            let (bytes, classes) = hostile::records(&mut random);
            records[usize::from(hostile::check_records(&bytes, classes))] += 1;
        }
        slowest = slowest.max((started.elapsed(), input));
    }
    for (name, [refused, read]) in [("archives", archives), ("records", records)] {
        println!("{name}: {} inputs, {read} read, {refused} refused, no panic", read + refused);
    }
    println!("slowest: input {} of seed {seed}, {:.0} ms", slowest.1, slowest.0.as_secs_f64() * 1e3);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(line) = status.lines().find(|line| line.starts_with("VmHWM")) {
        println!("{line}");
    }
    Ok(())
}
