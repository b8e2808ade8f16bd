//! The examples run.

#[path = "../examples/own_set.rs"]
mod own_set;

#[test]
fn own_set() {
    own_set::main().unwrap();
}
