//! Where each value of a plan lies in memory, so that values which are never needed at once share it.

use std::ops::Range;

use crate::command::Command;

/// Values begin at multiples of so many bytes, as cuDNN and vector loads want it.
const ALIGNMENT: u64 = 256;

/// Bits of an address within a value.
const WITHIN: u32 = 34;

/// The address that stands for byte `byte` of a value until the values have a place.
pub fn stand_in(value: usize, byte: u64) -> u64 {
    (value as u64 + 1) << WITHIN | byte
}

/// The value and the byte that an address stands for.
fn meant(address: u64) -> (usize, u64) {
    ((address >> WITHIN) as usize - 1, address & ((1 << WITHIN) - 1))
}

/// A value: how many bytes it has, and whether it keeps its place from the beginning to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// Its bytes.
    pub bytes: u64,
    /// Whether no other may share its place.
    pub pinned: bool,
}

/// Where each value lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    starts: Vec<u64>,
    bytes: u64,
}

impl Layout {
    /// Places the values that the commands name: the larger ones first, each as low as it fits beside those which live at
    /// the same time as it.
    pub fn new(values: &[Value], commands: &[Command]) -> Self {
        let lives = lives(values, commands);
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by_key(|&value| (std::cmp::Reverse(values[value].bytes), value));
        let mut starts = vec![0; values.len()];
        let mut placed: Vec<usize> = Vec::new();
        let mut bytes = 0;
        for value in order {
            let Some(life) = &lives[value] else { continue };
            let size = values[value].bytes.next_multiple_of(ALIGNMENT);
            let together = placed.iter().filter(|&&other| {
                lives[other].as_ref().is_some_and(|other| other.start < life.end && life.start < other.end)
            });
            let mut taken: Vec<Range<u64>> =
                together.map(|&other| starts[other]..starts[other] + values[other].bytes).collect();
            taken.sort_by_key(|taken| taken.start);
            let mut start = 0;
            for taken in taken {
                if start + size <= taken.start {
                    break;
                }
                start = start.max(taken.end.next_multiple_of(ALIGNMENT));
            }
            starts[value] = start;
            bytes = bytes.max(start + size);
            placed.push(value);
        }
        Self { starts, bytes }
    }

    /// Bytes of all values together.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The byte at which a value begins.
    pub fn start(&self, value: usize) -> u64 {
        self.starts[value]
    }

    /// The address that a stand-in means, in memory that begins at `base`.
    pub fn resolve(&self, base: u64, address: u64) -> u64 {
        let (value, byte) = meant(address);
        base + self.starts[value] + byte
    }
}

/// From which command to before which each value is needed; none for one that no command names.
fn lives(values: &[Value], commands: &[Command]) -> Vec<Option<Range<usize>>> {
    let whole = 0..commands.len().max(1);
    let mut lives: Vec<Option<Range<usize>>> = values.iter().map(|value| value.pinned.then(|| whole.clone())).collect();
    for (at, command) in commands.iter().enumerate() {
        for address in command.addresses() {
            let (value, _) = meant(address);
            let life = lives[value].get_or_insert(at..at + 1);
            life.end = life.end.max(at + 1);
        }
    }
    lives
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Product;
    use crate::kernels::Address;

    fn product(a: usize, b: usize, c: usize) -> Command {
        let [a, b, c] = [a, b, c].map(|value| Address::new(stand_in(value, 4)));
        Command::Product(Product { sizes: [1; 3], transposed: [false; 2], a, b, c, add: false })
    }

    #[test]
    fn values_that_live_at_once_lie_apart_and_others_share() {
        let sizes = [1000, 700, 300, 700, 300, 40, 8];
        let mut values: Vec<Value> = sizes.into_iter().map(|bytes| Value { bytes, pinned: false }).collect();
        values[6].pinned = true;
        let commands = [product(0, 0, 1), product(1, 1, 2), product(2, 2, 3), product(3, 1, 4), product(4, 4, 5)];
        let layout = Layout::new(&values, &commands);
        let lives = lives(&values, &commands);
        for a in 0..values.len() {
            for b in 0..a {
                let (Some(x), Some(y)) = (&lives[a], &lives[b]) else { panic!("all are named") };
                let apart = layout.start(a) + values[a].bytes <= layout.start(b)
                    || layout.start(b) + values[b].bytes <= layout.start(a);
                assert!(apart || x.end <= y.start || y.end <= x.start, "{a} and {b}");
            }
            assert!(layout.start(a).is_multiple_of(ALIGNMENT) && layout.start(a) + values[a].bytes <= layout.bytes());
        }
        assert!(layout.bytes() < sizes.iter().sum::<u64>(), "{layout:?}");
        assert_eq!(layout.resolve(1 << 20, stand_in(2, 12)), (1 << 20) + layout.start(2) + 12);
    }
}
