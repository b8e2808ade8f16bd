//! What a cluster is asked for, for each task.

use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use vr_run::config::{Checked, Config, Fault, within};

/// Where a profile is looked for that is not named.
pub const PROFILE: &str = "slurm.toml";

/// Seconds between a request to stop and the end that are enough for any save.
const GRACE: u64 = 300;

/// What each task of a job array is given. Everything has a default; the cluster's own apply to what is left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Profile {
    /// Partition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// Account to charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Quality of service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qos: Option<String>,
    /// Features that a node must have, such as `avx512`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constraint: Option<String>,
    /// Longest time of a task, as Slurm writes it: `12:00:00`, `2-00:00:00`. What is not done by then goes on in another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Memory, as Slurm writes it: `8G`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    /// Cores.
    pub cores: u32,
    /// Cells that one task brings to their ends, one after another.
    pub cells_per_task: usize,
    /// Tasks that run at once; `None` sets no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_once: Option<u32>,
    /// Seconds before the end of its time at which a task saves itself and queues again.
    pub grace: u64,
    /// Lines of shell before the work, such as `module load …`.
    pub setup: Vec<String>,
    /// Further options of `sbatch`.
    pub options: Vec<String>,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            partition: None,
            account: None,
            qos: None,
            constraint: None,
            time: None,
            memory: None,
            cores: 1,
            cells_per_task: 1,
            at_once: None,
            grace: GRACE,
            setup: Vec::new(),
            options: Vec::new(),
        }
    }
}

impl Config for Profile {
    fn check(&self) -> Checked {
        within("cores", self.cores, 1..)?;
        within("cells-per-task", self.cells_per_task, 1..)?;
        within("at-once", self.at_once.unwrap_or(1), 1..)?;
        // Slurm counts them with 16 bits.
        within("grace", self.grace, 1..=65_535)?;
        let texts = self.texts().into_iter().filter_map(|(key, _, text)| Some((key, text?.as_str())));
        let lines = self.setup.iter().map(|line| ("setup", line.as_str()));
        let options = self.options.iter().map(|option| ("options", option.as_str()));
        match texts.chain(lines).chain(options).find(|(_, text)| text.chars().any(char::is_control)) {
            Some((key, text)) => {
                Err(Fault::new(key, format!("holds {text:?}, with a control character; expected one line")))
            }
            None => Ok(()),
        }
    }
}

impl Profile {
    /// The profile in a file, or in [`PROFILE`] where that is, or the defaults.
    pub fn find(file: Option<&Path>) -> Result<Self> {
        match file {
            Some(file) => Ok(vr_run::config::read(file, &[])?),
            None if Path::new(PROFILE).is_file() => Ok(vr_run::config::read(Path::new(PROFILE), &[])?),
            None => Ok(Self::default()),
        }
    }

    /// Keys with Slurm's options and their values.
    fn texts(&self) -> [(&'static str, &'static str, Option<&String>); 6] {
        [
            ("partition", "partition", self.partition.as_ref()),
            ("account", "account", self.account.as_ref()),
            ("qos", "qos", self.qos.as_ref()),
            ("constraint", "constraint", self.constraint.as_ref()),
            ("time", "time", self.time.as_ref()),
            ("memory", "mem", self.memory.as_ref()),
        ]
    }

    /// The options of `sbatch` that it stands for, for a task.
    pub fn options(&self) -> Vec<String> {
        let texts = self.texts().into_iter().filter_map(|(_, option, text)| Some(format!("--{option}={}", text?)));
        texts.chain([format!("--cpus-per-task={}", self.cores)]).chain(self.options.iter().cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Profile, String> {
        vr_run::config::parse(Path::new("slurm.toml"), text, &[]).map_err(|error| error.to_string())
    }

    #[test]
    fn a_profile_becomes_options() {
        let profile = parse("partition = \"cpu\"\nmemory = \"8G\"\ncores = 4\noptions = [\"--exclusive\"]").unwrap();
        assert_eq!(profile.options(), ["--partition=cpu", "--mem=8G", "--cpus-per-task=4", "--exclusive"]);
        assert_eq!(parse("").unwrap(), Profile::default());
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (text, said) in [
            ("cores = 0", "`cores`"),
            ("cells-per-task = 0", "`cells-per-task`"),
            ("grace = 70000", "`grace`"),
            ("partion = \"cpu\"", "the nearest is `partition`"),
            ("time = \"1:00\\n#SBATCH --uid=0\"", "`time`"),
            ("setup = [\"a\\u0000b\"]", "`setup`"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
