//! `cargo xtask data`: bring a data set in, check it, describe it.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Parser, Subcommand, ValueEnum};
use vr_data::{ImagenetOptions, import_cifar10, import_imagenet, picture_list};

use crate::progress::Bars;

/// What to do with a data set.
#[derive(Parser)]
#[command(after_help = "Examples:
  cargo xtask data import cifar10 --from cifar-10-binary.tar.gz
  cargo xtask data verify imagenet --dir /scratch/imagenet")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

/// A data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Set {
    /// 60,000 pictures of 32×32 in ten classes.
    Cifar10,
    /// ILSVRC2012, or any set in folders of classes.
    Imagenet,
    /// Ten classes of ImageNet.
    Imagenette,
}

#[derive(Subcommand)]
enum Action {
    /// Turn official archives or folders, or class folders of pictures, into a set.
    Import {
        /// The data set.
        name: Set,
        /// What to import. For cifar10: the official archive or folder, train/CLASS/ and test/CLASS/ with pictures, or a
        /// tar.gz of them. For imagenet: a folder with the three official archives, train/CLASS/ and val/CLASS/ with
        /// pictures, or a tar or tar.gz of them; what is not packed is read where it lies, so it must stay there.
        #[arg(long)]
        from: PathBuf,
        /// Where the set goes [default: data/NAME].
        #[arg(long)]
        dir: Option<PathBuf>,
        /// Replace a set that is there.
        #[arg(long)]
        replace: bool,
        /// Take official archives of ImageNet that are not the published ones, such as a part of them.
        #[arg(long)]
        unchecked: bool,
    },
    /// Download a public archive, resuming a download that was cut, and import it.
    Fetch {
        /// The data set.
        name: Set,
        /// Where the set goes [default: data/NAME].
        #[arg(long)]
        dir: Option<PathBuf>,
        /// Which archive of imagenette: 160, 320 or full.
        #[arg(long, default_value = "160")]
        size: String,
    },
    /// Check a set's sizes, labels and digests, or that every picture of a list can be decoded.
    Verify {
        /// The data set.
        name: Set,
        /// Where it is [default: data/NAME].
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// Read a set or list whole and print its sizes, classes and digests.
    Info {
        /// The data set.
        name: Set,
        /// Where it is [default: data/NAME].
        #[arg(long)]
        dir: Option<PathBuf>,
    },
}

/// Does it.
pub fn run(args: &Args, bars: &Bars) -> Result<()> {
    match &args.action {
        Action::Import { name, from, dir, replace, unchecked } => {
            let dir = place(*name, dir.as_deref());
            let imported = match name {
                Set::Cifar10 => import_cifar10(from, dir, *replace)?,
                Set::Imagenet | Set::Imagenette => {
                    let options = ImagenetOptions { replace: *replace, unchecked: *unchecked };
                    import_imagenet(from, dir, options, &mut |done, of| bars.count("import", done, of))?
                }
            };
            bars.done();
            say!("{}", serde_json::to_string_pretty(&imported)?)?;
        }
        Action::Info { name, dir } => {
            let dir = place(*name, dir.as_deref());
            let info = match name {
                Set::Cifar10 => vr_data::info(dir)?,
                Set::Imagenet | Set::Imagenette => picture_list::open(dir)?.info(),
            };
            say!("{}", serde_json::to_string_pretty(&info)?)?;
        }
        Action::Fetch { name, dir, size } => fetch(*name, &place(*name, dir.as_deref()), size, bars)?,
        Action::Verify { name, dir } => verify(*name, &place(*name, dir.as_deref()), bars)?,
    }
    Ok(())
}

/// Where a set is.
fn place(name: Set, dir: Option<&Path>) -> PathBuf {
    let usual = match name {
        Set::Cifar10 => "data/cifar10",
        Set::Imagenet => "data/imagenet",
        Set::Imagenette => "data/imagenette",
    };
    dir.unwrap_or(Path::new(usual)).to_owned()
}

fn verify(name: Set, dir: &Path, bars: &Bars) -> Result<()> {
    if name == Set::Cifar10 {
        let found = vr_data::verify(dir)?;
        say!("{}", serde_json::to_string_pretty(&found)?)?;
        if !found.is_good() {
            bail!("`{}` is damaged: {}", dir.display(), found.problems.join("; "));
        }
        return Ok(());
    }
    let found = picture_list::verify(dir, |done, of| bars.count("verify", done, of))?;
    bars.done();
    say!("{}", serde_json::to_string_pretty(&found)?)?;
    if let Some(first) = found.faults.first() {
        let count = found.faults.len();
        bail!("{count} of the pictures that `{}` lists cannot be read, the first: {}", dir.display(), first.reason);
    }
    Ok(())
}

/// Nobody hands ImageNet on.
const REGISTER: &str = "ImageNet is given to those who register at https://image-net.org and accept its terms. Put \
                        ILSVRC2012_img_train.tar, ILSVRC2012_img_val.tar and ILSVRC2012_devkit_t12.tar.gz into one folder \
                        and say `cargo xtask data import imagenet --from FOLDER`; folders train/SYNSET/*.JPEG and \
                        val/SYNSET/*.JPEG do as well. `cargo xtask data fetch imagenette` fetches ten of its classes";

#[cfg(feature = "download")]
fn fetch(name: Set, dir: &Path, size: &str, bars: &Bars) -> Result<()> {
    let progress = |progress: vr_data::Progress| bars.count("download", progress.received, progress.total);
    let imported = match name {
        Set::Cifar10 => vr_data::fetch_cifar10(dir, &vr_data::FetchOptions::default(), progress)?,
        Set::Imagenet => bail!(REGISTER),
        Set::Imagenette => {
            let archive: vr_data::Imagenette = size.parse()?;
            vr_data::fetch_imagenette(dir, archive.name(), &archive.options(), progress)?
        }
    };
    bars.done();
    say!("{}", serde_json::to_string_pretty(&imported)?)?;
    Ok(())
}

/// TLS is left out of `cargo xtask`, which builds it in here, for this command alone.
#[cfg(not(feature = "download"))]
fn fetch(name: Set, _dir: &Path, _size: &str, _bars: &Bars) -> Result<()> {
    if name == Set::Imagenet {
        bail!(REGISTER);
    }
    crate::print::complain(format_args!("building what downloads need, which `cargo xtask` leaves out"));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let build =
        ["run", "--release", "--quiet", "--package", "xtask", "--no-default-features", "--features", "download"];
    let status = std::process::Command::new(cargo).args(build).arg("--").args(std::env::args_os().skip(1)).status()?;
    anyhow::ensure!(status.success(), "the download did not come to its end");
    Ok(())
}
