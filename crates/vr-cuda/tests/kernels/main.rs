//! Every kernel, run on the host, against what the CPU's crates compute.
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

mod arguments;
mod bias;
mod dropout;
mod elementwise;
mod lanes;
mod loss;
mod memory;
mod norm;
mod pictures;
mod pool;
mod rules;
mod simt;
mod table;
mod variance;
mod vectors;
