//! `cargo xtask data`: bring a data set in, check it, describe it.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};
use vr_data::{cifar10, import_cifar10};

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
pub fn run(args: &Args, _bars: &Bars) -> Result<()> {
    let (Action::Import { name, .. } | Action::Info { name, .. }) = &args.action;
    if name != "cifar10" {
        bail!("unknown data set `{name}`; the nearest valid name is `cifar10`");
    }
    let info = match &args.action {
        Action::Import { from, dir, replace, .. } => import_cifar10(from, dir, *replace)?,
        Action::Info { dir, .. } => cifar10::read(dir)?.info(),
    };
    println!("{}", serde_json::to_string_pretty(&info)?);
    Ok(())
}
