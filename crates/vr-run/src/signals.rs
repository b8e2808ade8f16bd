//! Requests to stop. After the first SIGTERM, SIGINT or SIGUSR2 a run ends its step, saves itself and
//! exits with [`RESUMABLE`]; a second one ends the process at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Exit code of a run that saved itself: EX_TEMPFAIL of sysexits.h, "try again later".
pub const RESUMABLE: u8 = 75;

/// Lets the signals set `stop`. A thread takes them one after another, so that of two which arrive at
/// the same moment one is the second.
///
/// # Errors
/// When the system refuses.
#[cfg(unix)]
pub fn listen(stop: &Arc<AtomicBool>) -> io::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR2};
    use signal_hook::{iterator::Signals, low_level::exit};

    let stop = Arc::clone(stop);
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGUSR2])?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in signals.forever() {
            if stop.swap(true, Ordering::SeqCst) {
                exit(128 + signal);
            }
        }
    })?;
    Ok(())
}

/// Lets the signals set `stop`.
///
/// # Errors
/// When the system refuses.
#[cfg(not(unix))]
pub fn listen(stop: &Arc<AtomicBool>) -> io::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::flag;

    for signal in [SIGTERM, SIGINT] {
        // In this order: the first signal finds the flag still down.
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(stop))?;
        flag::register(signal, Arc::clone(stop))?;
    }
    Ok(())
}
