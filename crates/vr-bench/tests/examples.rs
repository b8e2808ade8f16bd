//! The examples run.

#[path = "../examples/groups.rs"]
mod groups;
#[path = "../examples/judge.rs"]
mod judge;

#[test]
fn judge() {
    judge::main().unwrap();
}

/// The committed result of the first command has four seeds: six pairs of them.
#[test]
fn groups() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/results/quick");
    let [consecutive, all] = groups::judge(folder.as_ref(), 2).unwrap();
    assert_eq!(consecutive["Q-growth"].values().sum::<usize>(), 2);
    assert_eq!(all["Q-growth"].values().sum::<usize>(), 6);
    assert_eq!(all["C2-start"]["check passed"], 6);
}
