//! Times forward + backward of a model on the candle engine:
//! `cargo run --release -p vr-models --example step_time -- lenet 128`.

use std::time::Instant;

use vr_core::{Batch, FlatVector, Normalization, Oracle};
use vr_models::{CandleEngine, Model, initialize};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let model: Model = arguments.next().unwrap_or("lenet".into()).parse()?;
    let n: usize = arguments.next().unwrap_or("128".into()).parse()?;
    let graph = model.graph()?;
    let x = initialize(&graph, 0);
    let engine = CandleEngine::<f32>::new(graph);
    let pixels = (0..n * 3072).map(|i| (i as f32 * 0.37).sin()).collect();
    let batch = Batch::new(pixels, [n, 3, 32, 32], (0..n as u32).map(|i| i % 10).collect())?;
    let mut gradient = FlatVector::zeros(x.len());
    let mut times = Vec::new();
    for _ in 0..7 {
        let started = Instant::now();
        engine.gradient(&x, Normalization::Batch, &batch, &mut gradient)?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    #[allow(clippy::print_stdout)]
    {
        println!("{model}, batch {n}: median {:.1} ms, least {:.1} ms", times[3], times[0]);
    }
    Ok(())
}
