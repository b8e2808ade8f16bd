//! Sums of a variance report.

use vr_core::VarianceAccumulator;
use vr_cuda::kernels::{Chunks, ObserveVariance, SumChunks};
use vr_cuda::{Address, Kernel};

use crate::memory::{Memory, numbers};
use crate::vectors;

const MINIBATCHES: usize = 4;

#[test]
fn means_and_deviations_are_those_of_the_cpu() {
    let space = vectors::space();
    let (len, tensors) = (space.len(), space.tensors().len());
    let chunks = Chunks::new(&space).unwrap();
    let blocks = chunks.len();
    for with_reference in [true, false] {
        // Gradients that correlate with their control variates, around a mean that is large beside what they deviate.
        let g: Vec<Vec<f32>> =
            (0..MINIBATCHES).map(|b| numbers(10 + b as u32, len).iter().map(|x| x + 5.0).collect()).collect();
        let noise: Vec<Vec<f32>> = (0..MINIBATCHES).map(|b| numbers(20 + b as u32, len)).collect();
        let near = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a + 0.3 * b).collect::<Vec<f32>>();
        let r: Vec<Vec<f32>> = g.iter().zip(&noise).map(|(g, noise)| near(g, noise)).collect();
        let v: Vec<Vec<f32>> = g.iter().zip(&noise).map(|(g, noise)| near(noise, g)).collect();
        let mut memory = Memory::default();
        let [at_g, at_v, at_r] = [&g, &v, &r].map(|rows| rows.iter().map(|row| memory.put(row)).collect::<Vec<_>>());
        let [g_mean, v_mean, r_mean] = [(); 3].map(|()| memory.put(&vec![0.0_f64; len]));
        let (parts, sums) = (memory.put(&vec![0.0_f64; 5 * blocks]), memory.rubbish::<f64>(5 * tensors));
        let (table, firsts) = (memory.put(chunks.table()), memory.put(chunks.firsts()));
        let run = memory.run(|at| {
            let observe = |b: usize| ObserveVariance {
                gradient: at.of(at_g[b]),
                estimate: at.of(at_v[b]),
                reference: if with_reference { at.of(at_r[b]) } else { Address::NULL },
                gradient_mean: at.of(g_mean),
                estimate_mean: at.of(v_mean),
                reference_mean: at.of(r_mean),
                parts: at.of(parts),
                chunks: at.of(table),
                weight: 1.0 / (b + 1) as f64,
                blocks,
            };
            let sum = SumChunks { parts: at.of(parts), firsts: at.of(firsts), sums: at.of(sums), tensors, width: 5 };
            (0..MINIBATCHES).map(|b| observe(b).launch()).chain([sum.launch()]).collect()
        });
        let Some(()) = run else { return };
        let mut accumulator = VarianceAccumulator::new(&space);
        for b in 0..MINIBATCHES {
            accumulator.observe(&g[b], &v[b], with_reference.then_some(&r[b][..]));
        }
        // The mean has the bits, the sums have another order.
        assert_eq!(memory.get(g_mean), accumulator.full_gradient());
        let report = accumulator.report();
        for (index, (name, expected)) in report.tensors.iter().enumerate() {
            let [gradient, estimate, reference, mixed, left]: [f64; 5] =
                memory.get(sums)[5 * index..][..5].try_into().unwrap();
            let near = |found: f64, expected: f64| {
                assert!((found - expected).abs() <= 1e-12 * expected.abs(), "{name}: {found}, not {expected}");
            };
            near(gradient / MINIBATCHES as f64, expected.sgd_variance);
            near(estimate / MINIBATCHES as f64, expected.estimator_variance);
            if with_reference {
                near(mixed / (gradient * reference).sqrt(), expected.correlation.unwrap());
                near(mixed / reference, expected.optimal_coefficient.unwrap());
                near((mixed - left) / reference, expected.coefficient.unwrap());
            } else {
                assert_eq!([reference, mixed, left], [0.0; 3]);
            }
        }
    }
}
