//! How often a result of many seeds would have been decided by a few of them: every group of so many seeds judged by the
//! experiment's own rules. `cargo run --release -p vr-bench --example groups -- docs/results/quick-other-seeds 4`

#![allow(clippy::print_stdout, reason = "its output is its purpose")]

use std::collections::BTreeMap;
use std::path::Path;

use vr_bench::experiments;
use vr_bench::results::ExperimentResult;

/// Words for each verdict, with how many groups came to each.
type Words = BTreeMap<String, BTreeMap<String, usize>>;

/// The part of a result that comes from these seeds.
fn of(result: &ExperimentResult, seeds: &[u64]) -> ExperimentResult {
    let mut part = result.clone();
    part.seeds = seeds.to_vec();
    part.points.retain(|point| seeds.contains(&point.seed));
    part.epochs.retain(|row| seeds.contains(&row.seed));
    part.diverged.retain(|run| seeds.contains(&run.seed));
    part
}

/// All choices of `count` of the seeds, in order.
fn choices(seeds: &[u64], count: usize) -> Vec<Vec<u64>> {
    match (count, seeds.split_first()) {
        (0, _) => vec![Vec::new()],
        (_, None) => Vec::new(),
        (_, Some((first, rest))) => {
            let with = choices(rest, count - 1).into_iter().map(|rest| [vec![*first], rest].concat());
            with.chain(choices(rest, count)).collect()
        }
    }
}

pub(crate) fn judge(folder: &Path, count: usize) -> Result<[Words; 2], Box<dyn std::error::Error>> {
    let result = ExperimentResult::from_json(&std::fs::read_to_string(folder.join("result.json"))?)?;
    let experiment = experiments::find(&result.experiment).ok_or("an unknown experiment")?;
    // What no verdict reads would only be copied again and again.
    let result = ExperimentResult { diagnostics: Default::default(), ..result };
    let words = |groups: Vec<Vec<u64>>| {
        let mut words = Words::new();
        for group in groups {
            for verdict in (experiment.verdicts)(&of(&result, &group)) {
                *words.entry(verdict.id).or_default().entry(verdict.outcome.to_string()).or_default() += 1;
            }
        }
        words
    };
    let consecutive = result.seeds.chunks_exact(count).map(<[u64]>::to_vec).collect();
    Ok([words(consecutive), words(choices(&result.seeds, count))])
}

#[allow(dead_code, reason = "the test calls what it calls")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, count] = &arguments[..] else { return Err("give a folder and a number of seeds".into()) };
    let [consecutive, all] = judge(Path::new(folder), count.parse()?)?;
    for (name, words) in [("consecutive groups", consecutive), ("all groups", all)] {
        for (id, words) in words {
            let counts: Vec<String> = words.iter().map(|(word, count)| format!("{word} {count}")).collect();
            println!("{name}, {id}: {}", counts.join(", "));
        }
    }
    Ok(())
}
