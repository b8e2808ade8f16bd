//! The examples run.

#[path = "../examples/stopped.rs"]
mod stopped;

#[test]
fn stopped() {
    stopped::main().unwrap();
}
