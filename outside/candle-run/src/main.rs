//! A candle model of one's own in a run that survives kills: SVRG with AdamW on a cosine, a held-out loss for every epoch,
//! checkpoints and a log. The program trains in a process of its own, kills that in the middle, goes on, and compares the
//! log with that of a run which was not killed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{Activation, Module, Sequential, VarBuilder, VarMap, linear, loss::mse, seq};
use serde_json::json;
use vr_core::{Normalization, Oracle};
use vr_optim::schedule::Cosine;
use vr_optim::{AdamW, CandleOracle, FixedBatches, Svrg, Training};
use vr_run::{CellError, CheckpointPolicy, Execution, Observer, RunFolder, Trial, TrialEvent, TrialResult, signals};

type Done<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const EPOCHS: usize = 200;
const MINIBATCHES: u32 = 8;

fn model(vb: &VarBuilder) -> Result<Sequential> {
    Ok(seq().add(linear(1, 16, vb.pp("a"))?).add(Activation::Silu).add(linear(16, 1, vb.pp("b"))?))
}

/// Numbers in a row from −1 to 1, shifted, with sin 3x.
fn batch(b: u32, shift: f32) -> Result<(Tensor, Tensor)> {
    let x: Vec<f32> = (0..16).map(|i| (b * 16 + i) as f32 / 64.0 - 1.0 + shift).collect();
    let x = Tensor::from_vec(x, (16, 1), &Device::Cpu)?;
    Ok((x.clone(), x.affine(3.0, 0.0)?.sin()?))
}

/// Trains in `folder`, or goes on there.
fn train(folder: &Path, observer: &dyn Observer<TrialEvent>) -> Done<TrialResult> {
    let begin = || -> std::result::Result<_, CellError> {
        let variables = VarMap::new();
        let model = model(&VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu))?;
        let batches = (0..MINIBATCHES).map(|b| batch(b, 0.0)).collect::<Result<Vec<_>>>()?;
        let oracle = CandleOracle::new(&variables, move |(x, y): &(Tensor, Tensor), _| mse(&model.forward(x)?, y))?;
        // candle's generator has no seed on the CPU, and a run must begin the same whenever it begins.
        let mut start = oracle.read()?;
        start.iter_mut().enumerate().for_each(|(i, x)| *x = 0.5 * (12.9898 * (i + 1) as f32).sin());
        let schedule = Cosine { base: 0.05, last: 0.0, length: EPOCHS as u64 * u64::from(MINIBATCHES) };
        let training = Training::new(oracle, FixedBatches::new(batches, 0), start, Svrg::stored())?;
        Ok(training.with_rule(AdamW::default()).with_schedule(schedule))
    };
    let settings = json!({ "model": "1-16-1", "estimator": "svrg", "rule": "adamw", "cosine": [0.05, 0.0] });
    let trials = [Trial::new("sine-svrg", settings, EPOCHS, begin).with_test(|training| {
        let statistics = Normalization::Stored(&training.tracks()[0].running);
        let found = training.oracle().evaluate(training.iterate(), statistics, &batch(3, 1.0 / 128.0)?)?;
        Ok(vec![("held_out_loss", found.loss)])
    })];
    let checkpoints = CheckpointPolicy { every_steps: Some(100), ..CheckpointPolicy::default() };
    let execution = Execution { checkpoints, ..Execution::default() };
    let found = RunFolder::open(folder, "sine")?.run(&trials, execution, observer)?;
    Ok(found.into_iter().next().ok_or("no cell")?.found)
}

/// Stays where it is once half of the epochs are done, to be killed there.
struct Waits;

impl Observer<TrialEvent> for Waits {
    fn event(&self, _cell: &str, event: &TrialEvent, _seconds: f64) {
        if matches!(event, TrialEvent::Epoch(row) if row.epoch == EPOCHS / 2) {
            println!("half of it");
            std::thread::sleep(Duration::from_secs(600));
        }
    }
}

/// Counts the epochs that this process trained.
#[derive(Default)]
struct Counts(AtomicUsize, Arc<AtomicBool>);

impl Observer<TrialEvent> for Counts {
    fn event(&self, _cell: &str, event: &TrialEvent, _seconds: f64) {
        self.0.fetch_add(usize::from(matches!(event, TrialEvent::Epoch(_))), Ordering::Relaxed);
    }

    fn stop(&self) -> bool {
        self.1.load(Ordering::Relaxed)
    }
}

/// Trains in another process and kills it after half of the epochs.
fn train_and_kill(folder: &Path) -> Done<()> {
    use std::io::{BufRead, BufReader};
    let program = std::env::current_exe()?;
    let mut child = Command::new(program).arg(folder).arg("wait").stdout(std::process::Stdio::piped()).spawn()?;
    let mut said = String::new();
    BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut said)?;
    child.kill()?;
    let status = child.wait()?;
    if status.success() || said.trim() != "half of it" { Err("it was not killed in the middle".into()) } else { Ok(()) }
}

fn main() -> Done<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [folder, _wait] = &arguments[..] {
        train(Path::new(folder), &Waits)?;
        return Ok(());
    }
    let folder = arguments.first().map_or_else(|| std::env::temp_dir().join("candle-run"), PathBuf::from);
    let (killed, whole) = (folder.join("killed"), folder.join("whole"));
    let _ = std::fs::remove_dir_all(&folder);

    train_and_kill(&killed)?;
    let (rest, all) = (Counts::default(), Counts::default());
    // Ctrl-C leaves the run resumable.
    signals::listen(&rest.1)?;
    let found = train(&killed, &rest)?;
    if found != train(&whole, &all)? {
        return Err("the killed run came to another result".into());
    }
    let log = |folder: &Path| std::fs::read(folder.join("cells/sine-svrg/metrics.jsonl"));
    if log(&killed)? != log(&whole)? {
        return Err("the killed run has another log".into());
    }
    let [rest, all] = [rest, all].map(|counts| counts.0.into_inner());
    if rest >= all {
        return Err(format!("the killed run began anew: {rest} epochs of {all}").into());
    }

    let loss = |i: usize| found.epochs.get(i).and_then(|row| row.test["held_out_loss"]).unwrap_or(f64::NAN);
    println!("held-out loss {:.4} to {:.4}; killed and resumed with {rest} epochs left, to the same bytes", loss(0), loss(EPOCHS - 1));
    if loss(EPOCHS - 1) < 0.1 * loss(0) { Ok(()) } else { Err("the model was not trained".into()) }
}
