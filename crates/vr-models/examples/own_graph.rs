//! A network of one's own on pictures of one's own: 48×48 in 7 classes, trained by plain gradient descent.
//!
//! `cargo run --release -p vr-models --example own_graph`
#![allow(clippy::print_stdout, reason = "it shows what it found")]

use std::error::Error;

use vr_core::{Batch, FlatVector, NormStatistics, Normalization, Oracle};
use vr_models::{Conv, ConvInit, CpuEngine, Graph, GraphBuilder, GraphError, Windows, initialize};

const CLASSES: usize = 7;
const PICTURE: [usize; 3] = [1, 48, 48];

/// Two convolutions and a global mean.
fn network() -> Result<Graph, GraphError> {
    let mut g = GraphBuilder::new(PICTURE);
    let mut x = g.conv(0, "conv1", Conv::new(8, 5).stride(2).same());
    x = g.batch_norm(x, "bn1");
    x = g.relu(x);
    x = g.max_pool(x, Windows::square(3).stride(2).padding(1));
    x = g.conv(x, "conv2", Conv::new(16, 3).same());
    x = g.batch_norm(x, "bn2");
    x = g.relu(x);
    x = g.global_avg_pool(x);
    x = g.flatten(x);
    g.linear(x, "fc", CLASSES);
    g.finish(ConvInit::KaimingUniform)
}

/// Stripes whose direction is the class.
fn batch(samples: usize, shift: f32) -> Result<Batch, Box<dyn Error>> {
    let labels: Vec<u32> = (0..samples).map(|i| (i % CLASSES) as u32).collect();
    let picture = |&label: &u32| {
        let (sin, cos) = (label as f32 * std::f32::consts::PI / CLASSES as f32).sin_cos();
        (0..48 * 48).map(move |at| ((at / 48) as f32 * sin + (at % 48) as f32 * cos + shift).sin())
    };
    let pixels: Vec<f32> = labels.iter().flat_map(picture).collect();
    Ok(Batch::new(&pixels, [samples, PICTURE[0], PICTURE[1], PICTURE[2]], labels)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let graph = network()?;
    let mut x = initialize(&graph, 0);
    let engine = CpuEngine::new(graph);
    let mut running = NormStatistics::initial(engine.norm_layers().clone());
    let mut gradient = FlatVector::zeros(x.len());
    let mut losses = Vec::new();
    for step in 0..60 {
        let evaluation = engine.gradient(&x, Normalization::Batch, &batch(56, step as f32)?, &mut gradient)?;
        // The engine keeps nothing: the caller folds the batch's statistics into the running ones, or does not.
        running.fold(&evaluation.statistics.ok_or("train mode has statistics")?);
        x.iter_mut().zip(gradient.iter()).for_each(|(x, g)| *x -= 0.2 * g);
        losses.push(evaluation.loss);
    }
    let test = engine.evaluate(&x, Normalization::Stored(&running), &batch(70, 0.5)?)?;
    println!("{} parameters, loss {:.3} to {:.3}", x.len(), losses[0], losses[59]);
    println!("{} of {} test pictures right", test.correct.unwrap_or(0), test.samples);
    if losses[59] < 0.5 * losses[0] { Ok(()) } else { Err("it did not learn".into()) }
}

#[test]
fn it_runs() {
    main().unwrap();
}
