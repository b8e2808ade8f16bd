//! Dropout.

use vr_core::{Key, Noise, Stream};
use vr_cuda::Kernel;
use vr_cuda::kernels::{Dropout, key_words};

use crate::memory::{Memory, bits, numbers};

#[test]
fn masks_have_the_bits_of_the_cpu() {
    let key = Key { seed: 0x1234_5678_9abc_def0, stream: Stream::InnerTransform, generation: 3, visit: 0x0102_0304 };
    for (samples, row, rate, draw) in
        [(1, 1, 0.5, 0), (3, 5, 0.2, 7), (16, 64, 0.9, 1 << 20), (5, 1027, 0.1, 3), (2, 8, 0.0, 1)]
    {
        let noise = Noise { key, samples: (0..samples as u32).map(|n| n * 977 + 5).collect() };
        let (x, old) = (numbers(1, samples * row), numbers(2, samples * row));
        let mut memory = Memory::default();
        let (at_x, y, added) = (memory.put(&x), memory.rubbish::<f32>(x.len()), memory.put(&old));
        let (words, names) = (memory.put(&key_words(key)), memory.put(&noise.samples));
        let run = memory.run(|at| {
            let (x, y, key, samples, len) = (at.of(at_x), at.of(y), at.of(words), at.of(names), x.len());
            let dropout = Dropout { x, y, key, samples, rate, len, row, draw, add: false };
            vec![dropout.launch(), Dropout { y: at.of(added), add: true, ..dropout }.launch()]
        });
        let Some(()) = run else { return };
        // As vr-models draws them: `vr_core::Noise` in blocks of four.
        let kept = 1.0 / (1.0 - rate);
        let factor = |i: usize| {
            let word = noise.words(i / row, draw as u32 + (i % row / 4) as u32)[i % row % 4];
            (if vr_core::random::uniform(word) < rate { 0.0 } else { kept }) as f32
        };
        let expected: Vec<f32> = x.iter().enumerate().map(|(i, x)| x * factor(i)).collect();
        assert_eq!(bits(&memory.get(y)), bits(&expected));
        let sum: Vec<f32> = old.iter().zip(&expected).map(|(old, new)| old + new).collect();
        assert_eq!(bits(&memory.get(added)), bits(&sum));
        let dropped = expected.iter().filter(|y| **y == 0.0).count();
        assert!(rate == 0.0 || row < 64 || dropped > 0);
    }
}
