//! Whether a run's gradients are computed here, or shared out over the ranks of MPI.

use std::process::ExitCode;

use anyhow::{Result, ensure};
use vr_bench::cells::{Dismissal, Ranks, decline};
use vr_bench::experiments::Prepared;

/// Who computes the gradients; results do not depend on it.
#[derive(clap::Args)]
pub struct Args {
    /// Share the gradients out over the processes that `mpirun -n N target/release/xtask …` started; in builds with `--features
    /// mpi`.
    #[arg(long, conflicts_with = "on")]
    ranks: bool,
}

impl Args {
    /// Whether gradients are to be shared out.
    pub fn asked(&self) -> bool {
        self.ranks
    }

    /// Joins the other ranks, if there are to be any. `runs` is how many runs they are to work on.
    pub fn join(&self, runs: usize) -> Result<Group> {
        if !self.ranks {
            return Ok(Group { _dismissal: None, ranks: None });
        }
        ensure!(runs == 1, "--ranks takes one run at a time, not {runs}");
        let ranks = join()?;
        let _dismissal = (ranks.0.rank() == 0).then(|| Dismissal(ranks.clone()));
        Ok(Group { _dismissal, ranks: Some(ranks) })
    }
}

#[cfg(feature = "mpi")]
fn join() -> Result<Ranks> {
    Ok(Ranks(std::sync::Arc::new(vr_mpi::World::join()?)))
}

#[cfg(not(feature = "mpi"))]
fn join() -> Result<Ranks> {
    anyhow::bail!("--ranks is not in this build; `cargo build --release -p xtask --features mpi` builds it in")
}

/// The ranks of this command, this process among them. The others are dismissed with it, before MPI is left.
pub struct Group {
    _dismissal: Option<Dismissal>,
    ranks: Option<Ranks>,
}

impl Group {
    /// Prepares a run and does its work: all of it as the only process or the root, or what the root asks for.
    pub fn work(
        &self,
        prepare: impl FnOnce() -> Result<Prepared>,
        lead: impl FnOnce(&Prepared) -> Result<ExitCode>,
    ) -> Result<ExitCode> {
        let Some(ranks) = &self.ranks else { return lead(&prepare()?) };
        let prepared = prepare().and_then(|prepared| Ok(prepared.on_ranks(ranks.clone())?));
        match prepared {
            Ok(prepared) if ranks.0.rank() == 0 => lead(&prepared),
            Ok(prepared) => {
                prepared.serve()?;
                Ok(ExitCode::SUCCESS)
            }
            Err(error) => {
                if ranks.0.rank() > 0 {
                    decline(ranks, &format!("{error:#}"))?;
                }
                Err(error)
            }
        }
    }
}
