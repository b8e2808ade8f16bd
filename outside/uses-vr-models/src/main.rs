//! A network of one's own on pictures of one's own, 48×48 in 7 classes, trained with SVRG on the cpu engine.

use std::error::Error;

use vr_core::{Batch, Key, Normalization, Oracle, Stream, random};
use vr_models::{Conv, ConvInit, CpuEngine, Graph, GraphBuilder, GraphError, Windows, initialize};
use vr_optim::{FixedBatches, StepDecay, Svrg, Training};

const CLASSES: u32 = 7;
const SIDE: usize = 48;

fn network() -> Result<Graph, GraphError> {
    let mut g = GraphBuilder::new([3, SIDE, SIDE]);
    let mut x = g.conv(0, "stem", Conv::new(8, 5).stride(2).same());
    x = g.batch_norm(x, "stem_bn");
    x = g.relu(x);
    x = g.max_pool(x, Windows::square(3).stride(2).padding(1));
    let branch = g.conv(x, "branch", Conv::new(8, 3).same());
    x = g.concat(vec![x, branch]);
    x = g.batch_norm(x, "bn");
    x = g.relu(x);
    x = g.global_avg_pool(x);
    x = g.flatten(x);
    g.linear(x, "fc", CLASSES as usize);
    g.finish(ConvInit::KaimingUniform)
}

/// Noisy pictures, each class with stripes of its own direction in one of the colours.
fn pictures(first: u32, count: u32) -> Result<Batch, Box<dyn Error>> {
    let labels: Vec<u32> = (first..first + count).map(|i| i % CLASSES).collect();
    let key = Key::new(9, Stream::User);
    let mut pixels = Vec::new();
    for (sample, label) in (first..).zip(&labels) {
        let (sin, cos) = (*label as f32 * std::f32::consts::PI / CLASSES as f32).sin_cos();
        for at in 0..3 * SIDE * SIDE {
            let (channel, y, x) = (at / (SIDE * SIDE), at / SIDE % SIDE, at % SIDE);
            let stripe = if channel == *label as usize % 3 { (y as f32 * sin + x as f32 * cos).sin() } else { 0.0 };
            let [a, b, ..] = key.words(sample, at as u32);
            pixels.push(stripe + random::normal([a, b])[0] as f32);
        }
    }
    Ok(Batch::new(&pixels, [count as usize, 3, SIDE, SIDE], labels)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let batches = (0..10).map(|b| pictures(b * 28, 28)).collect::<Result<Vec<_>, _>>()?;
    let test = pictures(10_000, 140)?;
    let graph = network()?;
    let start = initialize(&graph, 0);
    let mut training = Training::new(CpuEngine::new(graph), FixedBatches::new(batches, 0), start, Svrg::stored())?
        .with_schedule(StepDecay::constant(0.1));
    let first = training.epoch()?.loss;
    for _ in 0..15 {
        training.epoch()?;
    }
    let last = training.epoch()?.loss;
    let running = Normalization::Stored(&training.tracks()[0].running);
    let right = training.oracle().evaluate(training.iterate(), running, &test)?.correct.unwrap_or(0);
    println!("loss {first:.3} to {last:.3}, {right} of {} test pictures right", test.len());
    if right > test.len() * 3 / 4 { Ok(()) } else { Err("SVRG did not train the network".into()) }
}
