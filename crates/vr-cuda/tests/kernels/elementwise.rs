//! Element by element.

use vr_cuda::Kernel;
use vr_cuda::kernels::{Activate, ActivateBackward, Activation, Add, Copy, Fill};
use vr_kernels::Isa;

use crate::memory::{Memory, Part, bits, numbers};

const ACTIVATIONS: [Activation; 3] = [Activation::None, Activation::Relu, Activation::Elu];

/// Numbers of all sizes, infinities and NaN.
fn all_sorts(seed: u32, len: usize) -> Vec<f32> {
    let mut x = numbers(seed, len);
    let odd = [0.0, -0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -88.5, -1e-30, 1e-40, 3e38, -3e38];
    x.iter_mut().zip(odd).for_each(|(x, odd)| *x = odd);
    x
}

/// What vr-kernels makes of x.
pub fn activated(activation: Activation, x: &[f32]) -> Vec<f32> {
    let mut y = x.to_vec();
    match activation {
        Activation::None => {}
        Activation::Relu => vr_kernels::relu(Isa::detect(), x, &mut y),
        Activation::Elu => vr_kernels::elu(Isa::detect(), &mut y),
    }
    y
}

/// The gradient of what went into an activation, by vr-kernels.
pub fn activation_gradient(activation: Activation, y: &[f32], dy: &[f32]) -> Vec<f32> {
    let mut dx = dy.to_vec();
    match activation {
        Activation::None => {}
        Activation::Relu => vr_kernels::relu_backward(Isa::detect(), y, dy, &mut dx),
        Activation::Elu => vr_kernels::elu_backward(Isa::detect(), y, &mut dx),
    }
    dx
}

fn assert_same(found: &[f32], expected: &[f32]) {
    let canonical = |x: &[f32]| bits(&x.iter().map(|x| if x.is_nan() { f32::NAN } else { *x }).collect::<Vec<_>>());
    assert_eq!(canonical(found), canonical(expected));
}

#[test]
fn activations_have_the_bits_of_the_cpu() {
    let sizes = |(a, which)| [(a, which, 1, 1), (a, which, 3, 17), (a, which, 7, 600)];
    for (activation, which, samples, row) in ACTIVATIONS.iter().flat_map(|&a| [(a, 0), (a, 1)]).flat_map(sizes) {
        let (x, dy, old) = (all_sorts(1, samples * row), numbers(2, samples * row), numbers(3, samples * row));
        let y = activated(activation, &x);
        let (from, to) = (Part::around(row, 2)[which], Part::around(row, 1)[which]);
        let mut memory = Memory::default();
        let (at_x, at_y) = (memory.put(&from.embed(&x)), memory.put(&to.embed(&old)));
        let (at_dy, dx) = (memory.put(&dy), memory.put(&from.embed(&old)));
        let added = memory.put(&dy);
        let len = samples * row;
        let run = memory.run(|at| {
            let (x, y, dx, dy) =
                (at.of(at_x).at(from.offset), at.of(at_y).at(to.offset), at.of(dx).at(from.offset), at.of(at_dy));
            let (x_pitch, y_pitch, dx_pitch, dy_pitch) = (from.pitch, to.pitch, from.pitch, row);
            let backward =
                ActivateBackward { y, dy, dx, len, row, y_pitch, dy_pitch, dx_pitch, activation, add: false };
            vec![
                Activate { x, y, len, row, x_pitch, y_pitch, activation }.launch(),
                backward.launch(),
                ActivateBackward { dx: at.of(added), dx_pitch: row, add: true, ..backward }.launch(),
            ]
        });
        let Some(()) = run else { return };
        let gradient = activation_gradient(activation, &y, &dy);
        assert_same(&memory.get(at_y), &to.embed(&y));
        assert_same(&memory.get(dx), &from.embed(&gradient));
        assert_same(&memory.get(added), &dy.iter().zip(&gradient).map(|(a, b)| a + b).collect::<Vec<_>>());
    }
}

#[test]
fn sums_and_copies_go_between_parts_of_tensors() {
    for (which, samples, row) in [(0, 1, 1), (0, 5, 3), (0, 2, 1025), (0, 257, 256), (1, 257, 256)] {
        let (a, b, old) = (numbers(1, samples * row), numbers(2, samples * row), numbers(3, samples * row));
        let [part_a, part_b, part_y] = [0, 5, 1].map(|offset| Part::around(row, offset)[which]);
        let mut memory = Memory::default();
        let (at_a, at_b) = (memory.put(&part_a.embed(&a)), memory.put(&part_b.embed(&b)));
        let [sum, copied, added] = [(); 3].map(|()| memory.put(&part_y.embed(&old)));
        let filled = memory.rubbish::<f32>(samples);
        let (len, y_pitch) = (samples * row, part_y.pitch);
        let run = memory.run(|at| {
            let (a, b) = (at.of(at_a).at(part_a.offset), at.of(at_b).at(part_b.offset));
            let [sum, copied, added] = [sum, copied, added].map(|slot| at.of(slot).at(part_y.offset));
            let (a_pitch, b_pitch, x_pitch) = (part_a.pitch, part_b.pitch, part_a.pitch);
            vec![
                Add { a, b, y: sum, len, row, a_pitch, b_pitch, y_pitch, activation: Activation::Relu }.launch(),
                Copy { x: a, y: copied, len, row, x_pitch, y_pitch, add: false }.launch(),
                Copy { x: a, y: added, len, row, x_pitch, y_pitch, add: true }.launch(),
                Fill { y: at.of(filled), value: 0.1, len: samples }.launch(),
            ]
        });
        let Some(()) = run else { return };
        let plus = |x: &[f32]| a.iter().zip(x).map(|(a, x)| a + x).collect::<Vec<_>>();
        assert_eq!(memory.get(sum), part_y.embed(&activated(Activation::Relu, &plus(&b))));
        assert_eq!(memory.get(copied), part_y.embed(&a));
        assert_eq!(memory.get(added), part_y.embed(&plus(&old)));
        assert_eq!(memory.get(filled), vec![0.1; samples]);
    }
}

#[test]
fn nothing_is_launched_for_no_elements() {
    let launch = Fill { y: vr_cuda::Address::NULL, value: 0.0, len: 0 }.launch().unwrap();
    assert!(launch.is_empty());
    assert_eq!(Memory::default().run(|_| vec![Ok(launch.clone())]).unwrap_or(()), ());
}
