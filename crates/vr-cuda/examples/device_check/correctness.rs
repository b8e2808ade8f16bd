//! Loss, gradient and statistics against the CPU engine, and the same bits in every run.

use serde::Serialize;
use vr_core::vector::{distance, norm};
use vr_core::{Batch, Evaluation, FlatVector, Key, Noise, Normalization, Oracle, Stream};
use vr_cuda::DeviceEngine;
use vr_models::{CpuEngine, EngineError, Graph, Model, initialize};

use super::{Checked, Outcome, laws};

/// One check.
#[derive(Debug, Serialize)]
pub struct Check {
    /// Which.
    pub what: String,
    /// What was found: a relative difference.
    pub found: f64,
    /// What it may be at most.
    pub most: f64,
    /// Whether it is.
    pub passed: bool,
}

/// Made-up pictures.
pub fn batch(samples: usize, graph: &Graph, number: usize) -> Outcome<Batch> {
    let shape = [samples, graph.input_shape()[0], graph.input_shape()[1], graph.input_shape()[2]];
    let pixels: Vec<f32> =
        (0..shape.iter().product()).map(|i: usize| (i as f32 * 0.37 + number as f32).sin()).collect();
    let labels = (0..samples).map(|i| ((7 * i + number) % graph.classes()) as u32).collect();
    let noise = Noise { key: Key::new(3, Stream::LockedTransform), samples: (0..samples as u32).collect() };
    Ok(Batch::new(&pixels, shape, labels)?.with_noise(noise)?)
}

type Found = (Evaluation, FlatVector);

fn gradient<O: Oracle<Scalar = f32, Batch = Batch, Error = EngineError>>(
    engine: &O,
    x: &FlatVector,
    norm: Normalization<'_, f32>,
    batch: &Batch,
) -> Outcome<Found> {
    let mut gradient = FlatVector::zeros(x.len());
    let evaluation = engine.gradient(x, norm, batch, &mut gradient)?;
    Ok((evaluation, gradient))
}

/// All checks on all networks.
pub fn all<D: Checked>(device: &D, networks: &[(&str, usize, usize)]) -> Outcome<Vec<Check>> {
    let mut checks = Vec::new();
    for &(model, samples, _) in networks {
        network(device, model, samples, &mut checks)?;
        checks.push(laws::at_the_snapshot(device, model, samples)?);
    }
    Ok(checks)
}

fn network<D: Checked>(device: &D, model: &str, samples: usize, checks: &mut Vec<Check>) -> Outcome<()> {
    let graph = model.parse::<Model>()?.graph()?;
    let (engine, cpu) = (DeviceEngine::new(graph.clone(), device.clone()), CpuEngine::new(graph.clone()));
    let (x, batch) = (initialize(&graph, 0), batch(samples, &graph, 0)?);
    let mut check = |what: &str, found: f64, most: f64| {
        checks.push(Check { what: format!("{model}: {what}"), found, most, passed: found <= most });
    };
    let relative = |a: &[f32], b: &[f32]| distance(a, b) / norm(b).max(1e-30);

    let (ours, theirs) =
        (gradient(&engine, &x, Normalization::Batch, &batch)?, gradient(&cpu, &x, Normalization::Batch, &batch)?);
    check("loss", (ours.0.loss - theirs.0.loss).abs() / theirs.0.loss.abs(), 1e-4);
    // Rounding carries activations of a deep network over the kink of ReLU: what it may change is what rounding the parameters
    // changes on the CPU.
    let rounded = FlatVector::from(x.iter().map(|v| f32::from_bits(v.to_bits() + 1)).collect::<Vec<_>>());
    let most = |norm| -> Outcome<f64> {
        let (a, b) = (gradient(&cpu, &rounded, norm, &batch)?, gradient(&cpu, &x, norm, &batch)?);
        Ok(1e-5 + 3.0 * relative(&a.1, &b.1))
    };
    check("gradient", relative(&ours.1, &theirs.1), most(Normalization::Batch)?);
    if let (Some(a), Some(b)) = (&ours.0.statistics, &theirs.0.statistics) {
        check("means", relative(a.mean(), b.mean()), 1e-3);
        check("variances", relative(a.variance(), b.variance()), 1e-3);
        let [ours, theirs] = [
            gradient(&engine, &x, Normalization::Stored(b), &batch)?,
            gradient(&cpu, &x, Normalization::Stored(b), &batch)?,
        ];
        check("gradient with stored statistics", relative(&ours.1, &theirs.1), most(Normalization::Stored(b))?);
    }
    let other = DeviceEngine::new(graph, device.clone());
    let repeats =
        [gradient(&engine, &x, Normalization::Batch, &batch)?, gradient(&other, &x, Normalization::Batch, &batch)?];
    let bits = |x: &[f32]| x.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    let same = repeats.iter().all(|(evaluation, gradient)| *evaluation == ours.0 && bits(gradient) == bits(&ours.1));
    check("other bits in a second run", if same { 0.0 } else { 1.0 }, 0.0);
    Ok(())
}
