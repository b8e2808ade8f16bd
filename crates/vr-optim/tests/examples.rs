//! The examples run.

#[cfg(feature = "candle")]
#[path = "../examples/candle_model.rs"]
mod candle_model;
#[path = "../examples/convex.rs"]
mod convex;

#[cfg(feature = "candle")]
#[test]
fn candle_model() {
    candle_model::main().unwrap();
}

#[test]
fn convex() {
    convex::main().unwrap();
}
