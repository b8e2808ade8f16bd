//! A candle model of one's own in a run that survives kills: SVRG with AdamW, a held-out loss for every epoch, checkpoints,
//! a log, and the same result whether or where it was interrupted.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{Activation, Module, Sequential, VarBuilder, VarMap, linear, loss::mse, seq};
use serde_json::json;
use vr_core::{Normalization, Oracle};
use vr_optim::{AdamW, CandleOracle, FixedBatches, StepDecay, Svrg, Training};
use vr_run::{CellError, CheckpointPolicy, Execution, Observer, RunError, RunFolder, Trial, TrialEvent, signals};

const EPOCHS: usize = 200;

fn model(vb: &VarBuilder) -> Result<Sequential> {
    Ok(seq().add(linear(1, 16, vb.pp("a"))?).add(Activation::Silu).add(linear(16, 1, vb.pp("b"))?))
}

/// Numbers in a row from −1 to 1, shifted, with sin 3x.
fn batch(b: u32, shift: f32) -> Result<(Tensor, Tensor)> {
    let x: Vec<f32> = (0..16).map(|i| (b * 16 + i) as f32 / 64.0 - 1.0 + shift).collect();
    let x = Tensor::from_vec(x, (16, 1), &Device::Cpu)?;
    Ok((x.clone(), x.affine(3.0, 0.0)?.sin()?))
}

/// Stops once, in the middle of the run.
struct StopOnce(AtomicBool);

impl Observer<TrialEvent> for StopOnce {
    fn event(&self, _cell: &str, event: &TrialEvent, _seconds: f64) {
        if matches!(event, TrialEvent::Epoch(row) if row.epoch == EPOCHS / 2) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    fn stop(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).map_or_else(|| std::env::temp_dir().join("candle-run"), PathBuf::from);
    let begin = || -> std::result::Result<_, CellError> {
        let variables = VarMap::new();
        let model = model(&VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu))?;
        let batches = (0..8).map(|b| batch(b, 0.0)).collect::<Result<Vec<_>>>()?;
        let oracle = CandleOracle::new(&variables, move |(x, y): &(Tensor, Tensor), _| mse(&model.forward(x)?, y))?;
        // candle's generator has no seed on the CPU, and a run must begin the same whenever it begins.
        let mut start = oracle.read()?;
        start.iter_mut().enumerate().for_each(|(i, x)| *x = 0.5 * (12.9898 * (i + 1) as f32).sin());
        let training = Training::new(oracle, FixedBatches::new(batches, 0), start, Svrg::stored())?;
        Ok(training.with_rule(AdamW::default()).with_schedule(StepDecay::constant(0.01)))
    };
    let settings = json!({ "model": "1-16-1", "estimator": "svrg", "rule": "adamw", "rate": 0.01 });
    let trials = [Trial::new("sine-svrg", settings, EPOCHS, begin).with_test(|training| {
        let statistics = Normalization::Stored(&training.tracks()[0].running);
        let found = training.oracle().evaluate(training.iterate(), statistics, &batch(3, 1.0 / 128.0)?)?;
        Ok(vec![("held_out_loss", found.loss)])
    })];

    let execution = Execution {
        checkpoints: CheckpointPolicy { every_steps: Some(100), ..CheckpointPolicy::default() },
        ..Execution::default()
    };
    let run = RunFolder::open(&folder, "sine")?;
    run.forget()?;
    match run.run(&trials, execution, &StopOnce(AtomicBool::new(false))) {
        Err(RunError::Interrupted(_)) => {}
        other => return Err(format!("a run that was asked to stop went on: {other:?}").into()),
    }
    let stop = Arc::new(AtomicBool::new(false));
    signals::listen(&stop)?;
    let found = run.run(&trials, execution, &*stop)?;

    let epochs = &found[0].found.epochs;
    let loss = |i: usize| epochs.get(i).and_then(|row| row.test["held_out_loss"]).unwrap_or(f64::NAN);
    println!("held-out loss {:.4} to {:.4} in `{}`", loss(0), loss(EPOCHS - 1), folder.display());
    if loss(EPOCHS - 1) < 0.1 * loss(0) { Ok(()) } else { Err("the model was not trained".into()) }
}
