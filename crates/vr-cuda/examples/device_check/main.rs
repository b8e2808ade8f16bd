//! What a GPU computes, held to the CPU, and how fast: one JSON object on standard output.
//!
//! `device_check cuda:0` needs the feature `cuda` and a GPU; `device_check host` runs on the host in its place, at small sizes and without
//! the timings, which is how it is rehearsed. It fails where a check fails. See `scripts/device-check.sh`.

mod correctness;
mod laws;
#[cfg(feature = "cuda")]
mod speed;

use std::error::Error;

use serde_json::json;
use vr_cuda::Device;
use vr_cuda::host::HostDevice;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The networks with the pictures of a minibatch, for the checks and for the timings.
#[cfg(feature = "cuda")]
const NETWORKS: [(&str, usize, usize); 5] = [
    ("lenet", 128, 128),
    ("resnet-small", 128, 128),
    ("resnet110", 32, 128),
    ("densenet", 16, 128),
    ("resnet50", 8, 64),
];

/// The same at sizes for the host.
const SMALL: [(&str, usize, usize); 5] = [
    ("lenet", 20, 0),
    ("resnet-small", 9, 0),
    ("resnet110", 2, 0),
    ("densenet", 2, 0),
    ("resnet50:picture=3x64x64,classes=10", 2, 0),
];

fn main() -> Outcome<()> {
    let device = std::env::args().nth(1).unwrap_or_default();
    match device.split_once(':') {
        Some(("cuda", ordinal)) => on_gpu(ordinal.parse()?),
        _ if device == "host" => {
            report(json!({"device": "host"}), correctness::all(&HostDevice::new()?, &SMALL)?, json!([]))
        }
        _ => Err(format!("`{device}` is no device; expected `host` or `cuda:0`").into()),
    }
}

#[cfg(feature = "cuda")]
fn on_gpu(ordinal: usize) -> Outcome<()> {
    use vr_cuda::cuda::{CudaDevice, CudaOptions};
    let device = CudaDevice::new(ordinal, CudaOptions::default())?;
    let about = json!({"device": device.name()?});
    let checks = correctness::all(&device, &NETWORKS)?;
    let mut timings = Vec::new();
    for tf32 in [false, true] {
        let device = CudaDevice::new(ordinal, CudaOptions { tf32, ..CudaOptions::default() })?;
        for (model, _, samples) in NETWORKS {
            let mut timing = speed::step(&device, model, samples)?;
            timing["tf32"] = tf32.into();
            timings.push(timing);
        }
    }
    report(about, checks, timings.into())
}

#[cfg(not(feature = "cuda"))]
fn on_gpu(_ordinal: usize) -> Outcome<()> {
    Err("this program was built without the feature `cuda`".into())
}

/// Prints what was found, and fails if a check did.
#[allow(clippy::print_stdout, reason = "the result")]
fn report(about: serde_json::Value, checks: Vec<correctness::Check>, timings: serde_json::Value) -> Outcome<()> {
    let failed: Vec<&str> = checks.iter().filter(|check| !check.passed).map(|check| check.what.as_str()).collect();
    println!("{:#}", json!({"about": about, "checks": checks, "timings": timings}));
    if failed.is_empty() { Ok(()) } else { Err(format!("these checks failed: {}", failed.join(", ")).into()) }
}

/// A device on which both are done.
trait Checked: Device + Clone {}
impl<D: Device + Clone> Checked for D {}
