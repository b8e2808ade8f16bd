//! Progress bars on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use tracing_indicatif::IndicatifLayer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use vr_bench::cells::observer::{Observer, RunMemory};
use vr_bench::results::{Divergence, Event};

use crate::eta::Eta;

/// Where progress goes.
pub struct Bars {
    bar: ProgressBar,
    stop: Arc<AtomicBool>,
    eta: Mutex<Eta>,
}

/// Sets up logging (`RUST_LOG`, warnings by default) and the bar.
pub fn init() -> Bars {
    let layer = IndicatifLayer::new();
    let asked = std::env::var("RUST_LOG").ok().and_then(|levels| levels.parse().ok());
    // The renderer warns of every line without a length, such as a range whose ends are one.
    let usual = || Targets::new().with_default(LevelFilter::WARN).with_target("tiny_skia", LevelFilter::ERROR);
    let filter: Targets = asked.unwrap_or_else(usual);
    tracing_subscriber::registry()
        .with(filter)
        .with(tracing_subscriber::fmt::layer().with_writer(layer.get_stderr_writer()))
        .with(layer)
        .init();
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{msg:32} {wide_bar} {pos}/{len}{prefix}") {
        bar.set_style(style);
    }
    Bars { bar, stop: Arc::default(), eta: Mutex::default() }
}

impl Bars {
    /// How many of how many are done.
    pub fn count(&self, what: &'static str, done: u64, of: u64) {
        self.bar.set_message(what);
        self.bar.set_length(of);
        self.bar.set_position(done);
        self.say_left(self.bar.eta());
    }

    fn say_left(&self, left: Duration) {
        self.bar.set_prefix(format!(", {} left", HumanDuration(left)));
    }

    fn eta(&self) -> MutexGuard<'_, Eta> {
        self.eta.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Prints a line above the bar.
    pub fn line(&self, text: &str) {
        // A run outlives what its lines are written to.
        self.bar.suspend(|| say!("{text}").ok());
    }

    /// Whether runs should save themselves and end.
    pub fn stop(&self) -> &Arc<AtomicBool> {
        &self.stop
    }

    /// Takes the bar away.
    pub fn done(&self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Bars {
    fn begin(&self, left: &BTreeMap<String, usize>, largest: RunMemory) {
        *self.eta() = Eta::new(left);
        self.line(&format!("{} cell(s); the largest keeps {largest}", left.len()));
    }
}

impl vr_run::Observer<Event> for Bars {
    fn tick(&self, cell: &str, epoch: usize, step: usize, steps: usize) {
        if step <= 1 {
            self.bar.enable_steady_tick(Duration::from_millis(500));
        }
        let now = Instant::now();
        let left = {
            let mut eta = self.eta();
            eta.tick(cell, epoch.saturating_sub(1) as f64 + step as f64 / steps.max(1) as f64, now);
            eta.left(now)
        };
        if let Some(left) = left {
            self.say_left(left);
        }
        self.bar.set_message(format!("{cell}, epoch {epoch}"));
        self.bar.set_length(steps as u64);
        self.bar.set_position(step as u64);
    }

    fn event(&self, cell: &str, event: &Event, seconds: f64) {
        match event {
            Event::Epoch(row) => self.line(&format!(
                "{:24} epoch {:3}  train loss {:.4}  {}test loss {:.4}  test error {:5.2} %{}  {:6.1} s  {} gradient evaluations",
                row.track(),
                row.epoch,
                row.train_loss,
                row.validation_error.map_or_else(String::new, |error| format!("validation error {error:5.2} %  ")),
                row.test_loss,
                row.test_error,
                row.test_error_top5.map_or_else(String::new, |error| format!(", top-5 {error:5.2} %")),
                seconds,
                row.gradient_evaluations
            )),
            Event::Diverged(Divergence { method, seed, epoch }) => {
                self.eta().end(cell);
                self.line(&format!("{method:24} epoch {epoch:3}  diverged (seed {seed})"));
            }
            _ => {}
        }
    }

    fn stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
