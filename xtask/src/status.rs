//! `cargo xtask status`: how far runs are.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Parser;
use serde::Serialize;
use serde_json::{Value, json};
use vr_bench::run_dir::Record;
use vr_run::status::{CellState, CellStatus, RunStatus, status};

use crate::runs;
use crate::slurm::Jobs;
use crate::slurm::queue::{self, Ended, Queued};

/// Which runs to look at.
#[derive(Parser)]
#[command(after_help = "Examples:
  cargo xtask status
  cargo xtask status runs/quick-1 --json")]
pub struct Args {
    /// A run's folder, or a folder of them; by default every run in `runs/`.
    run: Option<PathBuf>,
    /// Print one JSON object a run.
    #[arg(long)]
    json: bool,
}

/// Prints one block for each run; one that cannot be read is named among the others, and makes the whole fail.
pub fn run(args: &Args) -> Result<()> {
    let runs = args.run.as_deref().map_or_else(|| runs::below(Path::new("runs")), runs::at);
    let mut failed = Vec::new();
    for run in &runs {
        match look(run) {
            Ok((status, queue)) if args.json => say!("{}", line(run, &status, &queue)?)?,
            Ok((status, queue)) => print(run, &status, &queue)?,
            Err(error) => {
                let said = json!({ "run": run, "error": error.to_string() });
                if args.json {
                    say!("{said}")?
                } else {
                    say!("{}: {error}", run.display())?
                }
                failed.push((run, error));
            }
        }
    }
    match failed.as_slice() {
        [] => Ok(()),
        [(run, error)] if runs.len() == 1 => bail!("`{}`: {error}", run.display()),
        failed => bail!("{} of {} runs cannot be read", failed.len(), runs.len()),
    }
}

fn look(run: &Path) -> Result<(RunStatus, Queue)> {
    // What cannot be gone on with is named here, though its cells could be counted.
    Record::read(run)?;
    let status = status(run)?;
    let queue = Queue::of(run, &status)?;
    Ok((status, queue))
}

/// What Slurm has of a run.
#[derive(Serialize)]
struct Queue {
    /// What was submitted, and is in the queue.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    slurm: Vec<Queued>,
    /// Why it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    slurm_error: Option<String>,
    /// What is not in the queue any more and did not come to its end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ended: Vec<Ended>,
    /// Why that is not known, where there is such a task.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_error: Option<String>,
}

impl Queue {
    fn of(run: &Path, status: &RunStatus) -> Result<Self> {
        let jobs = Jobs::of(run)?;
        let mut queue = Self { slurm: Vec::new(), slurm_error: None, ended: Vec::new(), ended_error: None };
        match queue::queued(&jobs.numbers()) {
            Ok(slurm) => queue.slurm = slurm,
            Err(error) => {
                queue.slurm_error = Some(format!("{error:#}"));
                return Ok(queue);
            }
        }
        if jobs.is_empty() || run.join("result.json").exists() {
            return Ok(queue);
        }
        let waits =
            |ended: &Ended| queue.slurm.iter().any(|queued| (&queued.job, queued.task) == (&ended.job, ended.task));
        match queue::ended(&jobs.numbers()) {
            Ok(ended) => {
                let newest = ended.into_iter().filter(|ended| jobs.is_newest(&ended.job, ended.task) && !waits(ended));
                queue.ended = newest.collect();
            }
            Err(error) => {
                let done = |cell: &&CellStatus| matches!(cell.state, CellState::Done | CellState::Diverged);
                let unfinished = status.cells.len() - status.cells.iter().filter(done).count();
                let tasks = queue.slurm.iter().filter(|queued| queued.task.is_some()).count();
                queue.ended_error =
                    (unfinished > tasks * jobs.cells_per_task()).then(|| error.to_string().replace('\n', " "));
            }
        }
        Ok(queue)
    }
}

/// The status as one line of JSON, with the folder under `run`.
fn line(run: &Path, status: &RunStatus, queue: &Queue) -> Result<String> {
    let mut line = serde_json::to_value(status)?;
    if let (Value::Object(line), Value::Object(queue)) = (&mut line, serde_json::to_value(queue)?) {
        line.extend(queue);
    }
    line["run"] = json!(run);
    Ok(line.to_string())
}

fn print(run: &Path, status: &RunStatus, queue: &Queue) -> Result<()> {
    let holder = status.holder.as_ref().map_or(String::new(), |holder| format!(", {holder} at work"));
    let work = || status.left_s.filter(|&left| left > 0.0).map(|left| format!(", {} of work left", time(left)));
    let left = status.eta_s.map(|eta| format!(", {} left", time(eta))).or_else(work).unwrap_or_default();
    say!("{}: {}{holder}{left}", run.display(), status.experiment)?;
    for CellStatus { name, state, error, epochs_done, epochs, epoch_s } in &status.cells {
        let state = format!("{state:?}").to_lowercase();
        let pace = epoch_s.map_or(String::new(), |seconds| format!(", {seconds:.1} s an epoch"));
        let error = error.as_ref().map_or(String::new(), |error| format!(": {error}"));
        say!("  {state:9} {name}, {epochs_done} of {epochs} epochs{pace}{error}")?;
    }
    for Queued { job, task, state, reason, nodes } in &queue.slurm {
        let what = task.map_or_else(|| "report".into(), |task| format!("task {task}"));
        let place = if nodes.is_empty() { reason } else { nodes };
        say!("  slurm: {what} (job {job}) {} ({place})", state.to_lowercase())?;
    }
    for ended in &queue.ended {
        say!("  slurm: {}", why(run, ended))?;
    }
    if let Some(error) = &queue.slurm_error {
        say!("  slurm: {error}")?;
    }
    if let Some(error) = &queue.ended_error {
        let logs = run.join("slurm/logs");
        say!(
            "  slurm: why tasks ended is not known, since Slurm's accounting does not tell ({error}); their logs are in {}",
            logs.display()
        )?;
    }
    Ok(())
}

/// How a task ended, and what that means.
fn why(run: &Path, Ended { job, task, state, exit_code, signal, nodes }: &Ended) -> String {
    let (what, log) = match task {
        Some(task) => (format!("task {task} (job {job})"), format!("{job}_{task}.log")),
        None => (format!("report (job {job})"), format!("report-{job}.log")),
    };
    let place = if nodes.is_empty() { String::new() } else { format!(" on {nodes}") };
    let log = run.join("slurm/logs").join(log);
    let why = match (state.as_str(), exit_code, signal) {
        ("OUT_OF_MEMORY", ..) => "it needs more than the `memory` of the profile".to_owned(),
        ("TIMEOUT", ..) => {
            "it had not saved itself at the end of its time; a longer `grace` in the profile gives it more".to_owned()
        }
        ("NODE_FAIL" | "BOOT_FAIL", ..) => "the node failed".to_owned(),
        ("CANCELLED", ..) => "it was taken out of the queue".to_owned(),
        ("PREEMPTED", ..) => "another job took its place, and this cluster queues it no more".to_owned(),
        (_, _, Some(signal)) => format!("signal {signal}; {} may say why", log.display()),
        (_, Some(code), None) => format!("exit code {code}; {} says why", log.display()),
        (_, None, None) => format!("{} may say why", log.display()),
    };
    format!("{what} {}{place}: {why}", state.to_lowercase().replace('_', " "))
}

fn time(seconds: f64) -> String {
    let minutes = (seconds / 60.0).ceil();
    if minutes < 60.0 { format!("{minutes} min") } else { format!("{:.1} h", minutes / 60.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_task_is_told_in_words() {
        let ended = |task, state: &str, exit_code, signal, nodes: &str| {
            let (job, state, nodes) = ("17".into(), state.into(), nodes.into());
            why(Path::new("runs/a"), &Ended { job, task, state, exit_code: Some(exit_code), signal, nodes })
        };
        assert_eq!(
            ended(Some(3), "OUT_OF_MEMORY", 0, Some(125), "n1"),
            "task 3 (job 17) out of memory on n1: it needs more than the `memory` of the profile"
        );
        assert_eq!(
            ended(None, "FAILED", 1, None, ""),
            "report (job 17) failed: exit code 1; runs/a/slurm/logs/report-17.log says why"
        );
        assert!(ended(Some(3), "FAILED", 0, Some(9), "n1").contains("signal 9; runs/a/slurm/logs/17_3.log"));
        assert!(ended(Some(3), "TIMEOUT", 0, None, "n1").contains("`grace`"));
    }
}
