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

/// One job array, where cells take over what others train one more after it, and the report at the end.
#[derive(Debug, Serialize, Deserialize)]
struct Submission {
    array: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    followers: Option<String>,
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
        let of = |jobs: &Submission| {
            [Some(&jobs.array), jobs.followers.as_ref(), Some(&jobs.report)]
                .into_iter()
                .flatten()
                .cloned()
                .collect::<Vec<_>>()
        };
        self.submissions.iter().flat_map(of).collect()
    }

    /// Whether a job is the newest that a task, or the report, was submitted as: what became of it before says nothing.
    pub fn is_newest(&self, job: &str, task: Option<usize>) -> bool {
        let newest = self.submissions.iter().rev().find(|jobs| task.is_none_or(|task| jobs.tasks.contains(&task)));
        newest.is_some_and(|jobs| match task {
            Some(_) => jobs.array == job || jobs.followers.as_deref() == Some(job),
            None => jobs.report == job,
        })
    }

    /// Cells of a task, of the submission with the most.
    pub fn cells_per_task(&self) -> usize {
        self.submissions.iter().map(|jobs| jobs.cells_per_task).max().unwrap_or(1)
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

/// The tasks that have a cell which is not finished: those that can begin at once, and those that wait for the first to end, since
/// one of their cells takes over what a cell of another task trains.
fn unfinished(begun: &Begun, cells_per_task: usize) -> [Vec<usize>; 2] {
    let left = |task: &usize| cells(*task, cells_per_task).filter(|&cell| begun.finished.get(cell) == Some(&false));
    let elsewhere = |task: usize, trunk: usize| !begun.finished[trunk] && trunk / cells_per_task != task;
    let waits = |task: &usize| left(task).any(|cell| begun.follows[cell].is_some_and(|trunk| elsewhere(*task, trunk)));
    let tasks = (0..begun.finished.len().div_ceil(cells_per_task)).filter(|task| left(task).next().is_some());
    let (followers, first) = tasks.partition(waits);
    [first, followers]
}

/// Submits what is unfinished of a run that was begun, and prints what to do next. Each task is given `arguments`, too.
pub fn submit(begun: &Begun, profile: &Profile, arguments: &[String]) -> Result<()> {
    let mut jobs = Jobs::of(&begun.path)?;
    ensure!(
        queue::queued(&jobs.numbers())?.is_empty(),
        "`{0}` is in the queue already: `cargo xtask status {0}` shows it, `cargo xtask cancel {0}` takes it out",
        begun.path.display()
    );
    let tasks = unfinished(begun, profile.cells_per_task);
    if tasks.iter().all(Vec::is_empty) {
        bail!("all cells of `{0}` are finished: `cargo xtask resume {0}` writes its report", begun.path.display());
    }
    let plan = Plan::of(begun, profile, arguments)?;
    std::fs::create_dir_all(plan.folder.join("logs"))?;
    // The program as it is now: a build meanwhile changes nothing.
    let copy = plan.program.with_extension("new");
    std::fs::copy(std::env::current_exe()?, &copy).and_then(|_| std::fs::rename(&copy, &plan.program))?;
    for (name, text) in &plan.scripts {
        vr_files::write_atomic(plan.folder.join(name), text.as_bytes())?;
    }
    let mut submitted = Vec::new();
    if let Err(error) = plan.submit(&tasks, &mut submitted) {
        queue::cancel(&submitted).ok();
        return Err(error);
    }
    let [first, followers] = &tasks;
    let (report, arrays) = submitted.split_last().context("no job was submitted")?;
    say!(
        "{}: {} task(s) of {} cell(s) as job {}, the report as job {report}",
        begun.path.display(),
        first.len() + followers.len(),
        profile.cells_per_task,
        arrays.join(" and, after it, job "),
    )?;
    let submission = Submission {
        array: arrays[0].clone(),
        followers: arrays.get(1).cloned(),
        report: report.clone(),
        cells_per_task: profile.cells_per_task,
        tasks: tasks.concat(),
    };
    jobs.submissions.push(submission);
    vr_files::write_atomic(plan.folder.join(JOBS), serde_json::to_string_pretty(&jobs)?.as_bytes())?;
    say!("`cargo xtask status {0}` tells how far it is, `cargo xtask cancel {0}` ends it", begun.path.display())?;
    Ok(())
}

/// Prints what would be submitted for a run; nothing is written.
pub fn rehearse(begun: &Begun, profile: &Profile, arguments: &[String]) -> Result<()> {
    let plan = Plan::of(begun, profile, arguments)?;
    for (name, text) in &plan.scripts {
        say!("# {}\n{text}", plan.folder.join(name).display())?;
    }
    let mut jobs = Vec::<String>::new();
    for tasks in unfinished(begun, profile.cells_per_task).iter().filter(|tasks| !tasks.is_empty()) {
        say!("sbatch {}", plan.array(tasks, jobs.first().map(String::as_str)).join(" "))?;
        jobs.push(format!("JOB{}", jobs.len() + 1));
    }
    say!("sbatch {}", plan.report(&jobs).join(" "))?;
    Ok(())
}

/// What is submitted.
struct Plan {
    folder: PathBuf,
    program: PathBuf,
    scripts: [(&'static str, String); 2],
    options: Vec<String>,
    /// What follows the tasks of an array.
    at_once: String,
    /// When a task is asked to save itself.
    signal: String,
}

const TASK: &str = "task.sh";
const REPORT: &str = "report.sh";

impl Plan {
    fn of(begun: &Begun, profile: &Profile, arguments: &[String]) -> Result<Self> {
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
        let at_once = profile.at_once.map_or(String::new(), |most| format!("%{most}"));
        let signal = format!("--signal=B:USR2@{}", profile.grace);
        Ok(Self { options: options.collect(), folder, program, scripts, at_once, signal })
    }

    /// Submits the arrays of tasks and the report after them; the jobs that there are, also after an error, are in `submitted`.
    fn submit(&self, tasks: &[Vec<usize>; 2], submitted: &mut Vec<String>) -> Result<()> {
        for tasks in tasks.iter().filter(|tasks| !tasks.is_empty()) {
            let job = queue::submit(&self.array(tasks, submitted.first().map(String::as_str)))?;
            submitted.push(job);
        }
        submitted.push(queue::submit(&self.report(submitted))?);
        Ok(())
    }

    /// An array of tasks, after another job's end, however that ends: what cannot be taken over is trained.
    fn array(&self, tasks: &[usize], after: Option<&str>) -> Vec<String> {
        let listed = tasks.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
        let own = [format!("--array={listed}{}", self.at_once), self.signal.clone()];
        let after = after.map(|job| format!("--dependency=afterany:{job}"));
        self.arguments(&own.into_iter().chain(after).collect::<Vec<_>>(), "%A_%a.log", TASK)
    }

    fn report(&self, arrays: &[String]) -> Vec<String> {
        let after = [format!("--dependency=afterok:{}", arrays.join(":")), "--kill-on-invalid-dep=yes".into()];
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

    fn begun(finished: &[bool], follows: &[Option<usize>]) -> Begun {
        Begun { path: "/runs/100%".into(), finished: finished.to_vec(), follows: follows.to_vec() }
    }

    #[test]
    fn tasks_are_shares_of_the_cells() {
        let tasks = |finished: &[bool]| unfinished(&begun(finished, &vec![None; finished.len()]), 2);
        assert_eq!(tasks(&[true, true, false, true, true]), [vec![1], Vec::<usize>::new()]);
        assert_eq!(tasks(&[false; 5]), [vec![0, 1, 2], Vec::new()]);
        assert_eq!(tasks(&[true; 5]), [Vec::<usize>::new(), Vec::new()]);
        assert_eq!([cells(0, 2), cells(2, 2)], [0..2, 4..6]);
    }

    /// Two seeds of SGD and two methods that take its beginning over.
    #[test]
    fn what_takes_over_waits_for_what_it_takes_over() {
        let follows = [None, Some(0), Some(0), None, Some(3), Some(3)];
        let tasks = |finished: &[bool], cells_per_task| unfinished(&begun(finished, &follows), cells_per_task);
        assert_eq!(tasks(&[false; 6], 1), [vec![0, 3], vec![1, 2, 4, 5]]);
        assert_eq!(tasks(&[true, false, true, false, false, false], 1), [vec![1, 3], vec![4, 5]]);
        // In one task the cells come one after another.
        assert_eq!(tasks(&[false; 6], 3), [vec![0, 1], vec![]]);
        assert_eq!(tasks(&[false; 6], 2), [vec![0], vec![1, 2]]);
    }

    #[test]
    fn the_newest_job_of_a_task_counts() {
        let submission = |array: &str, report: &str, tasks: &[usize]| Submission {
            array: array.into(),
            followers: Some(format!("{array}1")),
            report: report.into(),
            cells_per_task: 1,
            tasks: tasks.to_vec(),
        };
        let jobs = Jobs { submissions: vec![submission("17", "18", &[0, 1, 2]), submission("27", "28", &[1])] };
        for (job, task, newest) in [
            ("17", Some(0), true),
            ("171", Some(2), true),
            ("17", Some(1), false),
            ("27", Some(1), true),
            ("27", Some(0), false),
            ("18", None, false),
            ("28", None, true),
            ("17", Some(9), false),
        ] {
            assert_eq!(jobs.is_newest(job, task), newest, "{job} {task:?}");
        }
    }

    #[test]
    fn what_is_submitted_names_its_tasks_and_its_place() {
        let profile = Profile { at_once: Some(4), time: Some("1:00:00".into()), ..Profile::default() };
        let plan = Plan::of(&begun(&[true, false, false], &[None; 3]), &profile, &[]).unwrap();
        let array = plan.array(&[1, 2], None);
        for option in ["--array=1,2%4", "--time=1:00:00", "--requeue", "--output=/runs/100%%/slurm/logs/%A_%a.log"] {
            assert!(array.iter().any(|argument| argument == option), "{array:?}");
        }
        assert_eq!(array.last().unwrap(), "/runs/100%/slurm/task.sh");
        let has = |arguments: Vec<String>, option: &str| arguments.iter().any(|argument| argument == option);
        assert!(has(plan.array(&[0], Some("17")), "--dependency=afterany:17"));
        assert!(has(plan.report(&["17".into(), "18".into()]), "--dependency=afterok:17:18"));
    }
}
