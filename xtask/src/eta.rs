//! When a run will be at its end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How far a run is, in epochs of all its cells together.
#[derive(Default)]
pub struct Eta {
    /// When the first step was heard of.
    began: Option<Instant>,
    cells: BTreeMap<String, Ahead>,
}

/// A cell on its way.
struct Ahead {
    /// Epochs that were left when the run began.
    left: f64,
    /// Where it was when it was first heard of, in epochs, and where it is.
    way: Option<[f64; 2]>,
}

impl Ahead {
    fn done(&self) -> f64 {
        self.way.map_or(0.0, |[first, at]| at - first)
    }
}

impl Eta {
    /// Before the first step, with the epochs that are left of each cell.
    pub fn new(left: &BTreeMap<String, usize>) -> Self {
        let cells = left.iter().map(|(name, &left)| (name.clone(), Ahead { left: left as f64, way: None }));
        Self { began: None, cells: cells.collect() }
    }

    /// A cell is at so many epochs.
    pub fn tick(&mut self, cell: &str, at: f64, now: Instant) {
        self.began.get_or_insert(now);
        if let Some(ahead) = self.cells.get_mut(cell) {
            ahead.way.get_or_insert([at; 2])[1] = at;
        }
    }

    /// Nothing more comes of a cell.
    pub fn end(&mut self, cell: &str) {
        if let Some(ahead) = self.cells.get_mut(cell) {
            ahead.left = ahead.done();
        }
    }

    /// What is left at the pace of what was done; none before that is known.
    pub fn left(&self, now: Instant) -> Option<Duration> {
        let done: f64 = self.cells.values().map(Ahead::done).sum();
        let left: f64 = self.cells.values().map(|cell| (cell.left - cell.done()).max(0.0)).sum();
        let seconds = now.duration_since(self.began?).as_secs_f64() * left / done;
        // Not a number at first.
        Duration::try_from_secs_f64(seconds).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three cells of ten epochs: one goes on from its fourth, one is finished already. Two run at once.
    #[test]
    fn the_whole_run_is_foreseen() {
        let began = Instant::now();
        let after = |seconds| began + Duration::from_secs(seconds);
        let mut eta =
            Eta::new(&[("a", 10), ("b", 6), ("c", 0), ("d", 10)].map(|(name, left)| (name.into(), left)).into());
        assert_eq!(eta.left(began), None);
        eta.tick("a", 0.0, began);
        eta.tick("b", 4.0, began);
        assert_eq!(eta.left(began), None);
        eta.tick("a", 1.0, after(5));
        assert_eq!(eta.left(after(5)), Some(Duration::from_secs(5 * 25)));
        // Two epochs in ten seconds, 24 left.
        eta.tick("b", 5.0, after(10));
        assert_eq!(eta.left(after(10)), Some(Duration::from_secs(120)));
        // What diverges takes no more time: 9 and 5 are left.
        eta.tick("d", 0.0, after(10));
        eta.end("d");
        assert_eq!(eta.left(after(10)), Some(Duration::from_secs(70)));
        eta.tick("a", 10.0, after(80));
        eta.tick("b", 10.0, after(80));
        assert_eq!(eta.left(after(80)), Some(Duration::ZERO));
    }
}
