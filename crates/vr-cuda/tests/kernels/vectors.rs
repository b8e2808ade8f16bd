//! The arithmetic of estimators on flat vectors, and scalar products.

use vr_core::vector::{deviations, dot};
use vr_core::{Coefficient, FlatVector, Mean, ParameterSpace};
use vr_cuda::Kernel;
use vr_cuda::kernels::{AverageIn, Axpy, Chunks, Combine, CombineEach, Deviations, Dot, MeanAdd, MeanWrite, SumChunks};

use crate::memory::{Memory, bits, numbers};

/// Tensors of one element, of less than a chunk, of exactly one, of several with a rest.
pub fn space() -> ParameterSpace {
    let tensors = [("a", vec![1]), ("b", vec![3, 5]), ("c", vec![4096]), ("d", vec![3, 4099]), ("e", vec![2])];
    ParameterSpace::new(tensors).unwrap()
}

#[test]
fn the_control_variate_has_the_bits_of_the_cpu() {
    let space = space();
    let len = space.len();
    let (mut g, r, mean) = (numbers(1, len), numbers(2, len), numbers(3, len));
    g[17] = -0.0;
    let mut each = numbers(4, len);
    each[17] = 0.0;
    let alphas = vec![0.0, 1.0, 0.7, -0.3, 0.0];
    let chunks = Chunks::new(&space).unwrap();
    let mut memory = Memory::default();
    let [at_g, at_r, at_mean, at_alphas, at_each] = [&g, &r, &mean, &alphas, &each].map(|values| memory.put(values));
    let (table, [out, out_each]) = (memory.put(chunks.table()), [(); 2].map(|()| memory.rubbish::<f32>(len)));
    let run = memory.run(|at| {
        let (gradient, reference, mean) = (at.of(at_g), at.of(at_r), at.of(at_mean));
        let (chunks, blocks) = (at.of(table), chunks.len());
        vec![
            Combine { gradient, reference, mean, alphas: at.of(at_alphas), out: at.of(out), chunks, blocks }.launch(),
            CombineEach { gradient, reference, mean, alphas: at.of(at_each), out: at.of(out_each), len }.launch(),
        ]
    });
    let Some(()) = run else { return };
    for (slot, coefficient) in [(out, Coefficient::PerTensor(alphas)), (out_each, Coefficient::PerCoordinate(each))] {
        let mut expected = vec![0.0; len];
        coefficient.combine(&space, &g, &r, &mean, &mut expected);
        assert_eq!(bits(&memory.get(slot)), bits(&expected));
    }
}

#[test]
fn only_the_chosen_tensors_are_written() {
    let space = space();
    let len = space.len();
    let chunks = Chunks::of(&space, &[1, 3]).unwrap();
    let (g, old) = (numbers(1, len), numbers(2, len));
    let mut memory = Memory::default();
    let (at_g, at_alphas, table, out) =
        (memory.put(&g), memory.put(&[0.0_f32; 5]), memory.put(chunks.table()), memory.put(&old));
    let run = memory.run(|at| {
        let gradient = at.of(at_g);
        let (out, chunks, blocks) = (at.of(out), at.of(table), chunks.len());
        let alphas = at.of(at_alphas);
        vec![Combine { gradient, reference: gradient, mean: gradient, alphas, out, chunks, blocks }.launch()]
    });
    let Some(()) = run else { return };
    let mut expected = old;
    for index in [1, 3] {
        let range = space.tensors()[index].range();
        expected[range.clone()].copy_from_slice(&g[range]);
    }
    assert_eq!(memory.get(out), expected);
}

#[test]
fn sums_of_vectors_have_the_bits_of_the_cpu() {
    for len in [1, 255, 257, 70_001] {
        let (x, y, z) = (numbers(1, len), numbers(2, len), numbers(3, len));
        let mut memory = Memory::default();
        let (at_x, at_z) = (memory.put(&x), memory.put(&z));
        let (sum, average) = (memory.put(&y), memory.put(&y));
        let (wide, mean) = (memory.put(&vec![0.0_f64; len]), memory.rubbish::<f32>(len));
        let run = memory.run(|at| {
            let add = |x, sign| MeanAdd { sum: at.of(wide), x: at.of(x), sign, len }.launch();
            vec![
                Axpy { y: at.of(sum), x: at.of(at_x), a: -0.3, len }.launch(),
                AverageIn { y: at.of(average), x: at.of(at_x), keep: 0.9, len }.launch(),
                add(at_x, 1.0),
                add(sum, 1.0),
                add(at_z, 1.0),
                add(at_x, -1.0),
                MeanWrite { sum: at.of(wide), mean: at.of(mean), count: 2.0, len }.launch(),
            ]
        });
        let Some(()) = run else { return };
        let (mut expected, mut averaged) = (FlatVector::from(y.clone()), FlatVector::from(y));
        expected.axpy(-0.3, &x);
        assert_eq!(bits(&memory.get(sum)), bits(&expected));
        averaged.average_in(0.9, &x);
        assert_eq!(bits(&memory.get(average)), bits(&averaged));
        let mut exact = Mean::new(len);
        exact.add(&x);
        exact.add(&expected);
        exact.add(&z);
        exact.remove(&x);
        let mut expected = vec![0.0_f32; len];
        exact.write(&mut expected);
        assert_eq!(bits(&memory.get(mean)), bits(&expected));
    }
}

#[test]
fn products_of_each_tensor_are_those_of_the_cpu() {
    let space = space();
    let len = space.len();
    let (g, r, mean) = (numbers(1, len), numbers(2, len), numbers(3, len));
    // Without one tensor, whose sums are then zero.
    let chunks = Chunks::of(&space, &[0, 1, 3, 4]).unwrap();
    let (blocks, tensors) = (chunks.len(), space.tensors().len());
    let mut memory = Memory::default();
    let [at_g, at_r, at_mean] = [&g, &r, &mean].map(|values| memory.put(values));
    let (table, firsts) = (memory.put(chunks.table()), memory.put(chunks.firsts()));
    let (parts, parts3) = (memory.rubbish::<f64>(blocks), memory.rubbish::<f64>(3 * blocks));
    let (sums, sums3) = (memory.rubbish::<f64>(tensors), memory.rubbish::<f64>(3 * tensors));
    let run = memory.run(|at| {
        let (gradient, reference, mean, chunks) = (at.of(at_g), at.of(at_r), at.of(at_mean), at.of(table));
        let (parts, parts3, firsts) = (at.of(parts), at.of(parts3), at.of(firsts));
        vec![
            Dot { x: gradient, y: reference, parts, chunks, blocks }.launch(),
            Deviations { gradient, reference, mean, parts: parts3, chunks, blocks }.launch(),
            SumChunks { parts, firsts, sums: at.of(sums), tensors, width: 1 }.launch(),
            SumChunks { parts: parts3, firsts, sums: at.of(sums3), tensors, width: 3 }.launch(),
        ]
    });
    let Some(()) = run else { return };
    for (index, tensor) in space.tensors().iter().enumerate() {
        let of = |x: &[f32]| x[tensor.range()].to_vec();
        let (g, r, mean) = (of(&g), of(&r), of(&mean));
        let [expected, products] = match index {
            2 => [vec![0.0], vec![0.0; 3]],
            _ => [vec![dot(&g, &r)], deviations(&g, &r, &mean).to_vec()],
        };
        // Products cancel: their terms say how exact a sum of them is.
        let terms = g.iter().zip(&r).map(|(g, r)| f64::from((g * r).abs())).sum::<f64>() + 1.0;
        assert!((memory.get(sums)[index] - expected[0]).abs() <= 1e-13 * terms);
        let found = &memory.get(sums3)[3 * index..][..3];
        let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 2e-6 * terms.max(products[0]).max(products[2]);
        assert!(found.iter().zip(&products).all(near), "{found:?}, not {products:?}");
    }
}
