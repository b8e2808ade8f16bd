//! Events of a log as records of an event file.

use super::record::{scalar, version};
use crate::facts::{Fact, Facts, Of};
use crate::recorded::Setting;
use crate::results::Event;

/// The time of a cell: its beginning, and the seconds that it has trained since.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Clock {
    /// When the cell began, in seconds since 1970.
    pub began: f64,
    /// Seconds of training before the epoch.
    pub before: f64,
    /// The epoch that the seconds below are of.
    pub epoch: usize,
    /// Seconds of training in it.
    pub within: f64,
}

impl Clock {
    /// The time of an event `seconds` of training into its epoch.
    pub fn at(&mut self, epoch: usize, seconds: f64) -> f64 {
        if epoch != self.epoch {
            (self.before, self.epoch) = (self.before + self.within, epoch);
        }
        self.within = seconds;
        self.began + self.before + self.within
    }
}

/// Makes records of the events of one cell.
#[derive(Clone, Debug)]
pub struct Scalars {
    /// The method; other names of the cell are not in the file.
    pub method: String,
    /// How it is trained.
    pub setting: Setting,
}

/// Quantities that are too many for a page of charts, by the beginnings of their names: a table has them.
const LEFT_OUT: [&str; 2] = ["tensor-", "position-"];

impl Scalars {
    /// The beginning of a file.
    pub fn head(began: f64) -> Vec<u8> {
        version(began)
    }

    /// The records of an event.
    pub fn of(&self, event: &Event, time: f64) -> Vec<u8> {
        let of = Of { run: "", cell: "", model: "", method: &self.method, seed: 0 };
        let whole = matches!(event, Event::Epoch(_) | Event::Diverged(_));
        let mut records = Vec::new();
        Facts { of, setting: &self.setting }.event(event, &mut |fact: Fact<'_>| {
            let name = fact.quantity.name;
            if LEFT_OUT.iter().any(|beginning| name.starts_with(beginning)) {
                return;
            }
            let percent = fact.percent.unwrap_or_default();
            let tag = match (whole, fact.part) {
                (true, "") => name.to_owned(),
                (true, part) => format!("{name}/{part}"),
                (false, _) => format!("{name}/{percent} %"),
            };
            records.extend(scalar(time, self.step(fact.epoch, percent), &tag, fact.value as f32));
        });
        records
    }

    /// Training steps before a place in an epoch.
    fn step(&self, epoch: usize, percent: f64) -> u64 {
        let steps = self.setting.steps as u64;
        let within = (steps as f64 * percent / 100.0).round() as u64;
        (epoch as u64).saturating_sub(1).saturating_mul(steps).saturating_add(within)
    }
}
