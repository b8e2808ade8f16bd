//! The examples run.

#[path = "../examples/own_oracle.rs"]
mod own_oracle;

#[test]
fn own_oracle() {
    own_oracle::main().unwrap();
}
