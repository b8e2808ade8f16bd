//! `cargo xtask report`: pages to read runs on.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use vr_bench::experiments;
use vr_bench::index::{Listed, index_html};

use crate::runs;

/// Of a folder of runs an index, with links to the report that each finished run has; of one run its report, drawn and judged by
/// this version, of what there is so far.
///
/// A run that cannot be read stands in the index with the reason.
#[derive(Parser)]
#[command(after_help = "Examples:
  cargo xtask report runs/
  cargo xtask report runs/train-1 --out train.html
  cargo xtask report runs/train-1 --figures pictures")]
pub struct Args {
    /// A folder of runs, or a run, finished or under way.
    #[arg(default_value = "runs")]
    runs: PathBuf,
    /// The file that the page goes to; by default index.html in the folder of runs. The report of a single run needs one, since
    /// the run's own is not replaced.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// A folder for the figures of a single run, as SVG files; the page is written if --out names it.
    #[arg(long, value_name = "FOLDER")]
    figures: Option<PathBuf>,
}

const INDEX: &str = "index.html";

/// Writes the page and says where.
pub fn run(args: &Args) -> Result<()> {
    let found = runs::with_results(&args.runs);
    if let Some(folder) = &args.figures {
        ensure!(found == [args.runs.clone()], "`{}` is not one run; --figures draws those of one", args.runs.display());
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
        for (name, svg) in experiments::figures(&args.runs)? {
            let file = folder.join(name).with_extension("svg");
            vr_files::write_atomic(&file, svg.as_bytes())?;
            say!("{}", file.display())?;
        }
        if args.out.is_none() {
            return Ok(());
        }
    }
    let (page, out) = if found == [args.runs.clone()] {
        let none = || format!("`{}` is one run; --out names the file that its page goes to", args.runs.display());
        (experiments::page(&args.runs)?, args.out.clone().with_context(none)?)
    } else {
        let out = args.out.clone().unwrap_or_else(|| args.runs.join(INDEX));
        (index(&args.runs, &found, &out)?, out)
    };
    vr_files::write_atomic(&out, page.as_bytes())?;
    say!("{}", out.display())?;
    Ok(())
}

/// The index as a file at `out`.
fn index(folder: &Path, runs: &[PathBuf], out: &Path) -> Result<String> {
    let whole = |path: &Path| path.canonicalize().with_context(|| format!("cannot find `{}`", path.display()));
    let above = whole(folder)?;
    let listed = runs.iter().map(|run| Ok(Listed::read(&above, &whole(run)?))).collect::<Result<Vec<_>>>()?;
    let beside = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(index_html(&format!("Runs in {}", folder.display()), &whole(beside)?, &listed))
}
