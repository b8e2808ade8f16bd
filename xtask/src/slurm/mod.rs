//! Runs on a Slurm cluster: the cells of a run as the tasks of a job array, and a job after them that gathers and judges.
//!
//! All that concerns Slurm is in the run's folder under `slurm/`: the program that began the run and works on it to its
//! end, the scripts, the tasks' logs, and `jobs.json`, which says what was submitted.

pub mod profile;
pub mod queue;
mod script;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use vr_bench::experiments::Begun;

use profile::Profile;

const FOLDER: &str = "slurm";
const JOBS: &str = "jobs.json";
/// No list of jobs is longer, in bytes.
const LARGEST: u64 = 1 << 20;

/// What was submitted for a run, the newest last.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Jobs {
    submissions: Vec<Submission>,
}

/// One job array with the report after it.
#[derive(Debug, Serialize, Deserialize)]
struct Submission {
    array: String,
    report: String,
    cells_per_task: usize,
    tasks: Vec<usize>,
}

impl Jobs {
    /// Those of the run in a folder; none where nothing was submitted.
    pub fn of(run: &Path) -> Result<Self> {
        let file = run.join(FOLDER).join(JOBS);
        match vr_files::read_nofollow(&file, LARGEST) {
            Ok(text) => {
                serde_json::from_slice(&text).with_context(|| format!("`{}` is no list of jobs", file.display()))
            }
            Err(error) if error.is_not_found() => Ok(Self::default()),
            Err(error) => Err(error.into()),
        }
    }

    /// Their numbers.
    pub fn numbers(&self) -> Vec<String> {
        self.submissions.iter().flat_map(|jobs| [jobs.array.clone(), jobs.report.clone()]).collect()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.submissions.is_empty()
    }
}

/// The cells of a task, by their places in the run.
pub fn cells(task: usize, cells_per_task: usize) -> std::ops::Range<usize> {
    let first = task.saturating_mul(cells_per_task);
    first..first.saturating_add(cells_per_task)
}

/// The tasks that have a cell which is not finished.
fn unfinished(finished: &[bool], cells_per_task: usize) -> Vec<usize> {
    let tasks = finished.chunks(cells_per_task).enumerate();
    tasks.filter(|(_, cells)| cells.contains(&false)).map(|(task, _)| task).collect()
}

/// Submits what is unfinished of a run that was begun, and prints what to do next. Each task is given `arguments`, too.
pub fn submit(begun: &Begun, profile: &Profile, arguments: &[String]) -> Result<()> {
    let mut jobs = Jobs::of(&begun.path)?;
    ensure!(
        queue::queued(&jobs.numbers())?.is_empty(),
        "`{0}` is in the queue already: `cargo xtask status {0}` shows it, `cargo xtask cancel {0}` takes it out",
        begun.path.display()
    );
    let tasks = unfinished(&begun.finished, profile.cells_per_task);
    if tasks.is_empty() {
        bail!("all cells of `{0}` are finished: `cargo xtask resume {0}` writes its report", begun.path.display());
    }
    let plan = Plan::of(begun, profile, &tasks, arguments)?;
    std::fs::create_dir_all(plan.folder.join("logs"))?;
    // The program as it is now: a build meanwhile changes nothing.
    let copy = plan.program.with_extension("new");
    std::fs::copy(std::env::current_exe()?, &copy).and_then(|_| std::fs::rename(&copy, &plan.program))?;
    for (name, text) in &plan.scripts {
        vr_files::write_atomic(plan.folder.join(name), text.as_bytes())?;
    }
    let array = queue::submit(&plan.array())?;
    let report = match queue::submit(&plan.report(&array)) {
        Ok(report) => report,
        Err(error) => {
            queue::cancel(&[array]).ok();
            return Err(error);
        }
    };
    let submission = Submission { array, report, cells_per_task: profile.cells_per_task, tasks };
    say!(
        "{}: {} task(s) of {} cell(s) as job {}, the report as job {}",
        begun.path.display(),
        submission.tasks.len(),
        profile.cells_per_task,
        submission.array,
        submission.report
    )?;
    jobs.submissions.push(submission);
    vr_files::write_atomic(plan.folder.join(JOBS), serde_json::to_string_pretty(&jobs)?.as_bytes())?;
    say!("`cargo xtask status {0}` tells how far it is, `cargo xtask cancel {0}` ends it", begun.path.display())?;
    Ok(())
}

/// Prints what would be submitted for a run in `path` of these cells; nothing is written.
pub fn rehearse(path: &Path, cells: usize, profile: &Profile, arguments: &[String]) -> Result<()> {
    let begun = Begun { path: path.to_owned(), finished: vec![false; cells] };
    let plan = Plan::of(&begun, profile, &unfinished(&begun.finished, profile.cells_per_task), arguments)?;
    for (name, text) in &plan.scripts {
        say!("# {}\n{text}", plan.folder.join(name).display())?;
    }
    say!("sbatch {}", plan.array().join(" "))?;
    say!("sbatch {}", plan.report("ARRAY").join(" "))?;
    Ok(())
}

/// What is submitted.
struct Plan {
    folder: PathBuf,
    program: PathBuf,
    scripts: [(&'static str, String); 2],
    options: Vec<String>,
    /// Options of tasks alone.
    tasks: Vec<String>,
}

const TASK: &str = "task.sh";
const REPORT: &str = "report.sh";

impl Plan {
    fn of(begun: &Begun, profile: &Profile, tasks: &[usize], arguments: &[String]) -> Result<Self> {
        let run = std::path::absolute(&begun.path)?;
        let (folder, here) = (run.join(FOLDER), std::env::current_dir()?);
        let program = folder.join("xtask");
        let scripts = [
            (TASK, script::task(profile, &program, &run, arguments)),
            (REPORT, script::report(profile, &program, &run)),
        ];
        let name = run.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let options = profile.options().into_iter().chain([
            "--parsable".into(),
            "--requeue".into(),
            "--open-mode=append".into(),
            format!("--chdir={}", here.display()),
            format!("--job-name={name}"),
        ]);
        let listed = tasks.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
        let at_once = profile.at_once.map_or(String::new(), |most| format!("%{most}"));
        let tasks = vec![format!("--array={listed}{at_once}"), format!("--signal=B:USR2@{}", profile.grace)];
        Ok(Self { options: options.collect(), folder, program, scripts, tasks })
    }

    fn array(&self) -> Vec<String> {
        self.arguments(&self.tasks, "%A_%a.log", TASK)
    }

    fn report(&self, array: &str) -> Vec<String> {
        let after = [format!("--dependency=afterok:{array}"), "--kill-on-invalid-dep=yes".into()];
        self.arguments(&after, "report-%j.log", REPORT)
    }

    fn arguments(&self, own: &[String], log: &str, script: &str) -> Vec<String> {
        // Slurm replaces what follows a percent sign.
        let logs = self.folder.join("logs").display().to_string().replace('%', "%%");
        let output = format!("--output={logs}/{log}");
        let script = self.folder.join(script).display().to_string();
        self.options.iter().chain(own).cloned().chain([output, script]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_shares_of_the_cells() {
        assert_eq!(unfinished(&[true, true, false, true, true], 2), [1]);
        assert_eq!(unfinished(&[false; 5], 2), [0, 1, 2]);
        assert_eq!(unfinished(&[true; 5], 2), [0; 0]);
        assert_eq!([cells(0, 2), cells(2, 2)], [0..2, 4..6]);
    }

    #[test]
    fn what_is_submitted_names_its_tasks_and_its_place() {
        let begun = Begun { path: "/runs/100%".into(), finished: vec![true, false, false] };
        let profile = Profile { at_once: Some(4), time: Some("1:00:00".into()), ..Profile::default() };
        let plan = Plan::of(&begun, &profile, &unfinished(&begun.finished, 1), &[]).unwrap();
        let array = plan.array();
        for option in ["--array=1,2%4", "--time=1:00:00", "--requeue", "--output=/runs/100%%/slurm/logs/%A_%a.log"] {
            assert!(array.iter().any(|argument| argument == option), "{array:?}");
        }
        assert_eq!(array.last().unwrap(), "/runs/100%/slurm/task.sh");
        assert!(plan.report("17").contains(&"--dependency=afterok:17".to_owned()));
    }
}
