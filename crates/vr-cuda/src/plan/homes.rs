//! Which values are computed right into the concatenation that reads them.

use vr_models::graph::{Graph, NodeId, Op};

/// Where a value lies inside of a concatenation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Home {
    /// The concatenation whose memory it is: one that is not part of another.
    pub owner: NodeId,
    /// The first of its channels there.
    pub first: usize,
}

/// The home of every node that has one, concatenations among them; `writes` says whether a node can write its value anywhere.
pub fn homes(graph: &Graph, writes: impl Fn(NodeId) -> bool) -> Vec<Option<Home>> {
    let nodes = graph.nodes();
    let mut homes = vec![None; nodes.len()];
    for (id, node) in nodes.iter().enumerate().rev().filter(|(_, node)| node.op == Op::Concat) {
        let Home { owner, mut first } = *homes[id].get_or_insert(Home { owner: id, first: 0 });
        for &input in &node.inputs {
            if homes[input].is_none() && writes(input) {
                homes[input] = Some(Home { owner, first });
            }
            first += nodes[input].shape[0];
        }
    }
    homes
}

#[cfg(test)]
mod tests {
    use super::*;
    use vr_models::graph::{Conv, ConvInit, GraphBuilder};

    #[test]
    fn a_value_has_one_home_in_the_outermost_concatenation() {
        let mut g = GraphBuilder::new([2, 4, 4]);
        let a = g.conv(0, "a", Conv::new(3, 1));
        let b = g.conv(a, "b", Conv::new(4, 1));
        let inner = g.concat(vec![a, b]);
        let c = g.conv(inner, "c", Conv::new(5, 1));
        // The pictures write nothing; a is read by two, and lies where the outer one wants it.
        let outer = g.concat(vec![0, inner, a, c]);
        let last = g.conv(outer, "last", Conv::new(1, 4));
        let flat = g.flatten(last);
        g.linear(flat, "fc", 2);
        let graph = g.finish(ConvInit::KaimingUniform).unwrap();
        let homes = homes(&graph, |node| node != 0);
        let home = |first| Some(Home { owner: outer, first });
        assert_eq!((homes[0], homes[a], homes[b]), (None, home(9), home(5)));
        assert_eq!((homes[inner], homes[c], homes[outer], homes[last]), (home(2), home(12), home(0), None));
    }
}
