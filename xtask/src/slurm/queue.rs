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

/// A task that is not in the queue any more, and did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ended {
    /// The job: an array, or a report.
    pub job: String,
    /// The task of the array.
    pub task: Option<usize>,
    /// How it ended, in Slurm's words: `FAILED`, `OUT_OF_MEMORY`, `TIMEOUT`, `NODE_FAIL`, …
    pub state: String,
    /// Its exit code.
    pub exit_code: Option<i32>,
    /// The signal that ended it, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Where it ran.
    pub nodes: String,
}

/// What Slurm's accounting has of these jobs that ended, but did not come to their ends.
pub fn ended(jobs: &[String]) -> Result<Vec<Ended>> {
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let all = ["--noheader", "--parsable2", "--allocations", "--format=JobID,State,ExitCode,NodeList"];
    let all = all.into_iter().map(str::to_owned).chain([format!("--jobs={}", jobs.join(","))]);
    let answer = ask("sacct", &all.collect::<Vec<_>>())?;
    Ok(answer.lines().filter_map(parse_ended).collect())
}

/// States of what has not ended, or ended as it should.
const WELL: [&str; 9] =
    ["COMPLETED", "COMPLETING", "CONFIGURING", "PENDING", "REQUEUED", "RESIZING", "RUNNING", "STAGE_OUT", "SUSPENDED"];

fn parse_ended(line: &str) -> Option<Ended> {
    let mut parts = line.split('|');
    let (id, state, code, nodes) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    // Whoever cancelled it follows.
    let state = state.split(' ').next().filter(|state| !state.is_empty() && !WELL.contains(state))?;
    let (job, task) = match id.split_once('_') {
        // Tasks that never began stand together, as `17_[3-5]`: they are in the queue, or were taken out of it.
        Some((job, task)) => (job, Some(task.parse().ok()?)),
        None => (id, None),
    };
    let (code, signal) = code.split_once(':')?;
    let nodes = if nodes == "None assigned" { "" } else { nodes };
    Some(Ended {
        job: job.to_owned(),
        task,
        state: state.to_owned(),
        exit_code: code.parse().ok(),
        signal: signal.parse().ok().filter(|&signal: &i32| signal != 0),
        nodes: nodes.to_owned(),
    })
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

    #[test]
    fn lines_of_the_accounting_are_understood() {
        let ended = |line: &str| parse_ended(line).unwrap();
        let killed = ended("17_3|OUT_OF_MEMORY|0:125|node1");
        assert_eq!((killed.job.as_str(), killed.task, killed.state.as_str()), ("17", Some(3), "OUT_OF_MEMORY"));
        assert_eq!((killed.exit_code, killed.signal, killed.nodes.as_str()), (Some(0), Some(125), "node1"));
        let failed = ended("18|FAILED|1:0|node[1-2]");
        assert_eq!((failed.task, failed.exit_code, failed.signal), (None, Some(1), None));
        assert_eq!(ended("17_4|CANCELLED by 1000|0:15|None assigned").state, "CANCELLED");
        for line in
            ["17_0|COMPLETED|0:0|node1", "17_1|RUNNING|0:0|node1", "17_[3-5]|PENDING|0:0|None assigned", "?", ""]
        {
            assert_eq!(parse_ended(line), None, "{line}");
        }
    }
}
