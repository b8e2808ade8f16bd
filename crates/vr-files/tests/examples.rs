//! The examples run.

#[path = "../examples/journal.rs"]
mod journal;

#[test]
fn journal() {
    journal::main().unwrap();
}
