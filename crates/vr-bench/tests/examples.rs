//! The examples run.

#[path = "../examples/judge.rs"]
mod judge;

#[test]
fn judge() {
    judge::main().unwrap();
}
