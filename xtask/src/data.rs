//! `cargo xtask data`: bring a data set in, check it, describe it.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};
use vr_data::{import_cifar10, info, verify};

use crate::progress::Bars;

/// What to do with a data set.
#[derive(Parser)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Turn an official archive or folder, class folders of pictures, or a tar.gz of them into a set.
    Import {
        /// The data set: cifar10.
        name: String,
        /// What to import.
        #[arg(long)]
        from: PathBuf,
        /// Where the set goes.
        #[arg(long, default_value = "data/cifar10")]
        dir: PathBuf,
        /// Replace a set that is there.
        #[arg(long)]
        replace: bool,
    },
    /// Download the official archive, resuming a download that was cut, and import it.
    Fetch {
        /// The data set: cifar10.
        name: String,
        /// Where the set goes.
        #[arg(long, default_value = "data/cifar10")]
        dir: PathBuf,
    },
    /// Check a set's sizes, labels and digests.
    Verify {
        /// The data set: cifar10.
        name: String,
        /// Where it is.
        #[arg(long, default_value = "data/cifar10")]
        dir: PathBuf,
    },
    /// Read a set whole and print its sizes, classes and digests.
    Info {
        /// The data set: cifar10.
        name: String,
        /// Where it is.
        #[arg(long, default_value = "data/cifar10")]
        dir: PathBuf,
    },
}

/// Does it.
pub fn run(args: &Args, bars: &Bars) -> Result<()> {
    let (Action::Import { name, .. }
    | Action::Fetch { name, .. }
    | Action::Verify { name, .. }
    | Action::Info { name, .. }) = &args.action;
    if name != "cifar10" {
        bail!("unknown data set `{name}`; the nearest valid name is `cifar10`");
    }
    let imported = match &args.action {
        Action::Import { from, dir, replace, .. } => import_cifar10(from, dir, *replace)?,
        Action::Info { dir, .. } => {
            say!("{}", serde_json::to_string_pretty(&info(dir)?)?)?;
            return Ok(());
        }
        Action::Fetch { dir, .. } => return fetch(dir, bars),
        Action::Verify { dir, .. } => {
            let found = verify(dir)?;
            say!("{}", serde_json::to_string_pretty(&found)?)?;
            if !found.is_good() {
                bail!("`{}` is damaged: {}", dir.display(), found.problems.join("; "));
            }
            return Ok(());
        }
    };
    say!("{}", serde_json::to_string_pretty(&imported)?)?;
    Ok(())
}

#[cfg(feature = "download")]
fn fetch(dir: &Path, bars: &Bars) -> Result<()> {
    let options = vr_data::FetchOptions::default();
    let imported = vr_data::fetch_cifar10(dir, &options, |p| bars.bytes(p.received, Some(p.total)))?;
    bars.done();
    say!("{}", serde_json::to_string_pretty(&imported)?)?;
    Ok(())
}

/// TLS is left out of `cargo xtask`, which builds it in here, for this command alone.
#[cfg(not(feature = "download"))]
fn fetch(_dir: &Path, _bars: &Bars) -> Result<()> {
    crate::print::complain(format_args!("building what downloads need, which `cargo xtask` leaves out"));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let build =
        ["run", "--release", "--quiet", "--package", "xtask", "--no-default-features", "--features", "download"];
    let status = std::process::Command::new(cargo).args(build).arg("--").args(std::env::args_os().skip(1)).status()?;
    anyhow::ensure!(status.success(), "the download did not come to its end");
    Ok(())
}
