//! A job that can be killed at any moment and started again: a lock keeps a second process out, a journal says which
//! steps are done, and the result appears when all are. `cargo run -p vr-files --example journal`

use std::path::Path;
use vr_files::{AppendFile, Lock, read, write_atomic};

/// Does what is left of the job in `folder`, and returns how many steps that were.
fn job(folder: &Path) -> Result<usize, vr_files::FileError> {
    let _lock = Lock::acquire(folder.join("lock"))?;
    let mut journal = AppendFile::open(folder.join("journal"))?;
    let written = read(journal.path(), 1 << 20)?;
    // A line without an end was torn by a kill: it is cut off and done again.
    let whole = written.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    journal.truncate(whole as u64)?;
    let done = written[..whole].iter().filter(|&&byte| byte == b'\n').count();
    for step in done..10 {
        journal.append(format!("step {step}\n").as_bytes())?;
        journal.sync()?;
    }
    write_atomic(folder.join("result.txt"), b"10 steps\n")?;
    Ok(10 - done)
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    // As a kill in the middle of step 3 would leave it.
    std::fs::write(folder.path().join("journal"), "step 0\nstep 1\nstep 2\nste")?;
    assert_eq!(job(folder.path())?, 7);
    assert_eq!(job(folder.path())?, 0, "nothing is left to do");
    assert_eq!(read(folder.path().join("result.txt"), 100)?, b"10 steps\n");
    Ok(())
}
