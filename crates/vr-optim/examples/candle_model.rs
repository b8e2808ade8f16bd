//! A candle model with batch norm, trained by SVRG with AdamW on a cosine, and written back into its variables.
//! `cargo run --release -p vr-optim --example candle_model`

#![allow(clippy::print_stdout, reason = "it shows what it found")]

use candle_core::{DType, Device, Tensor};
use candle_nn::{Module, ModuleT, VarBuilder, VarMap, batch_norm, linear, loss::mse};
use vr_core::vector::norm;
use vr_optim::schedule::Cosine;
use vr_optim::{AdamW, CandleOracle, FixedBatches, Svrg, Training};

const EPOCHS: u64 = 40;
const MINIBATCHES: u32 = 8;

/// Numbers from −1 to 1 with their squares.
fn batch(b: u32) -> candle_core::Result<(Tensor, Tensor)> {
    let x: Vec<f32> = (0..16).map(|i| (i * MINIBATCHES + b) as f32 / 64.0 - 1.0).collect();
    let x = Tensor::from_vec(x, (16, 1), &Device::Cpu)?;
    Ok((x.clone(), x.sqr()?))
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let variables = VarMap::new();
    let vb = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
    let (first, norm_layer, last) =
        (linear(1, 16, vb.pp("a"))?, batch_norm(16, 1e-5, vb.pp("n"))?, linear(16, 1, vb.pp("b"))?);
    let batches = (0..MINIBATCHES).map(batch).collect::<candle_core::Result<Vec<_>>>()?;

    // `train` is false where SVRG or a test wants evaluation mode; statistics of passes at the snapshot stay out of the model.
    let oracle = CandleOracle::new(&variables, |(x, y): &(Tensor, Tensor), train| {
        let hidden = norm_layer.forward_t(&first.forward(x)?, train)?.relu()?;
        mse(&last.forward(&hidden)?, y)
    })?;
    let start = oracle.read()?;
    let schedule = Cosine { base: 0.02, last: 0.0, length: EPOCHS * u64::from(MINIBATCHES) };
    let mut training = Training::new(oracle, FixedBatches::new(batches, 0), start, Svrg::stored())?
        .with_rule(AdamW::default())
        .with_schedule(schedule);
    let losses =
        (0..EPOCHS).map(|_| Ok(training.epoch()?.loss)).collect::<Result<Vec<f64>, Box<dyn std::error::Error>>>()?;

    let survey = training.survey()?;
    println!("loss {:.4} to {:.4}; ‖G‖ = {:.1e}", losses[0], losses[losses.len() - 1], norm(&survey.full_gradient));
    assert!(losses[losses.len() - 1] < 0.2 * losses[0]);
    training.oracle().write(training.iterate(), &training.tracks()[0].running)?;
    Ok(())
}
