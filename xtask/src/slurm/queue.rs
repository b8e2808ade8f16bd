//! Slurm's own commands, and what they say.

use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;

/// A task that Slurm has in its queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Queued {
    /// The job: an array, or a report.
    pub job: String,
    /// The task of the array.
    pub task: Option<usize>,
    /// What it is doing, in Slurm's words: `PENDING`, `RUNNING`, …
    pub state: String,
    /// Why it waits.
    pub reason: String,
    /// Where it runs.
    pub nodes: String,
}

/// Submits a script; the job's number.
pub fn submit(arguments: &[String]) -> Result<String> {
    let answer = ask("sbatch", arguments)?;
    // On some clusters the cluster's name follows.
    let job = answer.trim().split(';').next().unwrap_or_default().to_owned();
    ensure!(job.parse::<u64>().is_ok(), "sbatch answered `{}`; expected a job's number", answer.trim());
    Ok(job)
}

/// Takes jobs out of the queue, running or not.
pub fn cancel(jobs: &[String]) -> Result<()> {
    ask("scancel", jobs).map(drop)
}

/// What is still in the queue of these jobs.
pub fn queued(jobs: &[String]) -> Result<Vec<Queued>> {
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let all = ["--noheader", "--array", "--format=%F|%K|%T|%r|%N"].map(str::to_owned);
    let answer = ask("squeue", &[&all[..], &[format!("--jobs={}", jobs.join(","))]].concat());
    match answer {
        Ok(answer) => Ok(answer.lines().filter_map(parse).collect()),
        // Jobs are forgotten some minutes after their end.
        Err(error) if error.to_string().contains("Invalid job id") => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn parse(line: &str) -> Option<Queued> {
    let mut parts = line.splitn(5, '|').map(|part| part.trim().to_owned());
    let (job, task) = (parts.next()?, parts.next()?.parse().ok());
    Some(Queued { job, task, state: parts.next()?, reason: parts.next()?, nodes: parts.next()? })
}

fn ask(program: &str, arguments: &[String]) -> Result<String> {
    let answer = Command::new(program)
        .args(arguments)
        .output()
        .with_context(|| format!("cannot run `{program}`; is this a machine of a Slurm cluster?"))?;
    if !answer.status.success() {
        bail!("`{program} {}`: {}", arguments.join(" "), String::from_utf8_lossy(&answer.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&answer.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_queue_are_understood() {
        let line = parse("17|3|RUNNING|None|node[1-2]").unwrap();
        assert_eq!((line.job.as_str(), line.task, line.nodes.as_str()), ("17", Some(3), "node[1-2]"));
        let report = parse("18|N/A|PENDING|Dependency|").unwrap();
        assert_eq!((report.task, report.reason.as_str()), (None, "Dependency"));
        assert_eq!(parse("slurm is down"), None);
    }
}
