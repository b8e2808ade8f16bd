//! Requests to stop. After the first SIGTERM, SIGINT or SIGUSR2 a run ends its step, saves itself and
//! exits with [`RESUMABLE`]; a second one ends the process at once.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Exit code of a run that saved itself: EX_TEMPFAIL of sysexits.h, "try again later".
pub const RESUMABLE: u8 = 75;

#[cfg(unix)]
const SIGNALS: [i32; 3] = [SIGTERM, SIGINT, signal_hook::consts::SIGUSR2];
#[cfg(not(unix))]
const SIGNALS: [i32; 2] = [SIGTERM, SIGINT];

/// Lets the signals set `stop`.
pub fn listen(stop: &Arc<AtomicBool>) -> Result<()> {
    for signal in SIGNALS {
        // In this order: the first signal finds the flag still down.
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(stop))?;
        flag::register(signal, Arc::clone(stop))?;
    }
    Ok(())
}
