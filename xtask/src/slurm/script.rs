//! The two scripts that Slurm runs: one for a task of the array, one for the report after it.

use std::path::Path;

use super::profile::Profile;

/// The work on the cells of one task, with further arguments of `work`.
///
/// A task that is asked to stop saves itself and then queues again. The signal before the end of its time goes to the shell
/// alone, so the shell hands it on; `wait` returns early for a signal, and again for the end.
pub fn task(profile: &Profile, program: &Path, run: &Path, arguments: &[String]) -> String {
    let (program, run, cells) = (quoted(program), quoted(run), profile.cells_per_task);
    let further: String = arguments.iter().map(|argument| format!(" {argument}")).collect();
    let work = format!(
        r#"work=
trap '[ -n "$work" ] && kill -USR2 "$work"' USR2 TERM
{program} work {run} --task "$SLURM_ARRAY_TASK_ID" --cells-per-task {cells}{further} &
work=$!
while :; do
    wait "$work"
    code=$?
    kill -0 "$work" 2>/dev/null || break
done
if [ "$code" -eq 75 ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
"#
    );
    script(profile, &work)
}

/// Gathers what the tasks found.
pub fn report(profile: &Profile, program: &Path, run: &Path) -> String {
    script(profile, &format!("exec {} resume {}\n", quoted(program), quoted(run)))
}

fn script(profile: &Profile, work: &str) -> String {
    let setup: String = profile.setup.iter().map(|line| format!("{line}\n")).collect();
    format!("#!/bin/bash\nexport RAYON_NUM_THREADS=\"${{SLURM_CPUS_PER_TASK:-1}}\"\n{setup}{work}")
}

/// A path as one word of the shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_words_and_the_setup_comes_first() {
        let profile = Profile { setup: vec!["module load x".into()], cells_per_task: 3, ..Profile::default() };
        let script = task(&profile, Path::new("/a b/xtask"), Path::new("/runs/it's"), &["--jobs=2".into()]);
        let work = r#"'/a b/xtask' work '/runs/it'\''s' --task "$SLURM_ARRAY_TASK_ID" --cells-per-task 3 --jobs=2 &"#;
        assert!(script.starts_with("#!/bin/bash\n") && script.contains(work), "{script}");
        assert!(script.find("module load x").unwrap() < script.find(work).unwrap());
        assert!(report(&profile, Path::new("x"), Path::new("y")).ends_with("module load x\nexec 'x' resume 'y'\n"));
    }
}
