//! The law of SVRG at its snapshot: whatever the minibatch, the step is that along μ.

use vr_cuda::{Resident, ResidentConfig};
use vr_models::{Model, initialize};

use super::correctness::{Check, batch};
use super::{Checked, Outcome};

/// Whether two minibatches lead to the same bits.
pub fn at_the_snapshot<D: Checked>(device: &D, model: &str, samples: usize) -> Outcome<Check> {
    let graph = model.parse::<Model>()?.graph()?;
    let batches = [batch(samples, &graph, 0)?, batch(samples, &graph, 1)?];
    let config = ResidentConfig { samples, variance_reduced: true, momentum: 0.9, nesterov: false, weight_decay: 1e-4 };
    let mut ends = Vec::new();
    for batch in &batches {
        let mut resident = Resident::new(graph.clone(), device, config, &initialize(&graph, 0))?;
        resident.snapshot(&batches, 1.0)?;
        resident.step(batch, 0.1)?;
        ends.push(resident.iterate()?.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
    }
    let found = if ends[0] == ends[1] { 0.0 } else { 1.0 };
    let what = format!("{model}: another step for another minibatch at the snapshot");
    Ok(Check { what, found, most: 0.0, passed: found <= 0.0 })
}
