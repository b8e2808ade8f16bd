//! How long one training step takes, against what the processor could do.

use std::time::Instant;

use serde::Serialize;
use vr_core::{Batch, FlatVector, Key, Noise, Normalization, Oracle, Stream};
use vr_kernels::{Isa, fma_peak};
use vr_models::{CpuEngine, EngineKind, Model, Options, initialize};

use crate::engine::engine;
use crate::error::BenchError;

/// Time of forward and backward of one minibatch.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepTime {
    /// The network.
    pub model: String,
    /// What computed it.
    pub engine: String,
    /// The instruction set of the cpu engine.
    pub isa: String,
    /// Pictures.
    pub batch: usize,
    /// Threads.
    pub threads: usize,
    /// Median of the steps of about two seconds.
    pub median_ms: f64,
    /// 10⁹ floating-point operations a second: 2 for each multiply-add of convolutions and linear layers,
    /// forward and backward (the pictures' own gradient is not computed and not counted).
    pub gflops: f64,
    /// The same for fused multiply-adds in registers, on all threads at once, measured in this call.
    pub fma_peak_gflops: f64,
    /// The process's largest resident memory so far; `None` where the system does not say.
    pub peak_memory_mib: Option<f64>,
}

/// Times steps on random weights and made-up pictures, after two to warm up.
///
/// # Errors
/// When the network cannot be built or run.
pub fn step_time(model: Model, kind: EngineKind, batch: usize) -> Result<StepTime, BenchError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| BenchError::Model(error);
    let graph = model.graph().map_err(|e| failed(Box::new(e)))?;
    let x = initialize(&graph, 0);
    let operations = 2.0 * CpuEngine::new(graph.clone()).multiply_adds_of_a_step(batch) as f64;
    let engine = engine(kind, graph)?;
    let Options { picture: [c, h, w], classes, .. } = model.options();
    let pixels: Vec<f32> = (0..batch * c * h * w).map(|i| (i as f32 * 0.37).sin()).collect();
    let labels = (0..batch).map(|i| (i % classes) as u32).collect();
    let noise = Noise { key: Key::new(0, Stream::InnerTransform), samples: (0..batch as u32).collect() };
    let pictures = Batch::new(&pixels, [batch, c, h, w], labels)
        .and_then(|pictures| pictures.with_noise(noise))
        .map_err(|e| failed(Box::new(e)))?;
    let mut gradient = FlatVector::zeros(x.len());
    let mut step = || {
        let started = Instant::now();
        engine.gradient(&x, Normalization::Batch, &pictures, &mut gradient).map_err(|e| failed(Box::new(e)))?;
        Ok::<f64, BenchError>(started.elapsed().as_secs_f64())
    };
    step()?;
    step()?;
    let mut times = Vec::new();
    while times.len() < 3 || times.iter().sum::<f64>() < 2.0 {
        times.push(step()?);
    }
    times.sort_by(f64::total_cmp);
    let median = times[times.len() / 2];
    let isa = Isa::detect();
    let peak: Vec<f64> = rayon::broadcast(|_| fma_peak(isa));
    Ok(StepTime {
        model: model.to_string(),
        engine: kind.to_string(),
        isa: isa.name().into(),
        batch,
        threads: rayon::current_num_threads(),
        median_ms: 1e3 * median,
        gflops: 1e-9 * operations / median,
        fma_peak_gflops: peak.iter().sum(),
        peak_memory_mib: peak_memory_mib(),
    })
}

fn peak_memory_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib / 1024.0)
}
