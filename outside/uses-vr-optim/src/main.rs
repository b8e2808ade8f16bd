//! A candle model of one's own, trained from `vr-optim` alone: SVRG with AdamW, a cosine after a warm-up, biases that
//! do not decay, and an evaluation on data that it was not trained on.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{Activation, Module, VarBuilder, VarMap, linear, loss::mse, seq};
use vr_optim::schedule::{Cosine, WarmUp};
use vr_optim::vr_core::{MinibatchSource, Normalization, Oracle, TensorOptions};
use vr_optim::{AdamW, CandleOracle, FixedBatches, Svrg, Training};

const EPOCHS: u64 = 60;

/// Sixteen points of sin 3x, the `b`-th of every `of`.
fn batch(b: u32, of: u32) -> Result<(Tensor, Tensor)> {
    let x: Vec<f32> = (0..16).map(|i| (i * of + b) as f32 / (8 * of) as f32 - 1.0).collect();
    let x = Tensor::from_vec(x, (16, 1), &Device::Cpu)?;
    Ok((x.clone(), x.affine(3.0, 0.0)?.sin()?))
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let variables = VarMap::new();
    let vb = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
    let model = seq().add(linear(1, 16, vb.pp("a"))?).add(Activation::Silu).add(linear(16, 1, vb.pp("b"))?);
    let batches = (0..8).map(|b| batch(b, 9)).collect::<Result<Vec<_>>>()?;
    let unseen = batch(8, 9)?;
    let steps = batches.len() as u64;

    let no_decay = TensorOptions { weight_decay: 0.0, ..TensorOptions::default() };
    let oracle = CandleOracle::new(&variables, |(x, y): &(Tensor, Tensor), _train| mse(&model.forward(x)?, y))?
        .with_options("*.bias", no_decay)?;
    let start = oracle.read()?;
    let mut training = Training::new(oracle, FixedBatches::new(batches, 0), start, Svrg::stored())?
        .with_rule(AdamW::default())
        .with_schedule(WarmUp {
            first: 0.1,
            length: steps,
            then: Cosine { base: 0.02, last: 0.0, length: (EPOCHS - 1) * steps },
        });
    let before = test(&training, &unseen)?;
    for _ in 0..EPOCHS {
        training.epoch()?;
    }
    let after = test(&training, &unseen)?;
    training.oracle().write(training.iterate(), &training.tracks()[0].running)?;
    println!("loss on unseen points: {before:.4} to {after:.4}");
    if after < 0.2 * before { Ok(()) } else { Err("SVRG did not train the model".into()) }
}

/// The loss on other data, in evaluation mode.
fn test<O, D>(training: &Training<O, D>, data: &O::Batch) -> std::result::Result<f64, O::Error>
where
    O: Oracle,
    D: MinibatchSource<Batch = O::Batch>,
{
    let statistics = Normalization::Stored(&training.tracks()[0].running);
    Ok(training.oracle().evaluate(training.iterate(), statistics, data)?.loss)
}
