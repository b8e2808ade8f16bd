//! What sharing a run out over ranks costs and gains, on paper.
//!
//! The model: all ranks compute equally fast, and a gradient takes `compute` seconds on one of them. The root computes its share of a
//! window, then receives the gradients of the others one after another, each in `carry` seconds, and adds them up; nothing of
//! that overlaps. With m minibatches and R ranks a pass takes
//!
//! ```text
//! T(R) = m/R · compute + m·(R − 1)/R · carry,    carry = latency + P·(4·8/bandwidth + handling)
//! ```
//!
//! with P parameters of 4 bytes. So T(R) < T(1) if and only if `carry < compute`, whatever R; the gain tends to `compute/carry`, and is
//! half of that limit at R = compute/carry − 1.

use serde::Serialize;
use vr_models::{CpuEngine, Model};

use crate::error::BenchError;
use crate::paper::setting::Setting;

/// The machines and what is between them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cluster {
    /// Ranks.
    pub ranks: usize,
    /// 10⁹ floating-point operations that a rank computes in a second of a step.
    pub gflops: f64,
    /// 10⁹ bits a second that reach the root.
    pub gbit: f64,
    /// Seconds of a message's way, whatever its length.
    pub latency: f64,
    /// Seconds for each parameter of a gradient that both ends spend on packing, unpacking and adding up.
    pub handling: f64,
}

/// A pass over all minibatches of a network's data set, and an epoch of SVRG with recomputed gradients.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SharedPass {
    /// The network.
    pub model: String,
    /// Its parameters.
    pub parameters: usize,
    /// Minibatches in a pass.
    pub minibatches: usize,
    /// Pictures in each.
    pub batch: usize,
    /// Seconds to compute a gradient.
    pub compute: f64,
    /// Seconds to bring one to the root.
    pub carry: f64,
    /// Bytes that reach the root in a pass.
    pub bytes: f64,
    /// A pass on one rank over one on all.
    pub gain: f64,
    /// What the gain tends to with ever more ranks.
    pub limit: f64,
    /// An epoch of SVRG with recomputed gradients (a pass, and steps whose two gradients two ranks compute) on one rank over one
    /// on all; it is below 3, since one gradient of each step is left to wait for.
    pub epoch_gain: f64,
    /// 10⁹ bits a second below which a pass is slower on any number of ranks than on one; `None` where it is on every network.
    pub least_gbit: Option<f64>,
}

/// Of f32.
const BYTES: f64 = 4.0;

impl SharedPass {
    /// Of a network on the data set that the paper trains it on.
    ///
    /// # Errors
    /// When the network cannot be built.
    pub fn of(model: Model, cluster: &Cluster) -> Result<Self, BenchError> {
        let graph = model.graph().map_err(|e| BenchError::Model(Box::new(e)))?;
        let (setting, parameters) = (Setting::of(model), graph.space().len());
        let operations = 2.0 * CpuEngine::new(graph).multiply_adds_of_a_step(setting.batch) as f64;
        let compute = operations / (1e9 * cluster.gflops);
        let pass = Self::new(parameters, setting.minibatches(), compute, cluster);
        Ok(Self { model: model.to_string(), batch: setting.batch, ..pass })
    }

    fn new(parameters: usize, minibatches: usize, compute: f64, cluster: &Cluster) -> Self {
        let (p, m, ranks) = (parameters as f64, minibatches as f64, cluster.ranks as f64);
        let bits = 8.0 * BYTES * p;
        let besides = cluster.latency + p * cluster.handling;
        let carry = besides + bits / (1e9 * cluster.gbit);
        let others = (ranks - 1.0) / ranks;
        let (alone, shared) = (m * compute, m / ranks * compute + m * others * carry);
        // A step evaluates at x and at x̃: the root one of them, beside another rank where there is one.
        let step = if cluster.ranks > 1 { compute + carry } else { 2.0 * compute };
        Self {
            model: String::new(),
            parameters,
            minibatches,
            batch: 0,
            compute,
            carry,
            bytes: m * others * BYTES * p,
            gain: alone / shared,
            limit: compute / carry,
            epoch_gain: 3.0 * alone / (shared + m * step),
            least_gbit: (compute > besides).then(|| 1e-9 * bits / (compute - besides)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLUSTER: Cluster = Cluster { ranks: 64, gflops: 200.0, gbit: 10.0, latency: 5e-5, handling: 1e-9 };

    fn pass(ranks: usize, compute: f64, gbit: f64) -> SharedPass {
        SharedPass::new(1_000_000, 64, compute, &Cluster { ranks, gbit, ..CLUSTER })
    }

    #[test]
    fn a_pass_by_hand() {
        // 10⁶ parameters: 3.2 ms on the wire, 1 ms of handling, 0.05 ms of latency; 64 gradients of 0.1 s.
        let found = pass(64, 0.1, 10.0);
        assert!((found.carry - 4.25e-3).abs() < 1e-12);
        assert_eq!(found.bytes, 63.0 * 4e6);
        assert!((found.gain - 6.4 / (0.1 + 63.0 * 4.25e-3)).abs() < 1e-9);
        assert!((found.epoch_gain - 19.2 / (0.1 + 63.0 * 4.25e-3 + 64.0 * 0.10425)).abs() < 1e-9);
        let alone = pass(1, 0.1, 10.0);
        assert_eq!((alone.gain, alone.epoch_gain, alone.bytes), (1.0, 1.0, 0.0));
    }

    #[test]
    fn a_pass_pays_on_every_number_of_ranks_or_on_none() {
        for compute in [1e-4, 1e-3, 4e-3, 5e-3, 1.0] {
            for gbit in [0.1, 1.0, 10.0, 100.0] {
                let pays = pass(2, compute, gbit).limit > 1.0;
                for ranks in 2..=65 {
                    let found = pass(ranks, compute, gbit);
                    assert_eq!(found.gain > 1.0, pays, "{compute} s, {gbit} Gbit/s, {ranks} ranks");
                    assert_eq!(found.least_gbit.is_some_and(|least| gbit > least), pays);
                    assert!(found.gain < ranks as f64 && found.epoch_gain < 3.0);
                    assert!(!pays || found.gain < found.limit);
                }
            }
        }
    }

    #[test]
    fn half_of_the_limit_is_reached_one_rank_before_it() {
        let carry = pass(2, 1.0, 10.0).carry;
        let found = pass(7, 8.0 * carry, 10.0);
        assert!((found.limit - 8.0).abs() < 1e-9 && (found.gain - 4.0).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn every_network_has_a_row() {
        for model in Model::ALL {
            let found = SharedPass::of(model, &CLUSTER).unwrap();
            assert!(found.compute > 0.0 && found.carry > 0.0 && found.gain > 0.0, "{found:?}");
        }
    }
}
