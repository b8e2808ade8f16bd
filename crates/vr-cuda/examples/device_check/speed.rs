//! How long a gradient takes: on the device alone, and with parameters and gradient carried there and back.

use std::time::Instant;

use serde_json::{Value, json};
use vr_core::{Batch, FlatVector, Normalization, Oracle};
use vr_cuda::plan::{Mode, Plan};
use vr_cuda::{DeviceEngine, Program, Resident, ResidentConfig};
use vr_models::{Graph, Model, initialize};

use super::correctness::batch;
use super::{Checked, Outcome};

/// Runs that are timed together.
const RUNS: usize = 50;

/// The median of five rounds, in milliseconds a run.
fn milliseconds(mut run: impl FnMut() -> Outcome<()>) -> Outcome<f64> {
    run()?;
    let mut rounds = Vec::new();
    for _ in 0..5 {
        let started = Instant::now();
        run()?;
        rounds.push(started.elapsed().as_secs_f64() * 1e3 / RUNS as f64);
    }
    rounds.sort_by(f64::total_cmp);
    Ok(rounds[rounds.len() / 2])
}

/// The times of one network.
pub fn step<D: Checked>(device: &D, model: &str, samples: usize) -> Outcome<Value> {
    let graph = model.parse::<Model>()?.graph()?;
    let mode = Mode { samples, train: true, noise: false, gradient: true };
    let plan = Plan::new(&graph, mode)?;
    let (commands, bytes) = (plan.commands(0).len(), plan.bytes());
    let mut program = device.compile(&plan)?;
    let on_device = milliseconds(|| {
        (0..RUNS).try_for_each(|_| program.run())?;
        // Reading waits for all runs.
        Ok(program.read(plan.start(&plan.ports().losses), &mut [0; 8])?)
    })?;
    drop(program);
    let (x, batch) = (initialize(&graph, 0), batch(samples, &graph, 0)?);
    let [sgd, svrg, pass] = resident(device, &graph, &x, &batch)?;
    let engine = DeviceEngine::new(graph, device.clone());
    let mut gradient = FlatVector::zeros(x.len());
    let carried = milliseconds(|| {
        (0..RUNS).try_for_each(|_| engine.gradient(&x, Normalization::Batch, &batch, &mut gradient).map(drop))?;
        Ok(())
    })?;
    Ok(json!({
        "model": model,
        "batch": samples,
        "on_device_ms": on_device,
        "with_copies_ms": carried,
        "resident_sgd_step_ms": sgd,
        "resident_svrg_step_ms": svrg,
        "snapshot_minibatch_ms": pass,
        "svrg_epoch_in_sgd_epochs": (svrg + pass) / sgd,
        "commands": commands,
        "mebibytes": bytes as f64 / f64::from(1 << 20),
    }))
}

/// A step of SGD, a step of SVRG, and a minibatch of a snapshot pass, whose vectors stay on the device.
fn resident<D: Checked>(device: &D, graph: &Graph, x: &FlatVector, batch: &Batch) -> Outcome<[f64; 3]> {
    let samples = batch.len();
    let config = |variance_reduced| ResidentConfig {
        samples,
        variance_reduced,
        momentum: 0.9,
        nesterov: false,
        weight_decay: 1e-4,
    };
    let mut times = [0.0; 3];
    for variance_reduced in [false, true] {
        let mut resident = Resident::new(graph.clone(), device, config(variance_reduced), x)?;
        times[usize::from(variance_reduced)] = milliseconds(|| {
            (0..RUNS).try_for_each(|_| resident.step(batch, 1e-4).map(drop))?;
            Ok(())
        })?;
        if variance_reduced {
            times[2] = milliseconds(|| Ok(resident.snapshot(std::iter::repeat_n(batch, RUNS), 1.0)?))?;
        }
    }
    Ok(times)
}
