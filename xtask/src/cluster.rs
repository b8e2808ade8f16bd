//! Where a run is worked on: here, or on a cluster.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::ValueEnum;
use vr_bench::destination::Destination;
use vr_bench::experiments::Prepared;

use crate::slurm::profile::Profile;
use crate::slurm::{rehearse, submit};

/// What the cells are worked on by; results do not depend on it.
#[derive(clap::Args)]
pub struct Cluster {
    /// Submit the cells as a job array, and a report after them, in place of working on them here.
    #[arg(long, value_enum)]
    on: Option<Kind>,
    /// What each task is given [default: slurm.toml, or the cluster's defaults].
    #[arg(long, value_name = "FILE", requires = "on")]
    profile: Option<PathBuf>,
    /// Print what would be submitted; write nothing.
    #[arg(long, requires = "on")]
    dry_run: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// A Slurm cluster, from a machine that has its commands and the folder of the run.
    Slurm,
}

impl Cluster {
    /// Whether one was named.
    pub fn is_named(&self) -> bool {
        self.on.is_some()
    }

    /// Begins a run and submits its unfinished cells, each task with these arguments.
    pub fn submit(
        &self,
        run: &Prepared,
        destination: Destination<'_>,
        forgotten: bool,
        arguments: &[String],
    ) -> Result<ExitCode> {
        let profile = Profile::find(self.profile.as_deref())?;
        if self.dry_run {
            let path = match destination {
                Destination::At(path) => path.to_owned(),
                Destination::FirstIn(folder) => folder.join(format!("{}-N", run.name())),
            };
            rehearse(&run.unbegun(&path), &profile, arguments)?;
        } else {
            submit(&run.begin(destination, forgotten)?, &profile, arguments)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
