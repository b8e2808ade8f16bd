//! Pooling.

use vr_cuda::kernels::{MaxPool, MaxPoolBackward, MeanPool, MeanPoolBackward, PoolShape};
use vr_cuda::{Address, Kernel};
use vr_kernels::{Isa, Pool, pack, unpack};

use crate::memory::{Memory, Part, bits, numbers};

/// Applies a function on lane blocks to samples.
fn by_blocks(samples: &[f32], row: usize, to: usize, run: impl Fn(&[f32], &mut [f32])) -> Vec<f32> {
    let of_block = |samples: &[f32]| {
        let (mut block, mut out) = (vec![0.0; 16 * row], vec![0.0; 16 * to]);
        pack(samples, row, &mut block);
        run(&block, &mut out);
        let mut unpacked = vec![0.0; samples.len() / row * to];
        unpack(&out, to, &mut unpacked);
        unpacked
    };
    samples.chunks(16 * row).flat_map(of_block).collect()
}

/// Samples, channels and sides; kernel, stride and padding.
#[rustfmt::skip]
const CASES: [([usize; 4], [[usize; 2]; 3]); 9] = [
    ([1, 1, 1, 1], [[1, 1], [1, 1], [0, 0]]),
    ([3, 2, 4, 6], [[2, 2], [2, 2], [0, 0]]),
    ([2, 3, 7, 5], [[2, 2], [2, 2], [0, 0]]),      // a rest that no window covers
    ([17, 2, 9, 8], [[3, 3], [2, 2], [1, 1]]),     // ResNet's for ImageNet
    ([2, 1, 6, 7], [[3, 2], [1, 3], [1, 1]]),
    ([2, 2, 5, 5], [[3, 3], [1, 1], [1, 1]]),
    ([5, 3, 8, 8], [[8, 8], [8, 8], [0, 0]]),      // global
    ([1, 2, 10, 4], [[2, 3], [4, 5], [0, 1]]),     // gaps between windows
    ([130, 1, 6, 6], [[2, 2], [1, 1], [0, 0]]),
];

#[test]
fn pooling_and_its_gradient_have_the_bits_of_the_cpu() {
    for ([samples, channels, height, width], [kernel, stride, padding]) in CASES {
        let pool = Pool { channels, height, width, kernel, stride, padding };
        let output = pool.output();
        let shape = PoolShape { channels, input: [height, width], output, kernel, stride, padding };
        let (row, out_row) = (channels * height * width, channels * output[0] * output[1]);
        let mut x: Vec<f32> = numbers(1, samples * row).iter().map(|x| (x * 3.0).round()).collect();
        x[samples * row / 2] = f32::NAN;
        let (dy, old) = (numbers(2, samples * out_row), numbers(3, samples * row));
        let (from, to) = (Part::of(row, 1, row + 2), Part::of(out_row, 2, out_row + 2));
        let mut memory = Memory::default();
        let (at_x, at_dy) = (memory.put(&from.embed(&x)), memory.put(&to.embed(&dy)));
        let [max, unchosen, mean] = [(); 3].map(|()| memory.put(&to.embed(&dy)));
        let at_chosen = memory.rubbish::<u32>(samples * out_row);
        let [max_dx, max_added, mean_dx, mean_added] = [(); 4].map(|()| memory.put(&from.embed(&old)));
        let run = memory.run(|at| {
            let (x, dy, chosen) = (at.of(at_x).at(from.offset), at.of(at_dy).at(to.offset), at.of(at_chosen));
            let [max, unchosen, mean] = [max, unchosen, mean].map(|slot| at.of(slot).at(to.offset));
            let [max_dx, max_added, mean_dx, mean_added] =
                [max_dx, max_added, mean_dx, mean_added].map(|slot| at.of(slot).at(from.offset));
            let (x_pitch, y_pitch, dx_pitch, dy_pitch) = (from.pitch, to.pitch, from.pitch, to.pitch);
            let forward = MaxPool { x, y: max, chosen, len: samples * out_row, shape, x_pitch, y_pitch };
            let len = samples * row;
            let backward = MaxPoolBackward { dy, chosen, dx: max_dx, len, shape, dy_pitch, dx_pitch, add: false };
            let mean_backward = MeanPoolBackward { dy, dx: mean_dx, len, shape, dy_pitch, dx_pitch, add: false };
            vec![
                forward.launch(),
                MaxPool { y: unchosen, chosen: Address::NULL, ..forward }.launch(),
                backward.launch(),
                MaxPoolBackward { dx: max_added, add: true, ..backward }.launch(),
                MeanPool { x, y: mean, len: samples * out_row, shape, x_pitch, y_pitch }.launch(),
                mean_backward.launch(),
                MeanPoolBackward { dx: mean_added, add: true, ..mean_backward }.launch(),
            ]
        });
        let Some(()) = run else { return };
        let isa = Isa::detect();
        let expected = by_blocks(&x, row, out_row, |x, y| pool.max(isa, x, None, y));
        assert_eq!(bits(&memory.get(max)), bits(&to.embed(&expected)), "{shape:?}");
        assert_eq!(bits(&memory.get(unchosen)), bits(&to.embed(&expected)), "{shape:?}");
        let expected = by_blocks(&x, row, out_row, |x, y| pool.mean(isa, x, None, y));
        assert_eq!(bits(&memory.get(mean)), bits(&to.embed(&expected)), "{shape:?}");

        let both: Vec<f32> = x.chunks(row).zip(dy.chunks(out_row)).flat_map(|(x, dy)| [x, dy].concat()).collect();
        let max_gradient = by_blocks(&both, row + out_row, row, |both, dx| {
            pool.max_backward(isa, &both[..16 * row], None, &both[16 * row..], dx);
        });
        let mean_gradient = by_blocks(&dy, out_row, row, |dy, dx| pool.mean_backward(isa, dy, dx));
        for (written, added, gradient) in [(max_dx, max_added, max_gradient), (mean_dx, mean_added, mean_gradient)] {
            assert_eq!(memory.get(written), from.embed(&gradient), "{shape:?}");
            let sum: Vec<f32> = old.iter().zip(&gradient).map(|(a, b)| a + b).collect();
            assert_eq!(memory.get(added), from.embed(&sum), "{shape:?}");
        }
    }
}
