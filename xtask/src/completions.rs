//! `cargo xtask completions`: what a shell needs to complete verbs and options.

use anyhow::Result;
use clap::{Command, Parser};

/// For which shell.
///
/// The script completes a command called `xtask`: say `alias xtask="cargo xtask"` beside it.
#[derive(Parser)]
#[command(after_help = "Examples:
  cargo xtask-full completions bash > ~/.local/share/bash-completion/completions/xtask
  cargo xtask-full completions fish > ~/.config/fish/completions/xtask.fish")]
pub struct Args {
    /// The shell.
    #[arg(value_parser = ["bash", "zsh", "fish"])]
    shell: String,
}

/// Prints the script.
#[cfg(feature = "completions")]
pub fn run(args: &Args, command: &mut Command) -> Result<()> {
    let shell: clap_complete::Shell = args.shell.parse().map_err(anyhow::Error::msg)?;
    let mut script = Vec::new();
    clap_complete::generate(shell, command, "xtask", &mut script);
    say!("{}", String::from_utf8_lossy(&script).trim_end())?;
    Ok(())
}

/// `cargo xtask` leaves them out.
#[cfg(not(feature = "completions"))]
pub fn run(args: &Args, _command: &mut Command) -> Result<()> {
    anyhow::bail!("completions are not in this build; `cargo xtask-full completions {}` prints them", args.shell)
}
