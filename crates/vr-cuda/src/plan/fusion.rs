//! Which batch norms are computed together with what follows them.

use vr_models::graph::{Graph, NodeId, Op};

use crate::kernels::Activation;

/// A batch norm, the sum with another value if that follows, and the activation if one follows: one kernel, one value that is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FusedNorm {
    /// The batch norm.
    pub norm: NodeId,
    /// The value that is added.
    pub residual: Option<NodeId>,
    /// What follows.
    pub activation: Activation,
}

/// How a node is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// By itself.
    Alone,
    /// Inside of a later node's kernel: its own value is never stored.
    Inside,
    /// As the end of a batch norm with what follows it.
    End(FusedNorm),
}

/// The role of every node.
pub fn roles(graph: &Graph) -> Vec<Role> {
    let nodes = graph.nodes();
    let mut readers = vec![Vec::new(); nodes.len()];
    for (id, node) in nodes.iter().enumerate() {
        for &input in &node.inputs {
            readers[input].push(id);
        }
    }
    let only_reader = |id: NodeId| match readers[id][..] {
        [reader] => Some(reader),
        _ => None,
    };
    let mut roles = vec![Role::Alone; nodes.len()];
    for norm in (0..nodes.len()).filter(|&id| nodes[id].op == Op::BatchNorm) {
        let mut fused = FusedNorm { norm, residual: None, activation: Activation::None };
        let mut end = norm;
        while let Some(reader) = only_reader(end) {
            let residual = nodes[reader].inputs.iter().copied().find(|&input| input != end);
            match (&nodes[reader].op, residual) {
                // One of two batch norms that are added is inside of the sum, the other is not.
                (Op::Add, Some(residual)) if fused.residual.is_none() && roles[reader] == Role::Alone => {
                    fused.residual = Some(residual);
                }
                (Op::Relu, _) => fused.activation = Activation::Relu,
                (Op::Elu, _) => fused.activation = Activation::Elu,
                _ => break,
            }
            roles[end] = Role::Inside;
            end = reader;
            if fused.activation != Activation::None {
                break;
            }
        }
        roles[end] = Role::End(fused);
    }
    roles
}

#[cfg(test)]
mod tests {
    use super::*;
    use vr_models::graph::{Conv, ConvInit, GraphBuilder};

    #[test]
    fn sums_and_activations_join_the_batch_norm_before_them() {
        let mut g = GraphBuilder::new([3, 4, 4]);
        let conv = g.conv(0, "conv", Conv::new(3, 1));
        let plain = g.batch_norm(conv, "plain");
        let relu = g.relu(plain);
        let first = g.batch_norm(relu, "first");
        let second = g.batch_norm(conv, "second");
        let sum = g.add(first, second);
        let elu = g.elu(sum);
        let read_twice = g.batch_norm(elu, "read-twice");
        let both = g.add(read_twice, read_twice);
        let flat = g.flatten(both);
        let last = g.linear(flat, "fc", 2);
        let roles = roles(&g.finish(ConvInit::KaimingUniform).unwrap());
        let end = |norm, residual, activation| Role::End(FusedNorm { norm, residual, activation });
        let expected = [
            (conv, Role::Alone),
            (plain, Role::Inside),
            (relu, end(plain, None, Activation::Relu)),
            (first, Role::Inside),
            (second, end(second, None, Activation::None)),
            (sum, Role::Inside),
            (elu, end(first, Some(second), Activation::Elu)),
            (read_twice, end(read_twice, None, Activation::None)),
            (both, Role::Alone),
            (last, Role::Alone),
        ];
        for (node, role) in expected {
            assert_eq!(roles[node], role, "node {node}");
        }
    }
}
