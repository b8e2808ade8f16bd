//! The examples run.

#[cfg(feature = "candle")]
#[path = "../examples/candle_model.rs"]
mod candle_model;
#[path = "../examples/own_oracle.rs"]
mod own_oracle;

#[cfg(feature = "candle")]
#[test]
fn candle_model() {
    candle_model::main().unwrap();
}

#[test]
fn own_oracle() {
    own_oracle::main().unwrap();
}
