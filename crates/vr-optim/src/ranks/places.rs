//! The vectors that servers keep.

use vr_core::{FlatVector, Scalar, State};

/// Vectors that are kept by servers at numbered places, and which of them each server has. They are told apart by their bits,
/// so that it does not matter what a vector is for.
#[derive(Debug)]
pub(super) struct Places<S> {
    kept: Vec<Kept<S>>,
    /// For each rank and place, the version that it has; 0 is none.
    known: Vec<Vec<u64>>,
    versions: u64,
    /// Windows so far.
    clock: u64,
}

#[derive(Debug)]
struct Kept<S> {
    values: FlatVector<S>,
    version: u64,
    used: u64,
}

/// Iterate, snapshot, previous iterate, and the statistics at two of them. More are kept only where one window needs more.
const PLACES: usize = 5;

impl<S: Scalar> Places<S> {
    /// Nothing kept by any of so many ranks.
    pub(super) fn new(ranks: usize) -> Self {
        Self { kept: Vec::new(), known: vec![Vec::new(); ranks], versions: 0, clock: 0 }
    }

    /// Begins a window: all vectors that are placed from here on are kept until the next.
    pub(super) fn next_window(&mut self) {
        self.clock += 1;
    }

    /// The place of a vector of two parts: where it is, or else a new one or that of the vector that was not used for longest.
    pub(super) fn of(&mut self, [first, second]: [&[S]; 2]) -> usize {
        let same = |a: &[S], b: &[S]| bytemuck::cast_slice::<S, u8>(a) == bytemuck::cast_slice::<S, u8>(b);
        let is = |kept: &Kept<S>| {
            kept.values.len() == first.len() + second.len()
                && same(&kept.values[..first.len()], first)
                && same(&kept.values[first.len()..], second)
        };
        let clock = self.clock;
        if let Some(place) = self.kept.iter().position(is) {
            self.kept[place].used = clock;
            return place;
        }
        self.versions += 1;
        let values = FlatVector::from([first, second].concat());
        let kept = Kept { values, version: self.versions, used: clock };
        let oldest = (0..self.kept.len()).min_by_key(|&place| self.kept[place].used);
        match oldest.filter(|&place| self.kept.len() >= PLACES && self.kept[place].used < clock) {
            Some(place) => {
                self.kept[place] = kept;
                place
            }
            None => {
                self.kept.push(kept);
                self.kept.len() - 1
            }
        }
    }

    /// What a rank must be sent to have what lies at a place.
    pub(super) fn lacking(&mut self, rank: usize, place: usize) -> Option<State> {
        let Kept { values, version, .. } = &self.kept[place];
        let known = &mut self.known[rank];
        known.resize(known.len().max(place + 1), 0);
        if known[place] == *version {
            return None;
        }
        known[place] = *version;
        let mut state = State::new();
        let mut out = state.writer("vector");
        out.integer("place", place as u64);
        out.integer("len", values.len() as u64);
        out.vector("values", values);
        Some(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_is_sent_to_a_rank_once_while_it_has_a_place() {
        let mut places = Places::<f32>::new(3);
        let sent = |places: &mut Places<f32>, rank, x: f32| {
            places.next_window();
            let place = places.of([&[x], &[]]);
            places.lacking(rank, place).is_some()
        };
        assert!(sent(&mut places, 1, 0.0) && sent(&mut places, 2, 0.0));
        assert!(!sent(&mut places, 1, 0.0));
        // Equal numbers, but not the same bits.
        assert!(sent(&mut places, 1, -0.0));
        for x in 1..PLACES {
            assert!(sent(&mut places, 1, x as f32));
        }
        assert_eq!(places.kept.len(), PLACES);
        // The first one's place was taken, for it was not used for longest.
        assert!(!sent(&mut places, 1, -0.0) && sent(&mut places, 1, 0.0));
    }

    #[test]
    fn a_window_has_a_place_for_each_of_its_vectors() {
        let mut places = Places::<f64>::new(2);
        places.next_window();
        let found: Vec<_> = (0..2 * PLACES).map(|x| places.of([&[x as f64], &[0.5]])).collect();
        assert_eq!(found, Vec::from_iter(0..2 * PLACES));
    }
}
