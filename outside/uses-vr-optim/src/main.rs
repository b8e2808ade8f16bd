//! A candle model of one's own, trained with SVRG from `vr-optim` alone.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{Activation, Module, VarBuilder, VarMap, linear, loss::mse, seq};
use vr_optim::{CandleOracle, FixedBatches, StepDecay, Svrg, Training};

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let variables = VarMap::new();
    let vb = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
    let model = seq().add(linear(1, 16, vb.pp("a"))?).add(Activation::Silu).add(linear(16, 1, vb.pp("b"))?);
    let batch = |b: u32| -> Result<(Tensor, Tensor)> {
        let x: Vec<f32> = (0..16).map(|i| (b * 16 + i) as f32 / 64.0 - 1.0).collect();
        let x = Tensor::from_vec(x, (16, 1), &Device::Cpu)?;
        Ok((x.clone(), x.affine(3.0, 0.0)?.sin()?))
    };
    let batches = (0..8).map(batch).collect::<Result<Vec<_>>>()?;

    let oracle = CandleOracle::new(&variables, |(x, y): &(Tensor, Tensor), _train| mse(&model.forward(x)?, y))?;
    let start = oracle.read()?;
    let mut training = Training::new(oracle, FixedBatches::new(batches, 0), start, Svrg::stored())?
        .with_schedule(StepDecay::constant(0.02));
    let first = training.epoch()?.loss;
    for _ in 0..100 {
        training.epoch()?;
    }
    let last = training.epoch()?.loss;
    training.oracle().write(training.iterate(), &training.tracks()[0].running)?;
    println!("loss {first:.4} to {last:.4}");
    if last < 0.5 * first { Ok(()) } else { Err("SVRG did not train the model".into()) }
}
